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
BLURS: Final = (4.0, 4.0, 2.0, 2.0, 1.0, 1.0, 1.0)
"""Of both pictures before gradients, in pixels, one after the other."""
ALIKE: Final = 3.5
"""How many times less sure pixels are that were blurred by one pixel than independent ones."""
SURE: Final = 4.0
"""Standard errors."""
BLOCK: Final = 8
FEWEST: Final = 16
"""Blocks from which brightness is compared."""
BETTER: Final = 0.6
"""How little another pose may leave of what does not fit."""


def fault(noisy: NDArray[Any], clean: NDArray[Any]) -> str | None:
    """Say what is wrong with a pair of (H, W, C) of one size and type; None if nothing is."""
    first, second = gray(noisy), gray(clean)
    if not np.ptp(second) > 0:
        return None
    if turned(first, second):
        return "it is turned or mirrored against its clean picture"
    whole = shift_of(first, second)
    gain, error, share = exposure(*overlapping(first, second, whole))
    if gain + SURE * error < 0.5 and share < 0.5:
        return "it does not show what its clean picture shows"
    if said := too_far(whole, ""):
        return said
    if abs(gain - 1) > MOST_GAIN + SURE * error:
        spread = float(blocks(second).std())
        return (
            f"its brightness varies by {gain * spread:.2g} of white, that of its clean picture by "
            f"{spread:.2g}; are both on one scale?"
        )
    brighter, error = mean_of(first - second)
    if abs(brighter) > 2 * MOST_GAIN * float(np.ptp(blocks(second))) + SURE * error:
        more = "brighter" if brighter > 0 else "darker"
        return f"it is {more} by {abs(brighter):.2g} of white than its clean picture"
    for name, part, other in quarters(first, second):
        if exposure(part, other)[2] < 0.5:
            continue  # hardly anything to be seen in it
        if said := too_far(shift_of(part, other, coarse=False), name):
            return said
    return None


def too_far(shift: tuple[float, float, float], where: str) -> str | None:
    """Say how far a picture is shifted, if that is too far to be noise."""
    down, across, error = shift
    distance = math.hypot(down, across)
    if not distance > MOST_SHIFT + SURE * error:
        return None
    ways = ((across, "right", "left"), (down, "down", "up"))
    said = [
        f"{abs(shift):.1f} pixels {plus if shift > 0 else minus}"
        for shift, plus, minus in ways
        if abs(shift) >= 0.05
    ]
    return f"it is shifted against its clean picture{where}, by {' and '.join(said)}"


def mean_of(picture: Array) -> tuple[float, float]:
    """Return the mean of a picture and its standard error, by what blocks differ."""
    means = blocks(picture)
    if means.size < FEWEST:
        return float(picture.mean()), math.inf
    return float(picture.mean()), float(means.std()) / math.sqrt(means.size)


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


def overlapping(
    first: Array, second: Array, shift: tuple[float, float, float]
) -> tuple[Array, Array]:
    """Return the parts of two pictures that lie on each other once the first is moved back."""
    down, across = (round(value) for value in shift[:2])

    def part(picture: Array, down: int, across: int) -> Array:
        height, width = picture.shape
        return picture[
            max(0, down) : height + min(0, down), max(0, across) : width + min(0, across)
        ]

    return part(first, down, across), part(second, -down, -across)


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
    No shift, of an error that is infinite, where the pictures do not surely fit better with it.
    """
    down, across = whole_shift(noisy, clean) if coarse else (0.0, 0.0)
    error = math.inf
    for blur in BLURS:
        first, second = (smooth(part, blur) for part in (noisy, clean))
        inner = within(first, blur, (down, across))
        if inner is None:
            continue
        found, error = step_to(first[inner], moved_by(second, (down, across))[inner])
        if not math.isfinite(error):
            return 0.0, 0.0, math.inf
        down, across = down + found[0], across + found[1]
        error *= ALIKE * blur
    if math.hypot(down, across) > MOST_SHIFT and not fits_better(noisy, clean, (down, across)):
        return 0.0, 0.0, math.inf
    return down, across, error


def within(picture: Array, blur: float, shift: tuple[float, float]) -> tuple[slice, slice] | None:
    """Return the part of a picture that neither its blurred edges nor a shift reach; None if it is
    too small to look at.
    """
    edge = math.ceil(2 * blur + 2 + max(map(abs, shift)))
    if min(picture.shape) - 2 * edge < 2 * BLOCK:
        return None
    return slice(edge, -edge), slice(edge, -edge)


def moved_by(picture: Array, shift: tuple[float, float]) -> Array:
    """Return a picture moved down and across."""
    matrix = np.array([[1, 0, shift[1]], [0, 1, shift[0]]], np.float32)
    size = (picture.shape[1], picture.shape[0])
    return np.asarray(cv2.warpAffine(picture, matrix, size, flags=cv2.INTER_CUBIC), np.float32)


def fits_better(noisy: Array, clean: Array, shift: tuple[float, float]) -> bool:
    """Return whether a picture surely is what a shift makes of a clean one, and not the clean one.

    Of both, the squares of what is left are compared with how much noise alone changes that; by
    noise alone, a shift always fits worse. So a minimum in the wrong place is none.
    """
    first, second = (smooth(part, BLURS[-1]) for part in (noisy, clean))
    inner = within(first, BLURS[-1], shift)
    if inner is None:
        return False
    moved = moved_by(second, shift)[inner].astype(np.float64)
    first, second = first[inner] - first[inner].mean(), second[inner] - second[inner].mean()
    moved -= moved.mean()
    gained = float(np.square(first - second).sum() - np.square(first - moved).sum())
    noise = math.sqrt(float(np.square(first - moved).mean())) * ALIKE * BLURS[-1]
    return gained > SURE * 2 * noise * math.sqrt(float(np.square(moved - second).sum()))


def smooth(picture: Array, blur: float) -> Array:
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), blur), np.float32)


def step_to(first: Array, moved: Array) -> tuple[tuple[float, float], float]:
    """Return the shift, down and across, that is left between two pictures, and its standard error
    if all pixels were independent; infinity where there is nothing that would show it.
    """
    rows, columns = np.gradient(moved)
    slopes = np.stack([part.ravel() for part in (rows, columns, moved)], 1)
    slopes = (slopes - slopes.mean(0)).astype(np.float64)  # the third is for brightness
    left = (moved - first).ravel().astype(np.float64)
    left -= left.mean()
    power = slopes.T @ slopes
    if np.linalg.det(power[:2, :2]) <= 1e-6 * np.trace(power[:2, :2]) ** 2:
        return (0.0, 0.0), math.inf  # stripes show no shift along them
    found = np.linalg.lstsq(power, slopes.T @ left, rcond=None)[0]
    rest = float(np.square(left - slopes @ found).mean())
    spread = float(np.trace(np.linalg.inv(power[:2, :2])))
    return (float(found[0]), float(found[1])), math.sqrt(rest * spread)


def whole_shift(first: Array, second: Array) -> tuple[float, float]:
    """Return the shift in whole pixels, down and across, if phase correlation is sure of it."""
    first, second = smooth(first, BLURS[-1]), smooth(second, BLURS[-1])
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
