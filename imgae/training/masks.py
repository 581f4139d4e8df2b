"""Masks to train inpainting on: what people have to fill, drawn at random.

A bank of drawn masks is made once, and crops of it are cut, flipped and turned on the device like
crops of pictures; random pixels are drawn on the spot.
"""

from collections.abc import Callable
from typing import Final

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor

from imgae.training.data import PictureBank

Mask = NDArray[np.uint8]
SIDE: Final = 512
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
    for _ in range(rng.integers(8, 30)):
        draw_path(mask, rng, rng.integers(20, SIDE), rng.uniform(0, 0.15), rng.integers(1, 7))
    for _ in range(rng.integers(0, 12)):
        draw_path(mask, rng, rng.integers(10, 80), rng.uniform(0.2, 0.6), rng.integers(1, 4))


def draw_text(mask: Mask, rng: np.random.Generator) -> None:
    """Words in lines, of strokes 1 to 6 pixels wide."""
    y = int(rng.integers(0, 60))
    while y < SIDE + 40:
        scale = rng.uniform(0.5, 2.5)
        words = "  ".join(rng.choice(WORDS, 6))
        where = (int(rng.integers(-80, 60)), y)
        font, width = int(rng.choice(FONTS)), int(rng.integers(1, 7))
        cv2.putText(mask, words, where, font, scale, 255, width)
        y += int(40 * scale * rng.uniform(0.8, 2.5)) + 10


def draw_strokes(mask: Mask, rng: np.random.Generator) -> None:
    """Strokes of a brush, 5 to 25 pixels wide."""
    for _ in range(rng.integers(6, 16)):
        draw_path(mask, rng, rng.integers(30, 250), rng.uniform(0.1, 0.6), rng.integers(5, 26))


def draw_blobs(mask: Mask, rng: np.random.Generator) -> None:
    """Spots of all sizes: dust of a few pixels up to ellipses of 48."""
    for _ in range(rng.integers(20, 60)):
        axes = np.exp(rng.uniform(np.log(1), np.log(24), 2)).astype(int).tolist()
        where = rng.integers(0, SIDE, 2).tolist()
        cv2.ellipse(mask, where, axes, float(rng.uniform(0, 180)), 0, 360, 255, -1)


def draw_boxes(mask: Mask, rng: np.random.Generator) -> None:
    """Upright boxes of 12 to 64 pixels a side."""
    for _ in range(rng.integers(12, 24)):
        height, width = rng.integers(12, 65, 2)
        top, left = rng.integers(0, SIDE, 2)
        mask[top : top + height, left : left + width] = 255


def draw_path(mask: Mask, rng: np.random.Generator, length: int, bend: float, width: int) -> None:
    """A line that changes its direction by about `bend` radians every 10 pixels."""
    steps = max(2, int(length) // 10)
    angles = rng.uniform(0, 2 * np.pi) + np.cumsum(rng.normal(0, bend, steps))
    points = rng.uniform(0, SIDE, 2) + 10 * np.cumsum([np.cos(angles), np.sin(angles)], 1).T
    cv2.polylines(mask, [points.round().astype(np.int32)], isClosed=False, color=255,
                  thickness=int(width))  # fmt: skip


KINDS: Final[dict[str, tuple[float, Callable[[Mask, np.random.Generator], None]]]] = {
    "scratches": (0.25, draw_scratches),
    "text": (0.25, draw_text),
    "strokes": (0.15, draw_strokes),
    "blobs": (0.15, draw_blobs),
    "boxes": (0.2, draw_boxes),
}
"""What is drawn, with its share of the drawn masks."""


class MaskBank:
    """Random masks for crops; seeded when made, drawn with a generator on the device."""

    share_pixels = 0.35
    """Of the masks, those of single pixels, 10 to 95 % of them unknown."""

    def __init__(self, device: torch.device | str = "cpu", count: int = 120, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        shares = [share for share, _ in KINDS.values()]
        drawn = []
        for kind in rng.choice(list(KINDS), count, p=shares):
            mask = np.zeros((SIDE, SIDE), np.uint8)
            KINDS[kind][1](mask, rng)
            drawn.append(np.repeat(mask[:, :, None], 3, 2))
        self.bank = PictureBank.of(drawn, device)

    def draw(self, count: int, size: int, generator: Generator) -> Tensor:
        """Return masks (count, 1, size, size), 1 in the holes; some may be empty."""
        device = self.bank.pixels.device

        def uniform(*shape: int) -> Tensor:
            return torch.rand(count, 1, *shape, generator=generator, device=device)

        drawn = self.bank.crops(count, size, generator)[:, :1] > 0.5
        pixels = uniform(size, size) < 0.1 + 0.85 * uniform(1, 1)
        return torch.where(uniform(1, 1) < self.share_pixels, pixels, drawn).float()
