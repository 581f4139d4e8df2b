"""Denoising of camera noise."""

from dataclasses import dataclass, field
from typing import Final

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from imgae.training.corruptions.camera import CameraNoise
from imgae.training.networks.parts import GATE_SIGMA, STRIDE, pad_to_stride

FLOOR: Final = 1e-4
"""Of squared errors whose ratio is logged: 40 dB."""
MEAN_SIDE: Final = 16


@dataclass(frozen=True)
class CameraDenoising:
    """Each picture's mean squared error, over a power of the root of its input's.

    So a decibel counts about the same at every strength of noise: what is left of noise grows
    about so. Pictures that are clean already weigh the most, since the network is to leave them
    alone.

    Errors of the mean over blocks of MEAN_SIDE pixels count `mean_weight` times more: of what a
    network does to flat places, a shift is seen first.

    Beside it, the error of the level map against the root mean square around each pixel of what is
    to be removed, relative to that. Without it the map stood still, the same for every picture,
    and the denoiser found its way alone.
    """

    corruption: CameraNoise = field(default_factory=CameraNoise)
    exponent: float = 1.5
    scale: float = 0.03
    level_weight: float = 1.0
    mean_weight: float = 2.0
    around: int = 16  # pixels

    def __call__(
        self, net: nn.Module, clean: Tensor, generator: Generator
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """clean: (B, 3, H, W) in [0, 1]. Returns the scalar loss and terms for the log."""
        with torch.autocast(clean.device.type, enabled=False):
            degraded = self.corruption(clean, generator)
        restored, levels = net.with_levels(  # type: ignore[operator]
            degraded.noisy, degraded.quantisation, degraded.iso
        )
        restored, levels = restored.float(), levels.float()
        before = (degraded.noisy - degraded.clean).square().mean((1, 2, 3))
        after = (restored - degraded.clean).square().mean((1, 2, 3))
        expected = self.scale * (before.sqrt() + 1 / 255).pow(self.exponent)
        shifts = F.avg_pool2d(restored - degraded.clean, MEAN_SIDE).square().mean((1, 2, 3))
        loss = ((after + self.mean_weight * shifts) / expected).mean()
        wanted = self.levels_of(degraded.noisy - degraded.clean)
        level_error = ((levels - wanted).abs() / (wanted + GATE_SIGMA)).mean()
        gain = 10 * ((before + FLOOR) / (after + FLOOR)).log10().mean()
        terms = {"mse": after.mean(), "gain": gain, "level_error": level_error}
        return loss + self.level_weight * level_error, terms

    def levels_of(self, noise: Tensor) -> Tensor:
        """Return what a level map should say of noise (B, 3, H, W): (B, 2, H/8, W/8)."""
        noise = pad_to_stride(noise)
        luma = noise.mean(1, keepdim=True)
        squares = torch.cat([luma.square(), (noise - luma).square().mean(1, keepdim=True)], 1)
        margin = (self.around - STRIDE) // 2
        means = F.avg_pool2d(squares, self.around, STRIDE, margin, count_include_pad=False)
        return means.sqrt()
