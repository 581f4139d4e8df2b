"""Photoshop's resources: captions (IPTC), resolution, clipping paths and settings."""

import struct
from dataclasses import dataclass
from typing import Final

SIGNATURES: Final = (b"8BIM", b"MeSa", b"AgHg", b"PHUT", b"DCSR")
MOST: Final = 10_000
"""Resources that are read; more are there to keep a reader busy."""
RESOLUTION: Final = 1005
IPTC: Final = 1028
THUMBNAILS: Final = (1033, 1036)
ICC: Final = 1039
EXIF: Final = 1058
XMP: Final = 1060
REPEATED: Final = (RESOLUTION, IPTC, ICC, EXIF, 1059, XMP)
"""What an Image has fields for: resolution, captions, profile, camera data and XMP."""
PATHS: Final = frozenset({1025, *range(2000, 2998), 2999})
"""Their points are shares of the stored width and height."""
PREVIEWS: Final = frozenset({(2, 200), (2, 201), (2, 202), (7, 10), (7, 20), (8, 10), (9, 10)})
"""Records and fields of captions (IPTC) that hold a small copy of the picture, or describe it."""
PICTURE: Final = b"\xff\xd8\xff"


@dataclass(frozen=True)
class Resource:
    """A numbered piece of data; block: all its bytes."""

    number: int
    data: bytes
    block: bytes


def parse(data: bytes) -> tuple[list[Resource], bool]:
    """Return the resources, as far as they are whole, and whether that is all of them."""
    found: list[Resource] = []
    at = 0
    while at < len(data):
        if len(found) == MOST:
            return found, False
        if data[at : at + 4] not in SIGNATURES:
            return found, not any(data[at:])
        named = at + 6
        if named >= len(data):
            return found, False
        sized = named + 1 + data[named]
        sized += (sized - at) % 2
        if sized + 4 > len(data):
            return found, False
        number = int.from_bytes(data[at + 4 : at + 6], "big")
        begin = sized + 4
        end = begin + int.from_bytes(data[sized:begin], "big")
        if end > len(data):
            return found, False
        after = end + (end - begin) % 2
        found.append(Resource(number, data[begin:end], data[at:end] + bytes(after - end)))
        at = after
    return found, True


def first_of_each(resources: list[Resource]) -> dict[int, bytes]:
    """Return the data of resources by their numbers."""
    return {resource.number: resource.data for resource in reversed(resources)}


def resource(number: int, data: bytes) -> bytes:
    """Return a resource without a name as its bytes."""
    head = b"8BIM" + struct.pack(">HHI", number, 0, len(data))
    return head + data + bytes(len(data) % 2)


def read_resolution(data: bytes) -> tuple[float, float] | None:
    """Return pixels per inch, across and down, of the resource that gives them."""
    if len(data) < 16:
        return None
    across, down = struct.unpack_from(">I4xI", data)
    return (across / 65536, down / 65536) if across and down else None


def resolution(dpi: tuple[float, float]) -> bytes:
    """Return the resource that gives pixels per inch."""
    across, down = (min(round(value * 65536), (1 << 32) - 1) for value in dpi)
    return resource(RESOLUTION, struct.pack(">IHHIHH", across, 1, 1, down, 1, 1))


def without_preview(iptc: bytes) -> bytes:
    """Return captions without the small copy of the picture that they may hold."""
    kept, at = [], 0
    while at + 5 <= len(iptc) and iptc[at] == 0x1C:
        begin = at + 5
        size = int.from_bytes(iptc[at + 3 : begin], "big")
        if size & 0x8000:
            begin += size & 0x7FFF
            size = int.from_bytes(iptc[at + 5 : begin], "big")
        end = min(begin + size, len(iptc))
        if (iptc[at + 1], iptc[at + 2]) not in PREVIEWS:
            kept.append(iptc[at:end])
        at = end
    return b"".join([*kept, iptc[at:]])
