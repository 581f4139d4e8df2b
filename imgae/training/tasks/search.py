"""Descriptions of pictures, by which copies are found."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from torch import Generator, Tensor, nn

from imgae.model.card import ModelCard
from imgae.training.checks import Number, Option, Whole, setting
from imgae.training.data import PictureBank
from imgae.training.loop import Measure, Objective
from imgae.training.networks.body import Network, variant_named
from imgae.training.networks.search import (
    DESCRIPTOR,
    PictureDescriber,
    pooled,
    start_whitened,
)
from imgae.training.objectives.contrast import Contrasting, Gallery
from imgae.training.settings import Settings
from imgae.training.tasks.task import Task
from imgae.training.validate import write_sheet

FIRST_PICTURES: Final = 1024
"""Pictures, at most, that a fresh network's last layer is found on."""
FIRST_BATCH: Final = 16
ROUNDS: Final = 4
"""Times that the pictures of a validation are searched for, in other views each time."""


@dataclass(frozen=True)
class SearchSettings(Settings):
    """Those of all tasks, and those of the contrast."""

    task = "search"
    group = "options of the search"

    channels: int = setting(
        DESCRIPTOR,
        Whole(1),
        Option("--channels", f"numbers that describe a picture (default: {DESCRIPTOR})", "C"),
    )
    temperature: float = setting(
        0.05,
        Number(1e-3, 10),
        Option(
            "--temperature",
            "how much nearer a copy has to be than other pictures: what similarities are divided "
            "by (default: 0.05)",
            "T",
        ),
    )
    spread: float = setting(
        1.0,
        Number(0, 1e6),
        Option(
            "--spread",
            "how much it counts that the nearest other picture is far away (default: 1)",
            "L",
        ),
    )


class Finding:
    """Quarters of pictures; scored by the share of views whose other view is the nearest."""

    measure = Measure("found", "{:.3f} found")

    def __init__(
        self, pictures: list[np.ndarray], objective: Contrasting, device: torch.device
    ) -> None:
        quarters = [quarter for picture in pictures for quarter in quarters_of(picture)]
        gallery = Gallery.of(PictureBank.of(quarters, device))
        generator = Generator(device).manual_seed(0)
        self.rounds = [
            objective.pairs(gallery.draw(len(gallery), generator), generator) for _ in range(ROUNDS)
        ]

    @torch.no_grad()
    def score(self, net: nn.Module) -> float:
        found = []
        for pair in self.rounds:
            first, second = (described(net, views) for views in pair)
            own = torch.arange(len(first), device=first.device)
            found.append(((first @ second.T).argmax(1) == own).float().mean())
        return float(torch.stack(found).mean())

    @torch.no_grad()
    def write_preview(self, net: nn.Module, path: Path) -> None:
        """Write a sheet: a view, the one that is found by it, and its own; four rows at most."""
        first, second = self.rounds[0]
        nearest = (described(net, first) @ described(net, second).T).argmax(1)
        side = min(*first.shape[2:], *second.shape[2:])
        rows = [
            tuple(x[None, :, :side, :side].cpu() for x in (first[i], second[nearest[i]], second[i]))
            for i in range(min(4, len(first)))
        ]
        write_sheet([(a, b, c) for a, b, c in rows], path)


class SearchTask(Task[SearchSettings]):
    """Two damaged views of a picture are to be described alike, views of two pictures not."""

    name = "search"
    settings = SearchSettings
    kind = PictureDescriber
    card_task = "search"
    values = "eight"  # its gallery holds them so
    summary = (
        "Describes each 32x32 pixels of RGB pictures; the mean over a picture, divided by its "
        "length, is near to that of its copies, damaged or not. A convolutional network."
    )
    measure = Finding.measure

    def network(self, settings: SearchSettings) -> PictureDescriber:
        return PictureDescriber(variant_named(settings.variant), settings.channels)

    def objective(self, settings: SearchSettings, device: torch.device) -> Contrasting:
        del device
        return Contrasting(settings.crop, settings.temperature, settings.spread)

    def validation(
        self, settings: SearchSettings, pictures: list[np.ndarray], device: torch.device
    ) -> Finding:
        return Finding(pictures, self.objective(settings, device), device)

    def prepare(self, objective: Objective, bank: PictureBank, settings: SearchSettings) -> None:
        """Shrink the pictures; whole ones are shown, and so none twice in a batch."""
        del settings
        assert isinstance(objective, Contrasting)
        objective.gallery = Gallery.of(bank)

    def begin(self, net: Network, bank: PictureBank, settings: SearchSettings) -> None:
        """Find the last layer by discriminant analysis, unless a model's is gone on with."""
        assert isinstance(net, PictureDescriber)
        if net.features.weight.any():
            return
        device = bank.pixels.device
        objective = self.objective(settings, device)
        gallery = Gallery.of(bank, most=FIRST_PICTURES)
        generator = Generator(device).manual_seed(settings.seed)
        net.to(device)
        first: list[Tensor] = []
        second: list[Tensor] = []
        with torch.no_grad():
            for start in range(0, len(gallery), FIRST_BATCH):
                pictures = gallery.pixels[start : start + FIRST_BATCH].float() / 255
                for places, views in zip(
                    (first, second), objective.pairs(pictures, generator), strict=True
                ):
                    places.append(net.stages(views)[0].mean((2, 3)).cpu())
        net.cpu()
        start_whitened(net, torch.cat(first), torch.cat(second))

    def of_card(self, card: ModelCard) -> SearchSettings:
        return SearchSettings(variant=card.architecture, channels=card.code_channels)

    def card_fields(self, settings: SearchSettings) -> dict[str, str | int]:
        return {"objective": "contrast", "code_channels": settings.channels}


def quarters_of(picture: np.ndarray) -> list[np.ndarray]:
    height, width = (side // 2 for side in picture.shape[:2])
    return [
        np.ascontiguousarray(part)
        for half in (picture[:height], picture[-height:])
        for part in (half[:, :width], half[:, -width:])
    ]


def described(net: nn.Module, views: Tensor) -> Tensor:
    return torch.cat([pooled(net(part)) for part in torch.split(views, FIRST_BATCH)])


TASK = SearchTask()
