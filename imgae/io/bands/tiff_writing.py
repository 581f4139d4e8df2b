"""TIFF written by rows: strips as they come, then the directory."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np

from imgae.io.bands.writing import GROUP, Write, in_order, regrouped
from imgae.io.format import Encoding, details_of
from imgae.io.formats.tiff import stacks
from imgae.io.formats.tiff.build import MOST_CLASSIC, Builder, numbers, size_of
from imgae.io.formats.tiff.colours import FORMAT as NAME
from imgae.io.formats.tiff.colours import Samples, samples_of
from imgae.io.formats.tiff.format import describe, order_of
from imgae.io.formats.tiff.metadata import exif_tags, tags_of
from imgae.io.formats.tiff.notes import once, tell
from imgae.io.formats.tiff.strips import Strips, encoded, planned, tags_for
from imgae.picture.image import Frames, Image

LONGEST_HEAD: Final = 16
"""Bytes of a BigTIFF's head: there is room for it before the first strip, as the file may become
one at the end."""


class Trailing(Builder):
    """A TIFF file whose strips are written already; what is added comes after them."""

    def __init__(self, order: str, big: bool, note: tuple[bytes, int] | None, at: int) -> None:
        super().__init__(order, big, note)
        self.at = at
        self.tail = bytearray()

    def put(self, data: bytes) -> int:
        if (self.at + len(self.tail)) % 2:
            self.tail.append(0)
        place = self.at + len(self.tail)
        self.tail += data
        return place


def can(path: Path, header: Image) -> bool:
    """Return whether no choice hangs on all pixels that changes them: half floats may be too few.

    Such a picture's floats are rounded only if all are small enough.
    """
    del path
    return not (header.stored and header.stored.mode == "half floats" and header.bits == 32)


def settled(header: Image, name: str) -> Image:
    """Return a header that asks for nothing that only all pixels together could allow."""
    stored = header.stored
    if stored is None or stored.format != NAME:
        return header
    details = {key: value for key, value in stored.details.items() if key != "mask"}
    if stored.mode == "palette" or (0 < stored.bits < 8 and header.bits == 8):
        what = "its palette of colours" if stored.mode == "palette" else f"{stored.bits} bits"
        tell(f"{name}: a picture this large is not written with {what} again, but with 8 bits")
        stored = replace(stored, mode="", bits=8)
    return replace(header, stored=replace(stored, details=details))


def write(
    file: BinaryIO, header: Image, parts: Iterator[Image], encoding: Encoding, name: str
) -> None:
    with once():
        header = settled(header, name)
        order = order_of(header, name)
        exif, note = exif_tags(header.exif, name)
        note = note if note and note[1] >= LONGEST_HEAD else None
        begin = max(LONGEST_HEAD, len(Builder(order, big=False, note=note).out))
        file.write(bytes(begin))
        sizes: list[int] = []
        places: list[int] = []
        strips = Encoded(header, parts, encoding, order, name)
        at = begin
        for strip in in_order(strips.work()):
            if at % 2:
                at += file.write(b"\0")
            places.append(at)
            sizes.append(len(strip))
            at += file.write(strip)
        assert strips.first is not None  # an Image has a row at least
        samples, details = strips.first, details_of(header, NAME)
        tags: dict[int, Any] = tags_of(header, exif, samples.bits, samples.icc, name)
        described = tags_for(samples, planned(samples, details), header.height)
        tags = {**tags, **described}
        if details.get("page"):
            tags[stacks.SUBFILE] = numbers(4, stacks.PAGE)
        describe((Strips([], described), tags), Frames((header,)), name)
        big = at + size_of(tags) + 16 * len(places) > MOST_CLASSIC
        kind = 16 if big else 4
        tags[273] = numbers(kind, *places)
        tags[279] = numbers(kind, *sizes)
        builder = Trailing(order, big, note, at)
        builder.put_page(tags)
        file.write(builder.tail)
        file.seek(0)
        file.write(builder.out)


class Encoded:
    """The strips of a picture, to be encoded. first: the samples of the first rows."""

    def __init__(
        self, header: Image, parts: Iterator[Image], encoding: Encoding, order: str, name: str
    ) -> None:
        self.header, self.parts, self.encoding = header, parts, encoding
        self.order, self.name = order, name
        self.first: Samples | None = None

    def work(self) -> Iterator[Callable[[], bytes]]:
        """Yield what encodes each strip."""
        details = details_of(self.header, NAME)
        thin = replace(
            self.header,
            pixels=self.header.pixels[:1],
            alpha=None if self.header.alpha is None else self.header.alpha[:1],
            extra=None if self.header.extra is None else self.header.extra[:1],
        )
        row = samples_of(thin, self.encoding, self.name)
        plan = planned(row, details)
        rows = plan.rows * max(1, GROUP // (plan.rows * row.array.nbytes))
        for part in regrouped(self.parts, self.header, rows):
            samples = samples_of(part, self.encoding, self.name)
            array = np.ascontiguousarray(samples.array)
            if self.first is None:
                self.first = replace(samples, array=array[:1])
            for top in range(0, len(array), plan.rows):
                strip = array[top : top + plan.rows]
                yield partial(encoded, strip, samples.bits, plan, self.order)


WRITE: Final = Write(can, write)
