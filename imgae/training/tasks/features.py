"""Features by which flaws are told from what is normal, for `imgae anomaly fit`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from torch import Generator, nn

from imgae.synthetic import masks as holes
from imgae.synthetic.defects import draw_all_dust, draw_all_scratches
from imgae.training.checks import Option, Whole, setting
from imgae.training.corruptions.flaws import Flaws
from imgae.training.data import PictureBank
from imgae.training.loop import Measure
from imgae.training.mask_bank import DrawnBank
from imgae.training.networks.body import variant_named
from imgae.training.networks.features import CHANNELS, FeatureNetwork
from imgae.training.objectives.features import Telling
from imgae.training.settings import Settings
from imgae.training.tasks.task import Task
from imgae.training.validate import write_sheet

RIGHT: Final = Measure("right", "{:.3f} of pairs")
MARKS: Final = (
    (0.25, draw_all_scratches),
    (0.25, draw_all_dust),
    (0.25, holes.draw_strokes),
    (0.25, holes.draw_blobs),
)
ROUNDS: Final = 4
"""Times that validation draws flaws into its pictures."""


@dataclass(frozen=True)
class FeatureSettings(Settings):
    """Those of all tasks; `crop` is the side of a material, of which smaller views are cut."""

    task = "features"
    group = "options of the features"

    good: int = setting(
        6, Whole(2), Option("--good", "good pictures of each material in a step (default: 6)", "N")
    )
    asked: int = setting(
        6,
        Whole(2),
        Option("--asked", "pictures to judge of each, half with a flaw (default: 6)", "N"),
    )
    side: int = setting(
        128, Whole(32), Option("--side", "pixels on a side of these pictures (default: 128)", "PX")
    )


class Judging:
    """Fixed materials with fixed flaws; scored by the share of pairs in the right order.

    A pair is a flawed and a good picture; in the right order the flaw lies farther from normal
    than any place of the good one.
    """

    measure = RIGHT

    def __init__(
        self, pictures: list[np.ndarray], objective: Telling, settings: "FeatureSettings"
    ) -> None:
        self.objective = objective
        side = min(settings.crop, *(min(picture.shape[:2]) for picture in pictures))
        bank = PictureBank.of(list(pictures), objective.device)
        generator = Generator(objective.device).manual_seed(0)
        self.sources = bank.crops(ROUNDS * len(pictures), side, generator)

    @torch.no_grad()
    def score(self, net: nn.Module) -> float:
        generator = Generator(self.sources.device).manual_seed(0)
        found = []
        for some in self.sources.chunk(ROUNDS):
            _, terms = self.objective(net, some, generator)
            found.append(float(terms["right"]))
        return float(np.mean(found))

    @torch.no_grad()
    def write_preview(self, net: nn.Module, path: Path) -> None:
        """Write a sheet: a flawed picture, how far it is from normal, and its flaw."""
        generator = Generator(self.sources.device).manual_seed(0)
        shown = self.objective.shown(net, self.sources[:4], generator)
        write_sheet([(a[None].cpu(), b[None].cpu(), c[None].cpu()) for a, b, c in shown], path)


class FeatureTask(Task[FeatureSettings]):
    """Materials are made of clean pictures, and flaws are put into them."""

    name = "features"
    settings = FeatureSettings
    kind = FeatureNetwork
    batches = (12, 12)
    card_task = "features"
    summary = (
        "Gives 32 features for every 4x4 pixels of RGB pictures, in which flaws lie far from what "
        "is normal for a material; `imgae anomaly fit` learns from them what is."
    )
    measure = RIGHT

    def network(self, settings: FeatureSettings) -> FeatureNetwork:
        return FeatureNetwork(variant_named(settings.variant))

    def objective(self, settings: FeatureSettings, device: torch.device) -> Telling:
        return Telling(
            Flaws(DrawnBank(MARKS, device, seed=settings.seed + 2)),
            settings.good,
            settings.asked,
            settings.side,
            device,
        )

    def validation(
        self, settings: FeatureSettings, pictures: list[np.ndarray], device: torch.device
    ) -> Judging:
        return Judging(pictures, self.objective(settings, device), settings)

    def card_fields(self, settings: FeatureSettings) -> dict[str, str | int]:
        del settings
        return {"code_channels": CHANNELS}


TASK = FeatureTask()
