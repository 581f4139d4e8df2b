"""Denoising of the noise that one's own pictures have, by a network that holds what it is."""

from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from torch import Generator, Tensor, nn

from imgae.errors import TrainingError
from imgae.model import registry
from imgae.model.card import OWN_COLOUR, ModelCard, OwnNoise
from imgae.training.data import Folders, PictureBank
from imgae.training.loop import PSNR, Objective, Validation
from imgae.training.networks.body import Network, variant_named
from imgae.training.networks.own_noise import (
    FlipEnsembleOwnNoiseAutoencoder,
    OwnNoiseAutoencoder,
)
from imgae.training.noise.model import KNOTS, NoiseModel, measure, measure_pairs
from imgae.training.objectives.pairs import Pairs
from imgae.training.objectives.redrawn import Redrawn, told
from imgae.training.own_scale import OwnScale, scale_of, type_of
from imgae.training.pairs import read_pairs
from imgae.training.quantisation.rounding import Example
from imgae.training.settings import NOTHING
from imgae.training.tasks.denoise_settings import DenoiseSettings
from imgae.training.tasks.task import Task
from imgae.training.unseen_gain import GAIN, UnseenGain
from imgae.training.validate import Case, Restoration, as_tensor, centre
from imgae.training.warmstart import load_weights, start_from

START: Final = {"balanced": "denoise-balanced", "best": "denoise-best", "tiny": NOTHING}
"""What training starts from, by variant; denoise-fast for the others."""
REFERENCE: Final = "denoise-fast"
REFERENCE_VARIANT: Final = "fast"
TOLERANCE: Final = 0.04
"""How far a curve of few knots may be from the one measured, of its own height there."""


class OwnNoiseTask(Task[DenoiseSettings]):
    """Noisy pictures, alone or with clean ones; the network holds what noise they have."""

    name = "denoise"
    settings = DenoiseSettings
    kind = OwnNoiseAutoencoder
    card_task = "denoise"
    summary = (
        "Removes the noise of one source of pictures, gray or in colour, which it learnt from "
        "noisy pictures of that source; a residual convolutional denoising autoencoder that holds "
        "the strength of the noise by brightness."
    )
    measure = GAIN
    values = "own"
    kept_out = 0.1
    flip_ensemble = FlipEnsembleOwnNoiseAutoencoder

    def settled(self, settings: DenoiseSettings) -> DenoiseSettings:
        """Start from shipped weights unless others, or none, are named."""
        return replace(settings, start=settings.start or default_start(settings.variant))

    def network(self, settings: DenoiseSettings) -> OwnNoiseAutoencoder:
        net = OwnNoiseAutoencoder(variant_named(settings.variant))
        if settings.found is not None:
            net.set_curve(*few_knots(noise_of(settings)))
        return net

    def measured(
        self, settings: DenoiseSettings, pictures: Folders, note: Callable[[str], None]
    ) -> DenoiseSettings:
        """Measure the noise of a new run's pictures, and say what it is.

        The pictures, of any type, become what a network sees of them, one by one.
        Raises TrainingError if they are of two types, or of another than when the run began.
        """
        every = [*pictures.validation, *pictures.training]
        pixels = type_of(every, pictures.kinds)
        scale = scale_of(every, pixels) if settings.found is None else own_scale(settings)
        if scale.pixels != pixels:
            raise TrainingError(
                f"the pictures were {scale.pixels} when this run began, and are {pixels}; begin a "
                "new run"
            )
        del every  # or it would hold the pictures as they were
        for some in (pictures.training, pictures.validation):
            for place, picture in enumerate(some):
                some[place] = scale.kept(picture)
        if settings.found is not None:
            return settings
        every = [*pictures.validation, *pictures.training]
        noise = self.noise_in(every, settings.noise or "auto")
        note(f"the noise of these pictures: {noise.sentence()}")
        return replace(settings, found={"noise": noise.to_dict(), **asdict(scale)})

    def noise_in(self, pictures: list[np.ndarray], kind: str) -> NoiseModel:
        """Measure the noise of pictures as a network sees them.

        Raises TrainingError if that cannot be done.
        """
        return measure(pictures, kind)

    def begin(self, net: Network, bank: PictureBank, settings: DenoiseSettings) -> None:
        """Tell the network what was measured, so many times as it is that it does best."""
        del bank
        assert isinstance(net, OwnNoiseAutoencoder)
        tell(net, noise_of(settings))

    def objective(self, settings: DenoiseSettings, device: torch.device) -> Objective:
        """Noise drawn anew on what the network, or one that is trained already, restores."""
        teacher = None if settings.weights else reference(settings, device)
        return Redrawn(noise_of(settings), teacher, own_scale(settings).ends)

    def validation(
        self, settings: DenoiseSettings, pictures: list[np.ndarray], device: torch.device
    ) -> Validation:
        """What is gained on pictures kept out of training, estimated without clean ones."""
        crops = [as_tensor(centre(picture)) for picture in pictures]
        ends = own_scale(settings).ends
        return UnseenGain(crops, noise_of(settings), device, reference(settings, device), ends)

    def at_start(self, net: nn.Module, validation: Validation) -> str:
        return f"before training, the network gains {GAIN.shown(validation.score(net))}"

    def example(self, clean: Tensor, generator: Generator) -> Example:
        """Return noisy crops as they are."""
        del generator
        return Example((clean[:, :3].cpu(),), torch.full((len(clean), 1, 1, 1), 0.1))

    def of_card(self, card: ModelCard) -> DenoiseSettings:
        return DenoiseSettings(variant=card.architecture, noisy=card.training_data)

    def makes(self, card: ModelCard) -> bool:
        return card.task == self.card_task and card.noise is not None

    def compares(self, card: ModelCard) -> bool:
        """Whether a model removes noise: one that takes a level is told what was measured."""
        takes_level = "sigma" in card.inputs
        return card.task == self.card_task and not (takes_level and card.precision == "int8")

    def rival(self, path: Path, settings: DenoiseSettings) -> nn.Module | None:
        card, _ = load_weights(path)
        if "sigma" not in card.inputs:
            return None
        return told_network(path, card.architecture, noise_of(settings))

    def view(self, card: ModelCard, settings: DenoiseSettings) -> tuple[float, float]:
        if card.noise is None:
            return 1.0, 0.0
        own, other = own_scale(settings), card.noise
        if other.pixels != own.pixels:
            raise TrainingError(
                f"--compare: {card.name} knows the noise of {other.pixels} files, and these are "
                f"{own.pixels}"
            )
        return own.span / other.span, (own.low - other.low) / other.span

    def card_fields(self, settings: DenoiseSettings) -> dict[str, Any]:
        noise, scale = noise_of(settings), own_scale(settings)
        knots, variance = few_knots(noise)
        own = OwnNoise(
            noise.sentence(),
            scale.pixels,
            scale.low,
            scale.span,
            tuple(knots),
            tuple(map(tuple, variance)),
            noise.kernels,
            noise.mix,
        )
        return {"noise": own, "colour": OWN_COLOUR}


