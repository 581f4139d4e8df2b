"""Every kind of noise on every kind of picture, for the estimator to tell them apart.

Levels are on [0, 1], a parameter is (B, 1, 1, 1), one a picture; draws come from an explicit
generator on the device of the pictures.
"""

from dataclasses import dataclass, field
from typing import Final

import torch
from torch import Generator, Tensor

from imgae.training.corruptions.camera import CameraNoise
from imgae.training.corruptions.camera_noise import blurred, log_between, normalised
from imgae.training.corruptions.jpeg import MCU, luma_of, rounded, saved_where
from imgae.training.corruptions.noise import draw_levels

KINDS: Final = ("white", "camera", "grain", "clean", "jpeg")


@dataclass(frozen=True)
class Sample:
    """A batch, and what is known of its noise.

    noisy, clean: (B, 3, H, W). level: (B,), of white noise, 0 for others. white: (B,), 1 for white
    noise of one level, 0 for other noise and for none, 0.5 where nobody could tell. kind: (B,),
    the place in KINDS.
    """

    noisy: Tensor
    clean: Tensor
    level: Tensor
    white: Tensor
    kind: Tensor


@dataclass(frozen=True)
class Mixture:
    """Corrupts batches. Shares of KINDS, in this order, add up to 1; the others are per sample."""

    shares: tuple[float, ...] = (0.30, 0.28, 0.08, 0.16, 0.18)
    sigma_max: float = 55 / 255
    low: float = 15 / 255  # half of the white samples are at or below it
    faint: float = 1.5 / 255  # white noise below this is not told from none
    share_varying: float = 0.08
    share_float: float = 0.15  # of the white: neither clipped nor rounded
    share_gray: float = 0.25
    share_gray_colour: float = 0.03  # gray pictures with coloured noise
    camera: CameraNoise = field(
        default_factory=lambda: CameraNoise(
            share_clean=0.0, share_clean_jpeg=0.0, kinds=(0.4, 0.15, 0.31, 0.14, 0.0)
        )
    )

    def __call__(self, clean: Tensor, generator: Generator) -> Sample:
        """Corrupt clean (B, 3, H, W) in [0, 1], every sample by one kind."""
        count = len(clean)
        stops = [round(count * sum(self.shares[: i + 1])) for i in range(len(self.shares))]
        corruptions = (self.white, self.seen, self.grain, self.left, self.saved)
        parts, kinds = [], []
        for kind, (corrupt, a, b) in enumerate(zip(corruptions, [0, *stops], stops, strict=False)):
            if a < b:
                parts.append(corrupt(clean[a:b], generator))
                kinds.append(torch.full((b - a,), kind))
        noisy, clean, level, white = (torch.cat([part[i] for part in parts]) for i in range(4))
        return Sample(noisy, clean, level, white, torch.cat(kinds).to(clean.device))

    def white(self, clean: Tensor, generator: Generator) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Add white noise."""
        batch, _, height, width = clean.shape
        draw = Draw(batch, generator, clean.device)
        gray, coloured = draw.chance(self.share_gray), draw.chance(self.share_gray_colour)
        clean = torch.where(gray | coloured, rounded(luma_of(clean)).expand_as(clean), clean)
        varying = draw.chance(self.share_varying)
        levels = draw_levels((batch, height, width), self.sigma_max, varying, generator)
        low = log_between(1 / 255, self.low, draw.unit())
        levels = torch.where(draw.chance(0.5) & ~varying, low, levels)
        noise = torch.randn(clean.shape, generator=generator, device=clean.device)
        noise = torch.where(gray, noise[:, :1], noise)
        noisy = clean + levels * noise
        noisy = torch.where(draw.chance(self.share_float), noisy, rounded(noisy))
        level = levels[:, 0, 0, 0]
        known = torch.where(level < self.faint, 0.5, 1.0)
        different = varying.view(-1)
        return (
            noisy,
            clean,
            torch.where(different, 0.0, level),
            torch.where(different, 0.0, known),
        )

    def seen(self, clean: Tensor, generator: Generator) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Degrade as cameras, files and people do; some are turned gray afterwards."""
        made = self.camera(clean, generator)
        gray = Draw(len(clean), generator, clean.device).chance(self.share_gray)
        noisy, clean = (torch.where(gray, rounded(luma_of(x)), x) for x in (made.noisy, made.clean))
        return not_white(noisy, clean)

    def grain(self, clean: Tensor, generator: Generator) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Add a film's grain: noise blurred by 0.6 to 1.5 pixels, gray more often than not."""
        draw = Draw(len(clean), generator, clean.device)
        soft = blurred(clean, draw.uniform(0.3, 1.4)).clamp(0, 1)
        clean = torch.where(draw.chance(0.5), soft, clean)
        gray = draw.chance(0.4)
        clean = rounded(torch.where(gray, luma_of(clean), clean))
        noise = torch.randn(clean.shape, generator=generator, device=clean.device)
        noise = torch.where(gray | draw.chance(0.3), noise[:, :1], noise)
        noise = normalised(blurred(noise, draw.uniform(0.6, 1.5)))
        bright = draw.unit()
        level = log_between(2 / 255, 30 / 255, draw.unit())
        noise = level * (1 - bright * (2 * clean - 1).square()).clamp(min=0.05).sqrt() * noise
        half, quality = draw.chance(0.5), draw.uniform(60, 99)
        noisy = saved_where(
            draw.chance(0.3), rounded(clean + noise), quality, half, draw.zero(), draw.zero()
        )
        return not_white(noisy, clean)

    def left(self, clean: Tensor, generator: Generator) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Leave it clean: as it is, softer, or of less or more contrast."""
        draw = Draw(len(clean), generator, clean.device)
        clean = torch.where(draw.chance(self.share_gray), luma_of(clean), clean)
        clean = torch.where(draw.chance(0.15), blurred(clean, draw.uniform(0.3, 1.0)), clean)
        middle, gain = draw.uniform(0, 1), draw.uniform(0.15, 1.6)
        clean = torch.where(draw.chance(0.2), middle + gain * (clean - middle), clean)
        clean = rounded(torch.where(draw.chance(0.08), 1 - clean, clean))
        return not_white(clean, clean)

    def saved(self, clean: Tensor, generator: Generator) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Save as JPEG without other noise, on the grid or not."""
        draw = Draw(len(clean), generator, clean.device)
        clean = rounded(torch.where(draw.chance(self.share_gray), luma_of(clean), clean))
        off = draw.chance(0.25).float()
        down, right = ((draw.unit() * MCU).floor() * off for _ in range(2))
        quality = torch.where(draw.chance(0.6), draw.uniform(70, 98.5), draw.uniform(8, 98.5))
        everything = torch.ones_like(off, dtype=torch.bool)
        noisy = saved_where(everything, clean, quality, draw.chance(0.6), down, right)
        return not_white(noisy, clean)


def not_white(noisy: Tensor, clean: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    none = clean.new_zeros(len(clean))
    return noisy, clean, none, none


@dataclass(frozen=True)
class Draw:
    """Numbers for a batch, (B, 1, 1, 1)."""

    batch: int
    generator: Generator
    device: torch.device

    def unit(self) -> Tensor:
        return torch.rand(self.batch, 1, 1, 1, generator=self.generator, device=self.device)

    def uniform(self, low: float, high: float) -> Tensor:
        return low + (high - low) * self.unit()

    def chance(self, share: float) -> Tensor:
        return self.unit() < share

    def zero(self) -> Tensor:
        return torch.zeros(self.batch, 1, 1, 1, device=self.device)
