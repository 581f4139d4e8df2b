"""The network that fills holes."""

from typing import Final

import torch
from torch import Tensor

from imgae.model.contract import GUESS
from imgae.training.networks.body import Autoencoder
from imgae.training.networks.fill import FILL_RADIUS, THIN_FILL_RADIUS, smooth_fill
from imgae.training.networks.parts import PICTURE, pad_to_stride

HOLE_LEVEL: Final = 0.2
"""The level of noise, on [0, 1], that a hole counts as: filling can be learnt from a denoiser."""


class InpaintingAutoencoder(Autoencoder):
    """Fill what a mask marks; pixels outside it come back as they are.

    The mask is 1 where a pixel is unknown, 0 where it is known, and 0.5 where the picture holds a
    guess, such as the fill of a coarser scale. Unknown pixels are filled smoothly first
    (`smooth_fill`), and the network takes away what is wrong with that, as a denoiser takes away
    noise: told HOLE_LEVEL in the holes, it can start from a denoiser's weights.
    """

    inputs = ("image", "mask")
    planes = (*PICTURE, "level")  # HOLE_LEVEL in the holes
    fill_radius = FILL_RADIUS
    thin_fill_radius = THIN_FILL_RADIUS

    def forward(self, image: Tensor, mask: Tensor) -> Tensor:
        """Fill image (B, 3, H, W) in [0, 1] where mask (B, 1, H, W) is above 0.

        Any H and W from 1, padded as for denoising.
        """
        _, _, height, width = image.shape
        hole = mask > 0
        padded, unknown = pad_to_stride(image), pad_to_stride(mask)
        filled = smooth_fill(padded, unknown > GUESS)
        residual = self.residual(torch.cat([filled - 0.5, HOLE_LEVEL * unknown], 1))
        restored = (filled - residual)[:, :, :height, :width]
        return torch.where(hole, restored, image)
