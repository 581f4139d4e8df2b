"""The network that says what noise there is, for denoisers to be told."""

from typing import Final, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from imgae.training.networks.body import Network
from imgae.training.networks.parts import (
    ENDS,
    PICTURE,
    STRIDE,
    ResidualBlock,
    ends,
    pad_to_stride,
    zero,
)

WIDTHS: Final = {"tiny": (8, 8, 8), "fast": (32, 64, 96)}
"""Channels at 1/2, 1/4 and 1/8 of the resolution, by variant."""
LEVEL_STEP: Final = 0.04
"""What a level is multiplied by, so that the network's values are of the order of 1."""
REST_STEP: Final = 4 / 255
"""The level for the white-noise denoiser that one more unit of effort stands for."""
IDLE: Final = 0.02
"""An effort below this is none, so that clean places stay exactly as they are."""
TRUST: Final = 6.0
"""The largest logarithm of a cell's weight, either way."""
PADDED: Final = 20.0
"""Taken from that of cells that reach beyond the picture: repeated pixels look like no noise."""


class Seen(NamedTuple):
    """What the network says of each cell, (B, 1, h, w) each.

    effort: from 0. Up to 1 it is the share of the camera model's change to take; what is above 1
    is the level to tell the white-noise denoiser afterwards, in steps of REST_STEP.
    white: the logarithm of the odds that the picture's noise is white. trust: the logarithm of the
    weight that `white` and `level` have in the picture's mean. level: of white noise, on [0, 1].
    """

    effort: Tensor
    white: Tensor
    trust: Tensor
    level: Tensor


class NoiseEstimator(Network):
    """Say for each cell of STRIDE x STRIDE pixels what noise there is, and what to do about it.

    Nothing in it looks at the whole picture, so it can be run on tiles. That white noise is the
    same everywhere is used afterwards, when the weighted mean of all cells is taken.
    Source: the noise estimator of Guo et al. 2019 (CBDNet), there learned by regression alone.
    """

    inputs = ("image",)
    outputs = ("noise",)
    planes = (*PICTURE, *ENDS)
    cell = STRIDE
    called = ("see",)

    def __init__(self, widths: tuple[int, int, int]) -> None:
        super().__init__()
        c1, c2, c3 = widths
        self.stem = nn.Conv2d(len(self.planes), c1, 6, stride=2, padding=2)
        self.conv1 = nn.Conv2d(c1, c1, 3, padding=1)
        self.down1 = nn.Conv2d(c1, c2, 2, stride=2)
        self.conv2 = nn.Conv2d(c2, c2, 3, padding=1)
        self.down2 = nn.Conv2d(c2, c3, 2, stride=2)
        self.local = ResidualBlock(c3, rounded_sum=True)
        self.judge = ResidualBlock(c3, rounded_sum=True)
        self.head = nn.Conv2d(c3, len(Seen._fields), 1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                start(module)
        for block in (self.local, self.judge):
            zero(block.conv2)
        with torch.no_grad():
            self.head.weight.mul_(0.3)

    def see(self, image: Tensor) -> Seen:
        """Look at image (B, 3, H, W) in [0, 1]; H/8 and W/8 are rounded up.

        The first and the last layer compute in float32: bf16 would round a picture to half a level.
        """
        with torch.autocast(image.device.type, enabled=False):
            centred = pad_to_stride(image - 0.5)
            x = F.relu(self.stem(torch.cat([centred, *ends(centred)], 1)))
        x = F.relu(self.conv1(x))  # (B, c1, H/2, W/2)
        x = F.relu(self.down1(x))  # (B, c2, H/4, W/4)
        x = F.relu(self.conv2(x))
        x = F.relu(self.down2(x))  # (B, c3, H/8, W/8)
        x = self.judge(self.local(x))
        with torch.autocast(image.device.type, enabled=False):
            effort, white, trust, level = self.head(x.to(self.head.weight.dtype)).chunk(4, 1)
            return Seen(
                F.softplus(effort),
                white,
                trust.clamp(-TRUST, TRUST) - PADDED * beyond(image),
                LEVEL_STEP * F.softplus(level) + 1e-6,
            )

    def forward(self, image: Tensor) -> Tensor:
        """Return what an exported file gives: (B, 5, h, w), as contract.NOISE has it."""
        seen = self.see(image)
        effort = seen.effort - IDLE
        share, rest = effort.clamp(0, 1), REST_STEP * (effort - 1).clamp(min=0)
        return torch.cat([share, rest, seen.white, seen.trust.exp(), seen.level], 1)


def beyond(image: Tensor) -> Tensor:
    """Return 1 for cells that reach beyond image (B, 3, H, W), else 0: (B, 1, h, w)."""
    inside = torch.zeros_like(image[:, :1])
    height, width = image.shape[2:]
    outside = F.pad(inside, (0, -width % STRIDE, 0, -height % STRIDE), value=1.0)
    return F.max_pool2d(outside, STRIDE)


def start(conv: nn.Conv2d) -> None:
    """He's initialisation, for ReLUs: with PyTorch's own, ten layers pass no signal."""
    nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
    assert conv.bias is not None
    nn.init.zeros_(conv.bias)


def weighted_mean(values: Tensor, trust: Tensor) -> Tensor:
    """Return the mean over a picture's cells, weighted by exp(trust): (B, 1, h, w) to (B,)."""
    weights = trust.exp()
    return (weights * values).sum((1, 2, 3)) / weights.sum((1, 2, 3))
