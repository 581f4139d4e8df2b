"""EXIF: checked, read, and brought up to date in place."""

import re
import struct
from typing import Final

from imgae.errors import warn
from imgae.io.metadata.directories import EXIF_TAG, GPS_TAG
from imgae.picture.orientation import SIDEWAYS

EXIF_PREFIX: Final = b"Exif\0\0"
"""What JPEG and Pillow put before EXIF; an Image holds it without."""
ORIENTATION_TAG: Final = 0x0112
X_RESOLUTION_TAG: Final = 0x011A
Y_RESOLUTION_TAG: Final = 0x011B
ISO_TAG: Final = 34855
THUMBNAIL_TAGS: Final = ((273, 279), (324, 325), (513, 514))
"""Where the parts of a thumbnail of EXIF lie, and their lengths: of plain pixels, and of a JPEG."""
VALUE_SIZES: Final = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}
"""Bytes of a value of EXIF, by its type."""
MOST_SEGMENTS: Final = 1000
"""Parts of such a JPEG that are walked through."""
MOST_GUESSES: Final = 64
"""Places looked at that may be such a preview."""
MOST_DIRECTORIES: Final = 8
"""Directories of thumbnails; more are there to keep a reader busy."""
JPEG_BEGINNING: Final = b"\xff\xd8\xff"
PREVIEW: Final = re.compile(rb"(?s).\xd8\xff")
"""Cameras of one maker (Minolta) change the first byte, 0xff, of their previews."""
JPEG_END: Final = b"\xff\xd9"
SCAN_END: Final = re.compile(rb"\xff+[\x01-\xcf\xd8-\xfe]")
INTEGERS: Final = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i"}
"""The types of whole numbers."""


def checked(raw: bytes, name: str) -> bytes | None:
    """Return EXIF without JPEG's prefix, or None, with a warning, if it is damaged."""
    exif = raw.removeprefix(EXIF_PREFIX)
    if not exif:
        return None
    try:
        order = {b"II*\0": "<", b"MM\0*": ">"}[exif[:4]]
        (start,) = struct.unpack_from(order + "I", exif, 4)
        directory(exif, order, start)
    except (KeyError, struct.error):
        warn(f"{name}: its camera data (EXIF) is damaged, and left out")
        return None
    return exif


def iso_of(exif: bytes) -> float:
    """Return the ISO sensitivity that EXIF holds, or 0."""
    at = whole_number(exif, main_directory(exif).get(EXIF_TAG))
    try:
        details = {} if at is None else directory(exif, order_of(exif), at)
    except struct.error:
        return 0.0
    return float(max(whole_number(exif, details.get(ISO_TAG)) or 0, 0))


def order_of(exif: bytes) -> str:
    """Return the byte order, "<" or ">"."""
    return "<" if exif[:2] == b"II" else ">"


def main_directory(exif: bytes) -> dict[int, int]:
    """Return where the entries of the first directory lie, by their tags; {} if it is damaged."""
    order = order_of(exif)
    try:
        (start,) = struct.unpack_from(order + "I", exif, 4)
        return directory(exif, order, start)
    except struct.error:
        return {}


def whole_number(exif: bytes, at: int | None) -> int | None:
    """Return the number of an entry of any integer type, or None."""
    if at is None or at + 12 > len(exif):
        return None
    order = order_of(exif)
    kind, count = struct.unpack_from(order + "HI", exif, at + 2)
    letter = INTEGERS.get(kind)
    if letter is None or count < 1 or struct.calcsize(order + letter) * count > 4:
        return None
    return int(struct.unpack_from(order + letter, exif, at + 8)[0])


def stated_orientation(exif: bytes | None) -> int | None:
    """Return the orientation that EXIF gives, 1 for what is none from 1 to 8; None without."""
    if exif is None:
        return None
    found = whole_number(exif, main_directory(exif).get(ORIENTATION_TAG))
    return found if found is None or 1 <= found <= 8 else 1


def orientation_of(exif: bytes | None) -> int:
    """Return the orientation, 1 to 8, that EXIF gives; 1 without."""
    return stated_orientation(exif) or 1


def fresh_exif(exif: bytes, size: tuple[int, int], orientation: int = 1) -> bytes:
    """Set in EXIF that the picture is upright, and its width and height; take out thumbnails.

    size: width and height of the upright picture. orientation: what it had; the two resolutions
    are exchanged with the sides. Values are set in place, so that every other byte stays where it
    is, maker notes included. A tag that is not there is not added.
    """
    changed = bytearray(exif)
    order = order_of(exif)
    try:
        (start,) = struct.unpack_from(order + "I", exif, 4)
        main = directory(exif, order, start)
        details = {}
        if EXIF_TAG in main:
            (at,) = struct.unpack_from(order + "I", exif, main[EXIF_TAG] + 8)
            details = directory(exif, order, at)
        for entries, tags in ((main, (256, 257)), (details, (0xA002, 0xA003))):
            for tag, value in zip(tags, size, strict=True):
                set_number(changed, order, entries.get(tag), value)
        set_number(changed, order, main.get(ORIENTATION_TAG), 1)
        if orientation in SIDEWAYS and X_RESOLUTION_TAG in main and Y_RESOLUTION_TAG in main:
            across, down = (
                slice(main[tag] + 2, main[tag] + 12) for tag in (X_RESOLUTION_TAG, Y_RESOLUTION_TAG)
            )  # the type, the count, and where the value lies
            changed[across], changed[down] = exif[down], exif[across]
        after = start + 2 + 12 * len(main)
        if after + 4 <= len(changed):
            forget_thumbnail(changed, order, after)
    except struct.error:
        pass
    return blanked(changed)


