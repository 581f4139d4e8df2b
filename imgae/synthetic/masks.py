"""Masks drawn at random, like the holes that people fill, for training and for the benchmark.

Masks are uint8 (H, W), 255 in the holes; every function draws into one from a seeded generator.
"""

from collections.abc import Callable
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.uint8]
FINE: Final = 4
"""Defects are drawn this many times larger and reduced; otherwise a detector would learn how OpenCV
draws lines."""
COVERED: Final = 0.3
"""The share of a pixel that a defect must cover to count."""
WORDS: Final = ("2024", "12 07 98", "sample", "Preview", "no copy", "IMG 0341", "proof", "18:45")
FONTS: Final = (
    cv2.FONT_HERSHEY_SIMPLEX,
    cv2.FONT_HERSHEY_DUPLEX,
    cv2.FONT_HERSHEY_COMPLEX,
    cv2.FONT_HERSHEY_TRIPLEX,
    cv2.FONT_HERSHEY_SCRIPT_COMPLEX,
)


def draw_scratches(mask: Mask, rng: np.random.Generator) -> None:
    """Long thin lines, nearly straight, and short bent hairs; 1 to 6 pixels wide."""
    for _ in range(many(mask, rng, 8, 30)):
        length = rng.integers(20, max(mask.shape))
        draw_path(mask, rng, length, rng.uniform(0, 0.15), rng.integers(1, 7))
    for _ in range(many(mask, rng, 0, 12)):
        draw_path(mask, rng, rng.integers(10, 80), rng.uniform(0.2, 0.6), rng.integers(1, 4))


def draw_text(mask: Mask, rng: np.random.Generator) -> None:
    """Words in lines, of strokes 1 to 6 pixels wide."""
    y = int(rng.integers(0, 60))
    while y < mask.shape[0] + 40:
        scale = rng.uniform(0.5, 2.5)
        words = "  ".join(rng.choice(WORDS, 6))
        where = (int(rng.integers(-80, 60)), y)
        font, width = int(rng.choice(FONTS)), int(rng.integers(1, 7))
        cv2.putText(mask, words, where, font, scale, 255, width)
        y += int(40 * scale * rng.uniform(0.8, 2.5)) + 10


def draw_strokes(mask: Mask, rng: np.random.Generator) -> None:
    """Strokes of a brush, 5 to 25 pixels wide."""
    for _ in range(many(mask, rng, 6, 16)):
        draw_path(mask, rng, rng.integers(30, 250), rng.uniform(0.1, 0.6), rng.integers(5, 26))


def draw_blobs(mask: Mask, rng: np.random.Generator) -> None:
    """Spots of all sizes: dust of a few pixels up to ellipses of 48."""
    for _ in range(many(mask, rng, 20, 60)):
        axes = np.exp(rng.uniform(np.log(1), np.log(24), 2)).astype(int).tolist()
        where = [int(rng.integers(0, size)) for size in mask.shape[::-1]]
        cv2.ellipse(mask, where, axes, float(rng.uniform(0, 180)), 0, 360, 255, -1)


def draw_boxes(mask: Mask, rng: np.random.Generator) -> None:
    """Upright boxes of 12 to 64 pixels a side."""
    for _ in range(many(mask, rng, 12, 24)):
        draw_box(mask, rng, *rng.integers(12, 65, 2))


def draw_box(mask: Mask, rng: np.random.Generator, height: int, width: int) -> None:
    top = int(rng.integers(0, max(mask.shape[0] - height, 0) + 1))
    left = int(rng.integers(0, max(mask.shape[1] - width, 0) + 1))
    mask[top : top + height, left : left + width] = 255


def draw_film_scratches(mask: Mask, rng: np.random.Generator) -> None:
    """A few long scratches, 0.7 to 4 pixels wide; values are how much of a pixel is covered."""
    fine = finer(mask)
    for _ in range(1 + many(mask, rng, 2, 14)):
        length = FINE * rng.integers(60, max(mask.shape))
        draw_path(fine, rng, length, rng.uniform(0, 0.04), rng.integers(3, 15))
    lay_over(mask, fine)


def draw_dust(mask: Mask, rng: np.random.Generator) -> None:
    """Specks of 2 to 12 pixels, and short hairs; values as for scratches."""
    fine = finer(mask)
    for _ in range(1 + many(mask, rng, 10, 80)):
        axes = rng.integers(FINE, 6 * FINE + 1, 2).tolist()
        where = [int(rng.integers(0, size)) for size in fine.shape[::-1]]
        cv2.ellipse(fine, where, axes, float(rng.uniform(0, 180)), 0, 360, 255, -1)
    for _ in range(many(mask, rng, 0, 10)):
        length = FINE * rng.integers(10, 50)
        draw_path(fine, rng, length, rng.uniform(0.05, 0.2), rng.integers(3, 9))
    lay_over(mask, fine)


def finer(mask: Mask) -> Mask:
    return np.zeros([FINE * size for size in mask.shape], np.uint8)


def lay_over(mask: Mask, fine: Mask) -> None:
    shares = cv2.resize(fine, mask.shape[::-1], interpolation=cv2.INTER_AREA)
    np.maximum(mask, shares, out=mask)


def draw_path(
    mask: Mask,
    rng: np.random.Generator,
    length: int | np.integer[Any],
    bend: float,
    width: int | np.integer[Any],
) -> None:
    """A line that changes its direction by about `bend` radians every 10 pixels."""
    steps = max(2, int(length) // 10)
    angles = rng.uniform(0, 2 * np.pi) + np.cumsum(rng.normal(0, bend, steps))
    points = np.cumsum([10 * np.cos(angles), 10 * np.sin(angles)], 1).T
    points += rng.uniform(0, mask.shape[::-1])
    cv2.polylines(mask, [points.round().astype(np.int32)], isClosed=False, color=255,
                  thickness=int(width))  # fmt: skip


def many(mask: Mask, rng: np.random.Generator, low: int, high: int) -> int:
    """Draw a number that is from low to high on 512x512 pixels, and in proportion elsewhere."""
    return round(rng.uniform(low, high) * mask.size / 512**2)


def six_boxes(mask: Mask, rng: np.random.Generator) -> None:
    for _ in range(6):
        draw_box(mask, rng, 32, 32)


def one_box(mask: Mask, rng: np.random.Generator) -> None:
    draw_box(mask, rng, 96, 96)


def random_half(mask: Mask, rng: np.random.Generator) -> None:
    mask[rng.random(mask.shape) < 0.5] = 255


def random_most(mask: Mask, rng: np.random.Generator) -> None:
    mask[rng.random(mask.shape) < 0.8] = 255


BENCHMARK: Final[dict[str, Callable[[Mask, np.random.Generator], None]]] = {
    "random50": random_half,
    "random80": random_most,
    "text": draw_text,
    "scratches": draw_scratches,
    "boxes32": six_boxes,
    "box96": one_box,
}


def benchmark_mask(kind: str, number: int, height: int, width: int) -> NDArray[np.bool_]:
    """Return the mask of a kind for picture `number` of a folder, by seed; True is unknown."""
    mask = np.zeros((height, width), np.uint8)
    BENCHMARK[kind](mask, np.random.default_rng((list(BENCHMARK).index(kind), number)))
    return mask > 0
