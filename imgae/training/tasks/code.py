"""Autoencoders with a small code, for search and anomaly scores."""

from dataclasses import dataclass, fields, replace
from typing import Final

import numpy as np
import torch

from imgae.model.card import ModelCard
from imgae.training.checks import Choice, Number, Option, Whole, setting
from imgae.training.data import PictureBank
from imgae.training.networks.body import Network, variant_named
from imgae.training.networks.code import CODE_ACTIVATIONS, Code, CodeAutoencoder
from imgae.training.networks.pca import start_at_pca
from imgae.training.objectives.code import DEFAULT_WEIGHTS, Coding
from imgae.training.settings import Settings
from imgae.training.tasks.task import Task
from imgae.training.validate import Case, Restoration, as_tensor, centre

PCA_CROPS: Final = 256
PCA_SIDE: Final = 128
"""Crops, and pixels on a side, that a code's first filters are found on."""
USERS: Final = {
    "weight": tuple(DEFAULT_WEIGHTS),
    "rate": ("sparse-kl",),
    "sigma": ("denoising",),
}
"""The objectives that look at a setting; it is refused for the others."""
WEIGHTS: Final = ", ".join(f"{name} {weight:g}" for name, weight in DEFAULT_WEIGHTS.items())


@dataclass(frozen=True)
class CodeSettings(Settings):
    """Those of all tasks, and those of the code."""

    task = "code"
    group = "options of the code"

    objective: str = setting(
        "undercomplete",
        Choice(tuple(CODE_ACTIVATIONS)),
        Option(
            "--objective",
            "what keeps the network from copying its input, besides the code's size "
            "(default: undercomplete, nothing)",
        ),
    )
    weight: float | None = setting(
        None,
        Number(0, 1e6),
        Option("--lambda", f"what the penalty is multiplied by (default: {WEIGHTS})", "L"),
        optional=True,
    )
    code_channels: int = setting(
        32,
        Whole(1),
        Option(
            "--code-channels", "numbers in the code for each block of 8x8 pixels (default: 32)", "C"
        ),
    )
    rate: float = setting(
        0.05,
        Number(1e-4, 0.9999),
        Option(
            "--rate",
            "for sparse-kl: the mean activation that each channel is to have (default: 0.05)",
            "R",
        ),
    )
    sigma: float = setting(
        25 / 255,
        Number(0, 1, 1 / 255),
        Option(
            "--sigma",
            "for denoising: level of the noise that the encoder sees, from 0 to 255 (default: 25)",
            "LEVEL",
        ),
    )

    def conflict(self) -> str:
        defaults = {entry.name: entry.default for entry in fields(self)}
        names = {name: option.name for name, option, _ in self.options()}
        for name, users in USERS.items():
            if getattr(self, name) != defaults[name] and self.objective not in users:
                return f"{names[name]} is for {', '.join(users)}, not for {self.objective}"
        return super().conflict()

    @property
    def code(self) -> Code:
        return Code(self.objective, self.code_channels)


class CodeTask(Task[CodeSettings]):
    """Pictures are encoded and decoded; nothing but the code passes."""

    name = "code"
    settings = CodeSettings
    kind = CodeAutoencoder
    card_task = "code"
    summary = (
        "Encodes RGB pictures in a small code at 1/8 of their resolution, and decodes it; "
        "a convolutional autoencoder without skips, for retrieval and anomaly scores."
    )

    def network(self, settings: CodeSettings) -> CodeAutoencoder:
        return CodeAutoencoder(variant_named(settings.variant), settings.code)

    def objective(self, settings: CodeSettings, device: torch.device) -> Coding:
        del device
        return Coding(settings.objective, settings.weight or 0.0, settings.rate, settings.sigma)

    def validation(
        self, settings: CodeSettings, pictures: list[np.ndarray], device: torch.device
    ) -> Restoration:
        """The pictures as they are: what a code keeps of them."""
        del settings
        crops = [as_tensor(centre(picture)) for picture in pictures]
        return Restoration([Case.whole(crop, (), crop) for crop in crops], device)

    def settled(self, settings: CodeSettings) -> CodeSettings:
        """Give a penalty its default weight."""
        if settings.weight is not None:
            return settings
        return replace(settings, weight=DEFAULT_WEIGHTS.get(settings.objective))

    def begin(self, net: Network, bank: PictureBank, settings: CodeSettings) -> None:
        """Start at principal component analysis, unless at a model's weights."""
        if settings.weights is not None:
            return
        assert isinstance(net, CodeAutoencoder)
        generator = torch.Generator(bank.pixels.device).manual_seed(settings.seed)
        start_at_pca(net, bank.crops(PCA_CROPS, min(settings.crop, PCA_SIDE), generator).cpu())

    def of_card(self, card: ModelCard) -> CodeSettings:
        return CodeSettings(
            variant=card.architecture, objective=card.objective, code_channels=card.code_channels
        )

    def card_fields(self, settings: CodeSettings) -> dict[str, str | int]:
        return {"objective": settings.objective, "code_channels": settings.code_channels}


TASK = CodeTask()
