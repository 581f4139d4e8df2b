"""CMYK: inks to RGB and back, by their colour profile (ICC) or, without one, by a plain formula."""

from typing import Any, Final

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from imgae.io.cms import srgb_profile
from imgae.picture.pixels import scale_of

RELATIVE: Final = 1
"""The rendering intent: colours keep their place relative to white."""
BLACK_POINT: Final = 0x2000
"""Black becomes black."""
MODES: Final = frozenset({"CMYK", "YCCK"})
"""What Stored.mode calls pictures that came as inks."""
CLASS: Final = slice(16, 20)
"""Where a profile says what colours it is of."""


def is_ink_profile(icc: bytes | None) -> bool:
    return icc is not None and icc[CLASS] == b"CMYK" and len(icc) > 128


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
        rgb = profile if profile is not None and profile[CLASS] == b"RGB " else srgb_profile()
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
