"""What is learnt from the cells of good pictures: numbers of normal.Normal. numpy alone."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from imgae.restore.anomaly.normal import (
    Features,
    Floats,
    Gaussian,
    Level,
    Memory,
    Normal,
    Usual,
)


@dataclass(frozen=True)
class Look:
    """What is looked at.

    levels: whose channels are learnt from. pool: side of the windows, in cells, whose mean is
    taken. cell: side of cells in pixels. memory: whether cells are remembered besides. blur: of
    the result, in cells.
    """

    levels: tuple[Level, ...]
    pool: int
    cell: int
    memory: bool
    blur: float


ENCODER: Final = Look((Level("half", 3), Level("quarter", 3), Level("eighth")), 3, 8, True, 1.0)
"""For a backbone that was not made for this."""
FEATURES: Final = Look((Level("features"),), 1, 4, False, 0.7)
"""For one whose features are compared by their mean and covariance."""
KEPT: Final = 64
"""Directions in which remembered cells are compared."""
REMEMBERED: Final = 1000
CANDIDATES: Final = 8000
"""Cells that the remembered ones are chosen from."""
LEAST_DEVIATION: Final = 1e-3
LEAST_VARIANCE: Final = 1e-6
SHRINK: Final = 0.01
"""Share of the mean variance that is added to that of each direction."""
PARTS: Final = 4
"""Into so many the pictures are parted to learn how large distances usually are."""
Doubles = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Cells:
    """Some cells of a good picture.

    channels: of the levels that are looked at, (n, D). outside: how near the border they are, as
    u of Usual, (n,).
    """

    channels: Floats
    outside: Floats


def learn(cells: Sequence[Cells], look: Look, seed: int) -> Normal:
    """Return what is normal.

    How large distances usually are is learnt from pictures that the experts measured have not
    learnt from: some of the pictures at a time.

    cells: of two pictures or more. seed: of what is drawn.
    """
    parts = min(PARTS, len(cells))
    given: list[list[Floats]] = []
    outside: list[Floats] = []
    for part in range(parts):
        others = [each for number, each in enumerate(cells) if number % parts != part]
        fresh, near = joined(cells[part::parts])
        experts = experts_of(joined(others)[0], look, seed)
        given.append([distances(expert, fresh) for expert in experts])
        outside.append(near)
    near = np.concatenate(outside)
    usual = [usual_of(np.concatenate(found), near) for found in zip(*given, strict=True)]
    experts = experts_of(joined(cells)[0], look, seed)
    done = tuple(replace(one, usual=its) for one, its in zip(experts, usual, strict=True))
    return Normal(done, (1 / len(done),) * len(done), look.cell, blur=look.blur)


def joined(cells: Sequence[Cells]) -> tuple[Floats, Floats]:
    """Return the channels of the cells of pictures, and how near the border they are."""
    channels = np.concatenate([each.channels for each in cells])
    return channels, np.concatenate([each.outside for each in cells])


def experts_of(channels: Floats, look: Look, seed: int) -> list[Gaussian | Memory]:
    """Return experts that know cells, (n, D), but not yet what they usually give."""
    mean, values, vectors = spread_of(channels)
    whitening = (vectors / np.sqrt(values + SHRINK * values.mean() + LEAST_VARIANCE)).T
    experts: list[Gaussian | Memory] = [Gaussian(features(look, whitening, mean))]
    if look.memory:
        kept = features(look, whitening[-KEPT:], mean)
        random = np.random.default_rng(seed)
        experts.append(Memory(kept, remembered(apply(kept, channels), random)))
    return experts


def spread_of(x: Floats) -> tuple[Doubles, Doubles, Doubles]:
    """Return the mean of rows, their variances along main directions, least first, and these."""
    mean = x.mean(0, dtype=np.float64)
    centred = x - mean
    values, vectors = np.linalg.eigh(centred.T @ centred / max(1, len(x) - 1))
    return mean, values.clip(0), vectors


def features(look: Look, matrix: Doubles, mean: Doubles) -> Features:
    offset = -matrix @ mean
    return Features(look.levels, look.pool, matrix.astype(np.float32), offset.astype(np.float32))


def apply(mix: Features, channels: Floats) -> Floats:
    """Return the features of cells, (n, K)."""
    return channels @ mix.matrix.T + mix.offset


def usual_of(given: Floats, outside: Floats) -> Usual:
    """Return mean and deviation of values, by how near the border they are."""
    powers = np.stack([np.ones_like(outside), outside, outside**2], 1).astype(np.float64)
    mean, *_ = np.linalg.lstsq(powers, given, rcond=None)
    away = np.abs(given - powers @ mean) * math.sqrt(math.pi / 2)
    deviation, *_ = np.linalg.lstsq(powers, away, rcond=None)
    deviation[0] = max(deviation[0], LEAST_DEVIATION)
    return Usual(numbers_of(mean), numbers_of(deviation))


def numbers_of(values: NDArray[np.floating[Any]]) -> tuple[float, float, float]:
    first, second, third = (float(value) for value in values)
    return first, second, third


def distances(expert: Gaussian | Memory, channels: Floats) -> Floats:
    """Return what an expert gives for cells, before it is standardised, (n,)."""
    y = apply(expert.features, channels)
    if isinstance(expert, Gaussian):
        return np.asarray(np.sqrt(np.square(y).sum(1)), np.float32)
    given = [
        nearest(part, expert.vectors, expert.nearest)
        for part in np.array_split(y, 1 + len(y) // 4096)
    ]
    return np.concatenate(given)


def nearest(y: Floats, vectors: Floats, count: int) -> Floats:
    """Return the mean distance of the nearest vectors, for each row."""
    square = np.square(y).sum(1)[:, None] - 2 * y @ vectors.T + np.square(vectors).sum(1)
    least = (
        square.min(1, keepdims=True) if count == 1 else np.partition(square, count - 1)[:, :count]
    )
    return np.asarray(np.sqrt(least.clip(0)).mean(1), np.float32)


def remembered(y: Floats, random: np.random.Generator) -> Floats:
    """Choose rows that are far from each other: each the farthest from those before."""
    if len(y) > CANDIDATES:
        y = y[random.choice(len(y), CANDIDATES, replace=False)]
    if len(y) <= REMEMBERED:
        return y
    chosen = [int(random.integers(len(y)))]
    squares = np.square(y).sum(1)
    away = np.full(len(y), np.inf, np.float32)
    for _ in range(REMEMBERED - 1):
        last = y[chosen[-1]]
        away = np.minimum(away, squares - 2 * (y @ last) + last @ last)
        chosen.append(int(away.argmax()))
    return y[chosen]
