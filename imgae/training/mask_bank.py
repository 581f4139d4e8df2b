"""Masks to train inpainting on: what people have to fill, drawn at random.

A bank of drawn masks is made once, and crops of it are cut, flipped and turned on the device like
crops of pictures; random pixels are drawn on the spot.
"""

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
import torch
from torch import Generator, Tensor

from imgae.synthetic import masks as holes
from imgae.training.data import PictureBank
from imgae.training.settings import Settings

SIDE: Final = 512
"""Of the drawn masks, in pixels; crops are no larger."""

Kinds = Sequence[tuple[float, Callable[[holes.Mask, np.random.Generator], None]]]
"""What is drawn, with its share of the drawn masks."""

HOLES: Final[Kinds] = (
    (0.2, holes.draw_scratches),
    (0.2, holes.draw_text),
    (0.1, holes.draw_strokes),
    (0.1, holes.draw_blobs),
    (0.4, holes.draw_boxes),
)
LARGE: Final[Kinds] = ((0.25, holes.draw_blobs), (0.75, holes.draw_boxes))


class DrawnBank:
    """Drawn masks, of which crops are cut; seeded when made, drawn with a generator."""

    def __init__(
        self, kinds: Kinds, device: torch.device | str = "cpu", count: int = 120, seed: int = 0
    ) -> None:
        self.bank = bank_of(draw_sheets(kinds, count, seed), device)

    @classmethod
    def of(cls, sheets: Sequence[holes.Mask], device: torch.device | str = "cpu") -> "DrawnBank":
        """Make a bank of masks that are drawn already, uint8 (SIDE, SIDE)."""
        made = cls.__new__(cls)
        made.bank = bank_of(sheets, device)
        return made

    def draw(self, count: int, size: int, generator: Generator) -> Tensor:
        """Return masks (count, 1, size, size), bool; some may be empty."""
        return self.cover(count, size, generator) > 0.5

    def cover(self, count: int, size: int, generator: Generator) -> Tensor:
        """Return how much of each pixel is covered, (count, 1, size, size), from 0 to 1."""
        return self.bank.crops(count, size, generator)[:, :1]


def draw_sheets(kinds: Kinds, count: int, seed: int) -> list[holes.Mask]:
    """Draw masks, uint8 (SIDE, SIDE)."""
    rng = np.random.default_rng(seed)
    drawn = []
    for kind in rng.choice(len(kinds), count, p=[share for share, _ in kinds]):
        mask = np.zeros((SIDE, SIDE), np.uint8)
        kinds[kind][1](mask, rng)
        drawn.append(mask)
    return drawn


def bank_of(sheets: Sequence[holes.Mask], device: torch.device | str) -> PictureBank:
    return PictureBank.of([np.repeat(sheet[:, :, None], 3, 2) for sheet in sheets], device)


class HoleBank:
    """Masks of holes: drawn ones, and single pixels, 10 to 95 % of them unknown.

    Half of the drawn masks are two over each other: only what is missing can be learned from, and
    thin holes are small.
    """

    share_pixels = 0.36
    share_double = 0.5

    def __init__(self, device: torch.device | str = "cpu", seed: int = 0) -> None:
        self.drawn = DrawnBank(HOLES, device, seed=seed)
        self.large = DrawnBank(LARGE, device, count=60, seed=seed)
        self.device = device

    def draw(self, count: int, size: int, generator: Generator) -> Tensor:
        """Return masks (count, 1, size, size), bool, True in the holes; some may be empty."""

        def uniform(*shape: int) -> Tensor:
            return torch.rand(count, 1, *shape, generator=generator, device=self.device)

        drawn = self.drawn.draw(count, size, generator)
        second = self.drawn.draw(count, size, generator) & (uniform(1, 1) < self.share_double)
        pixels = uniform(size, size) < 0.1 + 0.85 * uniform(1, 1)
        return torch.where(uniform(1, 1) < self.share_pixels, pixels, drawn | second)

    def draw_large(self, count: int, size: int, generator: Generator) -> Tensor:
        """Return masks like those of `draw`, of boxes and blobs only."""
        return self.large.draw(count, size, generator)


def crop_conflict(settings: Settings) -> str:
    """Return a sentence if crops are larger than the drawn masks, "" if they are not."""
    if settings.crop > SIDE:
        return f"--crop is {settings.crop}; {settings.task} takes {SIDE} at most"
    return ""
