"""A sky with stars, and how much of their light is left."""

from typing import Any, Final

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

CELL: Final = 24
"""Pixels a side of a square with one star."""
BACKGROUND: Final = 16.0
"""8-bit levels."""
WIDTHS: Final = (0.8, 1.8)
"""Pixels, standard deviation of a star."""
PEAKS: Final = (6.0, 60.0)
"""Of a star, times the noise."""
APERTURE: Final = 6
"""Pixels around a star's place that its light is added up over."""


def stars(cells: int, noise: float, generator: Generator) -> NDArray[np.uint8]:
    """Draw a sky of cells x cells stars on a dark ground, (CELL * cells, CELL * cells, 3).

    noise: the level, in 8-bit levels, that stars are 6 to 60 times brighter than; not added.
    """
    rows = []
    for _ in range(cells):
        row = []
        for _ in range(cells):
            y, x = np.mgrid[:CELL, :CELL] - (CELL - 1) / 2 - generator.uniform(-2, 2, (2, 1, 1))
            low, high = PEAKS
            peak = noise * low * (high / low) ** generator.random()
            row.append(peak * np.exp(-(x**2 + y**2) / 2 / generator.uniform(*WIDTHS) ** 2))
        rows.append(np.concatenate(row, 1))
    light = BACKGROUND + np.concatenate(rows, 0)
    gray: NDArray[np.uint8] = np.rint(light.clip(0, 255)).astype(np.uint8)
    return gray[:, :, None].repeat(3, 2)


def light_of(pixels: NDArray[Any]) -> NDArray[np.float64]:
    """Return the light of each star of a sky (H, W, C) above its ground, (cells, cells)."""
    gray = pixels.mean(2, dtype=np.float64)
    cells = gray.reshape(len(gray) // CELL, CELL, -1, CELL).transpose(0, 2, 1, 3)
    ground = np.median(cells, (2, 3), keepdims=True)
    aperture = cv2.circle(np.zeros((CELL, CELL)), (CELL // 2,) * 2, APERTURE, 1, -1)
    return np.asarray(((cells - ground) * aperture).sum((2, 3)))
