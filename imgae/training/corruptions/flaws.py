"""Flaws in pictures of materials: marks, stains, holes, patches of something else.

Drawn on the device, a flaw a picture; the flaws that `imgae evaluate anomaly` draws are others
(`synthetic.flaws`).
"""

import math
from dataclasses import dataclass
from typing import Final

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from imgae.training.corruptions.prints import Draw, blurred
from imgae.training.mask_bank import DrawnBank

COVERED: Final = 0.3
SEEN: Final = 8 / 255
"""A smaller change than this, in the mean of 5x5 pixels, is no flaw."""
Made = tuple[Tensor, Tensor, Tensor]


@dataclass(frozen=True)
class Flaws:
    """marks: drawn masks of scratches, dust, strokes and blobs."""

    marks: DrawnBank

    @torch.no_grad()
    def __call__(self, x: Tensor, foreign: Tensor, generator: Generator) -> Made:
        """Put a flaw into each picture of x (B, 3, S, S) in [0, 1].

        foreign: other pictures, as many, of which patches are taken.
        Returns (flawed, target, weight), the last two (B, 1, S, S): target is 1 in the flaw, and
        weight is 0 where nobody can tell.
        """
        draw = Draw(len(x), generator, x.device)
        cover = self.cover(x.shape[-1], draw)
        made = self.filling(x, foreign, cover, draw)
        opaque = torch.where(draw.chance(0.7), draw.between(0.8, 1), draw.between(0.35, 0.8))
        flawed = torch.lerp(x, made, cover * opaque).clamp(0, 1)
        change = F.avg_pool2d((flawed - x).abs().amax(1, keepdim=True), 5, 1, 2)
        target = (cover > COVERED) & (change > SEEN)
        unsure = (cover > 0.05) & ~target
        return (255 * flawed).round() / 255, target.float(), (~unsure).float()

    def cover(self, size: int, draw: Draw) -> Tensor:
        """Return how much of each pixel a flaw covers, (B, 1, size, size)."""
        ramp = torch.arange(size, device=draw.device) + 0.5
        middle = size * draw.between(0.1, 0.9, 2, 1, 1)
        angle = draw.between(0, math.pi)
        x, y = ramp.view(1, 1, 1, -1) - middle[:, :1], ramp.view(1, 1, -1, 1) - middle[:, 1:]
        along, across = angle.cos() * x + angle.sin() * y, angle.cos() * y - angle.sin() * x
        long, wide = draw.log_between(5, 26), draw.log_between(3, 22)
        long = torch.where(draw.chance(0.3), draw.log_between(15, 70), long)
        wide = torch.where(draw.chance(0.3), draw.log_between(0.6, 3), wide)
        box = torch.minimum(long - along.abs(), wide - across.abs())
        round_ = 1 - ((along / long) ** 2 + (across / wide) ** 2 + 1e-6).sqrt()
        round_ = round_ * torch.minimum(long, wide)
        sharp = torch.where(draw.chance(0.5), box, round_)
        wobble = 0.4 * torch.minimum(long, wide) * draw.field(size, 24)
        sharp = torch.where(draw.chance(0.4), sharp + wobble, sharp)
        shape = (sharp + 0.5).clamp(0, 1)
        reach = draw.log_between(10, 45)
        window = ((reach - (along**2 + across**2).sqrt()) / 2).clamp(0, 1)
        marks = self.marks.cover(draw.batch, size, draw.generator) * window
        found = torch.where(draw.chance(0.4), marks, shape)
        return torch.where(draw.chance(0.5), blurred(found, draw.between(0.3, 2)), found)

    def filling(self, x: Tensor, foreign: Tensor, cover: Tensor, draw: Draw) -> Tensor:
        """Return what a flaw shows, wherever it is: one of ten kinds for each sample."""
        inside = cover / cover.sum((2, 3), keepdim=True).clamp(min=1e-3)
        mean = (x * inside).sum((2, 3), keepdim=True)
        local = wide_mean(x)
        sign = torch.where(draw.chance(0.5), 1.0, -1.0)
        tone = x + sign * draw.log_between(12, 90) / 255 * (1 + 0.3 * draw.noise(3, 1, 1))
        solid = mean + sign * draw.log_between(15, 120) / 255 + 0.08 * draw.noise(3, 1, 1)
        stain = x * (1 - draw.between(0.12, 0.7) * draw.between(0.4, 1, 3, 1, 1))
        flat = torch.where(draw.chance(0.5), mean.expand_as(x), local)
        other = foreign + draw.between(0, 1) * (mean - (foreign * inside).sum((2, 3), keepdim=True))
        hue = draw.noise(3, 1, 1)
        hue = hue - hue.mean(1, keepdim=True)
        hue = hue / hue.norm(dim=1, keepdim=True).clamp(min=1e-3)
        tinted = x + draw.log_between(12, 70) / 255 * hue
        moved = torch.where(draw.chance(0.5), x.transpose(2, 3), x.flip(3)).roll((17, 29), (2, 3))
        rough = local + (x - local) * torch.where(
            draw.chance(0.5), draw.between(0, 0.5), draw.between(1.6, 3)
        )
        grain = x + draw.between(0.05, 0.25) * draw.noise(*x.shape[1:])
        soft = blurred(x, draw.between(0.8, 2))
        noise = draw.between(0, 4 / 255) * draw.noise(*x.shape[1:])
        kinds = (tone, solid + noise, stain, flat + noise, other, tinted, moved, rough, grain, soft)
        shares = (0.14, 0.12, 0.12, 0.13, 0.16, 0.13, 0.06, 0.06, 0.04, 0.04)
        ends = torch.tensor(shares, device=x.device).cumsum(0)
        kind = torch.searchsorted(ends, draw.uniform() * ends[-1]).clamp(max=len(kinds) - 1)
        return torch.stack(kinds, 1)[torch.arange(len(x), device=x.device), kind]


def wide_mean(x: Tensor) -> Tensor:
    """Return the mean of the pixels around, in a window of about 25 pixels."""
    for _ in range(2):
        x = F.avg_pool2d(F.pad(x, (8, 8, 8, 8), mode="replicate"), 17, 1)
    return x
