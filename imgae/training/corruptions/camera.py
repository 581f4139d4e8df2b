"""What happens to photographs before anyone denoises them: sensors, cameras, files and people.

Every function works on tensors of any device and draws from an explicit generator there. Pictures
are (B, 3, H, W), sRGB on [0, 1], and so are levels; a parameter is (B, 1, 1, 1), one a picture,
unless it says otherwise.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from imgae.training.corruptions.camera_noise import (
    LOWEST_ISO,
    SHOT,
    blurred,
    chroma_noise,
    correlated_noise,
    dependent_noise,
    linear_to_srgb,
    log_between,
    processed,
    raw_noise,
    srgb_to_linear,
)
from imgae.training.corruptions.jpeg import MCU, mean_steps, rounded, saved_where


@dataclass(frozen=True)
class Degraded:
    """A batch as its files hold it, what it should be, and what the files tell of themselves.

    noisy, clean: (B, 3, H, W). quantisation: (B, 2, 1, 1), mean steps of the JPEG's luma and
    chroma tables on [0, 1], 0 where not told. iso: (B, 1, 1, 1), 0 where not told.
    """

    noisy: Tensor
    clean: Tensor
    quantisation: Tensor
    iso: Tensor


@dataclass(frozen=True)
class CameraNoise:
    """Pictures as people have them: a third nearly clean, the others noisy, most of them JPEGs.

    Shares are per sample; those of kinds are of the noisy ones. The parameters are those of
    published generators where there are any: raw noise as in Brooks et al. 2019 (Unprocessing
    Images for Learned Raw Denoising); correlated and chroma noise, resizing and repeated JPEG as in
    Zhang et al. 2021 (BSRGAN) and Jiang et al. 2021 (FBCNN).
    """

    share_clean: float = 0.09
    share_clean_jpeg: float = 0.25
    kinds: tuple[float, float, float, float, float] = (0.33, 0.15, 0.26, 0.11, 0.15)
    """Raw noise through a camera; signal-dependent; correlated; chroma-heavy; white."""
    sigma: tuple[float, float] = (0.8 / 255, 45.0 / 255)  # log-uniform, white noise aside
    white_sigma: float = 55.0 / 255
    share_processed: float = 0.6  # of the noisy but white: by a camera's own denoising
    share_jpeg: float = 0.65  # of the noisy; white noise less often
    share_white_jpeg: float = 0.25
    share_twice: float = 0.3  # of the JPEGs: saved once more
    share_shifted: float = 0.3  # of the JPEGs: cropped after saving, so off the grid
    share_exposed: float = 0.12  # too brightly or too darkly, by up to 2 stops
    share_soft: float = 0.6  # of the noisy: as cameras' pictures are at full size, pixel by pixel
    share_soft_clean: float = 0.25
    share_resized: float = 0.08
    share_float: float = 0.06  # neither clipped nor rounded
    share_told: float = 0.7  # of the JPEGs on the grid: their tables are known
    share_iso: float = 0.25

    def __call__(self, clean: Tensor, generator: Generator) -> Degraded:
        """Degrade clean (B, 3, H, W) in [0, 1]."""
        device, batch = clean.device, len(clean)

        def uniform(low: float = 0.0, high: float = 1.0) -> Tensor:
            unit = torch.rand(batch, 1, 1, 1, generator=generator, device=device)
            return low + (high - low) * unit

        def chance(share: float | Tensor) -> Tensor:
            return uniform() < share

        fate = uniform()
        pristine = fate < self.share_clean
        noiseless = fate < self.share_clean + self.share_clean_jpeg
        soft = chance(torch.where(noiseless, self.share_soft_clean, self.share_soft))
        factor = float(log_between(1.0, 2.5, uniform()[0]))
        softer = blurred(magnified(clean, factor), uniform(0.1, 1.4))
        clean = torch.where(soft, softer.clamp(0, 1), clean)
        exposed = linear_to_srgb((srgb_to_linear(clean) * torch.exp2(uniform(-2, 2))).clamp(0, 1))
        clean = rounded(torch.where(chance(self.share_exposed), exposed, clean))
        noise, kind, shot = self.noise(clean, generator)
        noisy = torch.where(noiseless, clean, clean + noise)
        resized = chance(self.share_resized) & ~pristine
        if bool(resized.any()):
            factor = float(uniform(0.6, 0.95)[0])
            noisy = torch.where(resized, reduced(noisy, factor), noisy)
            clean = torch.where(resized, reduced(clean, factor), clean)
        as_float = chance(self.share_float) & ~noiseless
        noisy = torch.where(as_float, noisy, rounded(noisy))

        share = torch.where(kind == 4, self.share_white_jpeg, self.share_jpeg)
        saved = torch.where(noiseless, ~pristine, chance(share)) & ~as_float
        spared = torch.where(chance(0.45), uniform(82, 99), log_between(8.0, 98.0, uniform()))
        first = torch.where(noiseless, spared, uniform(40, 98))
        twice, shifted = saved & chance(self.share_twice), chance(self.share_shifted)
        half, half_again = chance(0.6), chance(0.6)
        shift = (uniform(0, MCU).floor(), uniform(0, MCU).floor())
        off = (shifted | twice & chance(0.5)).float()
        noisy = saved_where(saved, noisy, first, half, *(s * off for s in shift))
        second, still = uniform(60, 98), shifted.float()  # cropped after the second time
        noisy = saved_where(twice, noisy, second, half_again, *(s.flip(0) * still for s in shift))
        quality, aligned = torch.where(twice, second, first), ~shifted
        told = saved & aligned & chance(self.share_told)
        quantisation = torch.where(told, mean_steps(quality), 0.0)
        # Sensitivities are rough guides to noise: two cameras differ by a factor of two or more.
        spread = torch.exp2(torch.randn(batch, 1, 1, 1, generator=generator, device=device))
        iso = (LOWEST_ISO * shot / SHOT[0] * spread).clamp(50, 204_800)
        iso = torch.where(noiseless, LOWEST_ISO * torch.maximum(spread, 1 / spread), iso)
        iso = torch.where(chance(self.share_iso), iso, 0.0)
        return Degraded(noisy, clean, quantisation, iso)

    def noise(self, clean: Tensor, generator: Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Draw noise for each picture: (noise, its kind's place in `kinds`, raw shot noise)."""
        device, batch = clean.device, len(clean)
        weights = torch.tensor(self.kinds, device=device)
        kind = torch.multinomial(weights, batch, replacement=True, generator=generator)
        unit = torch.rand(batch, 2, 1, 1, generator=generator, device=device)
        sigma = log_between(*self.sigma, unit[:, :1])
        shot = log_between(*SHOT, unit[:, 1:])
        # What a camera of the same noise at mid-gray would call its sensitivity.
        typical = (sigma.square() / 0.2).clamp(*SHOT)
        noise = torch.empty_like(clean)
        for number, draw in enumerate((raw_noise, dependent_noise, correlated_noise, chroma_noise)):
            own = (kind == number).nonzero()[:, 0]
            if len(own):
                amount = shot[own] if number == 0 else sigma[own]
                noise[own] = draw(clean[own], amount, generator)
        handled = torch.rand(batch, generator=generator, device=device) < self.share_processed
        own = (handled & (kind != 4)).nonzero()[:, 0]
        if len(own):
            noise[own] = processed(clean[own], noise[own], generator)
        white = (kind == 4).nonzero()[:, 0]
        if len(white):
            level = self.white_sigma * unit[white, :1]
            shape = (len(white), *clean.shape[1:])
            noise[white] = level * torch.randn(shape, generator=generator, device=device)
        kind = kind.view(-1, 1, 1, 1)
        return noise, kind, torch.where(kind == 0, shot, typical)


def reduced(x: Tensor, factor: float) -> Tensor:
    """Make a picture smaller, and fill its old size by mirroring; factor above 0.5."""
    height, width = x.shape[2:]
    size = (max(2, round(height * factor)), max(2, round(width * factor)))
    small = F.interpolate(x, size, mode="bicubic", antialias=True).clamp(0, 1)
    return F.pad(small, (0, width - size[1], 0, height - size[0]), mode="reflect")


def magnified(x: Tensor, factor: float) -> Tensor:
    """Make the middle of a picture as large as the whole was; factor from 1."""
    height, width = x.shape[2:]
    size = (max(2, round(height / factor)), max(2, round(width / factor)))
    top, left = (height - size[0]) // 2, (width - size[1]) // 2
    part = x[:, :, top : top + size[0], left : left + size[1]]
    return F.interpolate(part, (height, width), mode="bicubic")
