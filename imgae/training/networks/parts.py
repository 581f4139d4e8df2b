"""What the networks are made of: blocks, padding, and the planes they see."""

from typing import Final

import torch.nn.functional as F
from torch import Tensor, nn

STRIDE: Final = 8
PICTURE: Final = ("red", "green", "blue")
ENDS: Final = ("clipped", "outside")
CLIPPED: Final = 1e-3
"""Values nearer to black or white than this are taken as clipped; farther outside, as not."""
GATE_SIGMA: Final = 2 / 255
"""Below this level the residual fades to nothing, so that level 0 is the identity."""


class Activation(nn.Identity):
    """A place whose values int8 networks round (`quantisation`); nothing in others.

    summed: what is rounded is then added up in floating point.
    """

    def __init__(self, summed: bool = False) -> None:
        super().__init__()
        self.summed = summed


class ResidualBlock(nn.Module):
    """x + conv(relu(conv(x))), starting as the identity."""

    def __init__(self, width: int, rounded_sum: bool) -> None:
        super().__init__()
        self.entry = nn.Identity() if rounded_sum else Activation()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1)
        self.rectified = Activation()  # of the ReLU; files and checkpoints hold this name
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)
        self.residual = Activation(summed=not rounded_sum)
        self.sum = Activation() if rounded_sum else nn.Identity()
        zero(self.conv2)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to the same."""
        inner = self.rectified(F.relu(self.conv1(self.entry(x)), inplace=True))
        total: Tensor = self.sum(x + self.residual(self.conv2(inner)))
        return total


def zero(conv: nn.Conv2d) -> None:
    assert conv.bias is not None
    nn.init.zeros_(conv.weight)
    nn.init.zeros_(conv.bias)


def residual_blocks(width: int, count: int, rounded_sums: bool = True) -> nn.Sequential:
    return nn.Sequential(*(ResidualBlock(width, rounded_sums) for _ in range(count)))


def ends(centred: Tensor) -> list[Tensor]:
    """Return the shares of the channels at or beyond the ends of [-1/2, 1/2], and beyond them."""
    apart = centred.abs()
    past = [(apart > 0.5 + margin).to(centred.dtype) for margin in (-CLIPPED, CLIPPED)]
    return [end.mean(1, keepdim=True) for end in past]


def pad_to_stride(x: Tensor, stride: int = STRIDE) -> Tensor:
    """Repeat the last row and column until height and width are multiples of the stride."""
    height, width = x.shape[2:]
    return F.pad(x, (0, -width % stride, 0, -height % stride), mode="replicate")


def upsample(x: Tensor) -> Tensor:
    # Nearest neighbour after a 1x1 convolution: onnxruntime runs it three times faster than a
    # transposed convolution, and it leaves no grid.
    return F.interpolate(x, scale_factor=2, mode="nearest")
