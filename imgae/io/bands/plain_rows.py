"""PNM, PAM, PFM and BMP by rows, where their samples lie in the file as they are."""

import contextlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final, cast

import numpy as np
from numpy.typing import NDArray

from imgae.errors import ImageError
from imgae.io.bands.content import Content
from imgae.io.bands.source import Once, Part, as_header
from imgae.io.format import File
from imgae.io.formats import bmp, pam, pfm, pnm
from imgae.picture.arrays import split_alpha
from imgae.picture.image import Image, Stored

LONGEST_HEAD: Final = 1 << 16
"""Bytes of a file within which its pixels begin."""
LONGEST_ROW: Final = 1 << 26
"""Bytes of a row; of longer ones a band of tiles would not fit where the picture does not."""
Decode = Callable[[NDArray[np.uint8]], Image]
"""From rows of bytes (H, N) to a picture of these rows."""


class PlainRows:
    """A picture whose rows lie in a file one after another, each of the same length.

    begins: where the first row lies. upwards: whether that is the bottom one. width, height: of the
    picture. decode: of rows from the top.
    """

    def __init__(
        self, content: Content, begins: int, row: int, decode: Decode, *, upwards: bool = False
    ) -> None:
        self.content, self.begins, self.row = content, begins, row
        self.decode, self.upwards = decode, upwards
        self.granule = 1

    def sized(self, width: int, height: int) -> "PlainRows | None":
        """Return it with the header of a picture of that size; None for what is cut short."""
        if self.row > LONGEST_ROW or len(self.content) < self.begins + self.row * height:
            return None
        pixel = self.decode(np.zeros((1, self.row), np.uint8))
        one = replace(
            pixel,
            pixels=pixel.pixels[:, :1],
            alpha=None if pixel.alpha is None else pixel.alpha[:, :1],
        )
        self.header = as_header(one, width, height)
        return self

    def read(self, part: Part) -> Image:
        first = self.header.height - part.bottom if self.upwards else part.top
        count = part.bottom - part.top
        begin = self.begins + first * self.row
        data = self.content[begin : begin + count * self.row]
        if len(data) < count * self.row:
            raise ImageError(f"{self.content.path}: cut short while it was read")
        rows = np.frombuffer(data, np.uint8).reshape(count, self.row)
        image = self.decode(rows[::-1] if self.upwards else rows)
        if part.shape[1] == self.header.width:
            return image
        columns = slice(part.left, part.right)
        return replace(
            image,
            pixels=image.pixels[:, columns],
            alpha=None if image.alpha is None else image.alpha[:, columns],
        )

    def ends_with(self, height: int) -> bool:
        """Return whether nothing but a few blanks follows so many rows."""
        end = self.begins + height * self.row
        rest = len(self.content) - end
        return rest <= LONGEST_HEAD and not self.content[end : end + rest].strip(pnm.BLANK)


def head_of(content: Content, name: str, most_pixels: int) -> File:
    """Return the beginning of a file, as a file."""
    return File(content[:LONGEST_HEAD], name, most_pixels)


def samples(rows: NDArray[np.uint8], depth: int, largest: int) -> NDArray[Any]:
    """Return rows of bytes as samples (H, W, depth)."""
    array = rows if largest < 256 else rows.view(">u2").astype(np.uint16)
    return array.reshape(len(rows), -1, depth)


def open_pnm(content: Content, name: str, most_pixels: int) -> PlainRows | None:
    """Return a file of one picture in bytes as a source of rows, or None."""
    found = None
    with contextlib.suppress(ValueError):  # reading it whole says what is wrong
        found = pnm.read_head(head_of(content, name, most_pixels), 0)
    if found is None or found.kind <= 3:
        return None
    head, say = found, Once()
    texts = pnm.in_text(head.cursor.comments)

    def decode(rows: NDArray[np.uint8]) -> Image:
        if head.is_bits:
            array: NDArray[Any] = 1 - np.unpackbits(rows, axis=1, count=head.width)[:, :, None]
        else:
            array = samples(rows, head.channels, head.largest)
        pixels = pnm.Samples(array, head.largest).spread(name, say)
        return Image(pixels, text=texts, stored=head.stored())

    row = head.width * head.channels * (1 if head.largest < 256 else 2)
    row = (head.width + 7) // 8 if head.is_bits else row
    source = PlainRows(content, head.cursor.at, row, decode)
    return source.sized(head.width, head.height) if source.ends_with(head.height) else None


def open_pam(content: Content, name: str, most_pixels: int) -> PlainRows | None:
    """Return a file as a source of rows, or None."""
    found = None
    with contextlib.suppress(ValueError):
        found = pam.head_in(head_of(content, name, most_pixels))
    if found is None:
        return None
    head, say = found, Once()
    texts = pnm.in_text(head.comments)

    def decode(rows: NDArray[np.uint8]) -> Image:
        array = samples(rows, head.depth, head.largest)
        spread = pnm.Samples(array, head.largest).spread(name, say)
        pixels, alpha = split_alpha(spread, head.depth in (2, 4))
        return Image(pixels, alpha, text=texts, stored=head.stored())

    row = head.width * head.depth * (1 if head.largest < 256 else 2)
    source = PlainRows(content, head.begins, row, decode)
    return source.sized(head.width, head.height) if source.ends_with(head.height) else None


def open_pfm(content: Content, name: str, most_pixels: int) -> PlainRows | None:
    """Return a file as a source of rows, or None."""
    head = pfm.read_head(head_of(content, name, most_pixels))
    stored = Stored("PFM", "", 32, {"scale": head.scale})

    def decode(rows: NDArray[np.uint8]) -> Image:
        array = np.ascontiguousarray(rows).view(head.samples).astype(np.float32)
        return Image(array.reshape(len(rows), head.width, head.channels), stored=stored)

    row = 4 * head.width * head.channels
    source = PlainRows(content, head.begins, row, decode, upwards=True)
    if len(content) != head.begins + row * head.height:
        return None
    return source.sized(head.width, head.height)


def open_bmp(content: Content, name: str, most_pixels: int) -> PlainRows | None:
    """Return a file without compression as a source of rows, or None.

    One of 32 bits a pixel is none: whether it is transparent is told by all its pixels.
    """
    file = File(cast("bytes", content), name, most_pixels)
    if file.data[:2] == b"BA":
        return None
    head = bmp.read_header(file)
    file.check_size(head.width, head.height)
    if head.compression in bmp.PACKED or head.bits == 32 or head.begins < 14:
        return None
    say = Once()

    def decode(rows: NDArray[np.uint8]) -> Image:
        return bmp.picture(head, bmp.samples_in(head, rows), name, say)

    source = PlainRows(content, head.begins, head.row_bytes, decode, upwards=not head.downwards)
    return source.sized(head.width, head.height)
