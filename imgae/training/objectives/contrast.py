"""Training of descriptions of pictures: two damaged views of one picture, among many others.

loss = cross entropy of finding a view's other view among all views (InfoNCE)
     + spread * mean of -log of the distance to the nearest other picture

Sources: van den Oord et al. 2018 (InfoNCE), Chen et al. 2020 (SimCLR), Pizzi et al. 2022 (SSCD: the
second term, after Sablayrolles et al. 2019, for finding copies).
"""

from dataclasses import dataclass
from typing import Final

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from imgae.training.corruptions.views import Base, Views
from imgae.training.data import PictureBank
from imgae.training.networks.search import pooled

GALLERY_SIDE: Final = 320
SHAPES: Final = ((1.0, 1.25), (1.25, 1.5), (1.5, 2.0))
"""Sides of views, in multiples of the smallest side."""
GRID: Final = 32
"""Sides of views are multiples of this."""


@dataclass(frozen=True)
class Gallery:
    """Whole pictures, all in one tensor: (P, 3, S, S) uint8, lying, stretched to squares."""

    pixels: Tensor

    def __len__(self) -> int:
        return len(self.pixels)

    @classmethod
    def of(cls, bank: PictureBank, most: int | None = None) -> "Gallery":
        """Shrink or enlarge the pictures of a bank, by default all of them."""
        count, side = min(len(bank), most or len(bank)), GALLERY_SIDE
        pixels = torch.empty(count, 3, side, side, dtype=torch.uint8, device=bank.pixels.device)
        for place in range(count):
            start, height, width = (
                int(values[place]) for values in (bank.starts, bank.heights, bank.widths)
            )
            picture = bank.pixels[start : start + 3 * height * width].view(height, width, 3)
            pixels[place] = squared(picture, side)
        return cls(pixels)

    def draw(self, count: int, generator: Generator) -> Tensor:
        """Return pictures (count, 3, S, S) float32 in [0, 1]; none twice while there are others."""
        device = self.pixels.device
        rounds = -(-count // len(self))
        order = torch.cat(
            [torch.randperm(len(self), generator=generator, device=device) for _ in range(rounds)]
        )
        return self.pixels[order[:count]].float() / 255


def squared(picture: Tensor, side: int) -> Tensor:
    """Turn a picture (H, W, 3) uint8 so that it lies, and stretch it to (3, side, side) uint8."""
    planes = picture.permute(2, 0, 1)[None].float()
    if picture.shape[0] > picture.shape[1]:
        planes = planes.transpose(2, 3).flip(3)
    small = F.interpolate(planes, (side, side), mode="bilinear", antialias=True)
    return small[0].round().clamp(0, 255).to(torch.uint8)


class Contrasting:
    """The objective; `gallery` holds the pictures, and is set before training.

    side: the smallest side of views, in pixels.
    """

    def __init__(self, side: int, temperature: float = 0.05, spread: float = 1.0) -> None:
        self.side = side
        self.temperature = temperature
        self.spread = spread
        self.views = Views()
        self.base = Base()
        self.gallery: Gallery | None = None

    def __call__(
        self, net: nn.Module, clean: Tensor, generator: Generator
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """clean: as many crops as pictures are drawn from the gallery; itself without a gallery.

        Returns the scalar loss and terms for the log.
        """
        with torch.autocast(clean.device.type, enabled=False):
            pictures = clean
            if self.gallery is not None:
                pictures = self.gallery.draw(len(clean), generator)
            first, second = self.pairs(pictures, generator)
        described = [pooled(net(view)) for view in (first, second)]
        with torch.autocast(clean.device.type, enabled=False):
            return self.loss(*described)

    def pairs(self, pictures: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
        """Return two views of each picture, each batch of views of a size that is drawn."""
        bases = self.base(pictures, generator)
        choices = torch.randint(
            len(SHAPES), (2,), generator=generator, device=pictures.device
        ).tolist()
        first, second = (
            self.views(pictures, bases, shape_of(self.side, choice), generator)
            for choice in choices
        )
        return first, second

    def loss(self, first: Tensor, second: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """first, second: descriptions of length 1, (B, C), a picture a row."""
        both = torch.cat([first, second])
        count, device = len(first), first.device
        own = torch.arange(2 * count, device=device)
        other = own.roll(count)
        likeness = both @ both.T
        itself = torch.eye(2 * count, dtype=torch.bool, device=device)
        logits = (likeness / self.temperature).masked_fill(itself, float("-inf"))
        contrast = F.cross_entropy(logits, other)
        others = likeness.masked_fill(itself | itself.roll(count, 1), -1.0).amax(1)
        nearest = (2 - 2 * others).clamp(min=1e-6).sqrt()
        apart = -nearest.log().mean()
        with torch.no_grad():
            found = (logits.argmax(1) == other).float().mean()
            alike = (first * second).sum(1).mean()
        return contrast + self.spread * apart, {
            "contrast": contrast.detach(),
            "apart": apart.detach(),
            "found": found,
            "alike": alike,
            "nearest": others.detach().mean(),
        }


def shape_of(side: int, choice: int) -> tuple[int, int]:
    """Return height and width of the views of a choice of SHAPES, multiples of GRID."""
    height, width = (max(GRID, round(side * part / GRID) * GRID) for part in SHAPES[choice])
    return height, width
