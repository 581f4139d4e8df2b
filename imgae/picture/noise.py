"""How noisy a picture is: a blind estimate of the level of white Gaussian noise."""

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from imgae.picture.pixels import to_float

PATCH_SIDE: Final = {1: 8, 3: 5}  # by channels: enough dimensions for noise to fill most of them
PATCHES: Final = 20_000
GROUP: Final = 40  # patches in one matrix product
FEWEST_PATCHES: Final = 500
WHITE_RATIO: Final = 1.6  # white noise halves when 2x2 pixels are averaged; grain does not
QUIETEST: Final = (0.6, 2.0)  # of the level: where a picture is flat, noise is all that is left
QUIET_SHARE: Final = 0.02  # of the patches
SMALLEST: Final = 1e-5  # far under a gray level
ROUNDING_ONLY: Final = 0.25 / 255**2  # variance of steps between pixels
ROOM: Final = 1.5  # levels that a patch's mean should keep from black and white


@dataclass(frozen=True)
class NoiseEstimate:
    """sigma: on [0, 1]. caution: a reason not to trust it, for people, or None."""

    sigma: float
    caution: str | None = None


def estimate_noise(pixels: NDArray[Any]) -> NoiseEstimate:
    """Estimate the standard deviation of additive white Gaussian noise.

    pixels: (H, W, C), C 1 or 3, uint8, uint16 or float with white at 1. Returns sigma on [0, 1].
    Uses at most 20,000 patches, spread evenly, so the time hardly grows with the picture.

    The covariance of small patches has few large eigenvalues, the picture's, and many small ones
    that are all noise. Clipping at black and white is allowed for. On every third picture of
    CBSD68 in 8 bits it reads 5.0, 14.9, 24.7 and 48.9 for 5, 15, 25 and 50 on average, single
    pictures up to 3 % less, at 50 up to 7 %; clean photographs read 0.3 to 2.9.

    Uses one channel where they are not independent, as in a gray picture stored as RGB.

    Known limits: pictures too small to hold enough patches give 0, and noise that is not white, as
    in JPEGs of cameras, is mostly not seen; `caution` says so. Flat parts without noise, such as
    frames around a scan, lower the estimate.
    Source: Chen, Zhu and Heng 2015, An Efficient Statistical Method for Image Noise Level
    Estimation, ICCV.
    """
    pixels = independent_channels(pixels)
    side = PATCH_SIDE[pixels.shape[2]]
    height, width = pixels.shape[0] - side + 1, pixels.shape[1] - side + 1
    if min(height, width) < 1 or height * width < FEWEST_PATCHES:
        return NoiseEstimate(0.0, "too small to estimate noise; give --sigma")
    patches = patches_of(pixels, side)
    sigma = level_of(patches)
    if min(height, width) < 3 * side:
        return NoiseEstimate(sigma, "a small picture, so a rough estimate")
    averaged = patches_of(pixels, side, halved=True)
    halved = flat_level(averaged.reshape(len(averaged), -1))
    white = sigma > WHITE_RATIO * halved and is_everywhere(sigma, patches)
    if sigma < 1 / 255 or not white:
        return NoiseEstimate(
            sigma,
            "no white noise found; noise in most JPEGs is not seen, try --sigma 10 if you see it",
        )
    return NoiseEstimate(sigma)


