"""What is normal, as numbers: what of a picture is looked at, and what good pictures have there.

`statistics` finds these numbers in good pictures, and `graph` makes nodes of an ONNX file of them.
Of every cell of CELL x CELL pixels several experts tell how unusual it is.
"""

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
CELL: Final = 8
NEAR: Final = 28
"""Pixels to each side that the border of a picture is felt through, in whole cells."""
SCALES: Final = {"image": 1, "detail": 1, "features": 4}
"""Pixels on a side of what one value of a source is about.

image: the picture. detail: what a Gaussian of FINE pixels takes from it. features: of the backbone.
"""
FINE: Final = 1.0


@dataclass(frozen=True)
class Level:
    """What is known of a place by one tensor of the backbone.

    source: one of SCALES. spread: the standard deviation of its values over the place, in place
    of their mean.
    """

    source: str
    spread: bool = False


@dataclass(frozen=True)
class Look:
    """What an expert looks at.

    levels: one after the other as channels. parts: into how many a side of a cell is parted; of
    its parts, the most unusual one counts. around: means over a cell and its eight neighbours; of
    spreads the logarithm of the mean square, plus LEAST_SPREAD. handicap: usual deviations by which
    it must be more surprised to count as much as others.
    """

    levels: tuple[Level, ...]
    parts: int = 1
    around: bool = False
    handicap: float = 0.0


LEAST_SPREAD: Final = 1e-5
TONES: Final = (Level("image"), Level("image", spread=True), Level("detail", spread=True))
LOOKS: Final = (
    Look((Level("features"),), parts=2),
    Look(TONES, handicap=1.0),
    Look(TONES, around=True, handicap=1.0),
)
"""Learnt features, in which flaws lie far from what is normal; and tones of a cell and around it:
colours, and how much they vary. Tones find thin scratches and faint stains in uniform materials,
where features see little; where good pictures differ much, what is good surprises them."""


@dataclass(frozen=True)
class Usual:
    """What an expert gives for good cells: mean and deviation, by how near the border they are.

    Each is (a, b, c), for a + b u + c u^2, where u is how much of the window of NEAR pixels around
    a cell lies outside the picture, from 0 to 1. The deviation is at least its a, above 0.
    known: the least and the largest u of good cells; others count as the nearer of these.
    """

    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    deviation: tuple[float, float, float] = (1.0, 0.0, 0.0)
    known: tuple[float, float] = (0.0, 1.0)


LEAST_SQUARE: Final = 1e-3
"""Added to a mean square before its logarithm is taken."""


@dataclass(frozen=True, eq=False)
class Expert:
    """The Mahalanobis distance of what is looked at from its mean in good pictures.

    matrix: (K, D), which whitens the D channels; offset: (K,). An expert gives the logarithm of the
    mean square of matrix @ channels + offset; of the parts of a cell, the largest.
    """

    look: Look
    matrix: Floats
    offset: Floats
    usual: Usual = field(default=Usual())


@dataclass(frozen=True, eq=False)
class Normal:
    """All that a fitted file knows of good pictures.

    The anomaly of a cell is log(1 + mean of exp(z)), where z is what an expert gives, less its
    usual mean, divided by its usual deviation: about 1 where nothing is unusual, and about z where
    one expert is much surprised. It is enlarged bilinearly to pixels.
    """

    experts: tuple[Expert, ...]
