"""Finding of scratches, dust, dead pixels, date stamps and type."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Generator, nn

from imgae.model.contract import SURE
from imgae.synthetic.captions import draw_captions
from imgae.synthetic.defects import draw_all_dust, draw_all_scratches, draw_architecture
from imgae.synthetic.fonts import for_training, found, latin
from imgae.synthetic.masks import Mask
from imgae.synthetic.stamps import draw_stamps
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
        self.damaged, self.target, self.weight = corruption(clean, generator)

    @torch.no_grad()
    def score(self, net: nn.Module) -> float:
        """The mean over the kinds of defects, of marks at one half."""
        marked = torch.cat([net(picture[None]) for picture in self.damaged]) > SURE
        marked = marked * self.weight
        both = (marked * self.target).sum((0, 2, 3))
        dice = 2 * both / (marked.sum((0, 2, 3)) + self.target.sum((0, 2, 3))).clamp(min=1)
        return float(dice.mean())

    @torch.no_grad()
    def write_preview(self, net: nn.Module, path: Path) -> None:
        """Write a sheet: damaged, marked and target crops, a defect a colour, four rows at most."""
        write_sheet(
            [
                (damaged[None].cpu(), shown(net(damaged[None])).cpu(), shown(target[None]).cpu())
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
    summary = (
        "Finds scratches, dust, dead pixels, date stamps and type laid over RGB pictures: a map of "
        "probabilities each."
    )
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


def shown(maps: torch.Tensor) -> torch.Tensor:
    """Return maps (N, 5, H, W) as colours: scratches red, dust green, all else blue."""
    return torch.cat([maps[:, :2], maps[:, 2:].amax(1, keepdim=True)], 1)


def defects(device: torch.device, seed: int) -> Defects:
    """Make the banks of drawn defects; type is set in the fonts of this system."""
    fonts = for_training(latin(found()))

    def bank(draw: Callable[[Mask, np.random.Generator], None]) -> DrawnBank:
        return DrawnBank([(1.0, draw)], device, seed=seed)

    return Defects(
        bank(draw_all_scratches),
        bank(draw_all_dust),
        bank(partial(draw_stamps, fonts=fonts)),
        bank(partial(draw_captions, fonts=fonts)),
        bank(draw_architecture),
    )


TASK = DetectTask()
