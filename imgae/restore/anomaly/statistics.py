"""What is learnt from the cells of good pictures: numbers of normal.Normal. numpy alone."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from imgae.restore.anomaly.normal import LEAST_SQUARE, LOOKS, Expert, Floats, Look, Normal, Usual

LEAST_DEVIATION: Final = 0.05
"""Of what experts give, where good pictures are all alike."""
LEAST_VARIANCE: Final = 1e-6
"""Of each channel: less than a step of 8 bits makes, so that rounding is never unusual."""
SHRINK: Final = 0.01
"""Added to the variance of each direction, where that of each channel is 1."""
PARTS: Final = 4
"""Into so many the pictures are parted to learn how large distances usually are."""
RARE: Final = 0.999
SURPRISING: Final = 3.0
"""The surprise that so many of the good cells do not reach."""
Doubles = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Moments:
    """What of rows is enough for a Gaussian. scatter: of products of differences from the mean."""

    count: int
    mean: Doubles
    scatter: Doubles

    @classmethod
    def of(cls, seen: Floats) -> "Moments":
        """seen: (..., D)."""
        rows = seen.reshape(-1, seen.shape[-1])
        mean = rows.mean(0, dtype=np.float64)
        off = rows - mean
        return cls(len(rows), mean, off.T @ off)

    @classmethod
    def together(cls, some: Sequence["Moments"]) -> "Moments":
        """Return those of all rows of some."""
        count = sum(one.count for one in some)
        mean = sum(one.count / count * one.mean for one in some)
        scatter = sum(
            one.scatter + one.count * np.outer(one.mean - mean, one.mean - mean) for one in some
        )
        return cls(count, np.asarray(mean), np.asarray(scatter))


@dataclass(frozen=True, eq=False)
class Cells:
    """Some cells of a picture.

    looks: what each look sees, (n, parts^2, D). outside: how near the border the cells are, as u of
    Usual, (n,).
    """

    looks: tuple[Floats, ...]
    outside: Floats

    @cached_property
    def moments(self) -> tuple[Moments, ...]:
        """Those of each look."""
        return tuple(map(Moments.of, self.looks))


def learn(cells: Sequence[Cells]) -> Normal:
    """Return what is normal, from the cells of two pictures or more.

    How large distances usually are is learnt from pictures that the experts measured have not
    learnt from: some of the pictures at a time.
    """
    return Normal(tuple(expert_of(look, cells, number) for number, look in enumerate(LOOKS)))


def expert_of(look: Look, cells: Sequence[Cells], number: int) -> Expert:
    """Return an expert of a look. number: of the look."""
    parts = min(PARTS, len(cells))
    moments = [one.moments[number] for one in cells]
    given: list[Floats] = []
    for part in range(parts):
        others = [one for place, one in enumerate(moments) if place % parts != part]
        expert = whitening(look, Moments.together(others))
        given += [distances(expert, one.looks[number]) for one in cells[part::parts]]
    outside = [one.outside for part in range(parts) for one in cells[part::parts]]
    usual = usual_of(np.concatenate(given), np.concatenate(outside), look.handicap)
    return replace(whitening(look, Moments.together(moments)), usual=usual)


def whitening(look: Look, seen: Moments) -> Expert:
    """Return an expert that knows what was seen, but not yet what it usually gives."""
    return Expert(look, *whitener_of(seen))


def whitener_of(seen: Moments) -> tuple[Floats, Floats]:
    """Return a matrix (D, D) and an offset (D,): matrix @ x + offset is about white.

    The mean of its squares is the square of the Mahalanobis distance of x, divided by D.
    """
    covariance = seen.scatter / max(1, seen.count - 1)
    spread = np.sqrt(covariance.diagonal() + LEAST_VARIANCE)
    values, vectors = np.linalg.eigh(covariance / np.outer(spread, spread))
    matrix = (vectors / np.sqrt(values.clip(0) + SHRINK)).T / spread
    return matrix.astype(np.float32), (-matrix @ seen.mean).astype(np.float32)


def distances(expert: Expert, seen: Floats) -> Floats:
    """Return what an expert gives for cells, (n, parts^2, D): (n,)."""
    y = seen @ expert.matrix.T + expert.offset
    found: Floats = np.log(np.square(y).mean(2).max(1) + np.float32(LEAST_SQUARE))
    return found


def anomalies(normal: Normal, cells: Cells) -> Floats:
    """Return how unusual cells are, (n,), as the graph of a fitted file does."""
    given = zip(normal.experts, cells.looks, strict=True)
    parts = [surprise(expert, distances(expert, seen), cells.outside) for expert, seen in given]
    mean = np.logaddexp.reduce(parts) - math.log(len(parts))
    return np.asarray(np.logaddexp(0, mean), np.float32)


def surprise(expert: Expert, given: Floats, outside: Floats) -> Floats:
    """Return what an expert gives, (n,), less what is usual there, in its deviations."""
    powers = powers_of(outside.clip(*expert.usual.known))
    mean, deviation = powers @ expert.usual.mean, powers @ expert.usual.deviation
    return np.asarray((given - mean) / np.maximum(deviation, expert.usual.deviation[0]), np.float32)


def usual_of(given: Floats, outside: Floats, handicap: float) -> Usual:
    """Return mean and deviation of values, by how near the border they are.

    The deviation is such that RARE of the values are less than SURPRISING deviations above the
    mean. handicap: deviations by which the mean is raised.
    """
    powers = powers_of(outside)
    mean = fitted(powers, given)
    off = given - powers @ mean
    deviation = fitted(powers, np.abs(off) * math.sqrt(math.pi / 2))
    deviation[0] = max(deviation[0], LEAST_DEVIATION)
    usually = np.maximum(powers @ deviation, deviation[0])
    deviation *= max(1.0, float(np.quantile(off / usually, RARE))) / SURPRISING
    known = float(outside.min()), float(outside.max())
    return Usual(numbers_of(mean + handicap * deviation), numbers_of(deviation), known)


def fitted(powers: Doubles, values: NDArray[Any]) -> Doubles:
    """Return what is to be multiplied by powers, (n, 3), to come near values, (n,).

    Powers that the cells do not tell apart get 0: where all are as near the border, all but the
    first.
    """
    kinds = len(np.unique(powers[:, 1].round(2)))
    found = np.zeros(3)
    used = min(3, kinds)
    found[:used], *_ = np.linalg.lstsq(powers[:, :used], values, rcond=None)
    return found


def powers_of(outside: Floats) -> Doubles:
    """Return 1, u and u^2 of each cell, (n, 3)."""
    return np.stack([np.ones_like(outside), outside, outside**2], 1).astype(np.float64)


def numbers_of(values: NDArray[np.floating[Any]]) -> tuple[float, float, float]:
    first, second, third = (float(value) for value in values)
    return first, second, third
