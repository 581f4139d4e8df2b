"""Finding of scratches, dust and dead pixels."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Generator, nn

from imgae.model.contract import SURE
from imgae.synthetic.masks import draw_dust, draw_film_scratches
from imgae.training.corruptions.defects import Defects
from imgae.training.loop import DICE
from imgae.training.mask_bank import DrawnBank, crop_conflict
from imgae.training.networks.body import variant_named
from imgae.training.networks.detect import DefectDetector
from imgae.training.networks.parts import STRIDE
from imgae.training.objectives.detect import Detecting
from imgae.training.settings import Settings
from imgae.training.tasks.task import Task
from imgae.training.validate import SIDE, as_tensor, centre, write_sheet


@dataclass(frozen=True)
class DetectSettings(Settings):
    """Those of all tasks."""

    task = "detect"

    def conflict(self) -> str:
        return crop_conflict(self) or super().conflict()


class Detection:
    """Fixed crops with fixed defects; scored by the Dice coefficient, which is F1."""

    measure = DICE

    def __init__(
        self, pictures: list[np.ndarray], corruption: Defects, device: torch.device
    ) -> None:
        generator = Generator(device).manual_seed(0)
        whole = [picture for picture in map(centre, pictures) if picture.shape[:2] == (SIDE, SIDE)]
        clean = torch.cat([as_tensor(picture) for picture in whole or map(centre, pictures[:1])])
        side = min(clean.shape[2:]) // STRIDE * STRIDE
        clean = clean[:, :, :side, :side].to(device)
        self.damaged, self.target = corruption(clean, generator)

    @torch.no_grad()
    def score(self, net: nn.Module) -> float:
        """The mean over the kinds of defects, of marks at one half."""
        marked = torch.cat([net(picture[None]) for picture in self.damaged]) > SURE
        both = (marked * self.target).sum((0, 2, 3))
        dice = 2 * both / (marked.sum((0, 2, 3)) + self.target.sum((0, 2, 3))).clamp(min=1)
        return float(dice.mean())

    @torch.no_grad()
    def write_preview(self, net: nn.Module, path: Path) -> None:
        """Write a sheet: damaged, marked and target crops, a defect a colour, four rows at most."""
        write_sheet(
            [
                (damaged[None].cpu(), net(damaged[None]).cpu(), target[None].cpu())
                for damaged, target in zip(self.damaged[:4], self.target[:4], strict=True)
            ],
            path,
        )


class DetectTask(Task[DetectSettings]):
    """Clean pictures get defects, and the network is to mark them."""

    name = "detect"
    settings = DetectSettings
    kind = DefectDetector
    card_task = "detect"
    summary = "Finds scratches, dust and dead pixels in RGB pictures: a map of probabilities each."
    measure = DICE

    def network(self, settings: DetectSettings) -> DefectDetector:
        return DefectDetector(variant_named(settings.variant))

    def objective(self, settings: DetectSettings, device: torch.device) -> Detecting:
        return Detecting(defects(device, settings.seed + 2))

    def validation(
        self, settings: DetectSettings, pictures: list[np.ndarray], device: torch.device
    ) -> Detection:
        del settings
        return Detection(pictures, defects(device, seed=1), device)


def defects(device: torch.device, seed: int) -> Defects:
    scratches = DrawnBank([(1.0, draw_film_scratches)], device, seed=seed)
    return Defects(scratches, DrawnBank([(1.0, draw_dust)], device, seed=seed))


TASK = DetectTask()
