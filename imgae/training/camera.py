"""What happens to photographs before anyone denoises them: sensors, cameras, files and people.

Every function works on tensors of any device and draws from an explicit generator there. Pictures
are (B, 3, H, W), sRGB on [0, 1], and so are levels; a parameter is (B, 1, 1, 1), one a picture,
unless it says otherwise.
"""

from dataclasses import dataclass
from typing import Final

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from imgae.training.jpeg import MCU, luma_of, mean_steps, rounded, saved_where

SHOT: Final = (1e-4, 0.012)
"""Variance of raw noise per light, at the lowest and at the highest sensitivity."""
LOWEST_ISO: Final = 100.0


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


def log_between(low: float, high: float, unit: Tensor) -> Tensor:
    """Map [0, 1] to [low, high], evenly in the logarithm."""
    return low * (high / low) ** unit


def raw_noise(clean: Tensor, shot: Tensor, generator: Generator) -> Tensor:
    """Return what shot and read noise of a Bayer sensor becomes in the camera's picture.

    shot: variance per light; that of reading follows from it. The clean picture is taken back to
    what the sensor saw (tone curve, gamma, colours, white balance), gets its noise there, one
    colour a pixel, clipped at the sensor's ends; the noise alone is then interpolated, and all
    comes forward again. So the truth is the clean picture itself, not one blurred by interpolation.
    """
    batch, _, height, width = clean.shape
    device = clean.device

    def uniform(*shape: int) -> Tensor:
        return torch.rand(batch, *shape, generator=generator, device=device)

    def normal(*shape: int) -> Tensor:
        return torch.randn(batch, *shape, generator=generator, device=device)

    read = torch.exp(2.18 * shot.log() + 1.20 + 0.26 * normal(1, 1, 1))
    toned = uniform(1, 1, 1) < 0.5
    linear = srgb_to_linear(torch.where(toned, inverse_tone(clean), clean))
    mix = colour_mix(uniform(6))
    light = torch.einsum("bij,bjhw->bihw", mix, linear)
    gain = 1 / (0.8 + 0.1 * normal(1, 1, 1)).clamp(0.5, 1.1)
    balance = torch.cat([1.9 + 0.5 * uniform(1), torch.ones(batch, 1, device=device),
                         1.5 + 0.4 * uniform(1)], 1).view(batch, 3, 1, 1)  # fmt: skip
    seen = (light / (gain * balance)).clamp(0, 1)
    noisy = seen + (shot * seen + read).sqrt() * normal(3, height, width)
    noise = demosaic((noisy.clamp(0, 1) - seen) * bayer(height, width, uniform(1), device))
    # Cameras smooth, colours more than brightness, and sharpen what they have smoothed.
    luma = luma_of(noise)
    colour = torch.lerp(
        noise - luma, blurred(noise - luma, 0.4 + 1.6 * uniform(1)), uniform(1, 1, 1)
    )
    luma = torch.lerp(luma, blurred(luma, 0.8), 1.6 * uniform(1, 1, 1) - 0.6)
    noise = luma + colour
    forward = (light + noise * gain * balance).clamp(0, 1)
    # float32 outside autocast: the inverse of a 3x3 matrix has no bf16.
    back = torch.linalg.inv(mix)
    shown = linear_to_srgb(torch.einsum("bij,bjhw->bihw", back, forward).clamp(0, 1))
    return torch.where(toned, tone(shown), shown) - clean


def dependent_noise(clean: Tensor, sigma: Tensor, generator: Generator) -> Tensor:
    """White noise whose variance is a line of the signal; sigma: at mid-gray."""
    share = torch.rand(len(clean), 1, 1, 1, generator=generator, device=clean.device)
    std = sigma * (share * clean / 0.5 + 1 - share).clamp(min=0).sqrt()
    return std * torch.randn(clean.shape, generator=generator, device=clean.device)


def correlated_noise(clean: Tensor, sigma: Tensor, generator: Generator) -> Tensor:
    """Noise that was smoothed, by 0.4 to 1.6 pixels, with a like part in all channels."""
    batch = len(clean)
    unit = torch.rand(batch, 3, 1, 1, generator=generator, device=clean.device)
    white = torch.randn(clean.shape, generator=generator, device=clean.device)
    common = torch.randn(clean[:, :1].shape, generator=generator, device=clean.device)
    # Grays have one noise in all channels; others share some of it.
    part = torch.where(unit[:, :1] < 0.15, 1.0, unit[:, :1] * 0.8)
    mixed = part.sqrt() * common + (1 - part).sqrt() * white
    width = 0.4 + 1.2 * unit[:, 1:2]
    smooth = normalised(blurred(mixed, width))
    bright = unit[:, 2:]
    return sigma * (bright * clean / 0.5 + 1 - bright).clamp(min=0).sqrt() * smooth


