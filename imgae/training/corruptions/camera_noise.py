"""The noise of sensors and what cameras make of it, a function a kind.

Pictures are (B, 3, H, W), sRGB on [0, 1], and so are levels; a parameter is (B, 1, 1, 1), one a
picture, unless it says otherwise.
"""

from typing import Final

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from imgae.training.corruptions.jpeg import luma_of

SHOT: Final = (1e-4, 0.012)
"""Variance of raw noise per light, at the lowest and at the highest sensitivity."""
LOWEST_ISO: Final = 100.0


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
