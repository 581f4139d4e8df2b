"""The network that finds defects."""

from typing import Final

from torch import Tensor, nn

from imgae.model.contract import DEFECTS
from imgae.training.networks.body import Autoencoder, Variant
from imgae.training.networks.parts import PICTURE, pad_to_stride, zero

RARE: Final = -4.0
"""The logarithm of the odds of a defect that an untrained network states."""


class DefectDetector(Autoencoder):
    """Find scratches, dust, dead pixels, date stamps and type: a map of probabilities each."""

    inputs = ("image",)
    outputs = ("defects",)
    planes = PICTURE
    called = ("logits",)

    def __init__(self, variant: Variant) -> None:
        super().__init__(variant)
        self.tail = nn.Conv2d(variant.widths[0], 4 * len(DEFECTS), 3, padding=1)
        zero(self.tail)
        assert self.tail.bias is not None
        nn.init.constant_(self.tail.bias, RARE)

    def logits(self, image: Tensor) -> Tensor:
        """Return the logarithms of the odds, (B, 5, H, W), in the order of DEFECTS."""
        _, _, height, width = image.shape
        return self.residual(pad_to_stride(image - 0.5))[:, :, :height, :width]

    def forward(self, image: Tensor) -> Tensor:
        """Look at image (B, 3, H, W) in [0, 1]; return probabilities (B, 5, H, W)."""
        return self.logits(image).sigmoid()
