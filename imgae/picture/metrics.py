"""How far a picture is from its reference."""

import math
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray


def psnr(pixels: NDArray[Any], reference: NDArray[Any], peak: float = 1.0) -> float:
    """Return the peak signal-to-noise ratio in dB over all pixels and channels.

    Arrays of one shape, white at `peak`. Infinity if they are equal.
    """
    error = float(np.mean(np.square(pixels.astype(np.float64) - reference.astype(np.float64))))
    return math.inf if error == 0 else 10 * math.log10(peak**2 / error)


SSIM_SIDE: Final = 11
"""The side in pixels of the window that SSIM compares."""


def ssim(pixels: NDArray[np.uint8], reference: NDArray[np.uint8]) -> float:
    """Return the structural similarity of 8-bit pictures (H, W, C), the mean over channels.

    NaN if the height or the width is under SSIM_SIDE: there is no whole window to compare.

    scikit-image with the constants of the paper: Gaussian windows of sigma 1.5, population
    covariance. Needs `pip install 'imgae[bench]'`.
    Source: Wang et al. 2004, Image Quality Assessment, IEEE TIP 13(4):600-612.
    """
    if min(pixels.shape[:2]) < SSIM_SIDE:
        return math.nan
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


def ring_of(mask: NDArray[np.bool_], width: int = 24) -> NDArray[np.bool_]:
    """Return what lies within `width` pixels around a mask (H, W)."""
    import cv2

    far = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, 5)
    ring: NDArray[np.bool_] = (far > 0) & (far <= width)
    return ring


def patch_distance(
    pixels: NDArray[Any], mask: NDArray[np.bool_], side: int = 5, directions: int = 64
) -> float:
    """Return how unlike the patches in a hole are to those of the ring around it; 0 is alike.

    pixels: (H, W, 3), white at 255; mask: (H, W). The sliced Wasserstein distance (Rabin et al.
    2011) between the high-passed patches of side x side that lie wholly in each, in 8-bit levels.
    A measure of texture, not of truth: blur is far from grain, another grain is not.
    """
    import cv2

    values = pixels.astype(np.float32)
    fine = values - cv2.GaussianBlur(values, (0, 0), 4)
    windows = np.lib.stride_tricks.sliding_window_view(fine, (side, side), (0, 1))

    def inside(area: NDArray[np.bool_]) -> NDArray[Any]:
        whole = np.lib.stride_tricks.sliding_window_view(area, (side, side)).all((2, 3))
        return windows[whole].reshape(int(whole.sum()), -1)

    hole, ring = inside(mask), inside(ring_of(mask))
    if min(len(hole), len(ring)) == 0:
        return float("nan")
    rng = np.random.default_rng(0)
    basis = rng.normal(size=(hole.shape[1], directions)).astype(np.float32)
    basis /= np.linalg.norm(basis, axis=0)
    at = np.linspace(0, 1, 256)
    a, b = (np.quantile(patches @ basis, at, axis=0) for patches in (hole, ring))
    return float(np.abs(a - b).mean())


def detail_ratio(pixels: NDArray[Any], mask: NDArray[np.bool_]) -> float:
    """Return the high-frequency energy in a hole over that of the ring around it.

    pixels: (H, W, 3); mask: (H, W). High frequencies are what a Gaussian of 1.5 pixels takes away.
    """
    import cv2

    values = pixels.astype(np.float32)
    fine = np.square(values - cv2.GaussianBlur(values, (0, 0), 1.5)).mean(2)
    return float(fine[mask].mean() / max(fine[ring_of(mask)].mean(), 1e-9))


def seam_ratio(pixels: NDArray[Any], mask: NDArray[np.bool_]) -> float:
    """Return the mean step across the rim of a hole over the mean step in the ring around it.

    pixels: (H, W, 3); mask: (H, W). 1 is a seam that cannot be seen, more is one that can.
    """
    values = pixels.astype(np.float32)
    ring = ring_of(mask)
    across, around = [], []
    for axis in (0, 1):
        step = np.abs(np.diff(values, axis=axis)).mean(2)
        first, second = (np.take(mask, range(s, s + step.shape[axis]), axis) for s in (0, 1))
        near = np.take(ring, range(step.shape[axis]), axis) & ~second
        across.append(step[first != second])
        around.append(step[near & ~first])
    return float(np.concatenate(across).mean() / max(np.concatenate(around).mean(), 1e-9))
