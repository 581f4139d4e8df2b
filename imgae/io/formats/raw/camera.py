"""Camera raw files: which files they are, and what they say of the photo, without a library."""

import re
import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

from imgae.io.bmff.boxes import XMP as XMP_BOX
from imgae.io.metadata.directories import (
    EXIF_TAG,
    GPS_TAG,
    IPTC_TAG,
    MAKER_NOTE,
    SUB_DIRECTORIES,
    XMP_TAG,
    Entry,
    as_exif,
    directories,
    directory_at,
)

EXTENSIONS: Final = (
    ".dng", ".cr2", ".cr3", ".crw", ".nef", ".nrw", ".arw", ".sr2", ".srf", ".raf", ".orf", ".rw2",
    ".rwl", ".pef", ".srw", ".3fr", ".fff", ".iiq", ".erf", ".kdc", ".dcr", ".mrw", ".mef", ".mos",
    ".x3f", ".gpr",
)  # fmt: skip
SUBFILE: Final = 254
WIDTH: Final = 256
HEIGHT: Final = 257
COMPRESSION: Final = 259
PHOTOMETRIC: Final = 262
MAKE: Final = 271
DNG_VERSION: Final = 50706
PRIVATE_DATA: Final = 50740
"""Maker notes by Adobe; what Sony hides in a raw file."""
LEAF: Final = 34310
KODAK: Final = 33424
CFA: Final = 32803
SENSOR: Final = (CFA, 34892)
"""Photometric interpretations of what a sensor measured, through a mosaic of colours or not."""
RAW_COMPRESSIONS: Final = (32767, 32770, 32772, 34713, 65000, 65024, 65535)
"""Of Sony, Samsung (twice), Nikon, Kodak (twice) and Pentax."""
LIKE_TIFF: Final = re.compile(rb"(?:II|MM)(?:[*+]\0|\0[*+])")
BEGINNING: Final = (
    rb"(?s:(?:II|MM)(?:[*+]\0|\0[*+])|FUJIFILMCCD-RAW|II(?:RO|RS|U\0)|MMOR|FOVb|\0MRM|ARECOYK"
    rb"|(?:II|MM).{4}HEAPCCDR|.{4}ftypcrx )"
)
"""What raw files begin with: a TIFF's beginning, for which `is_raw` says more, or their own."""
KEPT: Final = (270, 271, 272, 305, 306, 315, 33432, 18246, 18249, *range(40091, 40096))
"""Description, maker, dates, people, rights and stars, of a raw file's first directory."""
OF_DNG: Final = {50735: 42033, 50736: 42034}
"""Serial number and lens of a DNG's first directory, and how EXIF has them."""
POINTERS: Final = (MAKER_NOTE, EXIF_TAG, GPS_TAG, 40965)
"""Tags of the exposure that point to places in the file."""
MOST_TAGS: Final = 256
MOST_BYTES: Final = 1 << 16
"""Of a single tag: EXIF holds no more in most formats."""


class PhotoData(NamedTuple):
    """What a raw file says of the photo; notes: whether it has maker notes besides."""

    exif: bytes | None = None
    xmp: bytes | None = None
    iptc: bytes | None = None
    notes: bool = False


def is_raw(data: bytes) -> bool:
    """Return whether a file that begins like a raw file is one, and no TIFF.

    A TIFF, whatever camera it names, has its picture in the first directory, in colours or grays.
    A raw file holds what a sensor measured, says that it is DNG, or has its picture below a
    preview.
    """
    if not LIKE_TIFF.match(data[:4]):
        return True
    if data[8:10] == b"CR" or data[8:12] in (b"IIII", b"MMMM"):  # Canon, Phase One
        return True
    found = list(directories(data))
    if not found:
        return False
    if any(
        directory.number(PHOTOMETRIC) in SENSOR or directory.number(COMPRESSION) in RAW_COMPRESSIONS
        for directory in found
    ):
        return True
    main = found[0]
    make = main.words(MAKE).lower()
    preview = bool(main.number(SUBFILE) & 1)
    below = SUB_DIRECTORIES in main.entries
    if DNG_VERSION in main.entries and (preview or below):
        return True
    if preview and make and any(other.depth and not other.number(SUBFILE) & 1 for other in found):
        return True
    return (
        LEAF in main.entries
        or (make.startswith("sony") and PRIVATE_DATA in main.entries)
        or (make.startswith(("kodak", "eastman")) and KODAK in main.entries and below)
    )


def photo_data(data: bytes) -> PhotoData:
    """Return what a raw file says of the photo, the exposure, the lens and the place.

    Values are kept byte for byte. Maker notes are left out, since they point to places in the file.
    """
    parts: dict[int, dict[int, Entry]] = {0: {}, EXIF_TAG: {}, GPS_TAG: {}}
    order, whole = "", {}
    for start, role in structures(data):
        first = next(directories(data, start), None)
        if first is None or (order and order != first.order):
            continue
        order = first.order
        if role:
            parts[role].update(first.entries)
            continue
        whole = dict(first.entries)
        parts[0].update({tag: entry for tag, entry in whole.items() if tag in KEPT})
        for tag, usual in OF_DNG.items():
            if tag in whole:
                parts[EXIF_TAG][usual] = whole[tag]
        for tag in (EXIF_TAG, GPS_TAG):
            found = directory_at(data, start, first.number(tag), order) if tag in whole else None
            parts[tag].update(found[0] if found else {})
    notes = MAKER_NOTE in parts[EXIF_TAG] or PRIVATE_DATA in whole or b"CMT3" in data[: 1 << 16]
    for tag in POINTERS:
        parts[EXIF_TAG].pop(tag, None)
    kept = [
        dict(
            sorted((tag, entry) for tag, entry in entries.items() if len(entry.data) < MOST_BYTES)[
                :MOST_TAGS
            ]
        )
        for entries in parts.values()
    ]
    return PhotoData(
        as_exif(order, *kept) if order else None,
        bytes(whole[XMP_TAG].data) if XMP_TAG in whole else canon_xmp(data),
        bytes(whole[IPTC_TAG].data) if IPTC_TAG in whole else None,
        notes,
    )


def structures(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield where TIFF-like structures that speak of the photo begin in a raw file.

    With each, what its first directory is: 0 for the main one, EXIF or GPS.
    """
    if data[4:12] == b"ftypcrx ":
        for name, role in ((b"CMT1", 0), (b"CMT2", EXIF_TAG), (b"CMT4", GPS_TAG)):
            found = re.search(name + rb"(?=II\*\0|MM\0\*)", data[: 1 << 20])
            if found:
                yield found.end(), role
    elif data[6:14] != b"HEAPCCDR" and data[:2] in (b"II", b"MM"):
        yield 0, 0
    else:  # within the preview of Fujifilm and Sigma, and a block of Minolta
        found = re.search(rb"(?s)(?:Exif\0\0|\0TTW.{4})(?=II\*\0|MM\0\*)", data[: 1 << 24])
        if found:
            yield found.end(), 0


def canon_xmp(data: bytes) -> bytes | None:
    """Return the XMP of a CR3 file, or None."""
    at = data.find(XMP_BOX, 0, 1 << 20) if data[4:12] == b"ftypcrx " else -1
    if at < 8:
        return None
    (size,) = struct.unpack_from(">I", data, at - 8)
    return data[at + len(XMP_BOX) : at - 8 + size].rstrip(b" \0\n") or None
