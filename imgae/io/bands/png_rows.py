"""PNG by rows: its stream unfolded from the top, or from the last place that is marked."""

import math
import struct
import zlib
from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from imgae.errors import ImageError
from imgae.io.bands.content import Content
from imgae.io.bands.inflating import Inflating
from imgae.io.bands.source import KEPT, Kept, Once, Part, as_header
from imgae.io.format import File
from imgae.io.formats.png import metadata, pixels
from imgae.io.formats.png.chunks import MAGIC, MOST_IN_CHUNK, take_apart, written
from imgae.io.formats.png.format import picture, read_colours, stored_as
from imgae.io.formats.png.pixels import CHANNELS, MOST_RATIO, MOST_SIDE, Header
from imgae.picture.image import Image

PIXELS: Final = b"IDAT"
END: Final = b"IEND"
MOVING: Final = b"acTL"
MOST_BESIDE: Final = 1 << 26
"""Bytes of all that a file holds besides pixels, above which it is read whole."""
MOST_CHUNKS: Final = 1 << 20
BLOCK: Final = 1 << 21
"""Bytes of rows that are decoded together, about."""
MARKED: Final = 8
"""Of so many blocks, one is marked, and can be come back to."""
PIECE: Final = 1 << 20
"""Bytes whose checksum is taken at once, so that a large chunk does not lie in memory."""
NO_FILTER: Final = b"\0"


class Streams:
    """The parts of a stream that lie in several chunks, as one."""

    def __init__(self, content: Content) -> None:
        self.content = content
        self.places: list[int] = []
        self.ends: list[int] = []

    def add(self, at: int, size: int) -> None:
        if size:
            self.places.append(at)
            self.ends.append(self.size + size)

    @property
    def size(self) -> int:
        return self.ends[-1] if self.ends else 0

    def read(self, at: int, count: int) -> bytes:
        """Return bytes from a place on, up to the end of its chunk."""
        index = int(np.searchsorted(self.ends, at, "right"))
        if index == len(self.ends):
            return b""
        left = self.ends[index] - at
        before = self.ends[index - 1] if index else 0
        place = self.places[index] + at - before
        return self.content[place : place + min(left, count)]


def without_pixels(content: Content) -> tuple[bytes, Streams] | None:
    """Return a file with empty chunks in place of its pixels, and where these lie.

    A chunk of pixels whose checksum is wrong is so still. None for what is odd in other ways, or
    holds much else.
    """
    streams, kept, beside = Streams(content), [MAGIC], 0
    at = len(MAGIC)
    for _ in range(MOST_CHUNKS):
        head = content[at : at + 8]
        if len(head) < 8:
            return None
        size, kind = struct.unpack(">I4s", head)
        end = at + 12 + size
        if end > len(content) or size > MOST_IN_CHUNK or not (kind.isalpha() and kind.isascii()):
            return None
        if kind == MOVING:
            return None
        if kind != PIXELS:
            beside += 12 + size
            if beside > MOST_BESIDE:
                return None
            kept.append(content[at:end])
        else:
            streams.add(at + 8, size)
            sound = checksum(content, at + 4, end - 4) == content[end - 4 : end]
            empty = written(PIXELS)
            if not sound:
                return b"".join([*kept, empty[:-1] + bytes([empty[-1] ^ 1])]), streams
            if kept[-1] != empty:
                kept.append(empty)
        if kind == END:
            return (b"".join(kept), streams) if end == len(content) else None
        at = end
    return None


def checksum(content: Content, begin: int, end: int) -> bytes:
    found = 0
    for at in range(begin, end, PIECE):
        found = zlib.crc32(content[at : min(at + PIECE, end)], found)
    return struct.pack(">I", found)


