"""Alpha by which the colours of a file are multiplied already, undone and done again exactly."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgae.picture.pixels import scale_of


def unassociated(
    pixels: NDArray[Any], alpha: NDArray[Any], most: int | None = None
) -> NDArray[Any]:
    """Undo the multiplication of colours by alpha; colours where alpha is 0 stay as they are.

    most: the largest sample, that of the type if None.
    """
    visible = alpha[:, :, None]
    if pixels.dtype.kind == "f":
        straight = pixels.copy()
        np.divide(pixels, visible, out=straight, where=visible != 0)
        return straight
    white = np.uint32(most or scale_of(pixels.dtype))
    wide = np.maximum(visible, 1).astype(np.uint32)
    straight = np.minimum((pixels * white + wide // 2) // wide, white).astype(pixels.dtype)
    return np.where(visible == 0, pixels, straight)


def associated(pixels: NDArray[Any], alpha: NDArray[Any], most: int | None = None) -> NDArray[Any]:
    """Multiply colours by alpha, as `unassociated` undoes it; those where alpha is 0 stay."""
    visible = alpha[:, :, None]
    if pixels.dtype.kind == "f":
        return np.where(visible == 0, pixels, pixels * visible)
    white = np.uint32(most or scale_of(pixels.dtype))
    wide = visible.astype(np.uint32)
    product = ((pixels * wide + white // 2) // white).astype(pixels.dtype)
    return np.where(visible == 0, pixels, product)
