"""Denoising, by a network that is told the level of the noise."""

import numpy as np
import torch
from torch import Generator, Tensor

from imgae.training.corruptions.noise import GaussianNoise
from imgae.training.loop import Objective
from imgae.training.networks.body import variant_named
from imgae.training.networks.denoise import (
    DenoisingAutoencoder,
    FlipEnsembleDenoisingAutoencoder,
)
from imgae.training.objectives.contractive import ContractiveDenoising
from imgae.training.objectives.denoise import Denoising
from imgae.training.quantisation.rounding import Example
from imgae.training.tasks.denoise_settings import DenoiseSettings
from imgae.training.tasks.own_noise import OwnNoiseTask, PairsTask
from imgae.training.tasks.task import Task
from imgae.training.validate import Case, Restoration, as_tensor, centre

SIGMA = 25 / 255
"""The level of noise in validation."""


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
    others = (OwnNoiseTask(), PairsTask())

    def of(self, settings: DenoiseSettings) -> Task[DenoiseSettings]:
        noisy, pairs = self.others
        return noisy if settings.noisy else pairs if settings.pairs else self

    def network(self, settings: DenoiseSettings) -> DenoisingAutoencoder:
        return DenoisingAutoencoder(variant_named(settings.variant))

    def objective(self, settings: DenoiseSettings, device: torch.device) -> Objective:
        del device
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