def open_rows(content: Content, name: str, most_pixels: int) -> "PngRows | None":
    """Return a file as a source of rows, or None. Raises ImageError, and warns, as reading does."""
    if content[: len(MAGIC)] != MAGIC:
        return None
    found = without_pixels(content)
    if found is None:
        return None
    data, streams = found
    file = File(data, name, most_pixels)
    said = data[16:29]
    if len(said) < 13 or said[8] not in (8, 16) or said[12]:
        return None
    chunks = take_apart(file)
    header = pixels.read_header(chunks[0].data, file)
    if max(header.width, header.height) > MOST_SIDE or header.row_bytes() > BLOCK * MARKED:
        return None
    colours = read_colours(chunks, header, name)
    rest = metadata.read(chunks, header, colours.palette, name)
    if rest.orientation != 1:
        return None
    if header.height * header.row_bytes() > MOST_RATIO * streams.size + 64:
        raise ImageError(f"{name}: damaged or cut short: its pixels are not whole")
    dtype = np.uint16 if header.depth == 16 else np.uint8
    array, alpha = colours.apply(np.zeros((1, 1, CHANNELS[header.colour]), dtype), name)
    image = picture((array, alpha, None), rest, stored_as(colours, rest, chunks))
    return PngRows(file, header, streams, colours.apply, as_header(image, *header[:2]))


class PngRows:
    """A PNG file's picture as a source of rows."""

    def __init__(
        self, file: File, header: Header, streams: Streams, colours: Any, image: Image
    ) -> None:
        self.file, self.form, self.colours, self.header = file, header, colours, image
        self.say = Once()
        self.granule = max(1, min(BLOCK // header.row_bytes(), header.height))
        self.size = self.granule * header.row_bytes()
        self.stream = Inflating(streams.read, streams.size, self.size * MARKED)
        self.kept = Kept(KEPT)
        self.above: dict[int, bytes] = {0: b""}
        self.next = 0

    def read(self, part: Part) -> Image:
        out: NDArray[Any] | None = None
        for number in range(part.top // self.granule, math.ceil(part.bottom / self.granule)):
            rows = self.block(number)
            begin = number * self.granule
            top, bottom = max(part.top, begin), min(part.bottom, begin + len(rows))
            if out is None:
                out = np.empty((*part.shape, rows.shape[2]), rows.dtype)
            inner = rows[top - begin : bottom - begin, part.left : part.right]
            out[top - part.top : bottom - part.top] = inner
        assert out is not None  # a part has rows
        pixels, alpha = self.colours(out, self.file.name, self.say)
        return replace(Image(pixels, alpha), stored=self.header.stored)

    def block(self, number: int) -> NDArray[Any]:
        """Return the samples of a block of rows."""
        found = self.kept.get(number)
        if found is None:
            marked = max(k for k in self.above if k <= number)
            for k in range(marked, number + 1):
                found = self.decoded(k)
        assert found is not None
        return found

    def decoded(self, number: int) -> NDArray[Any]:
        """Decode a block; the row above it must be known."""
        form, name = self.form, self.file.name
        height = min(self.granule, form.height - number * self.granule)
        size = height * form.row_bytes()
        rows = self.stream.read(number * self.size, size)
        if len(rows) < size:
            raise ImageError(f"{name}: damaged or cut short: its pixels are not whole")
        above = self.above[number]
        stream = zlib.compress(NO_FILTER + above + rows if above else rows, 0)
        taller = form._replace(height=height + bool(above))
        samples = pixels.decode_plain(taller, stream, self.file)[bool(above) :]
        last = samples[-1]
        self.above[number + 1] = (last.astype(">u2") if form.depth == 16 else last).tobytes()
        if number % MARKED:
            del self.above[number]
        self.kept.put(number, samples)
        if (number + 1) * self.granule >= form.height:
            self.finish(number * self.size + size)
        return samples

    def finish(self, at: int) -> None:
        """Say of a stream that does not end after the last row."""
        if self.stream.read(at, 1):
            self.say(f"{self.file.name}: holds more rows than it should, which are left out")
        elif not self.stream.ended():
            said = f"{self.file.name}: its compressed pixels have no end; all rows were there"
            self.say(said)
