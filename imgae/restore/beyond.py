"""Rows of which a few pixels are too bright for the view in which the rest is restored."""

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from imgae.picture.bands import both, rolling
from imgae.picture.rows import Rows
from imgae.restore.unseen import Mask, extended, farthest

PIECE: Final = 512  # rows judged at once
NEAR: Final = 64
"""Rows that are read around others at first, to find what is nearest to pixels there."""


class Marked:
    """Which pixels (H, W) of rows a rule marks, or does not. They are Rows."""

    def __init__(self, pixels: Rows, rule: Callable[[NDArray[Any]], Mask], kept: bool) -> None:
        self.pixels, self.rule, self.kept = rolling(pixels), rule, kept
        self.shape, self.dtype = pixels.shape[:2], np.dtype(bool)

    def __getitem__(self, key: slice | tuple[slice, slice], /) -> NDArray[Any]:
        rows, columns = both(key)
        top, bottom, step = rows.indices(self.shape[0])
        tops = range(top, max(top + 1, bottom), PIECE)
        parts = [slice(start, min(start + PIECE, bottom)) for start in tops]
        marked = np.concatenate([self.rule(self.pixels[part, columns]) for part in parts])[::step]
        return marked if self.kept else ~marked


class Extended:
    """Rows (H, W, C) of which marked pixels have the colour of the nearest other one.

    The same as `extended` gives for the whole picture. They are Rows.
    """

    def __init__(self, pixels: Rows, rule: Callable[[NDArray[Any]], Mask]) -> None:
        self.pixels, self.rule = pixels, rule
        self.shape, self.dtype = pixels.shape, pixels.dtype

    def __getitem__(self, key: slice | tuple[slice, slice], /) -> NDArray[Any]:
        rows, columns = both(key)
        top, bottom, step = rows.indices(self.shape[0])
        around = NEAR
        while True:
            start, end = max(0, top - around), min(self.shape[0], bottom + around)
            pixels = self.pixels[start:end]
            marked = self.rule(pixels)
            own = slice(top - start, max(top, bottom) - start)
            whole = start == 0 and end == self.shape[0]
            if not marked[own].any():
                return pixels[own][::step, columns]
            if whole or farthest(marked, own) < around:
                return extended(pixels, marked)[own][::step, columns]
            around *= 2
