"""The members of the family, and baselines: how each judges the cells of a picture.

A member describes cells (`anomaly_cells`) and has a rule, which learns what is usual from the good
pictures and gives each cell of the others a number, the larger the less usual.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from imgae.evaluate.anomaly_cells import BLOCKS, FEATURES, RESIDUAL, Cells, Described, Pictures
from imgae.restore.anomaly.statistics import Moments, whitener_of

Values = NDArray[np.float32]
"""(h, w)."""
Rows = NDArray[np.float32]
"""(N, C): cells below one another."""
Rule = Callable[[Pictures, Pictures], list[Values]]
"""From the descriptions of pictures to learn from and of others to the values of the others."""
SMOOTH: Final = 0.7
"""Deviation of the Gaussian that maps are smoothed by, in cells."""
REMEMBERED: Final = 2000
CANDIDATES: Final = 10_000
"""Cells that a memory keeps, and of which it chooses them, so that they cover all."""
SKETCHED: Final = 64
"""Random directions that distances are taken along while a memory is chosen."""
KEPT: Final = 32
"""Principal components of blocks."""
TINY: Final = 1e-6


@dataclass(frozen=True)
class Member:
    """A way to find what is unusual, under its name in the tables."""

    name: str
    rule: Rule

    def __call__(self, cells: Described) -> list[Values]:
        """Return the smoothed values of the cells of the tested pictures."""
        return [smoothed(values) for values in self.rule(cells.learnt, cells.tested)]


def of_code(name: str) -> list[Member]:
    """Return what a code model's descriptions are judged by. name: what they begin with."""
    code, error = f"{name}.code", f"{name}.error"
    both = partial(together, [partial(far, code), partial(itself, error)])
    return [
        Member(f"{name}: error", partial(itself, error)),
        Member(f"{name}: Mahalanobis", partial(far, code)),
        Member(f"{name}: nearest", partial(remembered, [code], 1)),
        Member(f"{name}: Mahalanobis, error", both),
    ]


def family(names: Sequence[str], levels: Sequence[str]) -> list[Member]:
    """Return the members of the family.

    names: of code models. levels: of the encoder.
    """
    encoder = [Member(f"encoder {level}: Mahalanobis", partial(far, level)) for level in levels]
    return [
        *(member for name in names for member in of_code(name)),
        *encoder,
        Member("denoiser: residual", partial(off, RESIDUAL)),
        Member("features: nearest", partial(remembered, [FEATURES], 1)),
    ]


def baselines(levels: Sequence[str]) -> list[Member]:
    """Return what others do. levels: of the encoder, whose cells a memory keeps."""
    return [
        Member("difference to the mean", from_mean),
        Member("patch PCA", beyond_components),
        Member("memory of encoder features", partial(remembered, levels, 3)),
    ]


def itself(of: str, learnt: Pictures, tested: Pictures) -> list[Values]:
    """Return the one number by which cells are described."""
    del learnt
    return [cells[0] for cells in tested[of]]


def off(of: str, learnt: Pictures, tested: Pictures) -> list[Values]:
    """Return by how many deviations the logarithm of a number is above or below its mean."""
    usual = np.log(rows_of(learnt[of]) + TINY)
    mean, spread = float(usual.mean()), float(usual.std()) + TINY
    return [np.abs(np.log(cells[0] + TINY) - mean) / spread for cells in tested[of]]


def far(of: str, learnt: Pictures, tested: Pictures) -> list[Values]:
    """Return Mahalanobis distances from the mean of all cells, over the root of the channels."""
    matrix, offset = whitener_of(Moments.of(rows_of(learnt[of])))
    return judged(tested[of], lambda x: np.sqrt(np.square(x @ matrix.T + offset).mean(1)))


def remembered(of: Sequence[str], window: int, learnt: Pictures, tested: Pictures) -> list[Values]:
    """Return distances from the nearest of the cells that are remembered.

    Each channel is divided by its deviation. window: the means over so many cells a side are
    described (Roth et al. 2022, "Towards Total Recall in Industrial Anomaly Detection").
    """
    known, asked = ([side_by_side(one, of, window, place) for place in range(len(one[of[0]]))]
                    for one in (learnt, tested))  # fmt: skip
    rows = rows_of(known)
    spread = rows.std(0) + TINY
    memory = chosen(rows / spread)
    squares = np.square(memory).sum(1)

    def nearest(x: Rows) -> Any:
        unit = x / spread
        least = (squares - 2 * unit @ memory.T).min(1)
        return np.sqrt((least + np.square(unit).sum(1)).clip(0))

    return judged(asked, nearest)


