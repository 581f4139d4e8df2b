"""The vectors that are nearest to one: exactly, by numpy, or by faiss where there are many."""

import threading
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from imgae.errors import warn
from imgae.restore.search.describe import Floats

MOST: Final = 100_000
"""Vectors that numpy searches; more are for faiss, where it is installed."""
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
        if (faiss := self.faiss_for_many()) is not None:  # its indexes would copy all vectors
            way = faiss.METRIC_INNER_PRODUCT
            found, places = faiss.knn(query[None], self.vectors, count, metric=way)
            numbers, scores = places[0].astype(np.int64), found[0]
        else:
            every = self.vectors @ query
            numbers = best(every, count)
            scores = every[numbers]
        order = np.lexsort((numbers, -scores))
        return numbers[order], scores[order].clip(-1, 1)

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
    """Return the numbers of the highest scores, in any order; of equal ones the first."""
    if count == len(scores):
        return np.arange(count)
    least = np.partition(scores, len(scores) - count)[len(scores) - count]
    above = np.flatnonzero(scores > least)
    equal = np.flatnonzero(scores == least)[: count - len(above)]
    return np.concatenate([above, equal])
