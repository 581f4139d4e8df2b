"""The pixels of PNG: streams of rows to samples and back."""

import io
import struct
import zlib
from typing import Any, Final, NamedTuple

import imagecodecs
import numpy as np
import PIL.Image
import PIL.PngImagePlugin
from numpy.typing import NDArray

from imgae.errors import ImageError, warn
from imgae.io.format import File
from imgae.io.formats.png.chunks import MAGIC, walked, written, written_stream
from imgae.io.samples.packing import packed, unpacked

GRAY: Final = 0
RGB: Final = 2
PALETTE: Final = 3
GRAY_ALPHA: Final = 4
RGB_ALPHA: Final = 6
CHANNELS: Final = {GRAY: 1, RGB: 3, PALETTE: 1, GRAY_ALPHA: 2, RGB_ALPHA: 4}
DEPTHS: Final = {
    GRAY: (1, 2, 4, 8, 16),
    RGB: (8, 16),
    PALETTE: (1, 2, 4, 8),
    GRAY_ALPHA: (8, 16),
    RGB_ALPHA: (8, 16),
}
PASSES: Final = (
    (0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)
)  # fmt: skip
"""Of an interlaced picture: the first column and row of each pass, and the steps."""
MOST_SIDE: Final = 1_000_000
MOST_RATIO: Final = 1032
"""A byte of deflate unfolds to no more."""
LEVEL: Final = 4
"""Files are 2 % larger than at Pillow's level 6, and take 40 % of the time."""


class Header(NamedTuple):
    """What IHDR says. depth: bits of a sample. colour: the colour type."""

    width: int
    height: int
    depth: int
    colour: int
    interlaced: bool = False

    def packed(self) -> bytes:
        return struct.pack(">IIBBBBB", *self[:4], 0, 0, self.interlaced)

    def row_bytes(self) -> int:
        """Bytes of a row, with the one that names its filter."""
        return 1 + (self.width * CHANNELS[self.colour] * self.depth + 7) // 8

    def passes(self) -> list[tuple["Header", tuple[slice, slice]]]:
        """Return the pictures that the stream holds, and the rows and columns that each fills."""
        if not self.interlaced:
            return [(self, (slice(None), slice(None)))]
        found = []
        for left, top, across, down in PASSES:
            width = (self.width - left + across - 1) // across
            height = (self.height - top + down - 1) // down
            if width > 0 and height > 0:
                part = Header(width, height, self.depth, self.colour)
                found.append((part, (slice(top, None, down), slice(left, None, across))))
        return found


def read_header(data: bytes | memoryview, file: File) -> Header:
    """Return what IHDR says. Raises ImageError if it says what no PNG can be, or is too large."""
    width, height, depth, colour, compression, filters, interlace = struct.unpack(">IIBBBBB", data)
    if depth not in DEPTHS.get(colour, ()) or compression or filters or interlace > 1:
        raise ImageError(
            f"{file.name}: damaged: its colour type {colour} of {depth} bits, compression "
            f"{compression}, filter {filters} and interlace {interlace} are none of PNG's"
        )
    file.check_size(width, height)
    return Header(width, height, depth, colour, bool(interlace))


def decode(header: Header, stream: bytes, file: File) -> NDArray[Any]:
    """Return samples (H, W, C) of a stream of rows: uint8, or uint16 for 16 bits.

    Grays of fewer bits are spread over 0 to 255; a palette's samples are its numbers. Raises
    ImageError if the stream does not hold all rows, or is damaged.
    """
    parts = header.passes()
    size = sum(part.height * part.row_bytes() for part, _ in parts)
    rows = whole_rows(stream, size, file.name, keep=header.interlaced)
    if not header.interlaced:
        if rows is not None:
            stream = zlib.compress(rows, 0)
        return decode_plain(header, stream, file)
    assert rows is not None
    channels = CHANNELS[header.colour]
    dtype = np.uint16 if header.depth == 16 else np.uint8
    array = np.empty((header.height, header.width, channels), dtype)
    at = 0
    for part, (across, down) in parts:
        end = at + part.height * part.row_bytes()
        array[across, down] = decode_plain(part, zlib.compress(rows[at:end], 0), file)
        at = end
    return array


def whole_rows(stream: bytes, size: int, name: str, *, keep: bool) -> bytes | None:
    """Check that a stream holds rows of so many bytes, and return them if it is to be mended.

    keep: return them always. Raises ImageError if it is damaged or holds fewer.
    """
    cut = f"{name}: damaged or cut short: its pixels are not whole"
    if size > MOST_RATIO * len(stream) + 64:
        raise ImageError(cut)
    try:
        rows = imagecodecs.deflate_decode(stream, out=size)
    except Exception:  # more rows than there should be, no end, or damage: told apart below
        rows = None
    if rows is not None:
        if len(rows) < size:
            raise ImageError(cut)
        return bytes(rows) if keep else None
    unfolding = zlib.decompressobj()
    try:
        first = unfolding.decompress(stream, size)
        more = unfolding.decompress(unfolding.unconsumed_tail, 1) if len(first) == size else b""
    except zlib.error as error:
        raise ImageError(f"{name}: damaged or cut short in its pixels ({error})") from error
    if len(first) < size:
        raise ImageError(cut)
    if more:
        warn(f"{name}: holds more rows than it should, which are left out")
    elif not unfolding.eof:
        warn(f"{name}: its compressed pixels have no end; all rows were there")
    return first


