"""The network that finds defects."""

from torch import Tensor

from imgae.training.networks.body import Autoencoder
from imgae.training.networks.parts import PICTURE, pad_to_stride


class DefectDetector(Autoencoder):
    """Find scratches, dust and dead pixels: three maps of probabilities."""

    inputs = ("image",)
    outputs = ("defects",)
    planes = PICTURE

    def logits(self, image: Tensor) -> Tensor:
        """Return the logarithms of the odds, (B, 3, H, W): of scratches, dust, dead pixels."""
        _, _, height, width = image.shape
        return self.residual(pad_to_stride(image - 0.5))[:, :, :height, :width]

    def forward(self, image: Tensor) -> Tensor:
        """Look at image (B, 3, H, W) in [0, 1]; return probabilities (B, 3, H, W)."""
        return self.logits(image).sigmoid()
