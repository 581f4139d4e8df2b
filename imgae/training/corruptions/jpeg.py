"""JPEG on tensors: what saving a picture and reading it again does to its pixels.

Pictures are (B, 3, H, W), sRGB on [0, 1]; a parameter is (B, 1, 1, 1), one a picture.
"""

import math
from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor

LUMA: Final = (0.299, 0.587, 0.114)
"""Weights of R, G and B in luma (ITU-R BT.601)."""
BLOCK: Final = 8
MCU: Final = 16  # pixels of a block of chroma, at half the resolution

# Tables K.1 and K.2 of ITU-T T.81, row by row.
LUMA_STEPS: Final = (
    16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55,
    14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51, 87, 80, 62,
    18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92,
    49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
)  # fmt: skip
CHROMA_STEPS: Final = (
    17, 18, 24, 47, *(99,) * 4, 18, 21, 26, 66, *(99,) * 4, 24, 26, 56, *(99,) * 5,
    47, 66, *(99,) * 6, *(99,) * 32,
)  # fmt: skip


def rounded(x: Tensor) -> Tensor:
    """Clip to [0, 1] and round to 8 bits, as files do."""
    return (x.clamp(0, 1) * 255).round() / 255


def luma_of(x: Tensor) -> Tensor:
    """(B, 3, H, W) to its luma, (B, 1, H, W)."""
    weights = torch.tensor(LUMA, device=x.device).view(1, 3, 1, 1)
    return (x * weights).sum(1, keepdim=True)


def step_tables(quality: Tensor) -> Tensor:
    """Return libjpeg's tables of luma and chroma, (B, 2, 8, 8), for qualities of 1 to 100."""
    quality = quality.view(-1, 1, 1, 1).round().clamp(1, 100)
    scale = torch.where(quality < 50, (5000 / quality).floor(), 200 - 2 * quality)
    tables = torch.tensor([LUMA_STEPS, CHROMA_STEPS], device=quality.device).view(1, 2, 8, 8)
    return ((tables * scale + 50) / 100).floor().clamp(1, 255)


def mean_steps(quality: Tensor) -> Tensor:
    """Return the mean steps of luma and chroma on [0, 1], (B, 2, 1, 1)."""
    return step_tables(quality).mean((2, 3), keepdim=True) / 255


def jpeg(x: Tensor, quality: Tensor, half: Tensor, down: Tensor, right: Tensor) -> Tensor:
    """Save x as JPEG and read it again, in 8 bits.

    quality: 1 to 100. half: bool, chroma at half the resolution (4:2:0), else at full (4:4:4).
    down, right: where in the picture's first block of 16x16 x begins, 0 to 15: (0, 0) is on the
    grid.
    Source: ITU-T T.81, and libjpeg's choices: chroma averaged over 2x2, read back by a triangle.
    """
    batch, _, height, width = x.shape
    device = x.device
    size = [math.ceil((side + MCU - 1) / MCU) * MCU for side in (height, width)]
    down, right = down.long().view(-1, 1), right.long().view(-1, 1)
    rows = (torch.arange(size[0], device=device) - down).clamp(0, height - 1)
    columns = (torch.arange(size[1], device=device) - right).clamp(0, width - 1)
    which = torch.arange(batch, device=device).view(-1, 1, 1)
    x = x.permute(0, 2, 3, 1)[which, rows[:, :, None], columns[:, None]].permute(0, 3, 1, 2)
    x = rounded(x) * 255
    y = luma_of(x)
    chroma = torch.cat([(x[:, 2:] - y) / 1.772, (x[:, :1] - y) / 1.402], 1)
    steps = step_tables(quality)
    luma_steps, chroma_steps = steps[:, :1], steps[:, 1:]
    y = quantised(y.round() - 128, luma_steps) + 128
    small = quantised(F.avg_pool2d(chroma.round(), 2).round(), chroma_steps)
    large = F.interpolate(small, scale_factor=2.0, mode="bilinear")
    chroma = torch.where(half, large, quantised(chroma.round(), chroma_steps))
    blue, red = chroma[:, :1], chroma[:, 1:]
    r, b = y + 1.402 * red, y + 1.772 * blue
    g = (y - LUMA[0] * r - LUMA[2] * b) / LUMA[1]
    x = torch.cat([r, g, b], 1).round().clamp(0, 255) / 255
    rows = torch.arange(height, device=device) + down
    columns = torch.arange(width, device=device) + right
    return x.permute(0, 2, 3, 1)[which, rows[:, :, None], columns[:, None]].permute(0, 3, 1, 2)


def saved_where(chosen: Tensor, x: Tensor, *settings: Tensor) -> Tensor:
    """Save those of the pictures as JPEG that are chosen, (B, 1, 1, 1); see `jpeg`."""
    own = chosen.view(-1).nonzero()[:, 0]
    if not len(own):
        return x
    return x.index_copy(0, own, jpeg(x[own], *(setting[own] for setting in settings)))


def quantised(x: Tensor, steps: Tensor) -> Tensor:
    """Round the cosine transform of (B, C, H, W), sides multiples of 8, to steps (B, 1, 8, 8)."""
    batch, channels, height, width = x.shape
    basis = cosines(x.device)
    blocks = x.reshape(batch, channels, height // BLOCK, BLOCK, width // BLOCK, BLOCK)
    spectrum = torch.einsum("ui,bcyixj,vj->bcyuxv", basis, blocks, basis)
    steps = steps.view(batch, 1, 1, BLOCK, 1, BLOCK)
    kept = (spectrum / steps).round() * steps
    return torch.einsum("ui,bcyuxv,vj->bcyixj", basis, kept, basis).reshape(x.shape).round()


def cosines(device: torch.device) -> Tensor:
    """Return the orthonormal cosine transform of 8 values, (8, 8), a frequency a row."""
    places = torch.arange(BLOCK, device=device)
    basis = torch.cos(math.pi / BLOCK * (places + 0.5) * places[:, None]) / 2
    basis[0] /= math.sqrt(2)
    return basis
