"""CMYK: inks to RGB and back, by their colour profile (ICC) or, without one, by a plain formula."""

from collections.abc import Callable
from typing import Any, Final

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from imgae.errors import warn
from imgae.io.colour.cms import space_of, srgb_profile
from imgae.picture.image import Image
from imgae.picture.pixels import scale_of

RELATIVE: Final = 1
"""The rendering intent: colours keep their place relative to white."""
BLACK_POINT: Final = 0x2000
"""Black becomes black."""


def is_ink_profile(icc: bytes | None) -> bool:
    return icc is not None and space_of(icc) == b"CMYK" and len(icc) > 128


def to_srgb(
    inks: NDArray[Any], icc: bytes | None, name: str, say: Callable[[str], None] = warn
) -> tuple[NDArray[Any], bytes | None]:
    """Convert a file's inks to sRGB as to_rgb does, and say how.

    Return with the colours the profile of the inks, None if there is none that can be used.
    """
    if is_ink_profile(icc):
        try:
            rgb = to_rgb(inks, icc)
        except Exception:  # whatever the library meets in a profile
            say(f"{name}: the colour profile (ICC) of its inks is damaged, and left out")
        else:
            say(f"{name}: its colours are inks (CMYK); continued as sRGB, by its colour profile")
            return rgb, icc
    say(
        f"{name}: its colours are inks (CMYK) without a colour profile; continued as sRGB, each "
        "colour what the inks leave of white"
    )
    return to_rgb(inks, None), None


def of_image(
    image: Image, icc: bytes | None, name: str, say: Callable[[str], None] = warn
) -> tuple[NDArray[Any], bytes | None]:
    """Return a picture as inks, and the profile that they are by, None for the plain formula."""
    if icc is not None:
        try:
            return to_inks(image.pixels, icc, image.icc), icc
        except Exception:  # whatever the library meets in a profile
            say(f"{name}: the profile does not lead from RGB to inks; written without it")
    return to_inks(image.pixels, None), None


def to_rgb(inks: NDArray[Any], icc: bytes | None) -> NDArray[Any]:
    """Convert inks (H, W, 4) of integers, 0 for none, to RGB (H, W, 3) of the same type.

    icc: the profile of the inks, by which they become sRGB; without one, each colour is what the
    inks leave of white.
    """
    if icc is not None:
        return transformed(inks, icc, srgb_profile(), "cmyk", "rgb")
    white = np.uint32(scale_of(inks.dtype))
    left = white - inks.astype(np.uint32)
    product: NDArray[Any] = (left[:, :, :3] * left[:, :, 3:] + white // 2) // white
    return product.astype(inks.dtype)


def to_inks(pixels: NDArray[Any], icc: bytes | None, profile: bytes | None = None) -> NDArray[Any]:
    """Convert gray or RGB (H, W, 1 or 3) of integers to inks (H, W, 4), as to_rgb undoes it.

    icc: the profile of the inks. profile: that of the pixels, sRGB if None.
    """
    colours = np.ascontiguousarray(np.broadcast_to(pixels, (*pixels.shape[:2], 3)))
    if icc is not None:
        rgb = profile if profile is not None and space_of(profile) == b"RGB " else srgb_profile()
        return transformed(colours, rgb, icc, "rgb", "cmyk")
    white = scale_of(pixels.dtype)
    most = colours.max(2, keepdims=True).astype(np.uint32)
    share = (colours * np.uint32(white) + most // 2) // np.maximum(most, 1)
    return np.concatenate([white - share, white - most], 2).astype(pixels.dtype)


def transformed(
    array: NDArray[Any], source: bytes, target: bytes, colours: str, into: str
) -> NDArray[Any]:
    found = imagecodecs.cms_transform(
        np.ascontiguousarray(array),
        source,
        target,
        colorspace=colours,
        outcolorspace=into,
        outdtype=array.dtype,
        intent=RELATIVE,
        flags=BLACK_POINT,
    )
    return np.asarray(found)
