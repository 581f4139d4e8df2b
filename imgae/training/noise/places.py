"""Which blocks of pictures are looked at, and what is in them."""

import math
from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from imgae.picture.pixels import to_float
from imgae.training.noise.spectrum import SIDE

MOST_BLOCKS: Final = 80_000
"""Looked at together; more are thinned out evenly."""
CLOSE: Final = 4  # pixels from block to block, so that each pixel counts four times


def chosen_of(shapes: Sequence[tuple[int, ...]]) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """Yield which blocks are looked at: the number of a picture, and those of its blocks.

    They are thinned out over all pictures, by one anywhere in each stretch, so that many small
    pictures are looked at in all of their parts.
    """
    starts = np.cumsum([0, *(math.prod(grid(shape)) for shape in shapes)])
    total = int(starts[-1])
    count = min(total, MOST_BLOCKS)
    offsets = np.random.default_rng(0).random(count) if count < total else 0.0
    chosen = ((np.arange(count) + offsets) * (total / max(1, count))).astype(np.int64)
    limits = np.searchsorted(chosen, starts)
    for index, start in enumerate(starts[:-1]):
        own = chosen[limits[index] : limits[index + 1]]
        if len(own):
            yield index, own - start


def grid(shape: tuple[int, ...]) -> tuple[int, int]:
    """Return how many blocks a picture has, from top to bottom and from left to right."""
    rows, columns = ((length - SIDE) // CLOSE + 1 for length in shape[:2])
    return rows, columns


def windows_of(picture: NDArray[Any], chosen: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return the blocks of a picture that have these numbers, row by row: (N, C, 8, 8)."""
    windows = np.lib.stride_tricks.sliding_window_view(picture, (SIDE, SIDE), axis=(0, 1))
    rows, columns = np.divmod(chosen, grid(picture.shape)[1])
    return to_float(windows[rows * CLOSE, columns * CLOSE])
