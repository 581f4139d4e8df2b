"""Pixels taken away, or replaced by a guess."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from imgae.model.contract import GUESS
from imgae.training.mask_bank import HoleBank
from imgae.training.networks.fill import smooth_fill


@dataclass(frozen=True)
class Holes:
    """Pixels taken away.

    share_guess: of the samples of a batch; their holes are large and hold a guess, as those do
    that were filled at half the resolution before: a mixture of the clean picture at half
    resolution and of a smooth fill.
    """

    masks: HoleBank
    share_guess: float = 0.17

    def __call__(self, clean: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
        """Corrupt clean (B, 3, H, W) in [0, 1]; H and W are one multiple of the stride.

        Returns (given, mask): given (B, 3, H, W), black or a guess in the holes; mask
        (B, 1, H, W), 0, GUESS or 1.
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
        given, mask = torch.where(hole, 0.0, clean), hole.float()
        given[:guesses] = torch.where(
            hole[:guesses], torch.lerp(smooth, half, part), given[:guesses]
        )
        mask[:guesses] *= GUESS
        return given, mask
