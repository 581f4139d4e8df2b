"""Validation without clean pictures: an estimate of what a network gains on noisy crops."""

from pathlib import Path
from typing import Final

import numpy as np
import torch
from torch import Generator, Tensor, nn

from imgae.picture.metrics import psnr
from imgae.training.loop import Measure
from imgae.training.noise.model import NoiseModel
from imgae.training.objectives.redrawn import two_thirds
from imgae.training.validate import Case, Restoration, write_sheet

GAIN: Final = Measure("gain", "{:+.2f} dB (estimated)")
MOST: Final = 80.0
"""Of a crop's PSNR, which is infinite where there is no noise, as in the black."""


class UnseenGain(Restoration):
    """By how many decibels a network lowers the mean squared error of noisy crops, estimated.

    A reference, which denoises well, restores the crops. They are made smaller by a third, which
    brings back about as much detail a pixel as was lost, and are then taken as clean: the measured
    noise is drawn on them, and networks are scored on removing it. On made noise of four kinds
    it was within 1.2 dB of the true gain, but 2 dB below it for networks that knew raw noise better
    than the measured model does. Stein's unbiased estimate was up to 60 dB off: the error left is a
    few hundredths of the variance, which nobody can measure as closely (docs/decisions/noisy.md).
    """

    measure = GAIN

    def __init__(
        self,
        crops: list[Tensor],
        noise: NoiseModel,
        device: torch.device,
        reference: nn.Module,
        ends: tuple[float, float] = (0.0, 1.0),
    ) -> None:
        """crops: (1, 3, H, W) each, noisy, kept out of training; sides from 2 pixels.

        noise: what they have. reference: a network or function from such a crop to the restored
        one. ends: the least and largest value that pictures hold.
        """
        self.crops = crops
        generator = Generator().manual_seed(0)
        cases = []
        for crop in crops:
            with torch.no_grad():
                restored = reference(crop.to(device)).cpu().float().clamp(*ends)
            clean = two_thirds(restored)
            noisy = (clean + noise.draw(clean, generator)).clamp(*ends)
            cases.append(Case.whole(noisy, (), clean))
        super().__init__(cases, device)
        self.before = mean_psnr([case.given for case in cases], cases)

    def score(self, net: nn.Module) -> float:
        """Return the mean gain over the noisy crops, in dB."""
        return mean_psnr(self.restore(net), self.cases) - self.before

    @torch.no_grad()
    def write_preview(self, net: nn.Module, path: Path) -> None:
        """Write a sheet of real crops: noisy, restored, and what was taken away on mid-gray."""
        rows = []
        for crop in self.crops[:4]:
            restored = net(crop.to(self.device)).cpu().float()
            removed = 0.5 + crop - restored
            rows.append((crop.clamp(0, 1), restored.clamp(0, 1), removed.clamp(0, 1)))
        write_sheet(rows, path)


def mean_psnr(pictures: list[Tensor], cases: list[Case]) -> float:
    pairs = zip(pictures, cases, strict=True)
    return float(np.mean([min(MOST, psnr(x.numpy(), case.clean.numpy())) for x, case in pairs]))
