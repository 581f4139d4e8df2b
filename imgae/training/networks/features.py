"""The network whose features tell flaws from what is normal for a material."""

from typing import Final

from torch import Tensor, nn

from imgae.model.contract import FINE_CELL
from imgae.training.networks.body import Encoding, Network, Variant
from imgae.training.networks.parts import (
    PICTURE,
    Activation,
    pad_to_stride,
    residual_blocks,
    upsample,
)

CHANNELS: Final = 32


class FeatureNetwork(Encoding):
    """The encoder of the other networks, and half of their decoder: features at 1/4.

    The decoder's last level, which would make a picture of them, is left out. Features are
    compared with those of good pictures by their mean and covariance (`objectives.features`).
    """

    inputs = ("image",)
    planes = PICTURE
    outputs = ("features",)
    cell = FINE_CELL
    code_channels = CHANNELS

    def __init__(self, variant: Variant) -> None:
        super().__init__(variant)
        _, middle, deep = variant.widths
        self.up2 = nn.Conv2d(deep, middle, 1)
        self.decoder2 = residual_blocks(middle, variant.blocks[3])
        self.activations.update({name: Activation() for name in ("up2", "join2")})
        self.head = nn.Conv2d(middle, CHANNELS, 1)

    def forward(self, image: Tensor) -> Tensor:
        """Look at image (B, 3, H, W) in [0, 1]; return (B, CHANNELS, H/4, W/4), rounded up."""
        _, _, height, width = image.shape
        at = self.activations
        _, h2, h3 = self.encode(pad_to_stride(image - 0.5))
        joined = at["join2"](h2 + upsample(at["up2"](self.up2(h3))))
        found: Tensor = self.head(self.decoder2(joined))
        return found[
            :, :, : (height + FINE_CELL - 1) // FINE_CELL, : (width + FINE_CELL - 1) // FINE_CELL
        ]

    def refusal(self, source: Network) -> str:
        """Accept all networks with such an encoder."""
        del source
        return ""

    def taken(self, weights: dict[str, Tensor], source: Network) -> dict[str, Tensor]:
        """Return what both have of another network's weights."""
        del source
        own = self.state_dict()
        return {name: value for name, value in weights.items() if name in own}