def side_by_side(pictures: Pictures, of: Sequence[str], window: int, place: int) -> Cells:
    cells = np.concatenate([pictures[name][place] for name in of])
    if window == 1:
        return cells
    edge = cv2.BORDER_REPLICATE
    return np.stack([cv2.blur(plane, (window, window), borderType=edge) for plane in cells])


def chosen(rows: Rows) -> Rows:
    """Return REMEMBERED of many rows: always the one that lies farthest from those chosen."""
    random = np.random.default_rng(0)
    if len(rows) > CANDIDATES:
        rows = rows[np.sort(random.choice(len(rows), CANDIDATES, replace=False))]
    if len(rows) <= REMEMBERED:
        return rows
    sketch = rows
    if rows.shape[1] > SKETCHED:
        sketch = rows @ random.normal(0, 1, (rows.shape[1], SKETCHED)).astype(np.float32)
    squares = np.square(sketch).sum(1)
    away = np.full(len(rows), np.inf, np.float32)
    kept = [int(random.integers(len(rows)))]
    while len(kept) < REMEMBERED:
        last = kept[-1]
        np.minimum(away, squares + squares[last] - 2 * (sketch @ sketch[last]), out=away)
        kept.append(int(away.argmax()))
    return rows[kept]


def together(rules: Sequence[Rule], learnt: Pictures, tested: Pictures) -> list[Values]:
    """Return the sum of the logarithms of what rules give, each less its mean over its deviation.

    Mean and deviation are those of the pictures that were learnt from.
    """
    total: list[Values] = []
    for rule in rules:
        usual = np.log(np.concatenate([x.ravel() for x in rule(learnt, learnt)]) + TINY)
        mean, spread = float(usual.mean()), float(usual.std()) + TINY
        parts = [(np.log(x + TINY) - mean) / spread for x in rule(learnt, tested)]
        total = [a + b for a, b in zip(total, parts, strict=True)] if total else parts
    return total


def from_mean(learnt: Pictures, tested: Pictures) -> list[Values]:
    """Return the root mean square difference of pixels from the mean picture.

    Where pictures differ in size, from their mean colour.
    """
    known = learnt[BLOCKS]
    if len({cells.shape for cells in (*known, *tested[BLOCKS])}) == 1:
        mean = np.mean(known, 0)
    else:
        mean = rows_of(known).reshape(-1, 3, len(known[0]) // 3).mean((0, 2))
        mean = np.repeat(mean, len(known[0]) // 3)[:, None, None]
    return [np.sqrt(np.square(cells - mean).mean(0)) for cells in tested[BLOCKS]]


def beyond_components(learnt: Pictures, tested: Pictures) -> list[Values]:
    """Return the error that KEPT principal components of the blocks of all pictures leave."""
    rows = rows_of(learnt[BLOCKS])
    mean = rows.mean(0)
    _, vectors = np.linalg.eigh(np.cov((rows - mean).T))
    kept = vectors[:, -KEPT:].astype(np.float32)

    def error(x: Rows) -> Any:
        centred = x - mean
        return np.sqrt(np.square(centred - centred @ kept @ kept.T).mean(1))

    return judged(tested[BLOCKS], error)


def rows_of(pictures: Sequence[Cells]) -> Rows:
    return np.concatenate([cells.reshape(len(cells), -1).T for cells in pictures])


def judged(pictures: Sequence[Cells], judge: Callable[[Rows], Any]) -> list[Values]:
    """Return the values that a judge of cells gives for each picture."""
    return [
        np.asarray(judge(rows_of([cells])), np.float32).reshape(cells.shape[1:])
        for cells in pictures
    ]


def smoothed(values: Values) -> Values:
    blurred = cv2.GaussianBlur(values, (0, 0), SMOOTH, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(blurred, np.float32)
