"""What follows the picture in a JPEG: further pictures, a gain map, a video.

None of it is written again. A gain map and a depth map would fit a picture that lost only noise,
but show what was painted out of one that was inpainted, as other pictures and videos do.
"""

import struct
from typing import Final

from imgae.io.formats.jpeg.xmp import DEPTH, GAIN_MAP, VIDEO
from imgae.io.metadata.directories import directories

GAIN_MAP_MARKS: Final = (
    b"http://ns.adobe.com/hdr-gain-map/1.0/",
    b"http://ns.apple.com/HDRGainMap/1.0/",
    b"urn:iso:std:iso:ts:21496:-1",
)
DEPTH_MARKS: Final = (
    b"http://ns.apple.com/depthData/1.0/",
    b"http://ns.apple.com/depthBlurEffect/1.0/",
    b"http://ns.google.com/photos/1.0/depthmap/",
    b"DepthMap_",
    b"Depth_Map",
)
PICTURE: Final = b"\xff\xd8\xff"
VIDEO_MARK: Final = b"ftyp"
ENTRIES: Final = 0xB002
"""The tag of the list of pictures (MPF) that says where they begin."""
MOST_LISTED: Final = 64
SAMSUNG: Final = b"SEFT"
HEAD: Final = 1 << 16
"""How much of a further picture is searched for what it is."""


def contents(data: bytes, after: int, listed: bytes | None) -> list[str]:
    """Return what follows the picture, as messages call it; [] if nothing that counts.

    after: where the picture ends. listed: the list of pictures (MPF) in the first of them.
    """
    rest = data[after:]
    if not rest.strip(b"\0\xff\r\n\t ") and not listed:
        return []
    found: dict[str, None] = {}
    video = rest.find(VIDEO_MARK)
    if video >= 4 or b"MotionPhoto_Data" in rest:
        found[VIDEO] = None
    places = places_of(data, listed, after) if listed else []
    if not places and rest[:HEAD].lstrip(b"\0").startswith(PICTURE):
        places = [after + rest.index(PICTURE)]
    kinds = [kind_of(data[place : place + HEAD]) for place in places]
    found.update(dict.fromkeys(kind for kind in kinds if kind))
    if any(mark in rest for mark in DEPTH_MARKS):
        found[DEPTH] = None
    if pictures := kinds.count(""):
        found[f"{pictures} further picture{'s' * (pictures > 1)}"] = None
    if rest.endswith(SAMSUNG) and not found:
        found["what Samsung's camera added"] = None
    if not found and rest.strip(b"\0\xff\r\n\t "):
        found[f"{len(rest)} bytes after its end"] = None
    return list(found)


def kind_of(picture: bytes) -> str:
    """Return what a further picture is, or "" if it is one like others."""
    if any(mark in picture for mark in GAIN_MAP_MARKS):
        return GAIN_MAP
    return DEPTH if any(mark in picture for mark in DEPTH_MARKS) else ""


def places_of(data: bytes, listed: bytes, after: int) -> list[int]:
    """Return where further pictures begin, as the list of the first one says.

    listed: the segment's data, whose offsets count from its own first byte.
    """
    base = data.find(b"MPF\0" + listed[:64]) + 4
    directory = next(directories(listed), None)
    entry = directory.entries.get(ENTRIES) if directory else None
    if directory is None or entry is None:
        return []
    count = min(len(entry.data), 16 * MOST_LISTED) // 16
    letters = directory.order + "III"
    places = [struct.unpack_from(letters, entry.data, 16 * at)[2] for at in range(count)]
    found = sorted({base + place for place in places if place})
    return [place for place in found if place >= after and data[place : place + 3] == PICTURE]
