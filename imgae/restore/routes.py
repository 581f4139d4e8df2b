"""The ways from a noisy tile to a clean one: one model alone, one told a level, or two in turn."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from imgae.errors import ModelError
from imgae.model.card import ModelCard
from imgae.model.contract import CELL
from imgae.model.session import OnnxModel
from imgae.picture.tiling import Box, Tile, round_up
from imgae.restore.estimate import enlarged
from imgae.restore.levels import for_tile, highest

Floats = NDArray[np.float32]


class Route(Protocol):
    """A way from a noisy tile to a clean one."""

    @property
    def models(self) -> Sequence[OnnxModel]:
        """The models that change the picture, in their order; the one that looked if none does."""

    @property
    def card(self) -> ModelCard:
        """The card of one model that would need as much around a tile, and as much memory."""

    @property
    def highest(self) -> float:
        """The highest level that a model is told."""

    def times(self, factor: float) -> "Route":
        """Return the same with all levels multiplied, so that more is removed."""

    def __call__(self, planes: Floats, tile: Tile) -> Floats:
        """Restore what a tile keeps. planes: (1, 3, h, w), what it reads."""


@dataclass(frozen=True)
class Single:
    """A route of one model."""

    model: OnnxModel

    @property
    def models(self) -> Sequence[OnnxModel]:
        return [self.model]

    @property
    def card(self) -> ModelCard:
        return self.model.card


@dataclass(frozen=True)
class Alone(Single):
    """A model that takes no level. told: its other inputs, which a picture's file tells."""

    told: dict[str, Floats]
    highest: float = 0.0

    def times(self, factor: float) -> "Alone":
        assert factor == 1
        return self

    def __call__(self, planes: Floats, tile: Tile) -> Floats:
        restored = restored_by(self.model, planes, self.told)
        return inside(restored, tile.keep, tile.read)


@dataclass(frozen=True)
class Told(Single):
    """A model and the level that it is told, one or a map."""

    level: float | Floats

    @property
    def highest(self) -> float:
        return highest(self.level)

    def times(self, factor: float) -> "Told":
        return self if factor == 1 else Told(self.model, multiplied(self.level, factor))

    def __call__(self, planes: Floats, tile: Tile) -> Floats:
        restored = restored_by(self.model, planes, {"sigma": for_tile(self.level, tile)})
        return inside(restored, tile.keep, tile.read)


@dataclass(frozen=True)
class InTurn:
    """A share of a camera model's change first, and then a model that is told what is left.

    share, rest: maps with a value for each cell. camera, model: None where its map is 0 all over.
    looking: the model that made the maps. told: what a picture's file tells the camera model.
    """

    looking: OnnxModel
    camera: OnnxModel | None
    model: OnnxModel | None
    share: Floats
    rest: Floats
    told: dict[str, Floats]

    @property
    def models(self) -> Sequence[OnnxModel]:
        working = [model for model in (self.camera, self.model) if model is not None]
        return working or [self.looking]

    @property
    def card(self) -> ModelCard:
        cards = [model.card for model in self.models]
        stride = math.lcm(*(card.stride for card in cards))
        return replace(
            cards[-1],
            stride=stride,
            halo=sum(round_up(card.halo, stride) for card in cards),
            bytes_per_pixel=sum(card.bytes_per_pixel for card in cards),
        )

    @property
    def highest(self) -> float:
        return float(self.rest.max())

    def times(self, factor: float) -> "InTurn":
        if factor == 1:
            return self
        share, rest = (multiplied(cells, factor) for cells in (self.share, self.rest))
        return replace(self, share=share, rest=rest)

    def __call__(self, planes: Floats, tile: Tile) -> Floats:
        keep = tile.keep
        area = None if self.model is None else reached(self.rest, keep, self.card.stride)
        if self.model is None or area is None:  # told level 0, it would change nothing
            return self.seen(planes, tile.read, keep)
        around = self.around(area, self.model, tile.read)
        inner = joined(keep, around)
        seen = self.seen(planes, tile.read, inner)
        levels = enlarged(self.rest, around)[None, None]
        restored = restored_by(self.model, inside(seen, around, inner), {"sigma": levels})
        return put(inside(restored, area, around), area, inside(seen, keep, inner), keep)

    def seen(self, planes: Floats, read: Box, inner: Box) -> Floats:
        """Return the picture inside, with its share of the camera model's change."""
        before = inside(planes, inner, read)
        area = None if self.camera is None else reached(self.share, inner, self.card.stride)
        if self.camera is None or area is None:
            return before
        around = self.around(area, self.camera, read)
        restored = restored_by(self.camera, inside(planes, around, read), self.told)
        change, original = inside(restored, area, around), inside(planes, area, read)
        change -= original
        change *= enlarged(self.share, area)
        change += original
        return put(clipped(change, original), area, before, inner)

    def around(self, box: Box, model: OnnxModel, read: Box) -> Box:
        """Return what a model has to read for a box, of what a tile reads."""
        margin = round_up(model.card.halo, self.card.stride)
        return Box(
            max(box.top - margin, read.top),
            max(box.left - margin, read.left),
            min(box.bottom + margin, read.bottom),
            min(box.right + margin, read.right),
        )


