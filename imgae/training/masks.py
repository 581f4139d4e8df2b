"""Masks to train inpainting on: what people have to fill, drawn at random.

A bank of drawn masks is made once, and crops of it are cut, flipped and turned on the device like
crops of pictures; random pixels are drawn on the spot.
"""

from collections.abc import Callable
from typing import Final

import numpy as np
import torch
from torch import Generator, Tensor

from imgae import holes
from imgae.training.data import PictureBank

SIDE: Final = 512

KINDS: Final[dict[str, tuple[float, Callable[[holes.Mask, np.random.Generator], None]]]] = {
    "scratches": (0.25, holes.draw_scratches),
    "text": (0.25, holes.draw_text),
    "strokes": (0.15, holes.draw_strokes),
    "blobs": (0.15, holes.draw_blobs),
    "boxes": (0.2, holes.draw_boxes),
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
