"""Rows of pictures that are read from the top to the bottom, a band at a time."""

import math
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from imgae.picture.rows import Rows

BAND: Final = 512
"""Rows read together at most,"""
PIECE: Final = 1 << 24
"""and the bytes of them."""


class Rolling:
    """Rows of which each is read once, though bands overlap. They are Rows themselves.

    Bands are taken from the top to the bottom. Those that were read last are held from the first
    row asked for, and what comes back is a view of them, right until others are read.
    """

    def __init__(self, rows: Rows) -> None:
        self.rows, self.shape, self.dtype = rows, rows.shape, rows.dtype
        self.buffer = np.empty((0, *self.shape[1:]), self.dtype)
        self.top = self.bottom = 0

    def __getitem__(self, key: slice | tuple[slice, slice], /) -> NDArray[Any]:
        rows, columns = both(key)
        top, bottom, step = rows.indices(self.shape[0])
        if top < self.top or bottom > self.bottom:
            self.hold(top, max(top, bottom))
        return self.buffer[top - self.top : max(top, bottom) - self.top : step, columns]

    def hold(self, top: int, bottom: int) -> None:
        """Hold the rows from top to bottom, and no others."""
        kept = self.buffer[:0]
        if self.top <= top < self.bottom:
            kept = self.buffer[top - self.top : min(bottom, self.bottom) - self.top]
        if len(self.buffer) < bottom - top:
            grown = np.empty((bottom - top, *self.shape[1:]), self.dtype)
        else:
            grown = self.buffer
        grown[: len(kept)] = kept
        self.buffer, self.top, self.bottom = grown, top, top + len(kept)
        while self.bottom < bottom:
            end = min(bottom, self.bottom + height_of(self.rows))
            grown[self.bottom - top : end - top] = self.rows[self.bottom : end]
            self.bottom = end


class FirstChannel:
    """The first channel of rows, (H, W, 1)."""

    def __init__(self, rows: Rows) -> None:
        self.rows, self.shape, self.dtype = rows, (*rows.shape[:2], 1), rows.dtype

    def __getitem__(self, key: slice | tuple[slice, slice], /) -> NDArray[Any]:
        return np.ascontiguousarray(self.rows[key][:, :, :1])


def both(key: slice | tuple[slice, slice]) -> tuple[slice, slice]:
    """Return the slices of rows and of columns."""
    return key if isinstance(key, tuple) else (key, slice(None))


def rolling(rows: Rows) -> Rows:
    """Return rows to be taken in bands that overlap; an array needs no help."""
    return rows if isinstance(rows, np.ndarray) else Rolling(rows)


def height_of(rows: Rows) -> int:
    """Return how many rows to read together."""
    return max(1, min(BAND, PIECE // (math.prod(rows.shape[1:]) * rows.dtype.itemsize)))


def bands_of(rows: Rows, height: int | None = None) -> Iterator[NDArray[Any]]:
    """Return the rows in bands of a height; an array as one."""
    if isinstance(rows, np.ndarray):
        yield rows
        return
    height = height or height_of(rows)
    for top in range(0, rows.shape[0], height):
        yield rows[top : top + height]


def every(rows: Rows, step: int) -> NDArray[Any]:
    """Return one in so many rows and columns."""
    if isinstance(rows, np.ndarray):
        return rows[::step, ::step]
    height = max(1, height_of(rows) // step) * step
    return np.concatenate([band[::step, ::step].copy() for band in bands_of(rows, height)])


def extremes(rows: Rows) -> tuple[Any, Any]:
    """Return the least and the largest value."""
    ends = [(band.min(), band.max()) for band in bands_of(rows)]
    return min(low for low, _ in ends), max(high for _, high in ends)


def one_if_gray(rows: Rows) -> Rows:
    """Return one channel (H, W, 1) of three that are equal; else the rows (H, W, C)."""
    if rows.shape[2] == 1:
        return rows
    if not is_gray(rows[:1]):  # most colour pictures show it in the first row
        return rows
    if not all(is_gray(band) for band in bands_of(rows)):
        return rows
    if isinstance(rows, np.ndarray):
        return np.ascontiguousarray(rows[:, :, :1])
    return FirstChannel(rows)


def is_gray(pixels: NDArray[Any]) -> bool:
    """Return whether the channels of (H, W, 3) are equal."""
    return all(np.array_equal(pixels[:, :, 0], pixels[:, :, other]) for other in (1, 2))


def row_bytes(rows: Rows, times: int) -> int:
    """Return the bytes of one row that lies in memory so many times; 0 for an array's."""
    if isinstance(rows, np.ndarray):
        return 0
    return math.prod(rows.shape[1:]) * rows.dtype.itemsize * times