def decode_plain(header: Header, stream: bytes, file: File) -> NDArray[Any]:
    """Decode a stream that is known to be whole, of a picture without interlace."""
    if max(header.width, header.height) > MOST_SIDE:
        return decode_long(header, stream, file)
    colour = GRAY if header.colour == PALETTE else header.colour
    array: NDArray[Any] = imagecodecs.png_decode(plain(header._replace(colour=colour), stream))
    if array.ndim == 2:
        array = array[:, :, None]
    file.check_decoded(array, header.width, header.height, CHANNELS[header.colour])
    if array.dtype != (np.uint16 if header.depth == 16 else np.uint8):
        raise ImageError(f"{file.name}: damaged: its samples are not of {header.depth} bits")
    if header.colour == PALETTE and header.depth < 8:
        array = array // (255 // ((1 << header.depth) - 1))
    return array


def plain(header: Header, stream: bytes) -> bytes:
    """Return a file of nothing but pixels."""
    chunks = written(b"IHDR", header.packed()), written_stream(b"IDAT", stream), written(b"IEND")
    return b"".join([MAGIC, *chunks])


def decode_long(header: Header, stream: bytes, file: File) -> NDArray[Any]:
    """Decode a picture of more than a million pixels a side, where imagecodecs ends, with Pillow.

    Its bytes are taken for 8 bits, which filters do not tell from other depths.
    """
    size = max(1, CHANNELS[header.colour] * header.depth // 8)  # bytes of a pixel
    if size > 4:
        raise ImageError(
            f"{file.name}: {header.width}x{header.height} pixels of 16 bits in colour; such a PNG "
            f"is read up to {MOST_SIDE} pixels a side"
        )
    colour = {1: GRAY, 2: GRAY_ALPHA, 3: RGB, 4: RGB_ALPHA}[size]
    width = (header.row_bytes() - 1) // size
    bytewise = plain(Header(width, header.height, 8, colour), stream)
    with PIL.PngImagePlugin.PngImageFile(io.BytesIO(bytewise)) as picture:
        rows = np.asarray(picture).reshape(header.height, -1)
    if header.depth == 16:
        rows = rows.view(">u2").astype(np.uint16)
    elif header.depth < 8:
        rows = unpacked(rows, header.depth)[:, : header.width]
        if header.colour == GRAY:
            rows = rows * np.uint8(255 // ((1 << header.depth) - 1))
    return rows.reshape(header.height, header.width, -1)


def encode(array: NDArray[Any], depth: int) -> bytes:
    """Return the stream of rows of samples (H, W, C).

    depth: 16; 8; or 1, 2 or 4 for samples of one channel that are smaller.
    """
    if depth == 16:
        return encode_deep(array)
    if depth == 8 and array.shape[2] > 1:
        return encode_with_pillow(array)
    if depth == 8:
        return encode_with_pillow(array[:, :, 0])
    rows = packed(array[:, :, 0], depth)
    return zlib.compress(np.pad(rows, ((0, 0), (1, 0))).tobytes(), 6)


def encode_with_pillow(array: NDArray[np.uint8]) -> bytes:
    out = io.BytesIO()
    PIL.Image.fromarray(array).save(out, "PNG", compress_level=LEVEL)
    chunks = walked(memoryview(out.getvalue()))
    return b"".join(chunk.data for chunk, _, _ in chunks if chunk.kind == b"IDAT")


def encode_numbers(numbers: NDArray[np.uint8], depth: int) -> bytes:
    """Return the stream of rows of a palette's numbers (H, W), which no filter makes smaller."""
    rows = numbers if depth == 8 else packed(numbers, depth)
    return zlib.compress(np.pad(rows, ((0, 0), (1, 0))).tobytes(), 6)


def encode_deep(array: NDArray[np.uint16]) -> bytes:
    """Return the stream of 16 bits in any mode: Pillow writes none but gray."""
    height = array.shape[0]
    rows = array.astype(">u2").view(np.uint8).reshape(height, -1)
    filtered = np.empty((height, 1 + rows.shape[1]), np.uint8)
    filtered[:, 0] = 2  # "up": each row as its difference from the one above
    filtered[0, 1:] = rows[0]
    np.subtract(rows[1:], rows[:-1], out=filtered[1:, 1:])
    return zlib.compress(filtered.data, LEVEL)