def forget_thumbnail(exif: bytearray, order: str, at: int) -> None:
    """Take out the thumbnail of EXIF, and the directories whose place is written at `at`."""
    (start,) = struct.unpack_from(order + "I", exif, at)
    exif[at : at + 4] = bytes(4)
    parts: list[tuple[int, int]] = []
    seen: set[int] = set()
    while start and start not in seen and len(seen) < MOST_DIRECTORIES:
        seen.add(start)
        entries = directory(exif, order, start)
        for place, length in THUMBNAIL_TAGS:
            begins, sizes = (numbers(exif, order, entries.get(tag)) for tag in (place, length))
            parts += zip(begins, sizes, strict=False)
        after = start + 2 + 12 * len(entries)
        start = struct.unpack_from(order + "I", exif, after)[0] if after + 4 <= len(exif) else 0
    if not parts:
        return
    used = taken(exif, order)
    for begin, size in parts:
        end = min(begin + size, len(exif))
        if begin < end and not any(begin < last and first < end for first, last in used):
            exif[begin:end] = bytes(end - begin)


def numbers(exif: bytes | bytearray, order: str, at: int | None) -> tuple[int, ...]:
    """Return the numbers of an entry of 16 or 32 bits; () for another, or none."""
    if at is None:
        return ()
    kind, count = struct.unpack_from(order + "HI", exif, at + 2)
    letter = {3: "H", 4: "I"}.get(kind)
    if letter is None or count * VALUE_SIZES[kind] > len(exif):
        return ()
    place = at + 8
    if count * VALUE_SIZES[kind] > 4:
        (place,) = struct.unpack_from(order + "I", exif, place)
    return struct.unpack_from(f"{order}{count}{letter}", exif, place)


def taken(exif: bytes | bytearray, order: str) -> list[tuple[int, int]]:
    """Return where the directories of EXIF and their values lie, apart from thumbnails'."""
    found = [(0, 8)]
    starts = list(struct.unpack_from(order + "I", exif, 4))
    for start in starts:
        try:
            entries = directory(exif, order, start)
            found.append((start, start + 6 + 12 * len(entries)))
            for tag, at in entries.items():
                kind, count, place = struct.unpack_from(order + "HII", exif, at + 2)
                size = VALUE_SIZES.get(kind, 1) * count
                if size > 4:
                    found.append((place, place + size))
                elif tag in (EXIF_TAG, GPS_TAG) and len(starts) < MOST_DIRECTORIES:
                    starts.append(place)
        except struct.error:
            continue
    return found


def directory(exif: bytes | bytearray, order: str, start: int) -> dict[int, int]:
    """Return where the entries of a directory of EXIF lie, by their tags."""
    (count,) = struct.unpack_from(order + "H", exif, start)
    places = range(start + 2, start + 2 + 12 * count, 12)
    return {struct.unpack_from(order + "H", exif, at)[0]: at for at in places}


def set_number(exif: bytearray, order: str, at: int | None, value: int) -> None:
    """Set the single number of an entry, whatever type of integer it has."""
    if at is None:
        return
    (kind,) = struct.unpack_from(order + "H", exif, at + 2)
    letter = INTEGERS.get(kind)
    if letter is None:  # no integer: then no reader takes it for one
        return
    if letter in "Bb":  # readers expect two bytes or four
        letter = "H"
        exif[at + 2 : at + 4] = struct.pack(order + "H", 3)
    limit = {"H": 65535, "h": 32767}.get(letter, (1 << 31) - 1)
    if value <= limit:
        exif[at + 8 : at + 12] = struct.pack(order + letter, value).ljust(4, b"\0")
        exif[at + 4 : at + 8] = struct.pack(order + "I", 1)


def blanked(exif: bytearray) -> bytes:
    """Overwrite the small JPEGs in EXIF, of its thumbnail and of maker notes, with zeros.

    Those at the end are cut off.
    """
    at, guesses = 0, 0
    while found := PREVIEW.search(exif, at):
        begin = found.start()
        at = begin + 1
        if exif[begin] == 0xFF:
            end = end_of_jpeg(exif, begin) or after_end(exif, begin)
        else:
            guesses += 1
            end = end_of_jpeg(exif, begin) if guesses <= MOST_GUESSES else 0
        if not end:
            continue
        exif[begin:end] = bytes(end - begin)
        if not any(exif[end:]):
            del exif[begin:]
        at = end
    return bytes(exif)


def end_of_jpeg(data: bytes | bytearray, begin: int) -> int:
    """Return where a JPEG ends, with the thumbnails that it holds itself; 0 if it is not whole."""
    at = begin + 2
    for _ in range(MOST_SEGMENTS):
        if data[at : at + 1] != b"\xff" or at + 2 > len(data):
            return 0
        marker = data[at + 1]
        if marker == 0xD9:
            return at + 2
        if marker == 0xFF:
            at += 1
            continue
        size = int.from_bytes(data[at + 2 : at + 4], "big")
        if marker < 0xC0 or size < 2:
            return 0
        at += 2 + size
        if marker == 0xDA:
            found = SCAN_END.search(data, at)
            at = found.end() - 2 if found else len(data)
    return 0


def after_end(data: bytes | bytearray, begin: int) -> int:
    """Return where a damaged JPEG seems to end."""
    end = data.find(JPEG_END, begin)
    return len(data) if end < 0 else end + len(JPEG_END)
