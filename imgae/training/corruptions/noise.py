"""Random corruption of clean patches: which noise level, what kind of noise, what a file keeps.

Every function draws from an explicit generator that lives on the device of its tensors. Levels
are on [0, 1].
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Generator, Tensor


@dataclass(frozen=True)
class GaussianNoise:
    """Additive white Gaussian noise as pictures carry it; shares are per sample.

    The level told is always exact. Where samples had less noise than was told, networks learnt to
    look for white noise themselves, and left noise alone that was not white
    (docs/decisions/levels.md).
    """

    sigma_max: float = 55 / 255
    share_zero: float = 0.03
    share_varying: float = 0.06  # the level changes smoothly over the patch
    share_rounded: float = 0.4  # clipped to [0, 1] and rounded to 8 bits, as files are
    share_gray: float = 0.05  # a gray picture: the same noise in the three channels

    def __call__(self, clean: Tensor, generator: Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Corrupt clean (B, 3, H, W) in [0, 1].

        Returns (noisy, sigma, clean): noisy (B, 3, H, W), sigma (B, 1, H, W), and the reference,
        which differs from the argument only where a sample was turned gray.
        """
        batch, _, height, width = clean.shape
        device = clean.device

        def chance(share: float) -> Tensor:
            return torch.rand(batch, 1, 1, 1, generator=generator, device=device) < share

        gray = chance(self.share_gray)
        clean = torch.where(gray, clean.mean(1, keepdim=True), clean)
        sigma = draw_levels(
            (batch, height, width), self.sigma_max, chance(self.share_varying), generator
        )
        sigma = torch.where(chance(self.share_zero), 0.0, sigma)
        noise = torch.randn(clean.shape, generator=generator, device=device)
        noise = torch.where(gray, noise[:, :1], noise)
        noisy = clean + sigma * noise
        as_file = (noisy.clamp(0, 1) * 255).round() / 255
        return torch.where(chance(self.share_rounded), as_file, noisy), sigma, clean


def draw_levels(
    shape: tuple[int, int, int], sigma_max: float, varying: Tensor, generator: Generator
) -> Tensor:
    """Draw a map of levels per sample, (B, 1, H, W): constant, or smooth where `varying`."""
    batch, height, width = shape
    coarse = torch.rand(batch, 1, 3, 3, generator=generator, device=varying.device) * sigma_max
    smooth = F.interpolate(coarse, (height, width), mode="bilinear", align_corners=True)
    return torch.where(varying, smooth, coarse[:, :, :1, :1])
