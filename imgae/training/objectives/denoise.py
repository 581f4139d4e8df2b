"""What a training step minimises.

An objective is called with the network, clean patches and a generator; it draws the corruption,
runs the network and returns the loss with its named terms. The loop knows neither corruption nor
weighting.
"""

from dataclasses import dataclass, field

from torch import Generator, Tensor, nn

from imgae.training.corruptions.noise import GaussianNoise


@dataclass(frozen=True)
class Denoising:
    """The mean squared error, divided by a power of the level of each pixel.

    PSNR is a relative measure, so low levels must weigh more than their error. What published
    networks leave grows about as sigma to the 1.14 (FFDNet on CBSD68: 33.87, 31.21 and 27.96 dB
    at 15, 25 and 50), which would weigh all levels alike; but then level 50 came out weakest, so
    the exponent is less than half of that. The scale makes FFDNet's error at level 25 a loss of 1.
    At equal time this was ahead of a weighted L1 and of the logarithm of each patch's error
    (weights/EXPERIMENTS.md).
    """

    corruption: GaussianNoise = field(default_factory=GaussianNoise)
    exponent: float = 0.5
    scale: float = 0.0024

    def __call__(
        self, net: nn.Module, clean: Tensor, generator: Generator
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """clean: (B, 3, H, W) in [0, 1]. Returns the scalar loss and terms for the log."""
        noisy, sigma, clean = self.corruption(clean, generator)
        return self.of(net(noisy, sigma), clean, sigma)

    def of(
        self, restored: Tensor, clean: Tensor, sigma: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the loss of what came out, and its terms."""
        error = (restored.float() - clean).square()
        expected = self.scale * (sigma + 1 / 255).pow(self.exponent)
        return (error / expected).mean(), {"mse": error.mean()}
