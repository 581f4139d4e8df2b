"""What noise a picture holds, by a model that looks at it."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from imgae.errors import ModelError
from imgae.model.contract import CELL, NOISE
from imgae.model.session import OnnxModel
from imgae.model.stitch import Patient, Progress, finite, plan_for
from imgae.picture.bands import bands_of, rolling, row_bytes
from imgae.picture.rows import Rows
from imgae.picture.tiling import Box, Tile
from imgae.restore.scaling import Scale

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]

LIFTED: Final = (0.6, 0.8)
"""Mean shares from which single cells count less and less, and from which all get the whole share.

Such pictures are noisy or JPEGs all over, and a cell that says otherwise is most likely wrong.
"""
LEFT: Final = 5 / 255
"""The least level told after the whole change of the camera model, in pictures noisy all over."""
ALL_OVER: Final = (0.96, 0.985)
"""Mean shares from which LEFT begins to count, and counts in full.

It was chosen on real photographs: a camera's own noise looks like texture to models that learnt
from synthetic noise, and they leave some of it.
"""
LOOKED_AT: Final = 16  # rows of cells
CELLS: Final = 1 << 18
"""Summed up together."""
BANDS: Final = 2
"""How often the rows that are looked at lie in memory: as read, and as held."""
LEAST: Final = 1e-6
"""Levels of white noise below this count as this."""


@dataclass(frozen=True)
class Noise:
    """The noise of a picture.

    maps: float32 (5, ceil(H/8), ceil(W/8)), in the order of contract.NOISE.
    evidence: for white noise, if it is above 0; against it below. level: of white noise, on [0, 1].
    """

    maps: Floats
    evidence: float
    level: float

    @property
    def white(self) -> bool:
        """Whether it is white noise, and of one level."""
        return self.evidence > 0

    def map_of(self, name: str) -> Floats:
        """Return one of the maps by its name."""
        found: Floats = self.maps[NOISE.index(name)]
        return found


def estimate(
    model: OnnxModel,
    pixels: Rows,
    tile: str | int,
    scale: Scale | None = None,
    unseen: Rows | None = None,
    progress: Progress | None = None,
) -> Noise:
    """Estimate the noise of pixels (H, W, C) of any type, C 1 or 3.

    tile: as for Denoiser; the result is the same. scale: what the model sees as 0 and 1.
    unseen: (H, W), pixels that only stand for others, and tell nothing about the noise.
    progress: called with the tiles looked at and the tiles in all.
    Raises ModelError if the model gives another shape, NaN or infinity.
    """
    scale = scale or Scale()
    height, width = pixels.shape[:2]
    card = replace(model.card, stride=math.lcm(model.card.stride, CELL))
    whole = Box(0, 0, height, width).in_cells(CELL)
    maps = np.empty((len(NOISE), whole.bottom, whole.right), np.float32)
    plan = plan_for(card, height, width, tile, row_bytes(pixels, BANDS))
    patient, held = Patient(plan, [model]), rolling(pixels)

    def look(piece: Tile) -> None:
        found = model(image=scale.planes(held[piece.read.slices]))
        read, keep = (box.in_cells(CELL) for box in piece)
        expected = (1, len(NOISE), read.bottom - read.top, read.right - read.left)
        if found.shape != expected:
            raise ModelError(f"the model gave an estimate of shape {found.shape}, not {expected}")
        maps[:, *keep.slices] = found[0, :, *keep.within(read).slices]

    looked = 0
    for pieces in plan.bands():
        held[pieces[0].read.slices[0]]
        for piece in pieces:
            patient(piece, look)
            looked += 1
            if progress:
                progress(looked, len(plan))
    return noise_of(finite(maps), None if unseen is None else cells_without(unseen))


def cells_without(unseen: Rows) -> Mask | None:
    """Return which cells hold none of the unseen pixels, nor cells beside them; None if all do."""
    held = np.concatenate([cells_with(band) for band in bands_of(unseen, LOOKED_AT * CELL)])
    rows, columns = held.shape
    touched = np.pad(held, 1)
    near = [touched[y : y + rows, x : x + columns] for y in range(3) for x in range(3)]
    counted: Mask = ~np.logical_or.reduce(near)
    return counted if counted.any() else None


def cells_with(unseen: Mask) -> Mask:
    """Return which cells hold any of the unseen pixels."""
    height, width = unseen.shape
    padded = np.pad(unseen, ((0, -height % CELL), (0, -width % CELL)))
    blocks = padded.reshape(-1, CELL, padded.shape[1] // CELL, CELL)
    cells: Mask = np.logical_or.reduce(blocks, (1, 3))
    return cells


def noise_of(maps: Floats, counted: Mask | None = None) -> Noise:
    """Sum up maps: each cell's evidence and level of white noise count by its weight.

    maps: as the model gives them; `share` and `rest` are changed by what the whole picture shows.
    counted: the cells (h, w) that tell about the whole picture; None for all.
    """
    maps[:2].clip(0, 1, out=maps[:2])
    share, rest = maps[:2]
    telling = maps.reshape(len(maps), -1) if counted is None else maps[:, counted]
    mean = float(telling[0].mean(dtype=np.float64))
    sums = [sums_of(piece) for piece in pieces_of(telling)]
    weight, white, level = (math.fsum(column) for column in zip(*sums, strict=True))
    share += np.float32(ramp(mean, *LIFTED)) * (1 - share)
    np.maximum(rest, np.float32(LEFT * ramp(mean, *ALL_OVER)), out=rest)
    if weight <= 0:
        return Noise(maps, 0.0, 0.0)
    return Noise(maps, white, min(math.exp(level / weight), 1.0))


def pieces_of(telling: Floats) -> Iterator[Floats]:
    """Cut maps (5, n) into pieces that are small in memory."""
    for start in range(0, telling.shape[1], CELLS):
        yield telling[:, start : start + CELLS]


def sums_of(maps: Floats) -> tuple[float, float, float]:
    """Return the sums of weights, of weighted evidence, and of weighted logarithms of levels."""
    _, _, white, weight, level = maps.astype(np.float64)
    logarithms = np.log(level.clip(LEAST, 1))
    return float(weight.sum()), float(weight @ white), float(weight @ logarithms)


def ramp(value: float, low: float, high: float) -> float:
    """Return 0 up to low, 1 from high on, and a straight line between."""
    return min(max((value - low) / (high - low), 0.0), 1.0)


def enlarged(cells: Floats, box: Box) -> Floats:
    """Enlarge a map (h, w) 8 times, bilinearly, for a box of the picture.

    The value of a cell holds at its middle, and at the picture's edges it goes on. Each pixel is
    computed alone, so that any box has what the whole picture has there.
    """
    tall = between(cells, 0, box.top, box.bottom)
    return np.ascontiguousarray(between(tall, 1, box.left, box.right))


def between(cells: Floats, axis: int, start: int, end: int) -> Floats:
    """Enlarge a map 8 times along an axis, for pixels from `start` to `end`."""
    first, last = (start - CELL // 2) // CELL, (end - 1 - CELL // 2) // CELL
    middles = np.arange(first, last + 2).clip(0, cells.shape[axis] - 1)
    near = cells.take(middles, axis)
    part = ((np.arange(CELL) + 0.5) / CELL).astype(np.float32)
    offset = start - CELL // 2 - first * CELL
    if axis == 0:
        large = near[:-1, None] + (near[1:] - near[:-1])[:, None] * part[:, None]
        return large.reshape(-1, near.shape[1])[offset : offset + end - start]
    large = near[:, :-1, None] + (near[:, 1:] - near[:, :-1])[:, :, None] * part
    return large.reshape(len(near), -1)[:, offset : offset + end - start]
