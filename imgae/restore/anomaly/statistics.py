"""What is learnt from the cells of good pictures: numbers of normal.Normal. numpy alone."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from imgae.restore.anomaly.normal import LEAST_SQUARE, LOOKS, Expert, Floats, Look, Normal, Usual

LEAST_DEVIATION: Final = 1e-3
LEAST_VARIANCE: Final = 1e-10
SHRINK: Final = 0.01
"""Added to the variance of each direction, where that of each channel is 1."""
PARTS: Final = 4
"""Into so many the pictures are parted to learn how large distances usually are."""
RARE: Final = 0.999
SURPRISING: Final = 3.0
"""The surprise that so many of the good cells do not reach."""
Doubles = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Cells:
    """Some cells of a good picture.

    looks: what each look sees, (n, parts^2, D). outside: how near the border the cells are, as u of
    Usual, (n,).
    """

    looks: tuple[Floats, ...]
    outside: Floats


def learn(cells: Sequence[Cells]) -> Normal:
    """Return what is normal, from the cells of two pictures or more.

    How large distances usually are is learnt from pictures that the experts measured have not
    learnt from: some of the pictures at a time.
    """
    return Normal(tuple(expert_of(look, cells, number) for number, look in enumerate(LOOKS)))


def expert_of(look: Look, cells: Sequence[Cells], number: int) -> Expert:
    """Return an expert of a look. number: of the look."""
    parts = min(PARTS, len(cells))
    given: list[Floats] = []
    outside: list[Floats] = []
    for part in range(parts):
        others = [one.looks[number] for place, one in enumerate(cells) if place % parts != part]
        expert = whitening(look, np.concatenate(others))
        given += [distances(expert, one.looks[number]) for one in cells[part::parts]]
        outside += [one.outside for one in cells[part::parts]]
    usual = usual_of(np.concatenate(given), np.concatenate(outside), look.handicap)
    return replace(
        whitening(look, np.concatenate([one.looks[number] for one in cells])), usual=usual
    )


def whitening(look: Look, seen: Floats) -> Expert:
    """Return an expert that knows cells, (n, parts^2, D), but not yet what it usually gives."""
    rows = seen.reshape(-1, seen.shape[-1])
    mean = rows.mean(0, dtype=np.float64)
    centred = rows - mean
    spread = np.sqrt(np.square(centred).mean(0) + LEAST_VARIANCE)
    values, vectors = np.linalg.eigh(np.cov((centred / spread).T))
    matrix = (vectors / np.sqrt(values.clip(0) + SHRINK)).T / spread
    return Expert(look, matrix.astype(np.float32), (-matrix @ mean).astype(np.float32))


def distances(expert: Expert, seen: Floats) -> Floats:
    """Return what an expert gives for cells, (n, parts^2, D): (n,)."""
    y = seen @ expert.matrix.T + expert.offset
    found: Floats = np.log(np.square(y).mean(2).max(1) + np.float32(LEAST_SQUARE))
    return found


def usual_of(given: Floats, outside: Floats, handicap: float) -> Usual:
    """Return mean and deviation of values, by how near the border they are.

    The deviation is such that RARE of the values are less than SURPRISING deviations above the
    mean. handicap: deviations by which the mean is raised.
    """
    powers = np.stack([np.ones_like(outside), outside, outside**2], 1).astype(np.float64)
    mean, *_ = np.linalg.lstsq(powers, given, rcond=None)
    off = given - powers @ mean
    deviation, *_ = np.linalg.lstsq(powers, np.abs(off) * math.sqrt(math.pi / 2), rcond=None)
    deviation[0] = max(deviation[0], LEAST_DEVIATION)
    usually = np.maximum(powers @ deviation, deviation[0])
    deviation *= max(1.0, float(np.quantile(off / usually, RARE))) / SURPRISING
    return Usual(numbers_of(mean + handicap * deviation), numbers_of(deviation))


def numbers_of(values: NDArray[np.floating[Any]]) -> tuple[float, float, float]:
    first, second, third = (float(value) for value in values)
    return first, second, third
