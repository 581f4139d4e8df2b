"""What a file holds besides pixels: EXIF, XMP, resolution and orientation."""

import re
import struct
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import PIL.Image

from imgae.errors import warn
from imgae.picture.image import Frames, Image
from imgae.picture.orientation import SIDEWAYS, TURNS, turn

EXIF_PREFIX: Final = b"Exif\0\0"
"""What JPEG and Pillow put before EXIF; an Image holds it without."""
ORIENTATION_TAG: Final = 0x0112
X_RESOLUTION_TAG: Final = 0x011A
Y_RESOLUTION_TAG: Final = 0x011B
EXIF_TAG: Final = 0x8769
ISO_TAG: Final = 34855
GPS_TAG: Final = 0x8825
ICC_TAG: Final = 34675
XMP_TAG: Final = 700
THUMBNAIL_TAGS: Final = ((273, 279), (513, 514))
"""Where a thumbnail of EXIF lies, and its length: of plain pixels, and of a JPEG."""
JPEG_BEGINNING: Final = b"\xff\xd8\xff"
JPEG_END: Final = b"\xff\xd9"
THUMBNAILS: Final = re.compile(rb"<([A-Za-z_][\w.-]{0,40}:Thumbnails)(?=[\s/>])")
"""Where XMP holds small copies of the picture."""
SMALL_IMAGES: Final = re.compile(
    rb"xmlns:([\w.-]{1,40})\s*=\s*[\"']http://ns\.adobe\.com/xap/1\.0/g/img/[\"']"
)
"""Where XMP says how it marks small pictures, wherever they are."""
MOST_PREFIXES: Final = 4
COLOUR_KEYS: Final = frozenset({"gamma", "primaries", "colour tags"})
"""Private belongings that say what the pixels mean, and stay when metadata is stripped."""


def read_exif(file: PIL.Image.Image, name: str) -> bytes | None:
    """Return EXIF as a TIFF structure, without JPEG's prefix. name: of the file, for messages."""
    raw = file.info.get("exif")
    if isinstance(raw, bytes) and raw:
        return checked(raw, name)
    return exif_bytes(file.getexif(), name)


def exif_bytes(exif: PIL.Image.Exif, name: str) -> bytes | None:
    """Return EXIF as a TIFF structure, or None if it holds nothing."""
    if not len(exif) and not any(exif.get_ifd(tag) for tag in (EXIF_TAG, GPS_TAG)):
        return None
    return checked(exif.tobytes(), name)


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


def read_xmp(file: PIL.Image.Image) -> bytes | None:
    raw = file.info.get("xmp") or file.info.get("XML:com.adobe.xmp")
    if isinstance(raw, str):
        raw = raw.encode()
    return raw if isinstance(raw, bytes) and raw else None


def read_dpi(file: PIL.Image.Image) -> tuple[float, float] | None:
    dpi = file.info.get("dpi")
    if not dpi or len(dpi) != 2:
        return None
    across, down = float(dpi[0]), float(dpi[1])
    return (across, down) if across > 0 and down > 0 else None


def iso_of(exif: bytes) -> float:
    """Return the ISO sensitivity that EXIF holds, or 0."""
    order = "<" if exif[:2] == b"II" else ">"
    try:
        (start,) = struct.unpack_from(order + "I", exif, 4)
        (start,) = struct.unpack_from(
            order + "I", exif, directory(exif, order, start)[EXIF_TAG] + 8
        )
        at = directory(exif, order, start)[ISO_TAG]
        kind, count = struct.unpack_from(order + "HI", exif, at + 2)
        letter, size = {3: ("H", 2), 4: ("I", 4)}[kind]
        place = at + 8
        if count * size > 4:
            (place,) = struct.unpack_from(order + "I", exif, place)
        return float(struct.unpack_from(order + letter, exif, place)[0])
    except (KeyError, struct.error):
        return 0.0


def read_orientation(file: PIL.Image.Image) -> int:
    try:
        return int(file.getexif().get(ORIENTATION_TAG, 1))
    except Exception:  # damaged EXIF, which read_exif warns of
        return 1


