"""Flaws drawn into pictures: what inspection should find, and where it is.

Sizes are those for pictures of about 256 pixels a side; none is larger than a quarter of the
picture's shorter side.
"""

from collections.abc import Callable
from typing import Final

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from imgae.synthetic.defects import between, speck, stroke, walk
from imgae.synthetic.masks import FINE

Pixels = NDArray[np.uint8]
"""(H, W, 3)."""
Share = NDArray[np.float32]
"""(H, W), on [0, 1]: how much of a pixel is covered."""
SEEN: Final = 0.3
"""The share of a pixel from which it counts as flawed."""
LEAST_SIDE: Final = 32


def draw(
    kind: str, pixels: Pixels, random: Generator, foreign: Pixels
) -> tuple[Pixels, NDArray[np.bool_]]:
    """Draw a flaw of KINDS into a copy of a picture (H, W, 3), from LEAST_SIDE pixels a side.

    foreign: another picture, of any size from LEAST_SIDE, of which the flaw `foreign` shows a part.
    Returns the picture, and a mask (H, W) that is true where a pixel is flawed. Both follow from
    the generator.
    """
    shape, made = KINDS[kind]
    covered = shape(pixels.shape[:2], random)
    other = made(pixels.astype(np.float32), covered, random, foreign)
    share = covered[..., None]
    mixed = (1 - share) * pixels + share * other
    return mixed.clip(0, 255).round().astype(np.uint8), covered > SEEN


def line(shape: tuple[int, int], random: Generator) -> Share:
    """A scratch: nearly straight, 1.2 to 3 pixels wide."""
    height, width = shape
    fine = np.zeros((FINE * height, FINE * width), np.uint8)
    length = between(random, 0.15, 0.5) * min(shape)
    path = walk(random, length, 0.06, (1, 1))
    path += random.uniform(0.25, 0.75, 2) * (width, height) - path.mean(0)
    stroke(fine, path, between(random, 1.2, 3), random)
    return coverage(fine, shape)


def spot(shape: tuple[int, int], random: Generator) -> Share:
    """A stain with a ragged, soft edge."""
    height, width = shape
    fine = np.zeros((FINE * height, FINE * width), np.uint8)
    size = between(random, 0.05, 0.14) * min(shape)
    speck(fine, random.uniform(0.15, 0.85, 2) * (width, height), size, random)
    return np.asarray(cv2.GaussianBlur(coverage(fine, shape), (0, 0), 0.06 * size), np.float32)


def patch(shape: tuple[int, int], random: Generator) -> Share:
    """A piece with a clean edge: a turned rectangle or an ellipse."""
    height, width = shape
    fine = np.zeros((FINE * height, FINE * width), np.uint8)
    sides = np.array([between(random, 0.07, 0.2), between(random, 0.07, 0.2)]) * min(shape)
    middle = random.uniform(0.15, 0.85, 2) * (width, height)
    angle = random.uniform(0, 180)
    centre, size = (FINE * middle).tolist(), (FINE * sides).tolist()
    if random.random() < 0.5:
        corners = cv2.boxPoints((centre, size, angle)).round().astype(np.int32)
        cv2.fillPoly(fine, [corners], 255)
    else:
        cv2.ellipse(fine, (centre, size, angle), 255, -1)
    return coverage(fine, shape)


def coverage(fine: NDArray[np.uint8], shape: tuple[int, int]) -> Share:
    height, width = shape
    small = cv2.resize(fine, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float32) / np.float32(255)


def other_tone(x: Share, covered: Share, random: Generator, foreign: Pixels) -> Share:
    """Lighter or darker by 30 to 70 levels, towards where there is room."""
    del foreign
    mean = float(x[covered > SEEN].mean()) if (covered > SEEN).any() else float(x.mean())
    step = between(random, 30, 70)
    return x + (step if mean < 128 else -step)


def stained(x: Share, covered: Share, random: Generator, foreign: Pixels) -> Share:
    """Darker, and a little coloured; what lies below shows through."""
    del covered, foreign
    tint = 1 - between(random, 0.25, 0.6) * random.uniform(0.6, 1, 3)
    return np.asarray(x * tint, np.float32)


def flat(x: Share, covered: Share, random: Generator, foreign: Pixels) -> Share:
    """The mean colour of what would be there, and a little noise: the texture is missing."""
    del foreign
    inside = x[covered > SEEN]
    mean = inside.mean(0) if len(inside) else x.mean((0, 1))
    return np.asarray(mean + random.normal(0, 2.5, x.shape), np.float32)


def another(x: Share, covered: Share, random: Generator, foreign: Pixels) -> Share:
    """Part of another picture, its mean moved halfway to what would be there."""
    height, width = x.shape[:2]
    least = min(foreign.shape[0] / height, foreign.shape[1] / width)
    if least < 1:
        enlarged = cv2.resize(foreign, None, fx=1.05 / least, fy=1.05 / least)
        foreign = np.asarray(enlarged, np.uint8)
    top = int(random.integers(0, foreign.shape[0] - height + 1))
    left = int(random.integers(0, foreign.shape[1] - width + 1))
    part = foreign[top : top + height, left : left + width].astype(np.float32)
    seen = covered > SEEN
    if not seen.any():
        return part
    return np.asarray(part + 0.5 * (x[seen].mean(0) - part[seen].mean(0)), np.float32)


def recoloured(x: Share, covered: Share, random: Generator, foreign: Pixels) -> Share:
    """The same brightness in another colour, by 20 to 45 levels; the texture stays."""
    del covered, foreign
    angle, step = random.uniform(0, 2 * np.pi), between(random, 20, 45)
    blue, red = step * np.cos(angle), step * np.sin(angle)
    change = np.array([1.402 * red, -0.344 * blue - 0.714 * red, 1.772 * blue])
    return np.asarray(x + change, np.float32)


Shape = Callable[[tuple[int, int], Generator], Share]
Make = Callable[[Share, Share, Generator, Pixels], Share]
KINDS: Final[dict[str, tuple[Shape, Make]]] = {
    "scratch": (line, other_tone),
    "blob": (spot, stained),
    "missing": (patch, flat),
    "foreign": (patch, another),
    "colour": (patch, recoloured),
}
"""By name: where a flaw is, and what is there."""
