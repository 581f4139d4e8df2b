"""Lines, boxes and polygons as masks: a pixel is marked if its centre is inside.

What such a shape marks is a run of pixels in each row, or a few, which are computed for all its
parts at once. Coordinates are in pixels; the first pixel reaches from 0 to 1.
"""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imgae.model.machine import check_stopped

Mask = NDArray[np.bool_]
Floats = NDArray[np.float64]
Whole = NDArray[np.int64]

AT_ONCE: Final = 1 << 20
"""Runs that are computed together."""


class Runs(NamedTuple):
    """What is marked in rows: from a place on, up to another."""

    rows: Whole
    starts: NDArray[Any]
    ends: NDArray[Any]


def fill_line(marked: Mask, points: Floats, radius: float, value: bool) -> None:
    """Set what is not farther than a radius from the line through points (N, 2)."""
    first, last = (points[:-1], points[1:]) if len(points) > 1 else (points, points)
    tops, bottoms = np.minimum(first, last)[:, 1], np.maximum(first, last)[:, 1]
    for parts, rows in rows_of(tops - radius, bottoms + radius, marked.shape[0]):
        fill(marked, along(first[parts], last[parts], rows, radius), value)


def fill_polygon(marked: Mask, points: Floats, value: bool) -> None:
    """Set what is inside of a polygon of corners (N, 2): what an odd number of its sides are left
    of.
    """
    first, last = points, np.roll(points, -1, axis=0)
    tops, bottoms = np.minimum(first, last)[:, 1], np.maximum(first, last)[:, 1]
    height, width = marked.shape
    top, end = (int(np.ceil(y - 0.5).clip(0, height)) for y in (tops.min(), bottoms.max()))
    sides = np.zeros((end - top, width + 1), np.uint8)  # how many pass left of a pixel, and begin
    for parts, rows in rows_of(tops, bottoms, height, half_open=True):
        start, step = first[parts], (last - first)[parts]
        crossings = start[:, 0] + (rows + 0.5 - start[:, 1]) / step[:, 1] * step[:, 0]
        columns = np.ceil(crossings - 0.5).clip(0, width).astype(np.int64)
        np.add.at(sides.reshape(-1), (rows - top) * (width + 1) + columns, np.uint8(1))
    odd = np.bitwise_xor.accumulate(sides & 1, axis=1)[:, :width]
    np.copyto(marked[top:end], value, where=odd.view(bool))


def pixels_in(box: Floats) -> tuple[slice, slice]:
    """Return the rows and columns whose centres are in a box: left, top, width and height."""
    left, top, right, bottom = (
        max(0, int(np.ceil(end - 0.5))) for end in (*box[:2], *(box[:2] + box[2:]))
    )
    return slice(top, bottom), slice(left, right)


def rows_of(
    tops: Floats, bottoms: Floats, height: int, *, half_open: bool = False
) -> Iterator[tuple[Whole, Whole]]:
    """Yield parts and rows, in pairs, whose centres the parts reach, of a picture of a height.

    half_open: whether a part does not reach its lower end. Raises ModelError if the work is to
    stop.
    """
    begin = np.ceil(tops - 0.5).clip(0, height).astype(np.int64)
    end = np.ceil(bottoms - 0.5) if half_open else np.floor(bottoms + 0.5)
    counts = np.maximum(end.clip(0, height).astype(np.int64) - begin, 0)
    total = np.concatenate([[0], np.cumsum(counts)])
    start = 0
    while start < len(counts):
        check_stopped()
        stop = max(start + 1, int(np.searchsorted(total, total[start] + AT_ONCE, "right")) - 1)
        parts = np.repeat(np.arange(start, stop), counts[start:stop])
        if len(parts):
            yield parts, begin[parts] + np.arange(len(parts)) - (total[parts] - total[start])
        start = stop


def along(first: Floats, last: Floats, rows: Whole, radius: float) -> Runs:
    """Return what of rows is near to straight parts of a line, (N, 2) each.

    That is a disc at either end, and a band between them; together they have no gap.
    """
    y, step = rows + 0.5, last - first
    starts, ends = np.full(len(y), np.inf), np.full(len(y), -np.inf)
    for x0, y0 in (first.T, last.T):
        square = radius**2 - (y - y0) ** 2
        half = np.sqrt(np.maximum(square, 0))
        np.minimum(starts, np.where(square >= 0, x0 - half, np.inf), out=starts)
        np.maximum(ends, np.where(square >= 0, x0 + half, -np.inf), out=ends)
    length = np.hypot(*step.T)
    long = length > 0
    right, down = np.divide(step.T, length, out=np.zeros(step.T.shape), where=long)
    away = y - first[:, 1]
    low, high = limits(-away * down, length, right)  # from end to end
    low, high = meet(low, high, *limits(away * right - radius, 2 * radius, down))  # side to side
    band = long & (low <= high)
    np.minimum(starts, first[:, 0] + low, out=starts, where=band)
    np.maximum(ends, first[:, 0] + high, out=ends, where=band)
    return Runs(rows, starts, ends)


def limits(low: Floats, span: Floats | float, slope: Floats) -> tuple[Floats, Floats]:
    """Return the x for which slope * x is from low to low + span; (1, 0) is none."""
    with np.errstate(divide="ignore", invalid="ignore"):
        one, other = low / slope, (low + span) / slope
    always = (low <= 0) & (low + span >= 0)
    level = slope == 0
    least = np.where(level, np.where(always, -np.inf, 1), np.minimum(one, other))
    most = np.where(level, np.where(always, np.inf, 0), np.maximum(one, other))
    return least, most


def meet(low: Floats, high: Floats, other: Floats, another: Floats) -> tuple[Floats, Floats]:
    return np.maximum(low, other), np.minimum(high, another)


def joined(runs: Runs, width: int) -> Runs:
    """Return the pixels of runs, in rows of a width, as runs that do not overlap."""
    key = runs.rows * (width + 1)
    starts = key + np.ceil(runs.starts - 0.5).clip(0, width).astype(np.int64)
    ends = key + np.floor(runs.ends + 0.5).clip(0, width).astype(np.int64)
    order = np.argsort(starts, kind="stable")
    rows, starts, ends = (each[order] for each in (runs.rows, starts, ends))
    so_far = np.maximum.accumulate(ends)
    at = np.flatnonzero(np.concatenate([[True], starts[1:] > so_far[:-1]]))
    last = np.concatenate([at[1:], [len(rows)]]) - 1
    rows = rows[at]
    return Runs(rows, starts[at] - rows * (width + 1), so_far[last] - rows * (width + 1))


def fill(marked: Mask, runs: Runs, value: bool) -> None:
    """Set runs of pixels whose centres are between their ends."""
    rows, starts, ends = joined(runs, marked.shape[1])
    for row, start, end in zip(rows.tolist(), starts.tolist(), ends.tolist(), strict=True):
        marked[row, start:end] = value
