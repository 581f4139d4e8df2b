"""Lines, boxes and polygons as masks: a pixel is marked if its centre is inside.

Row by row, what such a shape marks is a few runs of pixels, which are computed for all its parts at
once. Coordinates are in pixels; the first pixel reaches from 0 to 1.
"""

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from imgae.model.machine import is_stopped

Mask = NDArray[np.bool_]
Points = NDArray[np.float64]
Whole = NDArray[np.int64]
Runs = tuple[Whole, Whole, Whole]
"""Rows, and the first columns and the ends of what is marked in them."""

AT_ONCE: Final = 1 << 20
"""Runs that are computed together."""


def fill_line(marked: Mask, points: Points, radius: float, value: bool) -> None:
    """Set what is not farther than a radius from a line through points (N, 2)."""
    starts = points[:-1] if len(points) > 1 else points
    ends = points[1:] if len(points) > 1 else points
    tops, bottoms = np.minimum(starts, ends)[:, 1] - radius, np.maximum(starts, ends)[:, 1] + radius
    for parts, rows in rows_of(tops, bottoms, marked.shape[0]):
        fill(marked, merged(along(starts[parts], ends[parts], rows, radius)), value)


def fill_polygon(marked: Mask, points: Points, value: bool) -> None:
    """Set what is inside of a polygon of corners (N, 2), where its sides cross in odd parts."""
    starts, ends = points, np.roll(points, -1, axis=0)
    flipped = starts[:, 1] > ends[:, 1]
    upper = np.where(flipped[:, None], ends, starts)
    lower = np.where(flipped[:, None], starts, ends)
    rows, crossings = [], []
    for parts, row in rows_of(upper[:, 1], lower[:, 1], marked.shape[0], half_open=True):
        first, last = upper[parts], lower[parts]
        share = (row + 0.5 - first[:, 1]) / (last[:, 1] - first[:, 1])
        rows.append(row)
        crossings.append(first[:, 0] + share * (last[:, 0] - first[:, 0]))
    if rows:
        row, crossing = np.concatenate(rows), np.concatenate(crossings)
        order = np.lexsort((crossing, row))
        columns = np.ceil(crossing[order] - 0.5)
        fill(marked, (row[order][::2], clipped(columns[::2]), clipped(columns[1::2])), value)


def fill_box(marked: Mask, box: NDArray[np.float64], value: bool) -> None:
    """Set what is inside of a box: left, top, width and height."""
    marked[pixels_in(box)] = value


def pixels_in(box: NDArray[np.float64]) -> tuple[slice, slice]:
    """Return the rows and columns whose centres are inside of a box."""
    left, top, width, height = box
    columns, rows = (
        [max(0, int(np.ceil(end - 0.5))) for end in (start, start + length)]
        for start, length in ((left, width), (top, height))
    )
    return slice(*rows), slice(*columns)


def rows_of(
    tops: NDArray[np.float64], bottoms: NDArray[np.float64], height: int, *, half_open: bool = False
) -> Iterator[tuple[Whole, Whole]]:
    """Yield pairs of parts and rows whose centres they reach, of a picture of a height.

    half_open: whether a row at a part's lower end is left out. Raises InterruptedError if the work
    is to stop.
    """
    first = np.ceil(tops - 0.5).clip(0, height).astype(np.int64)
    end = np.ceil(bottoms - 0.5) if half_open else np.floor(bottoms - 0.5) + 1
    counts = np.maximum(end.clip(0, height).astype(np.int64) - first, 0)
    total = np.cumsum(counts)
    start = 0
    while start < len(counts):
        if is_stopped():
            raise InterruptedError
        before = int(total[start - 1]) if start else 0
        stop = max(start + 1, int(np.searchsorted(total, before + AT_ONCE, "right")))
        own = counts[start:stop]
        parts = np.repeat(np.arange(start, stop), own)
        offsets = np.arange(len(parts)) - np.repeat(np.cumsum(own) - own, own)
        if len(parts):
            yield parts, first[parts] + offsets
        start = stop


def along(starts: Points, ends: Points, rows: Whole, radius: float) -> Runs:
    """Return what of rows is near to parts of a line, each a part (N, 2) in a row (N)."""
    y = rows + 0.5
    step = ends - starts
    length = np.hypot(*step.T)
    across, down = np.divide(step, length[:, None], where=length[:, None] > 0, out=step * 0).T
    low, high = np.full(len(y), np.inf), np.full(len(y), -np.inf)
    for centre in (starts, ends):
        half = np.sqrt(np.maximum(radius**2 - (y - centre[:, 1]) ** 2, -1.0), where=None or True)
        np.fmin(low, centre[:, 0] - half, out=low)
        np.fmax(high, centre[:, 0] + half, out=high)
    return rows, low, high  # type: ignore[return-value]


def merged(runs: Runs) -> Runs:
    return runs


def clipped(columns: NDArray[Any]) -> Whole:
    return columns.astype(np.int64)


def fill(marked: Mask, runs: Runs, value: bool) -> None:
    """Set runs of pixels."""
