"""The chunks of a PNG file: taking a file apart, and putting one together."""

import struct
import zlib
from collections.abc import Iterator
from typing import Final, NamedTuple

from imgae.errors import ImageError, warn
from imgae.io.format import File

MAGIC: Final = b"\x89PNG\r\n\x1a\n"
NEEDED: Final = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND", b"acTL", b"fcTL", b"fdAT"})
"""What decides on the pixels: damage in it is not passed over."""
CRITICAL: Final = frozenset({b"IHDR", b"PLTE", b"IDAT", b"IEND"})
MOST_METADATA: Final = 1 << 26
"""Bytes that the compressed texts and profiles of one file may unfold to, all together."""
MOST_SIDE_CHUNKS: Final = 10_000
MOST_IN_CHUNK: Final = (1 << 31) - 1


class Chunk(NamedTuple):
    """A chunk's name, what it holds, and whether its checksum is right."""

    kind: bytes
    data: memoryview
    sound: bool = True

    @property
    def name(self) -> str:
        return self.kind.decode("ascii", "replace")


def take_apart(file: File) -> list[Chunk]:
    """Return the chunks of a file before its end, IHDR first.

    What viewers pass over is said as a warning: a missing end, and what follows the end. A wrong
    checksum of a side chunk is told by Chunk.sound. Raises ImageError for damage in what the pixels
    need, and for what is no PNG but begins like one.
    """
    name = file.name
    found: list[Chunk] = []
    end = None
    for chunk, whole, after in bounded(memoryview(file.data), name):
        if chunk.kind == b"CgBI":
            raise ImageError(
                f"{name}: an iPhone's own kind of PNG (CgBI), which no other program reads; "
                "convert it with Xcode's pngcrush -revert-iphone-optimizations"
            )
        if chunk.kind == b"IEND":
            end = after
            break
        if chunk.kind in NEEDED and not chunk.sound:
            why = "its checksum is wrong" if whole else "it is cut short"
            raise ImageError(f"{name}: damaged or cut short in its chunk {chunk.name}: {why}")
        if whole:
            found.append(chunk)
        else:
            warn(f"{name}: cut short in its side chunk {chunk.name}, which is left out")
    if not found or found[0].kind != b"IHDR" or len(found[0].data) != 13:
        raise ImageError(f"{name}: damaged or cut short: a PNG that does not begin with its size")
    if end is None:
        warn(f"{name}: a PNG without its end (IEND); what there is was read")
    elif end < len(file.data):
        warn(f"{name}: {len(file.data) - end} bytes after the end of the picture are left out")
    check_known(found, name)
    return found


def bounded(data: memoryview, name: str) -> Iterator[tuple[Chunk, bool, int]]:
    """Yield what walked does, without the side chunks beyond a number that no sound file has."""
    side = 0
    for found in walked(data):
        side += found[0].kind not in NEEDED
        if side <= MOST_SIDE_CHUNKS or found[0].kind in NEEDED:
            yield found
        elif side == MOST_SIDE_CHUNKS + 1:
            warn(f"{name}: side chunks beyond the first {MOST_SIDE_CHUNKS} are left out")


def walked(data: memoryview) -> Iterator[tuple[Chunk, bool, int]]:
    """Yield each chunk of a file, whether it is whole, and where the next begins.

    Pixels of which only the checksum is cut off count as whole: their stream has one of its own.
    """
    at = len(MAGIC)
    while at + 8 <= len(data):
        (size,) = struct.unpack_from(">I", data, at)
        kind = bytes(data[at + 4 : at + 8])
        if not kind.isalpha() or not kind.isascii() or size > MOST_IN_CHUNK:
            return
        content = data[at + 8 : at + 8 + size]
        if at + 12 + size <= len(data):
            (checksum,) = struct.unpack_from(">I", data, at + 8 + size)
            sound = zlib.crc32(data[at + 4 : at + 8 + size]) == checksum
            yield Chunk(kind, content, sound), True, at + 12 + size
        else:
            whole = kind == b"IDAT" and len(content) == size
            yield Chunk(kind, content, whole), whole, len(data)
        at += 12 + size


def check_known(chunks: list[Chunk], name: str) -> None:
    """Raise ImageError for a chunk that must be understood and is not."""
    for chunk in chunks:
        if chunk.kind[:1].isupper() and chunk.kind not in CRITICAL:
            raise ImageError(
                f"{name}: needs the chunk {chunk.name}, which is not of the PNG standard"
            )


def inflate(data: bytes | memoryview, most: int) -> bytes:
    """Unfold a zlib stream. Raises ValueError if it is damaged, cut short or longer than `most`."""
    stream = zlib.decompressobj()
    try:
        unfolded = stream.decompress(data, most)
    except zlib.error as error:
        raise ValueError(str(error)) from error
    if stream.unconsumed_tail and stream.decompress(stream.unconsumed_tail, 1):
        raise ValueError("longer than allowed")
    if not stream.eof:
        raise ValueError("cut short")
    return unfolded


def written(kind: bytes, *data: bytes) -> bytes:
    """Return a chunk with its size and checksum."""
    content = b"".join(data)
    checksum = zlib.crc32(content, zlib.crc32(kind))
    return b"".join([struct.pack(">I", len(content)), kind, content, struct.pack(">I", checksum)])


def written_stream(kind: bytes, stream: bytes) -> bytes:
    """Return a stream of pixels as one chunk, or as many as it needs."""
    parts = range(0, len(stream), MOST_IN_CHUNK)
    return b"".join(written(kind, stream[at : at + MOST_IN_CHUNK]) for at in parts)