def upright(image: Image, orientation: int) -> Image:
    """Turn a picture upright from its EXIF orientation, and bring its metadata up to date.

    EXIF and XMP then say that the picture is upright, and how large it is; what they held as a
    smaller copy of it is taken out, since it would show what is changed later.
    """
    turned = turn(image, orientation) if orientation in TURNS else image
    size = turned.width, turned.height
    return replace(
        turned,
        exif=None if image.exif is None else fresh_exif(image.exif, size, orientation),
        xmp=None if image.xmp is None else fresh_xmp(image.xmp, size),
        turned=orientation if orientation in TURNS else image.turned,
    )


def stripped(frames: Frames) -> Frames:
    """Return pictures without what their file says in words, of the camera, the place and people.

    What the pixels mean is kept: the colour profile and description, and the timing.
    """

    def colours(private: Mapping[str, Any]) -> dict[str, Any]:
        return {key: value for key, value in private.items() if key in COLOUR_KEYS}

    images = tuple(
        replace(
            image,
            exif=None,
            xmp=None,
            iptc=None,
            text=(),
            dpi=None,
            private=colours(image.private),
        )
        for image in frames
    )
    return replace(frames, images=images, private=colours(frames.private))


def fresh_exif(exif: bytes, size: tuple[int, int], orientation: int = 1) -> bytes:
    """Set in EXIF that the picture is upright, and its width and height; take out thumbnails.

    size: width and height of the upright picture. orientation: what it had; the two resolutions
    are exchanged with the sides. Values are set in place, so that every other byte stays where it
    is, maker notes included. A tag that is not there is not added.
    """
    changed = bytearray(exif)
    order = "<" if exif[:2] == b"II" else ">"
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
    """Take out the thumbnail of EXIF, and the directory whose place is written at `at`."""
    (start,) = struct.unpack_from(order + "I", exif, at)
    exif[at : at + 4] = bytes(4)
    if not start:
        return
    entries = directory(exif, order, start)
    for place, length in THUMBNAIL_TAGS:
        if place in entries and length in entries:
            begin, size = (
                struct.unpack_from(order + "I", exif, entries[tag] + 8)[0]
                for tag in (place, length)
            )
            end = min(begin + size, len(exif))
            if start < begin < end:
                exif[begin:end] = bytes(end - begin)


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
    letter = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i"}.get(kind)
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
    at = exif.find(JPEG_BEGINNING)
    while at >= 0:
        end = exif.find(JPEG_END, at)
        end = len(exif) if end < 0 else end + len(JPEG_END)
        exif[at:end] = bytes(end - at)
        if not any(exif[end:]):
            del exif[at:]
        at = exif.find(JPEG_BEGINNING, at)
    return bytes(exif)


def fresh_xmp(xmp: bytes, size: tuple[int, int]) -> bytes:
    """Set in XMP that the picture is upright, and its width and height; take out thumbnails."""
    width, height = (str(value).encode() for value in size)
    for name, value in (
        (rb"tiff:Orientation", b"1"),
        (rb"tiff:ImageWidth|exif:PixelXDimension", width),
        (rb"tiff:ImageLength|exif:PixelYDimension", height),
    ):
        xmp = re.sub(rb"((?:" + name + rb")(?:=[\"']|>))[0-9]+", rb"\g<1>" + value, xmp)
    for prefix in list(dict.fromkeys(SMALL_IMAGES.findall(xmp)))[:MOST_PREFIXES]:
        said = re.escape(prefix) + rb":image"
        xmp = re.sub(rb"\s" + said + rb"\s*=\s*(?:\"[^\"]*\"|'[^']*')", b"", xmp)
        xmp = without_elements(xmp, re.compile(rb"<(" + said + rb")(?=[\s/>])"))
    return without_elements(xmp, THUMBNAILS)


def without_elements(xmp: bytes, opening: re.Pattern[bytes]) -> bytes:
    """Take out of XMP the elements that such openings begin, with all that is in them."""
    kept, at = [], 0
    while found := opening.search(xmp, at):
        tag = xmp.find(b">", found.end())
        if tag < 0:
            break
        closing = b"</" + found[1] + b">"
        after = tag + 1
        if xmp[tag - 1 : tag] != b"/":
            end = xmp.find(closing, after)
            if end < 0:  # no XML
                break
            after = end + len(closing)
        kept.append(xmp[at : found.start()])
        at = after
    return b"".join([*kept, xmp[at:]])
