"""Whether two pictures show the same, pixel upon pixel: a noisy one and a clean one.

All is measured on the mean of the channels and against what noise alone does to the measurement,
so that strong noise makes no pair look wrong.
"""

import math
from collections.abc import Iterator
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from imgae.picture.pixels import to_float

Array = NDArray[np.float32]

MOST_SHIFT: Final = 0.5
"""Pixels from which a pair is refused."""
MOST_GAIN: Final = 0.05
"""How much brighter or darker a picture may be, as a share."""
SIDE: Final = 1024
"""What is looked at: so much of the middle."""
BLUR: Final = 1.0
"""Of both pictures before gradients, in pixels."""
ALIKE: Final = 3.5
"""How many times less a blurred pixel tells than one by itself."""
SURE: Final = 4.0
"""Standard errors."""
BLOCK: Final = 8
FEWEST: Final = 16
"""Blocks from which brightness is compared."""
BETTER: Final = 0.6
"""How little another pose may leave of what does not fit."""
STEPS: Final = 4


def fault(noisy: NDArray[Any], clean: NDArray[Any]) -> str | None:
    """Say what is wrong with a pair of (H, W, C) of one size and type; None if nothing is."""
    first, second = gray(noisy), gray(clean)
    if not np.ptp(second) > 0:
        return None
    if turned(first, second):
        return "it is turned or mirrored against its clean picture"
    whole = shift_of(first, second)
    if said := too_far(whole, ""):
        return said
    gain, error, share = exposure(first, second)
    if gain + SURE * error < 0.5 and share < 0.5:
        return "it does not show what its clean picture shows"
    if abs(gain - 1) > MOST_GAIN + SURE * error:
        return f"its brightness goes {gain:.2f} times as far as that of its clean picture"
    offset = float(first.mean() - second.mean()) - (gain - 1) * float(second.mean())
    if abs(first.mean() - second.mean()) > 2 * MOST_GAIN * float(np.ptp(blocks(second)) + 1e-9):
        return f"it is brighter by {offset:.3g} of white than its clean picture"
    for name, part, other in quarters(first, second):
        if said := too_far(shift_of(part, other, coarse=False), name):
            return said
    return None


def too_far(shift: tuple[float, float, float], where: str) -> str | None:
    """Say how far a picture is shifted, if that is too far to be noise."""
    down, across, error = shift
    distance = math.hypot(down, across)
    if not distance > MOST_SHIFT + SURE * error:
        return None
    return (
        f"it is shifted against its clean picture{where}, by {across:.1f} pixels across and "
        f"{down:.1f} down"
    )


def gray(picture: NDArray[Any]) -> Array:
    """Return the middle of a picture as means of its channels, (H, W)."""
    height, width = picture.shape[:2]
    top, left = max(0, height - SIDE) // 2, max(0, width - SIDE) // 2
    part = to_float(picture[top : top + SIDE, left : left + SIDE])
    mean: Array = part.mean(2)
    return mean


