"""Denoising learnt from noisy pictures and clean ones of the same."""

from dataclasses import dataclass, field

from torch import Generator, Tensor, nn

from imgae.training.noise.model import NoiseModel
from imgae.training.objectives.denoise import Denoising


@dataclass(frozen=True)
class Pairs:
    """The error against the clean picture, weighted as in `Denoising`, by the measured noise."""

    noise: NoiseModel
    plain: Denoising = field(default_factory=Denoising)

    def __call__(
        self, net: nn.Module, pairs: Tensor, generator: Generator
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """pairs: (B, 6, H, W), the noisy picture and then the clean one, both aligned.

        Returns the scalar loss and terms for the log.
        """
        del generator
        noisy, clean = pairs.chunk(2, 1)
        level = self.noise.sigma(clean).square().mean(1, keepdim=True).sqrt()
        return self.plain.of(net(noisy), clean, level)
