"""The vectors that are nearest to one: exactly, by numpy, or by faiss where there are many."""

import operator
import threading
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from imgae.errors import OptionError, warn
from imgae.restore.search.describe import Floats

MOST: Final = 100_000
"""Vectors that numpy searches; more are for faiss, where it is installed."""
SPARE: Final = 32
"""Vectors that faiss is asked for beyond those that are wanted, to see which are as near as the
last."""
ROUNDING: Final = 1e-5
"""By which products in float32 may differ from the cosine."""
BLOCK: Final = 8192
"""Vectors whose cosines are computed at once."""
MISSING: Final = (
    "the index holds more than {:,} pictures; searches take half the time with faiss, which comes "
    "with: pip install 'imgae[index]'"
)


class Nearest:
    """Searches vectors, float32 (N, D), each of length 1. Safe to call from several threads."""

    def __init__(self, vectors: Floats) -> None:
        self.vectors = vectors
        self.lock = threading.Lock()
        self.told = False

    def __call__(self, query: Floats, count: int) -> tuple[NDArray[np.int64], Floats]:
        """Return the numbers and the cosines of the nearest vectors, the best first.

        Of equal ones those of lower numbers come first. query: float32 (D,), of length 1. count:
        how many to return, all if there are fewer.
        """
        count = min(count, len(self.vectors))
        if not count:
            return np.zeros(0, np.int64), np.zeros(0, np.float32)
        numbers = self.by_faiss(query, count)
        if numbers is None:
            numbers = best(self.vectors @ query, count)
        scores = cosines(self.vectors, numbers, query)
        order = np.lexsort((numbers, -scores))[:count]
        return numbers[order], scores[order].clip(-1, 1)

    def by_faiss(self, query: Floats, count: int) -> NDArray[np.int64] | None:
        """Return what `best` does; None without faiss, and where too many are as near as the last:
        of these, faiss returns any.
        """
        if (faiss := self.faiss_for_many()) is None:
            return None
        more = min(count + SPARE, len(self.vectors))
        way = faiss.METRIC_INNER_PRODUCT  # its indexes would copy all vectors
        found, places = faiss.knn(query[None], self.vectors, more, metric=way)
        near = found[0] >= found[0][count - 1] - ROUNDING
        if near.all() and more < len(self.vectors):
            return None
        numbers: NDArray[np.int64] = places[0][near].astype(np.int64)
        return numbers

    def faiss_for_many(self) -> Any:
        """Return faiss for many vectors; None for few, or, after one warning, where it is not
        installed.
        """
        if len(self.vectors) <= MOST:
            return None
        try:
            import faiss  # an extra, and only for many: it takes as long to load as numpy searches
        except ImportError:
            with self.lock:
                told, self.told = self.told, True
            if not told:
                warn(MISSING.format(MOST))
            return None
        return faiss


def best(scores: Floats, count: int) -> NDArray[np.int64]:
    """Return the numbers of the highest scores, and of all that rounding may have put below."""
    least = np.partition(scores, len(scores) - count)[len(scores) - count]
    return np.flatnonzero(scores >= least - ROUNDING)


def cosines(vectors: Floats, numbers: NDArray[np.int64], query: Floats) -> Floats:
    """Return the cosines of some vectors, which are the same for equal vectors wherever they are.

    Products of whole matrices are not: they round by place.
    """
    wide = query.astype(np.float64)
    parts = [
        (vectors[numbers[start : start + BLOCK]] * wide).sum(1)
        for start in range(0, len(numbers), BLOCK)
    ]
    return np.concatenate(parts).astype(np.float32)


def checked_count(k: Any) -> int:
    """Return a number of hits as an int. Raises OptionError unless it is a whole number from 1."""
    try:
        count = 0 if isinstance(k, (bool, np.bool_)) else operator.index(k)
    except TypeError:
        count = 0
    if count < 1:
        raise OptionError(f"k is {k!r}; expected a whole number from 1 up")
    return count
