"""Denoising, by a network that is told the level of the noise."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Generator, Tensor

from imgae.training.checks import Choice, Number, Option, setting
from imgae.training.corruptions.noise import GaussianNoise
from imgae.training.loop import Objective
from imgae.training.networks.body import variant_named
from imgae.training.networks.denoise import (
    DenoisingAutoencoder,
    FlipEnsembleDenoisingAutoencoder,
)
from imgae.training.objectives.adversarial import AdversarialDenoising
from imgae.training.objectives.contractive import ContractiveDenoising
from imgae.training.objectives.denoise import Denoising
from imgae.training.quantisation.rounding import Example
from imgae.training.settings import Settings, int8_setting
from imgae.training.tasks.task import Task
from imgae.training.validate import Case, Restoration, as_tensor, centre

SIGMA = 25 / 255
"""The level of noise in validation."""


@dataclass(frozen=True)
class DenoiseSettings(Settings):
    """Those of all tasks, and what makes a denoiser less sensitive."""

    task = "denoise"
    group = "options that make the network less sensitive to its input"

    int8: bool = int8_setting()
    objective: str = setting(
        "",
        Choice(("", "contractive", "spectral", "adversarial", "jittered")),
        Option(
            "--objective",
            "add a penalty to the loss: contractive, the Frobenius norm of the network's Jacobian; "
            "spectral, its largest singular value above 1; adversarial, the error of pictures that "
            "were changed to do harm, which count L of 1, and the growth of changes above 1. For "
            "comparison: jittered, no penalty, but noise of L 8-bit levels that the network is not "
            "told of",
        ),
    )
    weight: float | None = setting(
        None,
        Number(0, 1e6),
        Option("--lambda", "what the penalty is multiplied by", "L"),
        optional=True,
    )

    def conflict(self) -> str:
        if (self.objective == "") != (self.weight is None):
            return "--objective and --lambda go together; give both or neither"
        if self.objective == "adversarial" and self.weight is not None and self.weight > 1:
            return "--lambda is a share of 1 with --objective adversarial"
        return super().conflict()


class DenoiseTask(Task[DenoiseSettings]):
    """Clean pictures get white noise; the network is told its level."""

    name = "denoise"
    settings = DenoiseSettings
    kind = DenoisingAutoencoder
    card_task = "denoise"
    summary = (
        "Removes white Gaussian noise of a given level from RGB pictures; a residual "
        "convolutional denoising autoencoder."
    )
    sigma_range = (0.0, GaussianNoise().sigma_max)
    flip_ensemble = FlipEnsembleDenoisingAutoencoder

    def network(self, settings: DenoiseSettings) -> DenoisingAutoencoder:
        return DenoisingAutoencoder(variant_named(settings.variant))

    def objective(self, settings: DenoiseSettings, device: torch.device) -> Objective:
        del device
        if settings.objective == "adversarial":
            return AdversarialDenoising(settings.weight or 0.0)
        if settings.objective:
            return ContractiveDenoising(settings.objective, settings.weight or 0.0)
        return Denoising()

    def validation(
        self, settings: DenoiseSettings, pictures: list[np.ndarray], device: torch.device
    ) -> Restoration:
        """Noise of level 25, clipped and rounded as files are."""
        del settings
        generator = Generator().manual_seed(0)
        cases = []
        for picture in pictures:
            clean = as_tensor(centre(picture))
            noise = torch.randn(clean.shape, generator=generator)
            noisy = ((clean + SIGMA * noise).clamp(0, 1) * 255).round() / 255
            cases.append(Case.whole(noisy, (torch.full((1, 1, 1, 1), SIGMA),), clean))
        return Restoration(cases, device)

    def example(self, clean: Tensor, generator: Generator) -> Example:
        noisy, sigma, _ = GaussianNoise()(clean, generator)
        level = sigma.amax((1, 2, 3), keepdim=True)
        return Example((noisy.cpu(), sigma.cpu()), ((level + 1 / 255).pow(1.14).sqrt()).cpu())

    def card_fields(self, settings: DenoiseSettings) -> dict[str, str | int]:
        return {"objective": settings.objective}


TASK = DenoiseTask()