class PairsTask(OwnNoiseTask):
    """The same with clean pictures: arrays hold a noisy picture's channels, then a clean one's."""

    measure = PSNR

    def read(self, settings: DenoiseSettings) -> Folders:
        """Read pairs, as `read_pairs` does."""
        noisy, clean = map(Path, settings.pairs)
        limits = (settings.crop, settings.memory, settings.seed, self.kept_out)
        return read_pairs(noisy, clean, *limits)

    def noise_in(self, pictures: list[np.ndarray], kind: str) -> NoiseModel:
        noisy, clean = zip(*(np.split(pair, 2, 2) for pair in pictures), strict=True)
        return measure_pairs(noisy, clean, kind)

    def objective(self, settings: DenoiseSettings, device: torch.device) -> Objective:
        del device
        return Pairs(noise_of(settings))

    def validation(
        self, settings: DenoiseSettings, pictures: list[np.ndarray], device: torch.device
    ) -> Validation:
        """The clean pictures are the truth."""
        del settings
        halves = (as_tensor(centre(pair)).chunk(2, 1) for pair in pictures)
        return Restoration([Case.whole(noisy, (), clean) for noisy, clean in halves], device)

    def at_start(self, net: nn.Module, validation: Validation) -> str:
        noisy, begun = (PSNR.shown(validation.score(one)) for one in (nn.Identity(), net))
        return f"before training, the noisy pictures have {noisy}, what the network gives {begun}"


def noise_of(settings: DenoiseSettings) -> NoiseModel:
    """Return the noise that a run found in its pictures."""
    assert settings.found is not None
    return NoiseModel.from_dict(settings.found["noise"])


def own_scale(settings: DenoiseSettings) -> OwnScale:
    """Return the scale that a run found for its pictures."""
    assert settings.found is not None
    return OwnScale(*(settings.found[name] for name in ("pixels", "low", "span")))


def tell(net: OwnNoiseAutoencoder, noise: NoiseModel) -> None:
    """Give a network a curve of noise, and what it is to be multiplied by."""
    net.set_curve(*few_knots(noise))
    net.told.data.fill_(told(noise))


def reference(settings: DenoiseSettings, device: torch.device) -> OwnNoiseAutoencoder:
    """Return a network with shipped weights that is told what a run measured.

    Raises WeightsError if the weights are not there.
    """
    path = registry.find(REFERENCE)
    return told_network(path, REFERENCE_VARIANT, noise_of(settings)).to(device)


def told_network(path: Path, variant: str, noise: NoiseModel) -> OwnNoiseAutoencoder:
    """Return a network with the weights of a model for white noise, told what noise there is."""
    net = OwnNoiseAutoencoder(variant_named(variant))
    start_from(net, path, variant)
    tell(net, noise)
    return net.eval().requires_grad_(False)


def default_start(variant: str) -> str:
    """Return the shipped model that a run of a variant starts from, or NOTHING if it has none."""
    return START.get(variant, "denoise-fast")


def few_knots(noise: NoiseModel) -> tuple[list[float], list[list[float]]]:
    """Return a curve that is straight between as few knots as it can be: knots, and its rows."""
    rows = np.array(noise.variances)
    allowed = TOLERANCE * (rows + rows.mean(1, keepdims=True)) + 1e-12
    kept = sorted(needed(np.array(KNOTS), rows, allowed, 0, len(KNOTS) - 1))
    return [KNOTS[place] for place in kept], rows[:, kept].tolist()


def needed(
    knots: np.ndarray, rows: np.ndarray, allowed: np.ndarray, first: int, last: int
) -> set[int]:
    """Return the knots between which straight lines are near enough (Douglas and Peucker 1973)."""
    share = (knots[first : last + 1] - knots[first]) / (knots[last] - knots[first])
    line = rows[:, first, None] * (1 - share) + rows[:, last, None] * share
    off = np.abs(rows[:, first : last + 1] - line) / allowed[:, first : last + 1]
    worst = int(off.max(0).argmax())
    if off[:, worst].max() <= 1:
        return {first, last}
    middle = first + worst
    return needed(knots, rows, allowed, first, middle) | needed(knots, rows, allowed, middle, last)