def independent_channels(pixels: NDArray[Any]) -> NDArray[Any]:
    """Return the channels, or the liveliest alone if one follows from the others.

    Noise that is the same in all channels would leave most of a patch's dimensions empty, and
    read as none. Judged on what differs from pixel to pixel; rounding alone counts as nothing.
    """
    if pixels.shape[2] == 1 or pixels.shape[1] < 2:
        return pixels
    rows = pixels[:: max(1, len(pixels) // 64)]
    steps = np.diff(np.clip(to_float(rows), -1, 2), axis=1).reshape(-1, 3)
    spread = steps.T @ steps / len(steps)
    if np.linalg.svd(spread, compute_uv=False)[-1] > ROUNDING_ONLY:
        return pixels
    liveliest = int(spread.diagonal().argmax())
    return pixels[:, :, liveliest : liveliest + 1]


def patches_of(pixels: NDArray[Any], side: int, halved: bool = False) -> NDArray[np.float32]:
    """Return (N, C, side, side) patches, spread evenly; halved: of the 2x2 average."""
    most, window = (PATCHES // 2, 2 * side) if halved else (PATCHES, side)
    rows, columns = pixels.shape[0] - window + 1, pixels.shape[1] - window + 1
    count = min(most, rows * columns)
    places = (np.arange(count) * (rows * columns / count)).astype(np.int64)
    # Offsets within a row differ from row to row, so that no period of the picture is favoured.
    tops, lefts = np.divmod(places, columns)
    windows = np.lib.stride_tricks.sliding_window_view(pixels, (window, window), axis=(0, 1))
    patches = np.clip(to_float(windows[tops, lefts]), -1, 2)
    if not halved:
        return patches
    rows_added = patches[:, :, ::2] + patches[:, :, 1::2]
    averaged = rows_added[..., ::2] + rows_added[..., 1::2]
    return np.multiply(averaged, np.float32(0.25), dtype=np.float32)


def level_of(patches: NDArray[np.float32]) -> float:
    """Estimate the level from patches (N, C, side, side), those far from black and white first."""
    flat = patches.reshape(len(patches), -1)
    means = means_of(patches)
    room = np.minimum(means.min(1), 1 - means.max(1))
    roomiest = np.argsort(-room)
    sigma = flat_level(flat)
    for _ in range(2):
        count = max(int((room > ROOM * sigma).sum()), min(5000, len(flat)))
        chosen = roomiest[:count]
        measured = flat_level(flat[chosen])
        if measured < SMALLEST:
            return 0.0
        sigma = unclipped(measured, means[chosen])
    return sigma


def means_of(patches: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the mean of each patch's channels, (N, C)."""
    means: NDArray[np.float32] = patches.reshape(*patches.shape[:2], -1).mean(2, dtype=np.float32)
    return means


def is_everywhere(sigma: float, patches: NDArray[np.float32]) -> bool:
    """Tell whether the quietest patches, clipped ones aside, vary about as much as noise does.

    Fine type on flat ground, or the steps of an overexposed picture, read as noise by eigenvalues.
    """
    means = means_of(patches)
    unclipped = (np.minimum(means.min(1), 1 - means.max(1)) > ROOM * sigma).nonzero()[0]
    if len(unclipped) < FEWEST_PATCHES:
        return True
    chosen = patches[unclipped].reshape(len(unclipped) * patches.shape[1], -1)
    variances = chosen.var(1).reshape(len(unclipped), -1).mean(1)
    quietest = math.sqrt(float(np.quantile(variances, QUIET_SHARE)))
    return QUIETEST[0] * sigma < quietest < QUIETEST[1] * sigma


def flat_level(flat: NDArray[np.float32]) -> float:
    """Drop the largest eigenvalues until the mean of the rest is no more than their median."""
    # Singular values, here the eigenvalues, largest first: eigvalsh would wake OpenBLAS's threads.
    values = np.linalg.svd(covariance(flat), compute_uv=False)
    for dropped in range(len(values)):
        rest = values[dropped:]
        if rest.mean() <= np.median(rest):
            break
    return math.sqrt(max(float(rest.mean()), 0.0))


def covariance(flat: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the covariance of (N, D), D up to 75, the last few of N left out.

    In products so small that OpenBLAS stays on one thread: its others would go on spinning for a
    while, and slow the network down that runs next by half.
    """
    groups = (flat - flat.mean(0))[: len(flat) // GROUP * GROUP].reshape(-1, GROUP, flat.shape[1])
    total: NDArray[np.float32] = np.matmul(groups.transpose(0, 2, 1), groups).sum(0)
    return total.astype(np.float64) / (len(groups) * GROUP)


def unclipped(measured: float, means: NDArray[np.float32]) -> float:
    """Return the level whose noise, clipped to [0, 1], measures as given, and has these means."""
    counts, edges = np.histogram(means, 32, (0, 1))
    centres = (edges[1:] + edges[:-1]) / 2
    truths = np.linspace(0, 1, 33)
    sigma = measured
    for _ in range(3):
        # Clipping moves means toward the middle: a dark place reads brighter than it is.
        clipped = np.array([clipped_moments(truth, sigma) for truth in truths])
        left = counts @ np.interp(centres, clipped[:, 0], clipped[:, 1]) / counts.sum()
        sigma *= measured / max(math.sqrt(left), 1e-9)
        sigma = min(sigma, 2 * measured)
    return sigma


def clipped_moments(mean: float, sigma: float) -> tuple[float, float]:
    """Return the mean and the variance of a normal variable clipped to [0, 1]."""
    a, b = -mean / sigma, (1 - mean) / sigma
    below, above = normal_cdf(a), 1 - normal_cdf(b)
    inside = 1 - below - above
    at_a, at_b = normal_pdf(a), normal_pdf(b)
    first = mean * inside + sigma * (at_a - at_b) + above
    second = (
        (mean**2 + sigma**2) * inside
        + sigma * (2 * mean + a * sigma) * at_a
        - sigma * (2 * mean + b * sigma) * at_b
        + above
    )
    return first, second - first**2


def normal_pdf(z: float) -> float:
    return math.exp(-z * z / 2) / math.sqrt(2 * math.pi)


def normal_cdf(z: float) -> float:
    return (1 + math.erf(z / math.sqrt(2))) / 2
