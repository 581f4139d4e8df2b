"""How far a picture is from its reference."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray


def psnr(pixels: NDArray[Any], reference: NDArray[Any], peak: float = 1.0) -> float:
    """Return the peak signal-to-noise ratio in dB over all pixels and channels.

    Arrays of one shape, white at `peak`. Infinity if they are equal.
    """
    error = float(np.mean(np.square(pixels.astype(np.float64) - reference.astype(np.float64))))
    return math.inf if error == 0 else 10 * math.log10(peak**2 / error)
