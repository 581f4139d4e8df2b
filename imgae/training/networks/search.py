"""The network that describes pictures, so that copies of one picture are found by one another."""

from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from imgae.training.networks.body import Encoding, Network, Variant
from imgae.training.networks.parts import PICTURE, STRIDE, ResidualBlock, pad_to_stride, zero

CODE: Final = 32
"""Channels of the code that the description is made of beside the features at 1/8."""
DESCRIPTOR: Final = 128
"""Numbers that describe a picture."""
WIDE: Final = 192
"""Channels at 1/32 of the resolution."""
CELL: Final = 32
"""Pixels on a side that one place of the description stands for."""
EVEN: Final = 1e-3
"""Added to a mean square, so that what is next to nothing is not enlarged."""


class Mixer(nn.Module):
    """x + conv(relu(conv(x))) at each place by itself, starting as the identity."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width, 2 * width, 1)
        self.conv2 = nn.Conv2d(2 * width, width, 1)
        zero(self.conv2)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to the same."""
        inner: Tensor = self.conv2(F.relu(self.conv1(x)))
        return x + inner


class PictureDescriber(Encoding):
    """Describe each place of CELL x CELL pixels; the mean over all places describes the picture.

    The encoder and the code are those of a code autoencoder, which training starts from. Two
    stages follow, to 1/16 and 1/32; features of every stage are brought to one size at each place,
    then mixed to a description, and multiplied by how much the place is to count. Nothing
    looks at the whole picture, so tiles give what the whole gives.
    """

    inputs = ("image",)
    planes = PICTURE
    outputs = ("descriptor",)
    stride = CELL
    cell = CELL

    def __init__(self, variant: Variant, channels: int = DESCRIPTOR) -> None:
        super().__init__(variant)
        width = variant.widths[2]
        self.code_channels = channels
        self.analysis = nn.Conv2d(3, CODE, STRIDE, stride=STRIDE)
        self.squeeze = nn.Conv2d(width, CODE, 1)
        self.down3 = nn.Conv2d(width + CODE, width, 2, stride=2)
        self.stage3 = ResidualBlock(width, rounded_sum=True)
        self.down4 = nn.Conv2d(width, WIDE, 2, stride=2)
        self.stage4 = Mixer(WIDE)
        self.features = nn.Conv2d(2 * width + CODE + WIDE, channels, 1)
        self.attention = nn.Conv2d(WIDE, 1, 1)
        zero(self.features)  # which says that they are still to be found: `start_whitened`
        zero(self.attention)

    def refusal(self, source: Network) -> str:
        """Refuse what has no code, and another description."""
        if source.outputs == self.outputs:
            return ""
        if "code" not in source.outputs:
            return "only a code can be what a search starts from"
        if source.code_channels > CODE:
            return f"a code of {source.code_channels} channels; a search starts from {CODE}"
        return ""

    def taken(self, weights: dict[str, Tensor], source: Network) -> dict[str, Tensor]:
        """Return the encoder's weights of a code, or all of another search's."""
        del source
        own = self.state_dict().keys()
        return {name: value for name, value in weights.items() if name in own}

    def forward(self, image: Tensor) -> Tensor:
        """Look at image (B, 3, H, W) in [0, 1]; return (B, channels, H/32, W/32), rounded up."""
        stages, wide = self.stages(image)
        described: Tensor = self.features(stages) * F.softplus(self.attention(wide))
        return described

    def stages(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Return the features of all stages at each place, and those of the last alone."""
        centred = pad_to_stride(image, CELL) - 0.5
        _, _, deep = self.encode(centred)
        code = self.analysis(centred) + self.squeeze(deep)
        middle = self.stage3(F.relu(self.down3(torch.cat([deep, code], 1))))
        wide = self.stage4(F.relu(self.down4(middle)))
        wide = evened(wide)
        finer = (F.avg_pool2d(deep, 4), F.avg_pool2d(code, 4), F.avg_pool2d(middle, 2))
        return torch.cat([*(evened(stage) for stage in finer), wide], 1), wide


def evened(x: Tensor) -> Tensor:
    """Divide by the root mean square over the channels, at each place."""
    return x / (x.square().mean(1, keepdim=True) + EVEN).sqrt()


def pooled(described: Tensor) -> Tensor:
    """Return descriptions of length 1, (B, channels), of maps (B, channels, h, w)."""
    return F.normalize(described.float().mean((2, 3)), dim=1)


@torch.no_grad()
def start_whitened(net: PictureDescriber, first: Tensor, second: Tensor) -> None:
    """Let a fresh network tell pictures apart by what two views of each have in common.

    first, second: what `net.stages` gives of two views of each picture, meant over the places,
    (P, features). The last layer becomes the linear map whose outputs vary alike (by 1) between
    views of one picture and as much as can be between pictures: linear discriminant analysis.
    Source: Radenovic et al. 2018, learned whitening.
    """
    first, second = first.double(), second.double()
    within = torch.cov((first - second).T) / 2
    ridge = 1e-3 * within.trace() / len(within)
    values, vectors = torch.linalg.eigh(within + ridge * torch.eye(len(within)).double())
    whiten = vectors / values.sqrt() @ vectors.T
    middle = (first + second) / 2
    _, axes = torch.linalg.eigh(whiten @ torch.cov(middle.T) @ whiten)
    kernels = axes.flip(1).T[: net.code_channels] @ whiten
    assert net.features.bias is not None
    size = (kernels @ (middle - middle.mean(0)).T).std()
    net.features.weight.copy_((kernels / size)[:, :, None, None].float())
    net.features.bias.copy_((-kernels @ middle.mean(0) / size).float())
