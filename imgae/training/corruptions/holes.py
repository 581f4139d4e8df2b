"""Pixels taken away, or replaced by a guess."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from imgae.model.contract import GUESS
from imgae.training.mask_bank import HoleBank
from imgae.training.networks.fill import smooth_fill

Fill = Callable[[Tensor, Tensor], Tensor]
"""From a picture and a mask, as InpaintingAutoencoder takes them, to the picture filled."""


@dataclass(frozen=True)
class Holes:
    """Pixels taken away.

    share_guess: of the samples of a batch; their holes are large and hold a guess, as those do
    that were filled at half the resolution before. Every second guess is what the network itself
    says at half the resolution, where it is given; the others are mixtures of the clean picture at
    half the resolution and of a smooth fill.
    """

    masks: HoleBank
    share_guess: float = 0.19

    def __call__(
        self, clean: Tensor, generator: Generator, net: Fill | None = None
    ) -> tuple[Tensor, Tensor]:
        """Corrupt clean (B, 3, H, W) in [0, 1]; H and W are one multiple of the stride.

        net: what fills at half the resolution. Returns (given, mask): given (B, 3, H, W), black
        or a guess in the holes; mask (B, 1, H, W), 0, GUESS or 1.
        """
        batch, _, size, _ = clean.shape
        chance = torch.rand((), generator=generator, device=clean.device)
        guesses = int(self.share_guess * batch + chance)
        hole = torch.cat([
            self.masks.draw_large(guesses, size, generator),
            self.masks.draw(batch - guesses, size, generator),
        ])  # fmt: skip
        half = F.interpolate(F.avg_pool2d(clean[:guesses], 2), scale_factor=2, mode="bilinear")
        smooth = smooth_fill(clean[:guesses], hole[:guesses])
        part = torch.rand(guesses, 1, 1, 1, generator=generator, device=clean.device)
        guess = torch.lerp(smooth, half, part)
        if net is not None and guesses:
            guess[::2] = coarse_fill(clean[:guesses:2], hole[:guesses:2], net)
        given, mask = torch.where(hole, 0.0, clean), hole.float()
        given[:guesses] = torch.where(hole[:guesses], guess, given[:guesses])
        mask[:guesses] *= GUESS
        return given, mask


@torch.no_grad()
def coarse_fill(clean: Tensor, hole: Tensor, net: Fill) -> Tensor:
    """Fill holes at half the resolution by a network, as `restore` does, and enlarge the result.

    clean: (B, 3, H, W), H and W even; hole: bool (B, 1, H, W). Returns (B, 3, H, W) in [0, 1].
    """
    known = (~hole).to(clean.dtype)
    share = F.avg_pool2d(known, 2)
    small = F.avg_pool2d(clean * known, 2) / share.clamp(min=0.25)
    # In full precision: autocast would keep weights that it cast without gradients for later.
    with torch.autocast(clean.device.type, enabled=False):
        filled = net(small, (share == 0).to(clean.dtype))
    return F.interpolate(filled.clamp(0, 1), scale_factor=2, mode="bilinear")
