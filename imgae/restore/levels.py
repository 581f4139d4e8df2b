"""Noise levels as callers give them: none, one for the picture, or a map of them."""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from imgae.errors import OptionError
from imgae.picture.image import Image
from imgae.picture.tiling import Tile

Floats = NDArray[np.float32]
Given: TypeAlias = float | str | NDArray[Any] | None
"""What a caller may say: None or "auto" to have it found, a level on [0, 1], or a map (H, W)."""
Level: TypeAlias = float | Floats | None
"""The same once checked; None is to be found."""

EXPECTED = "expected a level from 0 to 1 (25/255 is level 25)"


def checked_level(given: Given, image: Image) -> Level:
    """Check a level for a picture. Raises OptionError if it is none of `Given`, or out of range."""
    if given is None or (isinstance(given, str) and given == "auto"):
        return None
    if isinstance(given, np.ndarray) and given.ndim > 0:
        return checked_map(given, image)
    if isinstance(given, np.ndarray):
        given = given.item()
    if isinstance(given, bool) or not isinstance(given, int | float | np.number):
        raise OptionError(f"sigma is {given!r}; {EXPECTED}, 'auto', or a map of levels (H, W)")
    if not 0 <= given <= 1:  # nor NaN
        raise OptionError(f"sigma is {given}; {EXPECTED}")
    return float(given)


def checked_map(given: NDArray[Any], image: Image) -> Floats:
    if given.ndim != 2:
        raise OptionError(f"the map of noise levels has shape {given.shape}; expected (H, W)")
    if given.shape != (image.height, image.width):
        raise OptionError(
            f"the map of noise levels is {given.shape[1]}x{given.shape[0]}, the picture "
            f"{image.width}x{image.height}; they must be of one size"
        )
    if given.dtype.kind != "f":
        raise OptionError(f"the map of noise levels is {given.dtype}; expected float, from 0 to 1")
    least, most = float(given.min()), float(given.max())
    if not (least >= 0 and most <= 1):  # nor NaN
        raise OptionError(f"the map of noise levels goes from {least:g} to {most:g}; {EXPECTED}")
    levels: Floats = given.astype(np.float32, copy=False)
    return levels


def highest(level: float | Floats) -> float:
    return float(np.max(level))


def mean_of(level: float | Floats) -> float:
    """Return the one number that stands for a level in a summary."""
    return level if isinstance(level, float) else float(level.mean(dtype=np.float64))


def for_tile(level: float | Floats, tile: Tile) -> Floats:
    """Return a model's input `sigma`, (1, 1, 1, 1) or (1, 1, h, w), for what a tile reads."""
    if isinstance(level, float):
        return np.full((1, 1, 1, 1), level, np.float32)
    return np.ascontiguousarray(level[tile.read.slices])[None, None]
