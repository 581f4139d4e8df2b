"""Colour profiles (ICC): those of sRGB, and colours of other kinds into it."""

import functools
from typing import Final

import imagecodecs
import numpy as np

DATE: Final = slice(24, 36)
"""Where a profile says when it was made: always the same here, so that equal files are equal."""
FIRST_DAY: Final = bytes.fromhex("07d000010001000000000000")


@functools.cache
def srgb_profile(gray: bool = False) -> bytes:
    """Return a profile of sRGB, or of gray with the tones of sRGB."""
    if gray:
        values = np.linspace(0, 1, 1024)
        low, high = values / 12.92, ((values + 0.055) / 1.055) ** 2.4
        curve = np.where(values <= 0.04045, low, high)
        made = imagecodecs.cms_profile("gray", transferfunction=np.rint(curve * 65535).astype("u2"))
    else:
        made = imagecodecs.cms_profile("srgb")
    profile = bytearray(made)
    profile[DATE] = FIRST_DAY
    return bytes(profile)
