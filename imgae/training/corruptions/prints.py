"""What prints and films look like before any damage: toned, faded, grainy, soft, on paper.

Pictures are (B, 3, H, W), sRGB on [0, 1]; a choice is drawn for each sample.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from imgae.training.corruptions.jpeg import luma_of


@dataclass(frozen=True)
class Draw:
    """Random numbers for a batch, all from one generator."""

    batch: int
    generator: Generator
    device: torch.device

    def uniform(self, *shape: int) -> Tensor:
        """(B, *shape) in [0, 1)."""
        return torch.rand(self.batch, *shape, generator=self.generator, device=self.device)

    def between(self, low: float, high: float, *shape: int) -> Tensor:
        return low + (high - low) * self.uniform(*(shape or (1, 1, 1)))

    def log_between(self, low: float, high: float) -> Tensor:
        return low * (high / low) ** self.uniform(1, 1, 1)

    def chance(self, share: float) -> Tensor:
        """(B, 1, 1, 1) bool."""
        return self.uniform(1, 1, 1) < share

    def noise(self, *shape: int) -> Tensor:
        """(B, *shape), normal."""
        return torch.randn(self.batch, *shape, generator=self.generator, device=self.device)

    def field(self, size: int, cells: int, channels: int = 1) -> Tensor:
        """Smooth fields (B, channels, size, size) of about standard deviation 1."""
        coarse = self.noise(channels, cells, cells)
        return F.interpolate(coarse, (size, size), mode="bicubic", align_corners=False)


def blurred(x: Tensor, sigma: Tensor) -> Tensor:
    """Blur each sample by its own Gaussian, sigma (B, 1, 1, 1) up to 2 pixels."""
    batch, channels, height, width = x.shape
    places = torch.arange(-4, 5, device=x.device).view(1, -1)
    kernel = torch.exp(-0.5 * (places / sigma.view(-1, 1).clamp(min=0.05)) ** 2)
    kernel = (kernel / kernel.sum(1, keepdim=True)).repeat_interleave(channels, 0)
    x = x.reshape(1, batch * channels, height, width)
    x = F.conv2d(
        F.pad(x, (4, 4, 0, 0), mode="replicate"), kernel[:, None, None], groups=len(kernel)
    )
    x = F.conv2d(
        F.pad(x, (0, 0, 4, 4), mode="replicate"), kernel[:, None, :, None], groups=len(kernel)
    )
    return x.view(batch, channels, height, width)


def toned(x: Tensor, draw: Draw) -> Tensor:
    """Give every sample one tone: gray, sepia, bluish, or faded colours; half stay as they are.

    Black and white go to two colours of an old print, in between along a curve.
    """
    luma = luma_of(x)
    kind = draw.uniform(1, 1, 1)
    gray = luma.expand_as(x)
    warm = draw.between(-0.35, 1.0)
    hue = torch.cat([warm, 0.35 * warm + 0.1 * draw.between(-1, 1), -warm], 1)
    strength = draw.between(0.03, 0.22)
    dark = (draw.between(0, 0.3) * draw.chance(0.7) + 0.5 * strength * hue).clamp(0, 0.45)
    light = (
        1
        - draw.between(0, 0.35) * draw.chance(0.7)
        + 0.5 * strength * (hue - hue.amax(1, keepdim=True))
    )
    light = torch.maximum(light, dark + 0.3).clamp(max=1)
    curve = draw.log_between(0.7, 1.5)
    print_ = dark + (light - dark) * luma.clamp(min=1e-4) ** curve
    # The sepia that programs make: a matrix of the luma that leaves its range full.
    program = (luma * torch.tensor((1.35, 1.2, 0.94), device=x.device).view(1, 3, 1, 1)).clamp(0, 1)
    print_ = torch.where(draw.chance(0.2), program, print_)
    pale = torch.lerp(gray, x, draw.between(0.2, 1))
    faded = dark + (light - dark) * pale
    found = torch.where(kind < 0.85, faded, torch.lerp(x, gray, 0.0))
    found = torch.where(kind < 0.68, print_, found)
    found = torch.where(kind < 0.45, gray, found)
    return torch.where(kind < 0.32, x, found)


def on_paper(x: Tensor, draw: Draw) -> Tensor:
    """Add softness, grain, uneven light and the texture of paper, each to some samples."""
    size = x.shape[-1]
    x = torch.where(draw.chance(0.2), blurred(x, draw.between(0.4, 1.8)), x)
    light = 0.08 * draw.uniform(1, 1, 1) * draw.field(size, 4) * draw.chance(0.25)
    paper = draw.noise(1, size, size)
    paper = blurred(paper, draw.log_between(0.4, 2)) + 0.5 * draw.field(size, size // 8)
    paper = draw.between(0.005, 0.04) * paper * draw.chance(0.25)
    x = x * (1 + light + paper)
    grain = blurred(draw.noise(3, size, size), draw.between(0.05, 1.3))
    grain = grain / grain.std((1, 2, 3), keepdim=True)
    grain = torch.where(draw.chance(0.7), grain[:, :1].expand_as(grain), grain)
    amount = draw.log_between(0.004, 0.07) * draw.chance(0.4)
    return x + amount * grain * (0.4 + 2.4 * (x * (1 - x)).clamp(0, 0.25))
