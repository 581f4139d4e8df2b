"""Finding of defects."""

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Generator, Tensor, nn

from imgae.training.corruptions.defects import Defects


@dataclass(frozen=True)
class Detecting:
    """Cross entropy, and one minus the Dice coefficient (which F1 is) of each kind of defect.

    The cross entropy alone is content with marking nothing, since defects are few.
    Source: Milletari et al. 2016 (V-Net), for the Dice loss.
    """

    corruption: Defects

    def __call__(
        self, net: nn.Module, clean: Tensor, generator: Generator
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """clean: (B, 3, H, W) in [0, 1]. Returns the scalar loss and terms for the log."""
        damaged, target = self.corruption(clean, generator)
        logits = net.logits(damaged).float()  # type: ignore[operator]
        entropy = F.binary_cross_entropy_with_logits(logits, target)
        marked = logits.sigmoid()
        both = (marked * target).sum((0, 2, 3))
        dice = 2 * both / (marked.sum((0, 2, 3)) + target.sum((0, 2, 3)) + 1)
        return 10 * entropy + 1 - dice.mean(), {"entropy": entropy, "dice": dice.mean()}
