"""Samples of a number of bits that numpy has no type for, spread over 8 or 16 and back."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgae.picture.pixels import scale_of


def widened(array: NDArray[Any], bits: int) -> NDArray[Any]:
    """Spread samples of 1 to 16 bits over 8, or over 16 above 8, rounding to nearest.

    Raises ValueError for samples that do not fit into so many bits.
    """
    dtype = np.dtype(np.uint8 if bits <= 8 else np.uint16)
    most = (1 << bits) - 1
    if array.size and array.max() > most:
        raise ValueError(f"it holds samples beyond its {bits} bits")
    if bits in (8, 16):
        return array.astype(dtype, copy=False)
    table = (np.arange(most + 1, dtype=np.uint32) * scale_of(dtype) + most // 2) // most
    spread: NDArray[Any] = table.astype(dtype)[array]
    return spread


def narrowed(array: NDArray[Any], bits: int) -> NDArray[Any]:
    """Round samples of 8 or 16 bits to fewer; what was widened from so many is as it was."""
    most, scale = (1 << bits) - 1, scale_of(array.dtype)
    if most == scale:
        return array
    table = (np.arange(scale + 1, dtype=np.uint32) * most + scale // 2) // scale
    rounded: NDArray[Any] = table.astype(array.dtype)[array]
    return rounded


def fits(array: NDArray[Any], bits: int) -> bool:
    """Return whether samples can be held in so many bits without a change."""
    return bool(np.array_equal(widened(narrowed(array, bits), bits), array))
