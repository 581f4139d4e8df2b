"""TIFF by rows: its strips and tiles, decoded as rows ask for them."""

import math
import os
from collections import OrderedDict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Final, cast

import numpy as np
from numpy.typing import NDArray

from imgae.io.bands.content import Content
from imgae.io.bands.inflating import Inflating
from imgae.io.bands.source import KEPT, Kept, Part, as_header
from imgae.io.format import File
from imgae.io.formats.tiff import stacks
from imgae.io.formats.tiff.codecs import check_known
from imgae.io.formats.tiff.colours import image_of
from imgae.io.formats.tiff.container import Container, Directory
from imgae.io.formats.tiff.layout import Layout, read_layout
from imgae.io.formats.tiff.metadata import with_metadata
from imgae.io.formats.tiff.notes import Silence, also_in_threads, once, tell
from imgae.io.formats.tiff.segments import (
    MOST_THREADS,
    SMALL,
    SPARSE,
    Segment,
    check_predictor,
    dtype_of,
    extent,
    samples_in,
    tables_of,
)
from imgae.io.metadata.directories import ICC_TAG
from imgae.io.metadata.exif import ORIENTATION_TAG
from imgae.picture.image import Image

PLAIN: Final = 1
DEFLATE: Final = (8, 32946)
LARGEST: Final = 1 << 27
"""Bytes of decoded segments beside each other, above which a picture is not read by rows."""
LONG: Final = 1 << 23
"""Bytes of a strip, decoded, from which on it is taken in shorter ones where that can be."""
SHORT: Final = 1 << 20
"""Bytes that such a shorter strip has: few beside a band of tiles, and enough to read at once."""


class Unfolded:
    """Deflated strips one after another as they are unfolded, each of the same size."""

    def __init__(self, content: Content, layout: Layout, size: int) -> None:
        self.content, self.layout, self.size = content, layout, size
        self.ends = [rows * row_bytes(layout) for rows in heights(layout)]
        self.strips: OrderedDict[int, Inflating] = OrderedDict()

    def __getitem__(self, key: slice) -> bytes:
        number, at = divmod(int(key.start), self.size)
        strip = self.strips.get(number) or self.opened(number)
        found = strip.read(at, key.stop - key.start)
        if at + len(found) == self.ends[number] < self.size:
            strip.go_to(self.size)  # reading the file whole looks so far, and may meet damage
        return found

    def opened(self, number: int) -> Inflating:
        """Return a strip to be unfolded; of those of a plane only the last stay open."""
        begin, length = self.layout.places[number], self.layout.sizes[number]

        def read(at: int, count: int) -> bytes:
            return self.content[begin + at : begin + at + count]

        self.strips[number] = Inflating(read, length)
        if len(self.strips) > 2 * self.layout.samples:
            self.strips.popitem(last=False)
        return self.strips[number]


@dataclass(frozen=True)
class Parsed:
    """A file's directory of its one picture, and how it is stored."""

    container: Container
    directory: Directory
    layout: Layout


def parsed(file: File) -> Parsed | None:
    """Return what a file says of its picture, None if it has others or is not upright."""
    container = Container(file.data, file.name)
    stacks.check_not_raw(container, file.name)
    pages = stacks.pages_of(container, file.name)
    directory, mask = pages[0]
    layout = read_layout(directory, file)
    if len(pages) > 1 or mask is not None or directory.number(ORIENTATION_TAG, 1) != 1:
        return None
    if len(stacks.in_one_directory(container, directory, layout, file)) > 1:
        return None
    stacks.check_further_data(container, [layout], file.name)
    return Parsed(container, directory, layout)


def open_rows(content: Content, name: str, most_pixels: int) -> "TiffRows | None":
    """Return a file as a source of rows, or None. Raises ImageError, and warns, as reading does."""
    file = File(cast("bytes", content), name, most_pixels)
    with once(Silence()):
        looked = parsed(file)
    if looked is None or shortened(looked.layout, content) is None:
        return None
    said: set[str] = set()
    with once(said):
        found = parsed(file)
        if found is None:
            return None
        check_known(found.layout.compression, name)
        check_predictor(found.layout, name)
        if not all(found.layout.sizes):
            tell(SPARSE.format(name))
        return TiffRows(content, file, found, said)


def row_bytes(layout: Layout) -> int:
    """Return how many bytes a row of a strip takes in the file, before it is compressed."""
    return math.ceil(layout.packed_bits / 8)


def shortened(layout: Layout, content: Content) -> tuple[Layout, Content | Unfolded] | None:
    """Return a layout with strips of which few rows are decoded together, and where they lie.

    None if such rows would take too much memory.
    """
    size = row_bytes(layout) * layout.rows
    plain = layout.tile is None and layout.subsampling == (1, 1) and size > LONG
    if plain and layout.compression == PLAIN:
        return (shorter(layout, layout.places), content) if are_whole(layout) else None
    if plain and layout.compression in DEFLATE and all(layout.sizes) and not layout.reversed_bits:
        tops = tuple(k * size for k in range(len(layout.places)))
        return replace(shorter(layout, tops), compression=PLAIN), Unfolded(content, layout, size)
    high = min(layout.segment[0], layout.height)
    beside = high * layout.width * layout.samples * dtype_of(layout).itemsize
    return (layout, content) if beside <= LARGEST else None


def heights(layout: Layout) -> Iterator[int]:
    """Yield how many rows of the picture each strip holds."""
    down = math.ceil(layout.height / layout.rows)
    for index in range(len(layout.places)):
        yield min(layout.rows, layout.height - index % down * layout.rows)


