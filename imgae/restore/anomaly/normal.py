"""What is normal, as numbers: which features of a picture are looked at, and what they are like.

`statistics` finds these numbers in good pictures, and `graph` makes nodes of an ONNX file of them.
Of every cell of a picture, as of 8x8 pixels, experts tell how unusual it is.
"""

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

SOURCES: Final = ("image", "half", "quarter", "eighth", "code", "features", "restored", "lost")
"""Tensors of a backbone by what they are: the picture, the encoder's last features at 1/2, 1/4 and
1/8 of its size, the outputs `code` and `features`, the picture as decoded from the code, and the
mean over the channels of (restored - image)^2."""
NEAR: Final = 24
"""Pixels through which the border is felt."""


@dataclass(frozen=True)
class Level:
    """A tensor of the backbone as a feature.

    source: one of SOURCES. pool: the side of the windows, in its own pixels, whose mean is taken
    around each; odd; 1 takes the values as they are.
    """

    source: str
    pool: int = 1


LOST: Final = Level("lost")
"""What an Error looks at."""


@dataclass(frozen=True, eq=False)
class Features:
    """Levels brought to cells, one after the other as channels, and mixed.

    levels: their means over cells. pool: side of the windows, in cells, whose mean is taken then;
    odd. matrix: (K, D), from the D channels of all levels to K. offset: (K,). The features of a
    cell are matrix @ channels + offset.
    """

    levels: tuple[Level, ...]
    pool: int
    matrix: Floats
    offset: Floats


@dataclass(frozen=True)
class Usual:
    """What an expert gives for good cells: mean and deviation, by how near the border they are.

    Each is (a, b, c), for a + b u + c u^2, where u is how much of the window around a cell, with
    the cells in NEAR pixels on each side, lies outside the picture, from 0 to 1. The deviation is
    at least its a, above 0.
    """

    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    deviation: tuple[float, float, float] = (1.0, 0.0, 0.0)


@dataclass(frozen=True, eq=False)
class Gaussian:
    """The length of a cell's features: of whitened ones, the Mahalanobis distance."""

    features: Features
    usual: Usual = field(default=Usual())


@dataclass(frozen=True, eq=False)
class Memory:
    """The distance of a cell's features from those that are remembered.

    vectors: (M, K), remembered. nearest: of how many the mean is taken.
    """

    features: Features
    vectors: Floats
    nearest: int = 1
    usual: Usual = field(default=Usual())


@dataclass(frozen=True, eq=False)
class Error:
    """How much more of a cell than expected is lost on the way through the code.

    expected: one feature, the logarithm of the expected error. What counts is the logarithm of
    LOST + floor, less that.
    """

    expected: Features
    floor: float
    usual: Usual = field(default=Usual())


Expert = Gaussian | Memory | Error


@dataclass(frozen=True, eq=False)
class Normal:
    """All that a fitted file knows of good pictures.

    cell: side of cells in pixels, 4 or 8. experts: of what each gives, its usual mean is taken
    away, and the rest divided by its usual deviation. weights: one for each expert. by: "sum" of
    what they give times their weights, or "max". blur: standard deviation of the Gaussian that
    smooths the result, in cells; 0: none.
    The anomaly of a pixel is the result, enlarged bilinearly, or 0 where it is less.
    """

    experts: tuple[Expert, ...]
    weights: tuple[float, ...] = field(default=(1.0,))
    cell: int = 8
    by: str = "sum"
    blur: float = 1.0


def features_of(expert: Expert) -> Features:
    return expert.expected if isinstance(expert, Error) else expert.features


def blur_kernel(blur: float) -> Floats:
    """Return the weights of a Gaussian, (side, side), whose sum is 1."""
    reach = max(1, round(2.5 * blur))
    line = np.exp(-0.5 * np.square(np.arange(-reach, reach + 1) / blur))
    kernel = np.outer(line, line)
    return np.asarray(kernel / kernel.sum(), np.float32)
