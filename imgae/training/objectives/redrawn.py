"""Denoising learnt from noisy pictures alone: their noise, drawn again on what is restored."""

from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from imgae.training.noise.model import NoiseModel
from imgae.training.objectives.denoise import Denoising


@dataclass(frozen=True)
class Redrawn:
    """Restore a picture, make it smaller, draw the measured noise on that, learn to take it away.

    The target has no noise, so a step tells as much as one with clean pictures does. What the
    target lacks is detail that was taken for noise. Made smaller by a third, it has about as much
    detail a pixel as a clean picture. At its own size, each step would teach the network to
    leave out a little more (docs/decisions/noisy.md).

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
        """noisy: (B, 3, H, W), sides from 2. Returns the scalar loss and terms for the log."""
        with torch.no_grad():
            restored = (self.teacher or net)(noisy).float().clamp(*self.ends)
            target = two_thirds(restored)
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


def two_thirds(picture: Tensor) -> Tensor:
    """Make (B, C, H, W) smaller to 2/3 of its sides, each pixel the mean of what it covers."""
    return F.avg_pool2d(F.interpolate(picture, scale_factor=2, mode="nearest"), 3)
