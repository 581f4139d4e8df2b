"""Palettes: pictures as numbers of a few colours, exactly or as nearly as can be.

A colour is a row of a palette, (N, 3) or with alpha (N, 4), uint8.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

MOST: Final = 256
GLANCE: Final = 4096
"""Pixels that are looked at first, since most pictures do not fit."""


def keys_of(colours: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """Return each colour (..., 3 or 4) as one number."""
    keys = np.zeros(colours.shape[:-1], np.uint32)
    for channel in range(colours.shape[-1]):
        keys <<= np.uint32(8)
        keys |= colours[..., channel]
    return keys


def colours_of(keys: NDArray[np.uint32], channels: int) -> NDArray[np.uint8]:
    """Return the colours that keys_of made numbers of."""
    shifts = np.arange(8 * (channels - 1), -1, -8, dtype=np.uint32)
    return (keys[..., None] >> shifts).astype(np.uint8)


def few_colours(colours: NDArray[np.uint8], most: int = MOST) -> NDArray[np.uint8] | None:
    """Return the different colours of a picture (H, W, C) in their order, or None if many."""
    keys = keys_of(colours).ravel()
    step = max(1, keys.size // GLANCE)
    if np.unique(keys[::step]).size > most:
        return None
    found: NDArray[np.uint32] = np.zeros(0, np.uint32)
    for at in range(0, keys.size, 1 << 20):
        found = np.union1d(found, keys[at : at + (1 << 20)])
        if found.size > most:
            return None
    return colours_of(found, colours.shape[-1])


def numbers_in(colours: NDArray[np.uint8], palette: NDArray[np.uint8]) -> Any:
    """Return each pixel's number in a palette (H, W), or None if the palette lacks a colour.

    Of equal colours the first counts.
    """
    known, places = np.unique(keys_of(palette), return_index=True)
    keys = keys_of(colours)
    flat = keys.ravel()
    for part in (flat[:: max(1, flat.size // GLANCE)], flat):
        where = np.minimum(np.searchsorted(known, part), known.size - 1)
        if (known[where] != part).any():
            return None
    return places[where].astype(np.uint8).reshape(keys.shape)
