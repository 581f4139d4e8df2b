"""Denoising learnt from noisy pictures alone: their noise, drawn again on what is restored."""

from dataclasses import dataclass, field

import torch
from torch import Generator, Tensor, nn

from imgae.training.noise_model import NoiseModel
from imgae.training.objectives.denoise import Denoising


@dataclass(frozen=True)
class Redrawn:
    """Restore a picture, draw the measured noise on that anew, and learn to take it away.

    The target has no noise, so a step tells as much as one with clean pictures does. What the
    target has too little of is detail that was taken for noise; at equal steps that cost far less
    than the noise in the targets of other methods did (docs/decisions/noisy.md).

    A network that already denoises makes its own targets, which become better as it learns.
    teacher: what makes them for a network that does not, such as one that starts at random.
    ends: the least and largest value that pictures hold; what lies beyond is cut off, as in files.
    Source: the rounds of Zhang et al. 2022 (Iterative Data Refinement, arXiv 2111.14358), here
    one a step.
    """

    noise: NoiseModel
    teacher: nn.Module | None = None
    ends: tuple[float, float] = (0.0, 1.0)
    plain: Denoising = field(default_factory=Denoising)

    def __call__(
        self, net: nn.Module, noisy: Tensor, generator: Generator
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """noisy: (B, 3, H, W). Returns the scalar loss and terms for the log."""
        with torch.no_grad():
            target = (self.teacher or net)(noisy).float().clamp(*self.ends)
            drawn = (target + self.noise.draw(target, generator)).clamp(*self.ends)
            level = self.noise.sigma(target).square().mean(1, keepdim=True).sqrt()
        return self.plain.of(net(drawn), target, level)


def told(noise: NoiseModel) -> float:
    """Return how many times the level of its noise a network for white noise is best told.

    Noise that neighbours have in common is left in by a network that expects white noise. What
    its kernel adds up to is how much louder than white noise it is where both are smooth; the
    exponent is from measurement (docs/decisions/noisy.md).
    """
    sums = [abs(sum(kernel)) for kernel in noise.kernels]
    return max(1.0, float((sum(sums) / len(sums)) ** 0.7))