def restored_by(model: OnnxModel, planes: Floats, inputs: dict[str, Floats]) -> Floats:
    """Run a model that restores. Raises ModelError if its output has another shape."""
    restored = model(image=np.ascontiguousarray(planes), **inputs)
    if restored.shape != planes.shape:
        raise ModelError(f"the model gave {restored.shape} for {planes.shape}")
    return restored


def reached(cells: Floats, box: Box, stride: int) -> Box | None:
    """Return the part of a box where an enlarged map is not 0, from multiples of a stride, or None.

    The least box that holds it: models need not look at the rest.
    """
    top, left, bottom, right = box.in_cells(CELL)
    top, left = max(top - 1, 0), max(left - 1, 0)
    some = cells[top : bottom + 1, left : right + 1] != 0
    rows, columns = np.flatnonzero(some.any(1)), np.flatnonzero(some.any(0))
    if not len(rows):
        return None
    ends = (top + rows[0] - 1, left + columns[0] - 1, top + rows[-1] + 2, left + columns[-1] + 2)
    first, second, third, fourth = (int(end) * CELL for end in ends)
    return Box(
        max(box.top, first // stride * stride),
        max(box.left, second // stride * stride),
        min(box.bottom, round_up(third, stride)),
        min(box.right, round_up(fourth, stride)),
    )


def joined(one: Box, other: Box) -> Box:
    """Return the least box that holds two."""
    tops, lefts, bottoms, rights = zip(one, other, strict=True)
    return Box(min(tops), min(lefts), max(bottoms), max(rights))


def put(part: Floats, area: Box, planes: Floats, box: Box) -> Floats:
    """Return planes of a box with a part put in, which may be all of it."""
    if area == box:
        return part
    whole = planes.copy()
    whole[:, :, *area.within(box).slices] = part
    return whole


def clipped(planes: Floats, before: Floats) -> Floats:
    """Clip to [0, 1], in place, but leave what was outside before as far outside."""
    if before.min() >= 0 and before.max() <= 1:
        return planes.clip(0, 1, out=planes)
    return planes.clip(np.minimum(before, 0), np.maximum(before, 1), out=planes)


def inside(planes: Floats, inner: Box, outer: Box) -> Floats:
    """Return the part of planes of an outer box that an inner one holds."""
    part: Floats = planes[:, :, *inner.within(outer).slices]
    return part


def multiplied(level: Any, factor: float) -> Any:
    """Return a level, or a map of levels or shares, multiplied, at most 1."""
    if isinstance(level, float):
        return min(1.0, level * factor)
    return np.minimum(level * np.float32(factor), np.float32(1))
