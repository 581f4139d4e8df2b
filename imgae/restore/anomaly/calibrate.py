"""From the scores of good pictures to a threshold with an asked rate of false alarms.

Few pictures have no score that only one good picture in a hundred passes, so the largest of them
are continued: beyond the score that a share TAIL of them passes, scores are taken to thin out
exponentially. The threshold is set so that, over all draws of that many good pictures from such a
tail, the mean rate is the asked one: it is higher where there are few. Where no score is so large,
a tenth of the way is taken back (LESS).

What is told of the true rate does not rest on that: it is at least as wide as what is known from
how many of the scores lie above the threshold, whatever their distribution.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

TAIL: Final = 0.15
LEAST_TAIL: Final = 4
"""Scores in the tail: a share of all, and at least."""
LESS: Final = 0.9
"""Of the way from where the tail begins, if it goes beyond all scores. These are of models that
have not learnt from all pictures, and the final one gives good pictures a little less: at the whole
way, 9 of 1,800 unseen pictures of ten materials passed a threshold for 1 %."""
ENOUGH: Final = 10
"""Scores above the threshold that need no tail to be continued."""
DRAWS: Final = 100_000
SURE: Final = 0.9
"""The probability with which a rate lies in the range that is told."""
STANDS_OUT: Final = 6.0
"""Deviations above the median from which on a score is unlike the others,"""
LEAST_DEVIATION: Final = 0.05
"""a deviation being at least this share of the median."""
OUTSIDE: Final = ((1 - SURE) / 2, (1 + SURE) / 2)
LEAST_THRESHOLD: Final = 1e-3
"""A threshold where all scores are 0."""


@dataclass(frozen=True)
class Threshold:
    """A threshold and what is known of it.

    value: scores above it are anomalous. false_alarms: the expected share of good pictures above.
    least, most: the true share lies between, in nine of ten cases or more. count: of the
    scores it rests on. continued: whether it lies beyond what the scores themselves show.
    """

    value: float
    false_alarms: float
    least: float
    most: float
    count: int
    continued: bool


def threshold_for(scores: ArrayLike, false_alarms: float) -> Threshold:
    """Return the threshold that a share of good pictures is expected to pass.

    scores: of two or more good pictures that were not learnt from, each 0 or more. false_alarms:
    above 0, at most a half.
    """
    known = np.sort(np.asarray(scores, np.float64))
    count = len(known)
    if shows(count, false_alarms):
        rates = rates_of_rank(count, rank_of(count, false_alarms))
    else:
        tail = tail_of(count, false_alarms)
        rates = rates_beyond(count, tail, steps_for(count, tail, false_alarms))
    value = max(value_for(known, false_alarms), LEAST_THRESHOLD)
    by_scores = np.quantile(rates, OUTSIDE)
    by_count = range_of_count(count, int((known > value).sum()))
    least, most = min(by_scores[0], by_count[0]), max(by_scores[1], by_count[1])
    continued = is_continued(count, false_alarms)
    return Threshold(value, false_alarms, float(least), float(most), count, continued)


def range_of_count(count: int, above: int) -> tuple[float, float]:
    """Return between which rates the true one lies, where so many of all scores are above.

    These are the limits of Clopper and Pearson: a smaller rate would give so many or more, and a
    larger one so many or fewer, only with the probability that is left on either side.
    """
    below, beyond = OUTSIDE
    least = np.quantile(rates_of_rank(count, above), below) if above else 0.0
    most = np.quantile(rates_of_rank(count, above + 1), beyond) if above < count else 1.0
    return float(least), float(most)


def value_for(known: NDArray[np.float64], false_alarms: float) -> float:
    """Return the threshold for scores from the least to the largest."""
    count = len(known)
    if shows(count, false_alarms):
        return float(known[-rank_of(count, false_alarms)])
    tail = tail_of(count, false_alarms)
    start = known[-tail - 1]
    excess = (known[-tail:] - start).mean()
    share = LESS if is_continued(count, false_alarms) else 1.0
    return float(start + share * steps_for(count, tail, false_alarms) * excess)


def is_continued(count: int, false_alarms: float) -> bool:
    """Return whether a threshold lies beyond what so many scores themselves show."""
    return false_alarms * (count + 1) < 1


def shows(count: int, false_alarms: float) -> bool:
    """Return whether so many scores lie above the threshold that one of them can be it."""
    return false_alarms * (count + 1) >= ENOUGH


def tail_of(count: int, false_alarms: float) -> int:
    """Return how many scores are in the tail."""
    wanted = max(LEAST_TAIL, math.ceil(2 * false_alarms * count), round(TAIL * count))
    return min(count - 1, wanted)


def rank_of(count: int, false_alarms: float) -> int:
    """Return which score, from the largest, a share of all is expected to pass."""
    return round(false_alarms * (count + 1))


def steps_for(count: int, tail: int, false_alarms: float) -> float:
    """Return how many mean excesses from where the tail begins the threshold lies.

    Of `tail` excesses that are exponential the mean varies; this is where the mean rate over all
    draws is the asked one.
    """
    begins = (tail + 1) / (count + 1)
    return float(tail * ((begins / false_alarms) ** (1 / tail) - 1))


def rates_of_rank(count: int, rank: int) -> NDArray[np.float64]:
    """Return draws of the true rate above the score of a rank."""
    return np.random.default_rng(0).beta(rank, count + 1 - rank, DRAWS)


def rates_beyond(count: int, tail: int, steps: float) -> NDArray[np.float64]:
    """Return draws of the true rate beyond so many mean excesses."""
    random = np.random.default_rng(0)
    begins = random.beta(tail + 1, count - tail, DRAWS)
    return np.asarray(begins * np.exp(-steps * random.gamma(tail, 1 / tail, DRAWS)))


def standing_out(scores: ArrayLike) -> list[int]:
    """Return which scores are far above the others, the largest first.

    scores: two or more. The deviation is that of a normal distribution with as large a median
    distance from the median, so the ones that stand out hardly count in it.
    """
    known = np.asarray(scores, np.float64)
    middle = np.median(known)
    deviation = max(1.4826 * np.median(np.abs(known - middle)), LEAST_DEVIATION * middle)
    above = np.flatnonzero(known > middle + STANDS_OUT * deviation)
    return sorted(above.tolist(), key=lambda number: -known[number])
