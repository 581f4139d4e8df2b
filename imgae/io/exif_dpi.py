"""Resolution in EXIF, for formats that have no other place for it."""

import math
import struct
from fractions import Fraction
from typing import Final

import numpy as np
import PIL.Image

from imgae.io.metadata import EXIF_PREFIX, X_RESOLUTION_TAG, Y_RESOLUTION_TAG, directory

UNIT_TAG: Final = 296
CENTIMETRES: Final = 3


def exif_dpi(exif: bytes | None) -> tuple[float, float] | None:
    """Return the pixels per inch across and down that EXIF holds, or None."""
    if not exif:
        return None
    try:
        values = PIL.Image.Exif()
        values.load(exif)
        across, down = (float(values[tag]) for tag in (X_RESOLUTION_TAG, Y_RESOLUTION_TAG))
        scale = 2.54 if values.get(UNIT_TAG) == CENTIMETRES else 1
    except Exception:  # whatever its parser meets; or it has none
        return None
    found = across * scale, down * scale
    return found if all(math.isfinite(value) and value > 0 for value in found) else None


def with_dpi(exif: bytes | None, dpi: tuple[float, float] | None) -> bytes | None:
    """Return EXIF that holds a resolution. All else stays where it is, maker notes included.

    Only the list of the main entries moves, to the end, if the resolution is not as asked.
    """
    known = exif_dpi(exif)
    if not dpi or (known and np.allclose(known, dpi, rtol=1e-4, atol=0)):
        return exif
    if not exif:
        fresh = PIL.Image.Exif()
        fresh[X_RESOLUTION_TAG], fresh[Y_RESOLUTION_TAG] = dpi
        fresh[UNIT_TAG] = 2
        return fresh.tobytes().removeprefix(EXIF_PREFIX)
    order = "<" if exif[:2] == b"II" else ">"
    (start,) = struct.unpack_from(order + "I", exif, 4)
    entries = {tag: exif[at : at + 12] for tag, at in directory(exif, order, start).items()}
    (after,) = struct.unpack_from(order + "I", exif, start + 2 + 12 * len(entries))
    even = exif + bytes(len(exif) % 2)
    for tag, value in zip((X_RESOLUTION_TAG, Y_RESOLUTION_TAG), dpi, strict=True):
        ratio = Fraction(value).limit_denominator(10000)
        entries[tag] = struct.pack(order + "HHII", tag, 5, 1, len(even))
        even += struct.pack(order + "II", ratio.numerator, ratio.denominator)
    entries[UNIT_TAG] = struct.pack(order + "HHIHH", UNIT_TAG, 3, 1, 2, 0)
    listed = struct.pack(order + "H", len(entries))
    listed += b"".join(entries[tag] for tag in sorted(entries))
    moved = even[:4] + struct.pack(order + "I", len(even)) + even[8:]
    return moved + listed + struct.pack(order + "I", after)
