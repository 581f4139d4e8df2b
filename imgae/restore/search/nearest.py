"""The vectors that are nearest to one: exactly, by numpy, or by faiss where there are many."""

import threading
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from imgae.errors import warn
from imgae.restore.search.describe import Floats

MOST: Final = 100_000
"""Vectors that numpy searches; more are for faiss, if it is installed."""
MISSING: Final = (
    "the index holds {:,} pictures, of which numpy searches up to {:,} fast; install faiss for "
    "more: pip install 'imgae[index]'"
)


class Nearest:
    """Searches vectors, float32 (N, D), each of length 1. Safe to call from several threads."""

    def __init__(self, vectors: Floats) -> None:
        self.vectors = vectors
        self.lock = threading.Lock()
        self.faiss: Any = None
        self.asked = False

    def __call__(self, query: Floats, count: int) -> tuple[NDArray[np.int64], Floats]:
        """Return the numbers and the cosines of the nearest vectors, the best first.

        Of equal ones those of lower numbers come first. query: float32 (D,), of length 1. count:
        how many to return, all if there are fewer.
        """
        count = min(count, len(self.vectors))
        if not count:
            return np.zeros(0, np.int64), np.zeros(0, np.float32)
        if (index := self.faiss_index()) is not None:
            found, places = index.search(query[None], count)
            numbers, scores = places[0].astype(np.int64), found[0]
        else:
            every = self.vectors @ query
            numbers = best(every, count)
            scores = every[numbers]
        order = np.lexsort((numbers, -scores))
        return numbers[order], scores[order].clip(-1, 1)

    def faiss_index(self) -> Any:
        """Return faiss's index of many vectors; None for few, or where faiss is not installed."""
        if len(self.vectors) <= MOST:
            return None
        with self.lock:
            if not self.asked:
                self.asked = True
                self.faiss = made(self.vectors)
            return self.faiss


def best(scores: Floats, count: int) -> NDArray[np.int64]:
    """Return the numbers of the highest scores, in any order; of equal ones the first."""
    if count == len(scores):
        return np.arange(count)
    least = np.partition(scores, len(scores) - count)[len(scores) - count]
    above = np.flatnonzero(scores > least)
    equal = np.flatnonzero(scores == least)[: count - len(above)]
    return np.concatenate([above, equal])


def made(vectors: Floats) -> Any:
    """Return faiss's exact index of vectors, or None, with a warning, if it is not installed."""
    try:
        import faiss  # an extra
    except ImportError:
        warn(MISSING.format(len(vectors), MOST))
        return None
    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(vectors)
    return index
