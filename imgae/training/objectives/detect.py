"""Finding of defects."""

from dataclasses import dataclass
from typing import Final

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from imgae.model.contract import DEFECTS
from imgae.training.corruptions.defects import Defects

FALSE_ALARM: Final = 20.0
"""What a mark costs in a sample that has no defect of its kind, beside those that have."""


@dataclass(frozen=True)
class Detecting:
    """Cross entropy, one minus the Dice coefficient of each kind, and the marks of what is not.

    The cross entropy alone is content with marking nothing, since defects are few; Dice (which F1
    is) counts each kind alike, however few its pixels. The last term is the mean probability in
    samples without the defect, since an undamaged picture must stay unmarked.
    Source: Milletari et al. 2016 (V-Net), for the Dice loss.
    """

    corruption: Defects

    def __call__(
        self, net: nn.Module, clean: Tensor, generator: Generator
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """clean: (B, 3, H, W) in [0, 1]. Returns the scalar loss and terms for the log."""
        with torch.autocast(clean.device.type, enabled=False):
            damaged, target, weight = self.corruption(clean, generator)
        logits = net.logits(damaged).float()  # type: ignore[operator]
        entropy = (
            weight * F.binary_cross_entropy_with_logits(logits, target, reduction="none")
        ).mean()
        marked = logits.sigmoid() * weight
        both = (marked * target).sum((0, 2, 3))
        dice = 2 * both / (marked.sum((0, 2, 3)) + target.sum((0, 2, 3)) + 1)
        absent = target.sum((2, 3), keepdim=True) == 0
        alarm = (marked * absent).mean()
        loss = 10 * entropy + 1 - dice.mean() + FALSE_ALARM * alarm
        kinds = dict(zip(DEFECTS, dice.unbind(), strict=True))
        return loss, {"entropy": entropy, "dice": dice.mean(), "alarm": alarm, **kinds}
