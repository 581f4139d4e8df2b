"""Filling of holes."""

from dataclasses import dataclass
from typing import Final

from torch import Generator, Tensor, nn

from imgae.training.corruptions.holes import Holes

EPSILON: Final = 1e-6
"""Under a root, so that its slope stays finite; a thousandth of white, squared."""


@dataclass(frozen=True)
class Inpainting:
    """The root of each patch's mean squared error in its holes, averaged over the patches.

    The root, since patches differ by a factor of a hundred in what can be known of them, and the
    worst would otherwise be all that counts. Patches with holes in less than `full_share` of them
    count in proportion to it: from a few pixels there is little to learn, and much chance.
    """

    corruption: Holes
    full_share: float = 0.05

    def __call__(
        self, net: nn.Module, clean: Tensor, generator: Generator
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """clean: (B, 3, H, W) in [0, 1]. Returns the scalar loss and terms for the log."""
        given, mask = self.corruption(clean, generator, net)
        hole = (mask > 0).float()
        error = (net(given, mask).float() - clean).square() * hole
        share = hole.mean((1, 2, 3))
        mse = error.mean((1, 2, 3)) / share.clamp(min=EPSILON)
        weight = (share / self.full_share).clamp(max=1)
        return ((mse + EPSILON).sqrt() * weight).mean(), {"mse": mse.mean()}
