"""A curve of variance against signal, from bins of like brightness: constant, a line, or free."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from imgae.training.noise.blocks import Bin

Array = NDArray[np.float64]

TOLERANCE: Final = 0.06
"""How far bins of noise that follows a law lie from it: texture is never quite absent."""
SMALLEST: Final = 1e-8
"""The least variance of a curve: a fortieth of a gray level."""
BENT: Final = 0.02
"""What a free curve pays for each bend, and a tenth of it for each step."""


@dataclass(frozen=True)
class Line:
    """variance = a x signal + b."""

    a: float
    b: float

    def at(self, signals: Array) -> Array:
        """Return the variances there, never below SMALLEST."""
        return (self.a * signals + self.b).clip(SMALLEST)


def line_of(bins: Sequence[Bin], flat: bool) -> Line:
    """Return the line that fits best in relative terms; bins above it count less, since texture
    adds to a variance.

    flat: whether the variance is the same everywhere.
    """
    signals, variances, errors = arrays(bins)
    columns = [np.zeros_like(signals) if flat else signals, np.ones_like(signals)]
    design = np.stack(columns, 1)
    middle = np.median(variances)
    size, weights = variances + 0.02 * middle, 1 / np.hypot(errors, TOLERANCE / 3)
    a = b = 0.0
    for _ in range(10):
        factors = weights / size
        a, b = np.linalg.lstsq(design * factors[:, None], variances * factors, rcond=None)[0]
        size = (design @ [a, b]).clip(0) + 0.02 * middle
        above = ((variances - design @ [a, b]) / size).clip(0)
        weights = 1 / np.hypot(np.hypot(errors, TOLERANCE / 3), above)
    return Line(float(a), float(b))


def misfit(bins: Sequence[Bin], line: Line) -> float:
    """Return how far bins lie from a line, in terms of what is to be expected; 1 is too far."""
    signals, variances, errors = arrays(bins)
    size = line.at(signals) + 0.02 * np.median(variances)
    off = np.abs(variances - line.at(signals)) / size / np.hypot(TOLERANCE, 2 * errors)
    return float(np.sqrt(np.mean(off**2)))


def curve_of(bins: Sequence[Bin], knots: Sequence[float]) -> Array:
    """Return variances at knots: smooth between bins, and constant beyond them."""
    signals, variances, errors = arrays(bins)
    places = np.array(knots)
    hats = np.stack([np.interp(signals, places, row) for row in np.eye(len(knots))], 1)
    bends = np.diff(np.eye(len(knots)), 2, axis=0) * np.sqrt(BENT)
    steps = np.diff(np.eye(len(knots)), axis=0) * np.sqrt(BENT / 10)
    weights = TOLERANCE / np.hypot(TOLERANCE, errors)
    design = np.concatenate([hats * weights[:, None], bends, steps])
    wanted = np.zeros(len(design))
    wanted[: len(bins)] = np.log(variances.clip(SMALLEST)) * weights
    logs = np.linalg.lstsq(design, wanted, rcond=None)[0]
    known = places.clip(signals.min(), signals.max())
    curve: Array = np.exp(np.interp(known, places, logs))
    return curve


def arrays(bins: Sequence[Bin]) -> tuple[Array, Array, Array]:
    """Return signals, variances and errors."""
    rows = np.array([(b.signal, b.variance, b.error) for b in bins])
    return rows[:, 0], rows[:, 1], rows[:, 2]


def uncut(bins: Sequence[Bin]) -> list[Bin]:
    """Return the bins whose noise is whole; all, if hardly any is."""
    whole = [b for b in bins if not b.cut]
    return whole if len(whole) > 1 or len(whole) == len(bins) else list(bins)
