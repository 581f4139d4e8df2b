"""The network whose features tell flaws from what is normal for a material."""

from typing import Final

import torch
from torch import Tensor, nn

from imgae.training.networks.body import Autoencoder, Variant
from imgae.training.networks.parts import PICTURE, pad_to_stride, upsample

CHANNELS: Final = 32
CELL: Final = 4


class FeatureNetwork(Autoencoder):
    """The encoder of the other networks, and half of their decoder: features at 1/4.

    The decoder's last level, which would make a picture of them, is left out. Features are
    compared with those of good pictures by their mean and covariance (`objectives.features`).
    """

    inputs = ("image",)
    planes = PICTURE
    outputs = ("features",)
    cell = CELL

    def __init__(self, variant: Variant) -> None:
        super().__init__(variant)
        for name in ("up1", "decoder1", "tail"):
            delattr(self, name)
        del self.activations["up1"]
        self.code_channels = CHANNELS
        self.head = nn.Conv2d(variant.widths[1], CHANNELS, 1)
        self.scale = nn.Parameter(torch.tensor(3.0))
        self.offset = nn.Parameter(torch.tensor(6.0))

    def forward(self, image: Tensor) -> Tensor:
        """Look at image (B, 3, H, W) in [0, 1]; return (B, CHANNELS, H/4, W/4), rounded up."""
        _, _, height, width = image.shape
        at = self.activations
        _, h2, h3 = self.encode(pad_to_stride(image - 0.5))
        found: Tensor = self.head(
            self.decoder2(at["join2"](h2 + upsample(at["up2"](self.up2(h3)))))
        )
        return found[:, :, : -(-height // CELL), : -(-width // CELL)]

    def refusal(self, source: Autoencoder) -> str:  # type: ignore[override]
        """Accept all that have the same encoder."""
        del source
        return ""
