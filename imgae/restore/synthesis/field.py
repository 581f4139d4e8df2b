"""For every patch that touches a hole, the known patch that is nearest to it.

Sources: Barnes, Shechtman, Finkelstein and Goldman 2009, PatchMatch (propagation, random search);
coherence: Ashikhmin 2001, Synthesizing Natural Textures.
"""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from imgae.restore.synthesis.patches import HALF, SIDE

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]
Places = NDArray[np.int32]

MANY: Final = 3000
"""Sources that all targets are compared with at the coarsest scale."""
ROWS: Final = 64
COLUMNS: Final = 150
"""Targets and sources in one matrix product: small enough that it takes one thread, for the
threads of some linear algebra wait for each other busily."""
SIDES4: Final = ((0, 1), (0, -1), (1, 0), (-1, 0))


def whole_patches(usable: Mask) -> Mask:
    """Return the centres of patches of which every pixel is usable, none cut by the border."""
    whole = cv2.erode(
        usable.astype(np.uint8),
        np.ones((SIDE, SIDE), np.uint8),
        borderValue=0,
        borderType=cv2.BORDER_CONSTANT,
    )
    return np.asarray(whole) > 0


def touching(hole: Mask) -> Mask:
    """Return the centres of patches that touch a hole."""
    return np.asarray(cv2.dilate(hole.astype(np.uint8), np.ones((SIDE, SIDE), np.uint8))) > 0


@dataclass
class Field:
    """Nearest sources.

    shape: of the picture. targets: flat places (N,) whose patches touch the hole; source: flat
    places (N,) of what stands for them; cost: (N,) squared distances; order: (H, W), the number
    of a target at its place, or -1; whole: flat (H * W,), True where a source may lie.
    """

    shape: tuple[int, int]
    targets: Places
    source: Places
    cost: Floats
    order: Places
    whole: Mask

    @classmethod
    def new(cls, targets: Mask, whole: Mask, source: Places) -> "Field":
        shape = (targets.shape[0], targets.shape[1])
        places = np.flatnonzero(targets).astype(np.int32)
        order = np.full(shape, -1, np.int32)
        order.ravel()[places] = np.arange(len(places), dtype=np.int32)
        cost = np.full(len(places), np.inf, np.float32)
        return cls(shape, places, source, cost, order, whole.ravel())

    def neighbours(self, down: int, right: int) -> Places:
        """Return the number of the target at a shift from every target, or -1."""
        height, width = self.shape
        row, column = np.divmod(self.targets, np.int32(width))
        row, column = row + np.int32(down), column + np.int32(right)
        inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
        found: Places = np.where(
            inside, self.order.ravel()[np.where(inside, row * width + column, 0)], -1
        )
        return found


def distances(described: Floats, sources: Floats, at: Places) -> Floats:
    """Return squared distances (N,) of vectors (N, D) to the sources (M, D) at places (N,)."""
    apart = sources.take(at, 0)
    apart -= described
    found: Floats = np.einsum("nd,nd->n", apart, apart)
    return found


def search_many(field: Field, described: Floats, sources: Floats, rng: np.random.Generator) -> None:
    """Compare all targets with all sources, or with MANY of them drawn anew."""
    places = np.flatnonzero(field.whole).astype(np.int32)
    if len(places) > MANY:
        places = places[rng.choice(len(places), MANY, replace=False)]
    candidates = sources[places]
    length = np.einsum("md,md->m", candidates, candidates)
    count, size = described.shape
    padded = np.pad(-2 * described, ((0, -count % ROWS), (0, 0))).reshape(-1, ROWS, size)
    least = np.full(padded.shape[0] * ROWS, np.inf, np.float32)
    best = np.zeros(len(least), np.int32)
    every = np.arange(len(least))
    for start in range(0, len(places), COLUMNS):
        part = slice(start, start + COLUMNS)
        apart = (padded @ candidates[part].T).reshape(len(least), -1)
        apart += length[part]
        nearest = apart.argmin(1)
        cost = apart[every, nearest]
        better = cost < least
        best[better] = nearest[better] + start
        least[better] = cost[better]
    which = np.arange(count, dtype=np.int32)
    try_sources(field, described, sources, which, places[best[:count]])


def try_sources(
    field: Field,
    described: Floats,
    sources: Floats,
    which: Places,
    at: Places,
) -> None:
    """Take places for some targets (by number) where they are nearer than what is there."""
    fits = field.whole[at]
    which, at = which[fits], at[fits]
    if not len(which):
        return
    cost = distances(described.take(which, 0), sources, at)
    better = cost < field.cost[which]
    which, at = which[better], at[better]
    field.source[which] = at
    field.cost[which] = cost[better]


def propagate(field: Field, described: Floats, sources: Floats, step: int) -> None:
    """Try what the neighbours at a step have found, shifted accordingly."""
    height, width = field.shape
    for down, right in SIDES4:
        other = field.neighbours(down * step, right * step)
        shift = np.int32(down * step * width + right * step)
        which = np.flatnonzero(other >= 0).astype(np.int32)
        at = field.source[other[which]] - shift
        new = (at != field.source[which]) & (at >= 0) & (at < height * width)
        try_sources(field, described, sources, which[new], at[new])


def search_around(
    field: Field, described: Floats, sources: Floats, radius: int, rng: np.random.Generator
) -> None:
    """Try a random place within a radius of what every target has."""
    height, width = field.shape
    row, column = np.divmod(field.source, np.int32(width))
    count = len(row)
    row = (row + rng.integers(-radius, radius + 1, count, np.int32)).clip(0, height - 1)
    column = (column + rng.integers(-radius, radius + 1, count, np.int32)).clip(0, width - 1)
    every = np.arange(count, dtype=np.int32)
    try_sources(field, described, sources, every, row * np.int32(width) + column)


def finer(field: Field, targets: Mask, whole: Mask) -> Field:
    """Return the field at twice the size; what does not fit there has no finite cost yet."""
    height, width = targets.shape
    places = np.flatnonzero(targets).astype(np.int32)
    row, column = np.divmod(places, np.int32(width))
    parent = field.order[row // 2, column // 2]
    at = field.source[np.maximum(parent, 0)]
    above, left = np.divmod(at, np.int32(field.shape[1]))
    above = (2 * above + row % 2).clip(HALF, height - 1 - HALF)
    left = (2 * left + column % 2).clip(HALF, width - 1 - HALF)
    source = above * np.int32(width) + left
    lost = ~whole.ravel()[source] | (parent < 0)
    source[lost] = nearest_marked(whole).ravel()[source[lost]]
    return Field.new(targets, whole, source)


def nearest_marked(marked: Mask) -> Places:
    """Return for every pixel the flat place of the nearest marked one, (H, W)."""
    far = (~marked).astype(np.uint8)
    labels = np.asarray(
        cv2.distanceTransformWithLabels(far, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)[1]
    )
    places = np.zeros(int(labels.max()) + 1, np.int32)
    places[labels[marked]] = np.flatnonzero(marked)
    found: Places = places[labels]
    return found
