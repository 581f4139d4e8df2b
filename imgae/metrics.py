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


def ssim(pixels: NDArray[np.uint8], reference: NDArray[np.uint8]) -> float:
    """Return the structural similarity of 8-bit pictures (H, W, C), the mean over channels.

    scikit-image with the constants of the paper: Gaussian windows of sigma 1.5, population
    covariance. Needs `pip install '.[bench]'`.
    Source: Wang et al. 2004, Image Quality Assessment, IEEE TIP 13(4):600-612.
    """
    from skimage.metrics import structural_similarity

    value = structural_similarity(  # type: ignore[no-untyped-call,unused-ignore]
        pixels,
        reference,
        channel_axis=-1,
        data_range=255,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
    )
    return float(value)
