"""Materials made of photographs: many views of one surface, each of another part of it.

A material is a part of a photograph, or a small piece of one that repeats, upright or mirrored,
as weaves, tiles and prints do. Its views are turned and enlarged a little, in light that varies.
"""

import math
from dataclasses import dataclass
from typing import Final

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from imgae.training.corruptions.prints import Draw

SHARE_REPEATED: Final = 0.4
SHARE_MIXED: Final = 0.15
"""Materials whose views show different photographs: what is normal is then anything."""
TURN: Final = math.radians(3)
PERIOD: Final = (10.0, 80.0)
"""Pixels, of pieces that repeat."""


@dataclass(frozen=True)
class Materials:
    """views: of each material. side: of a view, in pixels."""

    views: int
    side: int

    @torch.no_grad()
    def __call__(self, sources: Tensor, generator: Generator) -> Tensor:
        """Draw views (B * views, 3, side, side) of the materials of sources (B, 3, S, S).

        Values are in [0, 1] before and after; views of a material follow one another.
        """
        batch, _, size, _ = sources.shape
        own = Draw(batch, generator, sources.device)
        each = Draw(batch * self.views, generator, sources.device)
        grid = self.grid(own, each, size)
        any_source = (each.uniform() * batch).long()
        mixed = self.spread(own.chance(SHARE_MIXED)).view(-1)
        which = torch.arange(batch, device=sources.device).repeat_interleave(self.views)
        shown = sources[torch.where(mixed, any_source, which)]
        x = F.grid_sample(shown, grid, align_corners=True, padding_mode="border")
        return self.lit(x, own, each)

    def spread(self, values: Tensor) -> Tensor:
        """Repeat what belongs to a material for each of its views."""
        return values.repeat_interleave(self.views, 0)

    def grid(self, own: Draw, each: Draw, size: int) -> Tensor:
        """Return where in its source each pixel of a view lies, as grid_sample takes it."""
        turned = own.chance(0.5) * own.between(0, 2 * math.pi)
        angle = self.spread(turned) + each.between(-TURN, TURN)
        scale = self.spread(own.log_between(0.6, 1.5)) * each.between(0.97, 1.03)
        ramp = torch.arange(self.side, device=own.device) - (self.side - 1) / 2
        across, down = scale * ramp.view(1, 1, 1, -1), scale * ramp.view(1, 1, -1, 1)
        x = angle.cos() * across - angle.sin() * down
        y = angle.sin() * across + angle.cos() * down
        places = torch.cat([x, y], 1) + each.between(0, 4096, 2, 1, 1)
        whole = torch.full((own.batch, 2, 1, 1), size - 1.0, device=own.device)
        small = own.log_between(*PERIOD) * own.between(0.6, 1.6, 2, 1, 1)
        period = torch.where(own.chance(SHARE_REPEATED), small.minimum(whole), whole)
        corner = own.uniform(2, 1, 1) * (whole - period).clamp(min=0)
        upright = (own.chance(0.5) & (period < size - 1)).expand_as(period)
        period, corner, upright = map(self.spread, (period, corner, upright))
        mirrored = period - (places % (2 * period) - period).abs()
        folded = corner + torch.where(upright, places % period, mirrored)
        return (2 * folded / (size - 1) - 1).permute(0, 2, 3, 1)

    def lit(self, x: Tensor, own: Draw, each: Draw) -> Tensor:
        """Change the light from view to view, and add a camera's noise."""
        uneven = self.spread(own.between(0, 0.06) * own.chance(0.7))
        ramp = torch.linspace(-1, 1, self.side, device=x.device)
        slope = each.noise(1, 1, 1) * ramp.view(1, 1, 1, -1) + each.noise(1, 1, 1) * ramp.view(
            1, 1, -1, 1
        )
        tint = 1 + 0.3 * uneven * each.noise(3, 1, 1)
        lit = x * tint * (1 + uneven * (each.noise(1, 1, 1) + slope) / 2)
        noise = self.spread(own.between(0, 5 / 255)) * each.noise(3, self.side, self.side)
        return (255 * (lit + noise)).round().clamp(0, 255) / 255
