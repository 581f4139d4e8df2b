"""Scratches, dust and dead pixels."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from imgae.synthetic.masks import COVERED
from imgae.training.mask_bank import DrawnBank


@dataclass(frozen=True)
class Defects:
    """Scratches, dust and dead pixels, each in some samples; shares are per sample."""

    scratches: DrawnBank
    dust: DrawnBank
    share_each: float = 0.6
    share_soft: float = 0.4  # edges as blurred as a scan makes them
    share_noisy: float = 0.5
    noise_max: float = 8 / 255

    def __call__(self, clean: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
        """Damage clean (B, 3, H, W) in [0, 1].

        Returns (damaged, target): both (B, 3, H, W); target is 1 where there are
        scratches, dust and dead pixels, a channel each.
        """
        batch, _, size, _ = clean.shape
        device = clean.device

        def uniform(*shape: int) -> Tensor:
            return torch.rand(batch, *shape, generator=generator, device=device)

        def present() -> Tensor:
            return uniform(1, 1, 1) < self.share_each

        noise = torch.randn(clean.shape, generator=generator, device=device)
        amount = self.noise_max * uniform(1, 1, 1) * (uniform(1, 1, 1) < self.share_noisy)
        damaged = clean + amount * noise
        targets = []
        for bank in (self.scratches, self.dust):
            whole = bank.cover(batch, size, generator) * present()
            light, shade = uniform(1, 1, 1) < 0.6, 0.15 * uniform(1, 1, 1)
            value = torch.where(light, 1 - shade, shade) + 0.04 * (uniform(3, 1, 1) - 0.5)
            soft = F.avg_pool2d(F.avg_pool2d(whole, 2, 1), 2, 1, padding=1)
            edges = torch.where(uniform(1, 1, 1) < self.share_soft, soft, whole)
            cover = edges * (0.6 + 0.4 * uniform(1, 1, 1))
            damaged = torch.lerp(damaged, value.expand_as(clean), cover)
            targets.append(whole > COVERED)
        share = 10 ** (-4 + 1.7 * uniform(1, 1, 1))
        dead = (uniform(1, size, size) < share) & present()
        stuck = torch.where(uniform(1, size, size) < 0.7, uniform(1, size, size).round(),
                            uniform(3, size, size))  # fmt: skip
        damaged = torch.where(dead, stuck, damaged)
        damaged = (damaged.clamp(0, 1) * 255).round() / 255
        return damaged, torch.cat([*targets, dead], 1).float()
