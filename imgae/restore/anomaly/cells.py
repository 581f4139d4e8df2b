"""Cells of good pictures, to learn from and to be scored."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgae.errors import ModelError
from imgae.model import session
from imgae.model.stitch import Patient, finite, plan_for
from imgae.picture.image import Image
from imgae.picture.pixels import to_nchw
from imgae.picture.tiling import Box, Tile
from imgae.restore.anomaly.normal import CELL, LOOKS, NEAR, Floats, Normal
from imgae.restore.anomaly.statistics import Cells, anomalies

Size = tuple[int, int]
"""Height and width."""


def fingerprint(image: Image) -> bytes:
    """Return what is equal for equal pixels."""
    digest = hashlib.blake2b(repr(image.pixels.shape).encode(), digest_size=20)
    digest.update(np.ascontiguousarray(image.pixels).tobytes())
    return digest.digest()


@dataclass(frozen=True)
class Part:
    """All cells of a part of a picture, row by row. box: of the part, in cells."""

    box: Box
    cells: Cells


def look_at(model: session.OnnxModel, image: Image, take: Callable[[Part], object]) -> None:
    """Give `take` the parts of a picture, by a model of the channels of their cells.

    Raises ModelError if the model cannot look at it.
    """
    outside = outside_of((image.height, image.width))
    plan = plan_for(model.card, image.height, image.width, "auto")
    patient = Patient(plan, [model])

    def look(tile: Tile) -> None:
        read, keep = (box.in_cells(CELL) for box in tile)
        seen = model.outputs(image=to_nchw(image.pixels[tile.read.slices]))
        inner = keep.within(read).slices
        looks = tuple(
            rows_of(finite(channels[0][:, *inner]), look.parts**2)
            for look, channels in zip(LOOKS, seen, strict=True)
        )
        if any(len(rows) != keep.area for rows in looks):
            raise ModelError(f"the model gave {seen[0].shape} for {image.height}x{image.width}")
        take(Part(keep, Cells(looks, outside[keep.slices].reshape(-1))))

    for tile in plan:
        patient(tile, look)


def rows_of(channels: Floats, parts: int) -> Floats:
    """Return cells one after the other: from (parts * D, h, w) to (h * w, parts, D)."""
    rows = channels.reshape(len(channels), -1).T
    return np.ascontiguousarray(rows).reshape(len(rows), parts, -1)


def outside_of(size: Size) -> Floats:
    """Return how much of the window around each cell lies outside the picture, (h, w)."""
    down, across = map(share_inside, grid_of(size))
    return (1 - np.outer(down, across)).astype(np.float32)


def share_inside(count: int) -> NDArray[np.float64]:
    """Return how much of the windows around 0 to count - 1 lies there, (count,)."""
    place, reach = np.arange(count), NEAR // CELL
    first, last = np.maximum(place - reach, 0), np.minimum(place + reach, count - 1)
    return np.asarray((last - first + 1) / (2 * reach + 1))


class Drawn:
    """Takes the parts of a picture, and keeps cells that are drawn evenly over it.

    most: cells to keep.
    """

    def __init__(self, size: Size, most: int, random: np.random.Generator) -> None:
        self.chosen = np.zeros(grid_of(size), bool)
        count = self.chosen.size
        self.chosen.flat[random.choice(count, min(most, count), replace=False)] = True
        self.found: list[Cells] = []

    def __call__(self, part: Part) -> None:
        here = self.chosen[part.box.slices].reshape(-1)
        looks = tuple(rows[here] for rows in part.cells.looks)
        self.found.append(Cells(looks, part.cells.outside[here]))

    @property
    def cells(self) -> Cells:
        looks = zip(*(cells.looks for cells in self.found), strict=True)
        outside = np.concatenate([cells.outside for cells in self.found])
        return Cells(tuple(map(np.concatenate, looks)), outside)


class Judged:
    """Takes the parts of a picture, and tells its score by what is normal."""

    def __init__(self, size: Size, normal: Normal) -> None:
        self.size, self.normal = size, normal
        self.values = np.zeros(grid_of(size), np.float32)

    def __call__(self, part: Part) -> None:
        box = self.values[part.box.slices]
        box[:] = anomalies(self.normal, part.cells).reshape(box.shape)

    @property
    def score(self) -> float:
        return largest_pixel(self.values, self.size)


def grid_of(size: Size) -> Size:
    """Return how many rows and columns of cells a picture has."""
    height, width = (-(-side // CELL) for side in size)
    return height, width


def largest_pixel(values: Floats, size: Size) -> float:
    """Return the largest pixel of cells (h, w) that are enlarged bilinearly to a picture's size."""
    for axis, length in enumerate(size):
        low, share = nearest_pixels(length)
        high = np.minimum(low + 1, values.shape[axis] - 1)
        share = share[:, None] if axis == 0 else share
        values = (1 - share) * values.take(low, axis) + share * values.take(high, axis)
    return float(values.max())


def nearest_pixels(length: int) -> tuple[NDArray[Any], Floats]:
    """Return pixels that can be the largest: those nearest to the centres of cells, and the ends.

    For each: the cell before it, and its share of the way to the next one.
    """
    at = np.arange(length)
    at = at[
        (at % CELL == CELL // 2 - 1) | (at % CELL == CELL // 2) | (at == 0) | (at == length - 1)
    ]
    place = ((at + 0.5) / CELL - 0.5).clip(0, -(-length // CELL) - 1)
    low = np.floor(place).astype(np.intp)
    return low, (place - low).astype(np.float32)
