"""Colour profiles (ICC): those of sRGB, and colours of other kinds into it."""

import functools
from dataclasses import replace
from typing import Final

import imagecodecs
import numpy as np

from imgae.errors import ImageError, warn
from imgae.picture.image import Image
from imgae.picture.pixels import to_float

REC_709: Final = (0.64, 0.33, 0.30, 0.60, 0.15, 0.06, 0.3127, 0.3290)
"""x and y of red, green, blue and white, of sRGB too."""

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


@functools.cache
def linear_profile(gray: bool, chromaticities: tuple[float, ...]) -> bytes | None:
    """Return a profile of linear light, or None if the chromaticities are no colours.

    chromaticities: x and y of red, green, blue and white.
    """
    white = [*chromaticities[6:], 1.0]
    if not all(np.isfinite(chromaticities)) or 0 in chromaticities[1::2] or white[1] < 0:
        return None
    try:
        if gray:
            made = imagecodecs.cms_profile("gray", gamma=1.0)
        else:
            made = imagecodecs.cms_profile(
                "rgb", whitepoint=white, primaries=chromaticities[:6], gamma=1.0
            )
    except (imagecodecs.CmsError, ValueError):
        return None
    profile = bytearray(made)
    profile[DATE] = FIRST_DAY
    return bytes(profile)


def to_linear(image: Image, name: str) -> Image:
    """Return a picture as floats of linear light with the primaries of Rec. 709, with a warning.

    Its profile decides what it was, sRGB where it has none. Raises ImageError if it cannot be used.
    """
    gray = image.pixels.shape[2] == 1
    linear = linear_profile(gray, REC_709) or b""
    pixels = to_float(image.pixels)
    space = "gray" if gray else "rgb"
    try:
        converted = imagecodecs.cms_transform(
            np.ascontiguousarray(pixels[:, :, 0] if gray else pixels),
            image.icc or srgb_profile(gray),
            linear,
            colorspace=space,
            outcolorspace=space,
            outdtype="f4",
        )
    except (imagecodecs.CmsError, ValueError) as error:
        raise ImageError(
            f"{name}: its colour profile (ICC) cannot be used to make its colours linear"
        ) from error
    warn(f"{name}: its colours are made linear, with the primaries of Rec. 709")
    return replace(
        image,
        pixels=converted.reshape(pixels.shape),
        alpha=None if image.alpha is None else to_float(image.alpha),
        icc=linear,
    )
