"""The denoiser that is told the level of the noise."""

from typing import Final

import torch
from torch import Tensor

from imgae.training.networks.body import Autoencoder
from imgae.training.networks.parts import ENDS, GATE_SIGMA, PICTURE, ends, pad_to_stride

FLIPS: Final = ((), (3,), (2,), (2, 3))
"""Axes along which a picture is flipped."""


class DenoisingAutoencoder(Autoencoder):
    """Remove Gaussian noise of a known level: x - s f(x, s).

    f is the network's output divided by max(s, GATE_SIGMA): a network of ReLUs finds noise of
    every strength by thresholds proportional to s, and should not have to divide by s itself;
    below GATE_SIGMA the division stops, and level 0 returns its input exactly.

    Noise that a file has clipped needs another estimate than noise that was not, near black and
    white, and at high levels nearly everywhere. So the network is also told, per pixel, the shares
    of the channels that lie at or beyond the ends of [0, 1], and beyond them.

    Sources: residual learning, Zhang et al. 2017 (DnCNN); a noise map as input, Zhang et al. 2018
    (FFDNet).
    """

    inputs: tuple[str, ...] = ("image", "sigma")
    planes = (*PICTURE, "level", *ENDS)

    def forward(self, image: Tensor, sigma: Tensor) -> Tensor:
        """Denoise image (B, 3, H, W) in [0, 1], given sigma (B, 1, 1, 1) or (B, 1, H, W) in [0, 1].

        Any H and W from 1: the picture is padded to the stride by repeating its last row and
        column, and cropped back.
        """
        batch, _, height, width = image.shape
        centred = image - 0.5
        levels = sigma.expand(batch, 1, height, width)
        x = torch.cat([centred, levels, *ends(centred)], 1)
        residual = self.residual(pad_to_stride(x))[:, :, :height, :width]
        return image - (sigma / GATE_SIGMA).clamp(max=1) * residual


class FlipEnsembleDenoisingAutoencoder(DenoisingAutoencoder):
    """The mean of what the same weights make of the picture and of its three flips.

    For export only: four times the work, and the errors that depend on the side a pattern is seen
    from average out. Source: geometric self-ensemble, Timofte et al. 2016 (Seven Ways to Improve
    Example-Based Single Image Super Resolution).
    """

    def forward(self, image: Tensor, sigma: Tensor) -> Tensor:
        """Denoise, as DenoisingAutoencoder does."""
        batch, _, height, width = image.shape
        # Padded before they are flipped, so that the stride's grid stays where it is.
        planes = [pad_to_stride(x) for x in (image, sigma.expand(batch, 1, height, width))]
        total = torch.zeros_like(planes[0])
        for axes in FLIPS:
            flipped = super().forward(*(x.flip(axes) for x in planes))
            total = total + flipped.flip(axes)
        return (total / len(FLIPS))[:, :, :height, :width]