def chroma_noise(clean: Tensor, sigma: Tensor, generator: Generator) -> Tensor:
    """Noise with one to three times as much in chroma as in luma, in blotches of some pixels."""
    batch, _, height, width = clean.shape
    device = clean.device
    unit = torch.rand(batch, 3, 1, 1, generator=generator, device=device)
    luma = torch.randn(batch, 1, height, width, generator=generator, device=device)
    luma = normalised(blurred(luma, 0.1 + 0.9 * unit[:, :1]))
    blotches = []
    for size in (2, 4):
        small = torch.randn(
            batch, 3, -(-height // size), -(-width // size), generator=generator, device=device
        )
        large = F.interpolate(small, scale_factor=float(size), mode="bilinear")
        blotches.append(normalised(large[:, :, :height, :width]))
    chroma = torch.where(unit[:, 1:2] < 0.5, blotches[0], blotches[1])
    chroma = blurred(chroma, 0.3 + 1.5 * (unit[:, 1:2] * 2 % 1))
    chroma = normalised(chroma - luma_of(chroma))
    ratio = 1 + 2 * unit[:, 2:]
    return sigma * normalised(luma + ratio * chroma)


def processed(clean: Tensor, noise: Tensor, generator: Generator) -> Tensor:
    """Return what is left of noise after a camera's own denoising and sharpening.

    Cameras take weak detail away and leave strong detail alone, so that noise is rare and heavy
    in flat places, and as strong as before beside edges and in texture; of colours they leave
    little but blotches. The truth stays the clean picture: what is done to the picture with the
    noise and with its opposite is compared.
    """
    unit = torch.rand(len(clean), 4, 1, 1, generator=generator, device=clean.device)
    coring, sharpening, width, colour = (unit[:, i : i + 1] for i in range(4))
    luma = luma_of(noise)
    chroma = colour * torch.lerp(noise - luma, blurred(noise - luma, 1.5), colour.round())
    bands = detail(luma, 0.5 + width)
    thresholds = [3 * coring * normal_size(band) for band in bands[:2]]

    def denoised(picture: Tensor) -> Tensor:
        fine, middle, rest = detail(picture, 0.5 + width)
        fine, middle = (
            band * band.square() / (band.square() + threshold.square() + 1e-12)
            for band, threshold in zip((fine, middle), thresholds, strict=True)
        )
        sharp: Tensor = (1 + 0.8 * sharpening) * fine + middle + rest
        return sharp

    bright = luma_of(clean)
    return (denoised(bright + luma) - denoised(bright - luma)) / 2 + chroma


def detail(x: Tensor, width: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Split x into fine and middle detail and the rest, which add up to it."""
    smooth = blurred(x, width)
    rest = blurred(smooth, 1.8 * width.clamp(max=1))
    return x - smooth, smooth - rest, rest


def normal_size(x: Tensor) -> Tensor:
    size: Tensor = x.square().mean((1, 2, 3), keepdim=True).sqrt()
    return size


def normalised(noise: Tensor) -> Tensor:
    """Scale noise to a standard deviation of 1 over the picture."""
    return noise / normal_size(noise).clamp(min=1e-6)


def blurred(x: Tensor, width: float | Tensor) -> Tensor:
    """Blur by a Gaussian of `width` pixels, one number or one a picture, up to about 2."""
    batch, channels, height, _ = x.shape
    widths = torch.as_tensor(width, device=x.device).reshape(-1, 1).expand(batch, 1)
    places = torch.arange(-4, 5, device=x.device)
    kernels = torch.exp(-(places**2) / (2 * widths**2))
    kernels = (kernels / kernels.sum(1, keepdim=True)).repeat_interleave(channels, 0)
    groups = batch * channels
    flat = F.pad(x, (4, 4, 4, 4), mode="replicate").reshape(1, groups, height + 8, -1)
    flat = F.conv2d(flat, kernels.view(groups, 1, 1, 9), groups=groups)
    return F.conv2d(flat, kernels.view(groups, 1, 9, 1), groups=groups).view(x.shape)


def srgb_to_linear(x: Tensor) -> Tensor:
    """IEC 61966-2-1, x in [0, 1]."""
    return torch.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4)


def linear_to_srgb(x: Tensor) -> Tensor:
    """The inverse of `srgb_to_linear`."""
    return torch.where(x <= 0.0031308, x * 12.92, 1.055 * x.clamp(min=1e-8) ** (1 / 2.4) - 0.055)


def tone(x: Tensor) -> Tensor:
    """The smooth step that stands for a camera's contrast curve."""
    return x * x * (3 - 2 * x)


def inverse_tone(x: Tensor) -> Tensor:
    """The inverse of `tone` on [0, 1]."""
    return 0.5 - torch.sin(torch.asin((1 - 2 * x).clamp(-1, 1)) / 3)


def colour_mix(unit: Tensor) -> Tensor:
    """Return (B, 3, 3) from sRGB to a sensor's colours, rows adding up to 1; unit: (B, 6).

    Sensors' filters overlap, so their colours are duller; bringing them back multiplies noise.
    """
    off = 0.05 + 0.2 * unit
    mix = torch.zeros(len(unit), 3, 3, device=unit.device)
    places = [(0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1)]
    for number, (row, column) in enumerate(places):
        mix[:, row, column] = off[:, number]
    return mix + torch.diag_embed(1 - mix.sum(2))


def bayer(height: int, width: int, unit: Tensor, device: torch.device) -> Tensor:
    """Return masks of the colour filters, (B, 3, H, W), RGGB moved by a place drawn by unit."""
    place = (unit.view(-1, 1, 1) * 4).long().clamp(max=3)
    rows = (torch.arange(height, device=device).view(1, -1, 1) + place // 2) % 2
    columns = (torch.arange(width, device=device).view(1, 1, -1) + place % 2) % 2
    red, blue = (rows == 0) & (columns == 0), (rows == 1) & (columns == 1)
    return torch.stack([red, ~(red | blue), blue], 1).float()


def demosaic(mosaic: Tensor) -> Tensor:
    """Interpolate linearly from the pixels of each colour, (B, 3, H, W), 0 elsewhere."""
    cross = torch.tensor([[0.0, 1, 0], [1, 4, 1], [0, 1, 0]], device=mosaic.device) / 4
    square = torch.tensor([[1.0, 2, 1], [2, 4, 2], [1, 2, 1]], device=mosaic.device) / 4
    kernels = torch.stack([square, cross, square])[:, None]
    return F.conv2d(F.pad(mosaic, (1, 1, 1, 1)), kernels, groups=3)


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
