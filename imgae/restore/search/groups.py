"""Groups of pictures that are nearly the same, by their vectors."""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from imgae.restore.search.rows import Rows

FIRST: Final = 256
"""Vectors that are compared with others at once,"""
OTHERS: Final = 16384
"""and how many others: together 16 MiB of scores."""
ROUNDING: Final = 1e-6
"""By which the cosine of equal vectors may be below 1."""
Group = list[tuple[int, float]]
"""Numbers of rows with their cosines to the first of them."""


def groups_of(rows: Rows, threshold: float) -> list[Group]:
    """Return groups of two pictures or more, in the order of rows.

    The first of each group is its largest picture, in pixels, of equal ones that of the largest
    file, which was compressed least, and then the one that comes first. The others, best first,
    have at least a cosine of `threshold` to it. So pictures that are only near to others of a group
    do not get into it. A picture is in one group at most: that of the largest picture that it is
    near to.
    """
    order = np.lexsort((np.arange(len(rows)), -rows.stamps[:, 0], -rows.pixels))
    groups = [
        [(int(order[number]), score) for number, score in group]
        for group in grouped(rows.vectors[order], threshold - ROUNDING)
    ]
    return sorted(groups, key=lambda group: group[0][0])


def grouped(vectors: NDArray[np.float32], least: float) -> Iterator[Group]:
    """Yield groups of vectors: each that is in none yet takes those after it that are near."""
    free = np.ones(len(vectors), bool)
    for start in range(0, len(vectors), FIRST):
        block = start + np.flatnonzero(free[start : start + FIRST])
        heads, groups = among(vectors, block, least)
        free[block] = False
        for at in range(start + FIRST, len(vectors), OTHERS):
            others = at + np.flatnonzero(free[at : at + OTHERS])
            scores = vectors[heads] @ vectors[others].T
            near = scores >= least
            for column in np.flatnonzero(near.any(0)).tolist():
                place = int(near[:, column].argmax())  # the first, which is the largest
                groups[place].append((int(others[column]), float(scores[place, column])))
                free[others[column]] = False
        for group in groups:
            if len(group) > 1:
                first, *rest = group
                best = sorted(rest, key=lambda one: (-one[1], one[0]))
                yield [first, *((number, min(score, 1.0)) for number, score in best)]


def among(
    vectors: NDArray[np.float32], block: NDArray[np.int64], least: float
) -> tuple[NDArray[np.int64], list[Group]]:
    """Return the numbers of the first vectors of groups in a block, and the groups in it."""
    scores = vectors[block] @ vectors[block].T
    free = np.ones(len(block), bool)
    groups: list[Group] = []
    for place, number in enumerate(block.tolist()):
        if free[place]:
            free[place] = False
            near = np.flatnonzero(free & (scores[place] >= least))
            free[near] = False
            members = [(int(block[other]), float(scores[place, other])) for other in near]
            groups.append([(number, 1.0), *members])
    return np.array([group[0][0] for group in groups], np.int64), groups
