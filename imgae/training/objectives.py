"""What a training step minimises.

An objective is called with the network, clean patches and a generator; it draws the corruption,
runs the network and returns the loss with its named terms. The loop knows neither corruption nor
weighting.
"""

from dataclasses import dataclass, field

import torch
from torch import Generator, Tensor, nn

from imgae.training.corruptions import GaussianNoise


@dataclass(frozen=True)
class Denoising:
    """Half the logarithm of each patch's mean squared error: PSNR, up to scale.

    A patch counts by its relative error, so low noise levels weigh as much as high ones.
    Source: the PSNR loss of Chen et al. 2021 (HINet) and 2022 (NAFNet).
    """

    corruption: GaussianNoise = field(default_factory=GaussianNoise)
    floor: float = (0.5 / 255) ** 2  # errors under half a level do not count

    def __call__(
        self, net: nn.Module, clean: Tensor, generator: Generator
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """clean: (B, 3, H, W) in [0, 1]. Returns the scalar loss and terms for the log."""
        noisy, sigma, clean = self.corruption(clean, generator)
        restored = net(noisy, sigma)
        mse = (restored.float() - clean).square().mean((1, 2, 3))
        loss = 0.5 * torch.log(mse + self.floor).mean()
        return loss, {"mse": mse.mean()}
