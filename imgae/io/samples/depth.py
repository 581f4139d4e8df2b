"""Samples of fewer levels than numpy's types, spread over 8 bits or 16 and back."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgae.picture.pixels import scale_of


def spread(array: NDArray[Any], most: int) -> NDArray[Any]:
    """Spread whole numbers from 0 to `most` over 8 bits, or over 16 above 255, to the nearest."""
    dtype = np.dtype(np.uint8 if most <= 255 else np.uint16)
    white = scale_of(dtype)
    if most == white:
        return array.astype(dtype, copy=False)
    table = np.rint(np.arange(most + 1) * white / most).astype(dtype)
    found: NDArray[Any] = table[array]
    return found


def gathered(array: NDArray[Any], most: int) -> NDArray[Any]:
    """Round samples of 8 or 16 bits to whole numbers from 0 to `most`, as spread undoes it."""
    white = scale_of(array.dtype)
    if most == white:
        return array
    table = np.rint(np.arange(white + 1) * most / white).astype(array.dtype)
    found: NDArray[Any] = table[array]
    return found


def widened(array: NDArray[Any], bits: int) -> NDArray[Any]:
    """Spread samples of 1 to 16 bits over 8, or over 16 above 8, to the nearest.

    Raises ValueError for samples that do not fit into so many bits.
    """
    most = (1 << bits) - 1
    if array.size and array.max() > most:
        raise ValueError(f"it holds samples beyond its {bits} bits")
    return spread(array, most)


def narrowed(array: NDArray[Any], bits: int) -> NDArray[Any]:
    """Round samples of 8 or 16 bits to fewer; what was widened from so many is as it was."""
    return gathered(array, (1 << bits) - 1)


def fits(array: NDArray[Any], bits: int) -> bool:
    """Return whether samples can be held in so many bits without a change."""
    return bool(np.array_equal(widened(narrowed(array, bits), bits), array))