def are_whole(layout: Layout) -> bool:
    """Return whether uncompressed strips have the bytes of all their rows, or none at all."""
    row = row_bytes(layout)
    pairs = zip(layout.sizes, heights(layout), strict=True)
    return all(not size or size >= high * row for size, high in pairs)


def shorter(layout: Layout, places: tuple[int, ...]) -> Layout:
    """Return a layout of uncompressed strips that begin at places as one of shorter strips."""
    row = row_bytes(layout)
    rows = max(1, SHORT // row)
    while len(places) > 1 and layout.rows % rows:  # so that all begin at multiples of them
        rows -= 1
    starts: list[int] = []
    sizes: list[int] = []
    for place, length, high in zip(places, layout.sizes, heights(layout), strict=True):
        tops = range(0, high, rows)
        starts += [place + top * row for top in tops]
        sizes += [min(rows, high - top) * row if length else 0 for top in tops]
    return replace(layout, rows=rows, places=tuple(starts), sizes=tuple(sizes))


class TiffRows:
    """A TIFF file's picture as a source of rows."""

    def __init__(self, content: Content, file: File, found: Parsed, said: set[str]) -> None:
        short = shortened(found.layout, content)
        assert short is not None
        self.layout, data = short
        self.directory, self.said, self.name = found.directory, said, file.name
        self.icc = found.directory.raw(ICC_TAG)
        self.stored = found.layout
        pixels = File(cast("bytes", data), file.name, file.most_pixels)
        tables = tables_of(found.layout, found.directory)
        self.source = pixels, found.container.order, tables
        self.threads = 1 if isinstance(data, Unfolded) else min(MOST_THREADS, os.cpu_count() or 1)
        self.granule = min(self.layout.segment[0], self.layout.height)
        beside = self.granule * self.layout.width * self.layout.samples
        self.kept = Kept(max(KEPT, beside * dtype_of(self.layout).itemsize))
        self.header = self.header_of(found)

    def header_of(self, found: Parsed) -> Image:
        layout, container = found.layout, found.container
        zero = np.zeros((1, 1, layout.samples), dtype_of(layout))
        image = image_of(zero, layout, found.directory, self.icc, self.name)
        if image.stored is not None:
            page = stacks.subfile(found.directory) & stacks.PAGE
            said = {"order": container.order, "page": page}
            image = replace(
                image, stored=replace(image.stored, details={**image.stored.details, **said})
            )
        image = with_metadata(image, container, found.directory, 1)
        return as_header(image, layout.width, layout.height)

    def read(self, part: Part) -> Image:
        with once(self.said):
            samples = self.samples(part)
            return image_of(samples, self.stored, self.directory, self.icc, self.name)

    def samples(self, part: Part) -> NDArray[Any]:
        """Return the samples of a part as they are stored."""
        layout = self.layout
        out = np.empty((*part.shape, layout.samples), dtype_of(layout))
        segments = list(self.segments(part))
        lasting = self.worth_keeping(segments)

        def place(segment: Segment) -> NDArray[Any] | None:
            found = self.kept.get(segment.number)
            if found is None and segment.size:
                found = samples_in(segment, layout, self.source)
            self.put(found, segment, part, out)
            return found if segment.number in lasting else None

        if self.threads == 1 or out.size < SMALL:
            found = map(place, segments)
            self.keep(segments, found)
        else:
            with ThreadPoolExecutor(self.threads) as pool:
                self.keep(segments, pool.map(also_in_threads(place), segments))
        return out

    def keep(self, segments: list[Segment], found: Iterator[NDArray[Any] | None]) -> None:
        for segment, array in zip(segments, found, strict=True):
            if array is not None:
                self.kept.put(segment.number, array)

    def worth_keeping(self, segments: list[Segment]) -> set[int]:
        """Return the numbers of the last segments, as many as can be kept."""
        high, wide = self.layout.segment
        size = high * wide * self.layout.deep * dtype_of(self.layout).itemsize
        ordered = sorted(segments, key=lambda segment: segment.top)
        count = self.kept.most // size
        return {segment.number for segment in ordered[-count:]} if count else set()

    def segments(self, part: Part) -> Iterator[Segment]:
        """Yield the segments that a part has pixels of."""
        layout = self.layout
        high, wide = layout.segment
        across, down = math.ceil(layout.width / wide), math.ceil(layout.height / high)
        for plane in range(layout.samples if layout.apart else 1):
            for row in range(part.top // high, math.ceil(part.bottom / high)):
                for column in range(part.left // wide, math.ceil(part.right / wide)):
                    number = (plane * down + row) * across + column
                    place, size = layout.places[number], layout.sizes[number]
                    yield Segment(number, place, size, plane, row * high, column * wide)

    def put(
        self, found: NDArray[Any] | None, segment: Segment, part: Part, out: NDArray[Any]
    ) -> None:
        """Copy what a segment has of a part to its place; 0 for a segment that is not there."""
        rows, columns = extent(segment, self.layout)
        top, left = max(segment.top, part.top), max(segment.left, part.left)
        bottom = min(segment.top + rows, part.bottom)
        right = min(segment.left + columns, part.right)
        target = out[top - part.top : bottom - part.top, left - part.left : right - part.left]
        if self.layout.apart:
            target = target[:, :, segment.plane : segment.plane + 1]
        if found is None:
            target[...] = 0
            return
        inner = slice(top - segment.top, bottom - segment.top)
        target[...] = found[inner, left - segment.left : right - segment.left]
