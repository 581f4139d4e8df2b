"""Filling of holes that a mask marks."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Generator, Tensor

from imgae.model.contract import GUESS
from imgae.training.corruptions.holes import Holes
from imgae.training.mask_bank import HoleBank, crop_conflict
from imgae.training.networks.body import variant_named
from imgae.training.networks.fill import smooth_fill
from imgae.training.networks.inpaint import InpaintingAutoencoder
from imgae.training.objectives.inpaint import EPSILON, Inpainting
from imgae.training.quantisation.rounding import Example
from imgae.training.settings import Settings, int8_setting
from imgae.training.tasks.task import Task
from imgae.training.validate import SIDE, Case, Restoration, as_tensor, centre


@dataclass(frozen=True)
class InpaintSettings(Settings):
    """Those of all tasks."""

    task = "inpaint"

    int8: bool = int8_setting()

    def conflict(self) -> str:
        return crop_conflict(self) or super().conflict()


class InpaintTask(Task[InpaintSettings]):
    """Parts of pictures are taken away, and the network is told where."""

    name = "inpaint"
    settings = InpaintSettings
    kind = InpaintingAutoencoder
    card_task = "inpaint"
    summary = (
        "Fills what the mask marks in RGB pictures: 1 is unknown, 0.5 holds a guess, 0 is "
        "kept. Holes are filled smoothly inside the graph first, to 64 pixels from known ones; a "
        "residual convolutional autoencoder adds detail."
    )

    def network(self, settings: InpaintSettings) -> InpaintingAutoencoder:
        return InpaintingAutoencoder(variant_named(settings.variant))

    def objective(self, settings: InpaintSettings, device: torch.device) -> Inpainting:
        return Inpainting(Holes(HoleBank(device, seed=settings.seed)))

    def validation(
        self, settings: InpaintSettings, pictures: list[np.ndarray], device: torch.device
    ) -> Restoration:
        """Masks like those of training; PSNR is over the holes."""
        del settings
        generator = Generator().manual_seed(0)
        masks = HoleBank(seed=1)
        cases = []
        for picture in pictures:
            clean = as_tensor(centre(picture))
            mask = torch.zeros_like(clean[:, :1], dtype=torch.bool)
            while not mask.any():
                mask = masks.draw(1, SIDE, generator)[:, :, : clean.shape[2], : clean.shape[3]]
            given = clean.masked_fill(mask, 0)
            cases.append(Case(given, (mask.float(),), clean, mask.expand_as(clean)))
        return Restoration(cases, device)

    def example(self, clean: Tensor, generator: Generator) -> Example:
        """See `Task.example`. Errors weigh as they do in the loss.

        What is left is taken to be about what the smooth fill leaves.
        """
        given, mask = Holes(HoleBank(clean.device))(clean, generator)
        hole = (mask > 0).float()
        share = hole.mean((1, 2, 3), keepdim=True)
        wrong = (smooth_fill(given, mask > GUESS) - clean).square() * hole
        left = (wrong.mean((1, 2, 3), keepdim=True) / share.clamp(min=EPSILON)).sqrt()
        expected = ((left + 1 / 255) * share.clamp(min=Inpainting.full_share)).sqrt()
        return Example((given.cpu(), mask.cpu()), expected.cpu())


TASK = InpaintTask()