def blocks(picture: Array) -> Array:
    """Return means over 8x8 pixels."""
    rows, columns = (side // BLOCK for side in picture.shape)
    part = picture[: rows * BLOCK, : columns * BLOCK].reshape(rows, BLOCK, columns, BLOCK)
    mean: Array = part.mean((1, 3))
    return mean


def turned(noisy: Array, clean: Array) -> bool:
    """Return whether a picture fits much better if it is turned or mirrored."""
    first, second = blocks(noisy), blocks(clean)
    if first.size < FEWEST:
        return False
    fits = [
        correlation(np.rot90(flipped, turns), second)
        for flipped in (first, first[:, ::-1])
        for turns in range(4)
        if np.rot90(flipped, turns).shape == second.shape
    ]
    return max(fits) > 0.5 and 1 - max(fits) < BETTER * (1 - fits[0])


def correlation(first: Array, second: Array) -> float:
    a, b = first - first.mean(), second - second.mean()
    return float((a * b).sum() / max(math.sqrt(float((a * a).sum() * (b * b).sum())), 1e-20))


def exposure(noisy: Array, clean: Array) -> tuple[float, float, float]:
    """Return how many times as far the noisy picture's brightness goes, the standard error of
    that, and the correlation; of means over blocks, in which there is little noise.
    """
    first, second = blocks(noisy).ravel(), blocks(clean).ravel()
    if first.size < FEWEST:
        return 1.0, math.inf, 1.0
    a, b = first - first.mean(), second - second.mean()
    power = float((b * b).sum())
    if power <= 1e-12 * b.size:
        return 1.0, math.inf, 1.0
    gain = float((a * b).sum()) / power
    rest = float(np.square(a - gain * b).mean())
    return gain, math.sqrt(rest / power), correlation(first, second)


def shift_of(noisy: Array, clean: Array, coarse: bool = True) -> tuple[float, float, float]:
    """Return by how many pixels down and across the noisy picture lies, and the standard error.

    coarse: begin with whole pixels, by phase correlation. Then by least squares on the gradients of
    the clean picture, moved along, which is exact to hundredths of a pixel (Lucas and Kanade 1981).
    """
    first, second = (
        np.asarray(cv2.GaussianBlur(part, (0, 0), BLUR), np.float32) for part in (noisy, clean)
    )
    down, across = whole_shift(first, second) if coarse else (0.0, 0.0)
    error = math.inf
    for _ in range(STEPS):
        matrix = np.array([[1, 0, across], [0, 1, down]], np.float32)
        size = (second.shape[1], second.shape[0])
        moved = cv2.warpAffine(second, matrix, size, flags=cv2.INTER_CUBIC)
        edge = 4 + math.ceil(max(abs(down), abs(across)))
        inner = (slice(edge, -edge), slice(edge, -edge))
        if min(moved[inner].shape) < 2 * BLOCK:
            return 0.0, 0.0, math.inf
        rows, columns = np.gradient(moved)
        slopes = np.stack([part[inner].ravel() for part in (rows, columns, moved)], 1)
        slopes = (slopes - slopes.mean(0)).astype(np.float64)  # the third is for brightness
        left = (moved - first)[inner].ravel().astype(np.float64)
        left -= left.mean()
        power = slopes.T @ slopes
        if np.linalg.det(power[:2, :2]) <= 1e-6 * np.trace(power[:2, :2]) ** 2:
            return 0.0, 0.0, math.inf  # nothing, or stripes that show no shift along them
        found = np.linalg.lstsq(power, slopes.T @ left, rcond=None)[0]
        down, across = down + float(found[0]), across + float(found[1])
        rest = float(np.square(left - slopes @ found).mean())
        error = ALIKE * math.sqrt(rest * float(np.trace(np.linalg.inv(power[:2, :2]))))
    return down, across, error


def whole_shift(first: Array, second: Array) -> tuple[float, float]:
    """Return the shift in whole pixels, down and across, if phase correlation is sure of it."""
    window = cv2.createHanningWindow((first.shape[1], first.shape[0]), cv2.CV_32F)
    (across, down), _ = cv2.phaseCorrelate(second, first, window)
    down, across = float(round(down)), float(round(across))
    limit = min(first.shape) / 4
    if max(abs(down), abs(across)) > limit:
        return 0.0, 0.0
    moved = np.roll(second, (int(down), int(across)), (0, 1))
    if correlation(moved, first) <= correlation(second, first):
        return 0.0, 0.0
    return down, across


def quarters(first: Array, second: Array) -> Iterator[tuple[str, Array, Array]]:
    """Yield the quarters of both pictures, with what they are called."""
    rows, columns = (side // 2 for side in first.shape)
    for down, part in (("upper", slice(None, rows)), ("lower", slice(rows, None))):
        for across, other in (("left", slice(None, columns)), ("right", slice(columns, None))):
            yield f" in its {down} {across} quarter", first[part, other], second[part, other]
