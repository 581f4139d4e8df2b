"""Random corruption of clean patches: which noise level, what kind of noise, what a file keeps.

Every function draws from an explicit generator that lives on the device of its tensors. Levels
are on [0, 1].
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from imgae.synthetic.masks import COVERED
from imgae.training.masks import DrawnBank, HoleBank
from imgae.training.networks import GUESS, smooth_fill


@dataclass(frozen=True)
class GaussianNoise:
    """Additive white Gaussian noise as pictures carry it; shares are per sample."""

    sigma_max: float = 55 / 255
    share_zero: float = 0.04
    share_varying: float = 0.06  # the level changes smoothly over the patch
    share_rounded: float = 0.2  # clipped to [0, 1] and rounded to 8 bits, as files are
    share_gray: float = 0.04  # a gray picture: the same noise in the three channels
    share_overstated: float = 0.005  # less noise than stated, a quarter of them none

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
        # Users overstate, and parts of pictures are clean: without such samples a flat field
        # without noise was shifted by up to two thirds of the level stated.
        part = torch.rand(batch, 1, 1, 1, generator=generator, device=device) * 4 / 3 - 1 / 3
        amount = torch.where(chance(self.share_overstated), part.clamp(min=0), 1.0)
        noisy = clean + amount * sigma * noise
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
