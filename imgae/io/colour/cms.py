"""Colour profiles (ICC): those of sRGB, and colours of other kinds into it."""

import functools
from dataclasses import replace
from typing import Any, Final

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from imgae.errors import ImageError, warn
from imgae.picture.image import Image
from imgae.picture.pixels import scale_of, to_float

REC_709: Final = (0.64, 0.33, 0.30, 0.60, 0.15, 0.06, 0.3127, 0.3290)
"""x and y of red, green, blue and white, of sRGB too."""

D50: Final = np.array([0.9642, 1.0, 0.8249])
XYZ_TO_SRGB: Final = np.array(
    [
        [3.1338561, -1.6168667, -0.4906146],
        [-0.9787684, 1.9161415, 0.0334540],
        [0.0719453, -0.2289914, 1.4052427],
    ]
)
"""From XYZ of D50 to linear sRGB."""
STEPS: Final = 1024
"""Of the curve in a profile."""
SPACE: Final = slice(16, 20)
"""Where a profile says what colours it is of."""
DATE: Final = slice(24, 36)
"""Where a profile says when it was made: always the same here, so that equal files are equal."""
FIRST_DAY: Final = bytes.fromhex("07d000010001000000000000")


def space_of(icc: bytes | None) -> bytes:
    """Return what colours a profile is of, as b"RGB ", b"GRAY" or b"CMYK"; b"" without one."""
    return icc[SPACE] if icc else b""


def check_whole(profile: bytes) -> None:
    """Raise ValueError for bytes that are no colour profile, or not all of one."""
    if len(profile) < 128 or profile[36:40] != b"acsp":
        raise ValueError("no colour profile")
    if int.from_bytes(profile[:4], "big") > len(profile):
        raise ValueError("cut short")


def dated(profile: bytes) -> bytes:
    """Return a profile that was made here with the date that all of these have."""
    return profile[: DATE.start] + FIRST_DAY + profile[DATE.stop :]


def srgb_light(values: NDArray[Any]) -> NDArray[Any]:
    """Return the light on [0, 1] that values of sRGB on [0, 1] stand for."""
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


@functools.cache
def srgb_profile(gray: bool = False) -> bytes:
    """Return a profile of sRGB, or of gray with the tones of sRGB."""
    if gray:
        curve = np.rint(srgb_light(np.linspace(0, 1, STEPS)) * 65535).astype("u2")
        made = imagecodecs.cms_profile("gray", transferfunction=curve)
    else:
        made = imagecodecs.cms_profile("srgb")
    return dated(made)


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
    return dated(made)


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


def lab_to_srgb(lab: NDArray[Any]) -> NDArray[Any]:
    """Convert Lab (H, W, 3) as Photoshop stores it to sRGB of the same type.

    Of 8 bits, L reaches from 0 to 255 and a and b have their middle at 128; of 16 bits, at 32768.
    """
    step = 1 if lab.dtype == np.uint8 else 256
    values = lab.astype(np.float64)
    lightness = values[:, :, 0] * (100 / scale_of(lab.dtype))
    colours = (values[:, :, 1:] - 128 * step) / step
    middle = (lightness + 16) / 116
    roots = np.stack([middle + colours[:, :, 0] / 500, middle, middle - colours[:, :, 1] / 200], 2)
    relative = np.where(roots > 6 / 29, roots**3, 3 * (6 / 29) ** 2 * (roots - 4 / 29))
    light = np.clip(relative * D50 @ XYZ_TO_SRGB.T, 0, 1)
    tones = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.asarray(np.rint(tones * scale_of(lab.dtype)), lab.dtype)
