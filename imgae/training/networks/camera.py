"""The denoiser that finds the level of the noise itself."""

from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from imgae.training.networks.body import Autoencoder, Variant
from imgae.training.networks.parts import (
    ENDS,
    GATE_SIGMA,
    PICTURE,
    STRIDE,
    ends,
    pad_to_stride,
    zero,
)

LEVEL_STEP: Final = 0.04
"""What a level map's values are multiplied by, so that they are of the order of 1."""


class CameraDenoisingAutoencoder(Autoencoder):
    """Remove what sensors, cameras and JPEG left, of a strength that it finds itself.

    At 1/8 of the resolution the encoder says how strong noise is around each pixel, in luma and in
    chroma: the level map. What is taken away fades to nothing where that falls below GATE_SIGMA.
    Two inputs may be left out: what a JPEG file says of its tables, and the camera's sensitivity.
    Source: the noise estimator of Guo et al. 2019 (CBDNet), there a network of its own.
    """

    inputs = ("image", "quantisation", "iso")
    optional = ("quantisation", "iso")
    planes = (*PICTURE, *ENDS)
    deep_writers = ("told",)
    deep_readers = ("levels",)
    called = ("with_levels",)

    def __init__(self, variant: Variant) -> None:
        super().__init__(variant)
        width = variant.widths[2]
        self.told = nn.Conv2d(3, width, 1)
        self.levels = nn.Conv2d(width, 2, 1)
        zero(self.told)

    def forward(self, image: Tensor, quantisation: Tensor, iso: Tensor) -> Tensor:
        """Denoise image (B, 3, H, W) in [0, 1].

        quantisation: (B or 1, 2, 1, 1), mean steps of the file's luma and chroma tables on [0, 1].
        iso: (B or 1, 1, 1, 1), sensitivity, as in 1600. 0 where not known.
        """
        restored, _ = self.with_levels(image, quantisation, iso)
        return restored

    def with_levels(
        self, image: Tensor, quantisation: Tensor, iso: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return what `forward` does, and the levels of luma and chroma, (B, 2, H/8, W/8) >= 0."""
        _, _, height, width = image.shape
        centred = pad_to_stride(image - 0.5)
        told = self.told(torch.cat([quantisation, torch.log1p(iso / 100) / 8], 1))
        features = self.encode(torch.cat([centred, *ends(centred)], 1), told)
        levels = LEVEL_STEP * F.softplus(self.levels(features[2]))
        gates = F.interpolate(
            (levels / GATE_SIGMA).clamp(max=1), scale_factor=STRIDE, mode="bilinear"
        )
        residual = self.decode(*features)
        luma = residual.mean(1, keepdim=True)
        change = gates[:, 1:] * residual + (gates[:, :1] - gates[:, 1:]) * luma
        return image - change[:, :, :height, :width], levels
