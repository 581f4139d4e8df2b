"""What a file holds besides pixels: EXIF, XMP, resolution and orientation."""

import math
import re
import struct
from dataclasses import replace
from typing import Final

import PIL.Image

from imgae.errors import warn
from imgae.picture.image import Image
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
    try:
        PIL.Image.Exif().load(raw)
    except Exception:  # whatever its parser meets
        warn(f"{name}: its camera data (EXIF) is damaged, and left out")
        return None
    return raw.removeprefix(EXIF_PREFIX) or None


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
    try:
        values = PIL.Image.Exif()
        values.load(exif)
        found = values.get_ifd(EXIF_TAG).get(ISO_TAG, 0)
        speed = float(found[0] if isinstance(found, tuple) else found)
    except Exception:  # whatever its parser meets
        return 0.0
    return speed if math.isfinite(speed) and speed > 0 else 0.0


def read_orientation(file: PIL.Image.Image) -> int:
    try:
        return int(file.getexif().get(ORIENTATION_TAG, 1))
    except Exception:  # damaged EXIF, which read_exif warns of
        return 1


def upright(image: Image, orientation: int) -> Image:
    """Turn a picture upright from its EXIF orientation, and say in its metadata that it is."""
    if orientation == 1:
        return image
    turned = turn(image, orientation)
    return replace(
        turned,
        exif=None if image.exif is None else with_upright_exif(image.exif, orientation),
        xmp=None if image.xmp is None else with_upright_xmp(image.xmp),
        turned=orientation,
    )


def turned_back(image: Image, orientation: int) -> Image:
    """Return a picture as a file of that orientation stores it; its EXIF holds only that."""
    if orientation not in TURNS:
        return image
    exif = PIL.Image.Exif()
    exif[ORIENTATION_TAG] = orientation
    stored = upright(image, {6: 8, 8: 6}.get(orientation, orientation))
    return replace(stored, exif=exif.tobytes().removeprefix(EXIF_PREFIX), turned=1)


def with_upright_exif(exif: bytes, orientation: int) -> bytes:
    """Set the orientation to 1 in place, and turn the two resolutions from what it was.

    Every other byte stays, maker notes included.
    """
    order = "<" if exif[:2] == b"II" else ">"
    try:
        (start,) = struct.unpack_from(order + "I", exif, 4)
        (count,) = struct.unpack_from(order + "H", exif, start)
        entries = range(start + 2, start + 2 + 12 * count, 12)
        at = {struct.unpack_from(order + "H", exif, entry)[0]: entry for entry in entries}
    except struct.error:
        return exif
    changed = bytearray(exif)
    if ORIENTATION_TAG in at:
        struct.pack_into(order + "H", changed, at[ORIENTATION_TAG] + 8, 1)
    if orientation in SIDEWAYS and X_RESOLUTION_TAG in at and Y_RESOLUTION_TAG in at:
        across, down = (
            slice(at[tag] + 2, at[tag] + 12) for tag in (X_RESOLUTION_TAG, Y_RESOLUTION_TAG)
        )  # the type, the count, and where the value lies
        changed[across], changed[down] = exif[down], exif[across]
    return bytes(changed)


def with_upright_xmp(xmp: bytes) -> bytes:
    return re.sub(rb'(tiff:Orientation(?:="|>))[0-9]', rb"\g<1>1", xmp)
