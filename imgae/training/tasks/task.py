"""What a task decides: all that runs and exports do not do the same for every task."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
import torch
from torch import Generator, Tensor, nn

from imgae.errors import TrainingError
from imgae.model.card import ModelCard
from imgae.training.data import Folders, PictureBank, read_folders
from imgae.training.depth import Values
from imgae.training.loop import PSNR, Measure, Objective, Validation
from imgae.training.networks.body import Network
from imgae.training.quantisation.rounding import Example, quantise
from imgae.training.settings import Settings

Own = TypeVar("Own", bound=Settings)


class Task(Generic[Own]):
    """A kind of network to train. A subclass a task, in the module of its name, as TASK."""

    name: ClassVar[str]
    settings: type[Own]
    kind: type[Network]
    """The class of its networks."""
    summary: str
    """What its models do, for their cards."""
    optional_summary: str = ""
    """What its models' optional inputs are for, where a file keeps them."""
    card_task: str
    """What its models do, as `model.contract` calls it."""
    measure: Measure = PSNR
    sigma_range: tuple[float, float] = (0.0, 0.0)
    """The levels of noise that it trains for, on [0, 1]."""
    others: "tuple[Task[Any], ...]" = ()
    """Those of the same name, for other pictures."""
    batches: tuple[int, int] = (12, 96)
    """Crops in a step on a CPU and on a GPU, where a run does not say."""
    values: Values = "shown"
    """What it gets of the pictures."""
    kept_out: float = 0.02
    """The share of the pictures that are for validation; at most 12 are."""
    flip_ensemble: type[Network] | None = None
    """The class that averages a network over flips, where the task has one."""

    def of(self, settings: Own) -> "Task[Own]":
        """Return what trains by these settings: this, or another of the same name."""
        del settings
        return self

    def network(self, settings: Own) -> Network:
        """Build a float network, freshly initialised from torch's current random state."""
        raise NotImplementedError

    def objective(self, settings: Own, device: torch.device) -> Objective:
        raise NotImplementedError

    def validation(
        self, settings: Own, pictures: list[np.ndarray], device: torch.device
    ) -> Validation:
        raise NotImplementedError

    def batch_on(self, device: torch.device) -> int:
        """Return how many crops a step has where a run does not say."""
        return self.batches[device.type != "cpu"]

    def settled(self, settings: Own) -> Own:
        """Fill in what depends on other settings."""
        return settings

    def read(self, settings: Own) -> Folders:
        """Read the pictures of a run. Raises TrainingError if there are too few."""
        return read_folders(
            [Path(folder) for folder in settings.folders],
            settings.crop,
            settings.memory,
            settings.seed,
            self.kept_out,
            self.values,
        )

    def measured(self, settings: Own, pictures: Folders, note: Callable[[str], None]) -> Own:
        """Fill in what a new run's pictures tell; they may be changed into what networks see.

        note: is told what was found.
        """
        del pictures, note
        return settings

    def more_pictures(self, settings: Own, pictures: list[np.ndarray]) -> list[np.ndarray]:
        """Return synthetic pictures to train on beside those of the folders."""
        del settings, pictures
        return []

    def at_start(self, net: nn.Module, validation: Validation) -> str:
        """Say what a new run's validation gives before the first step, where that is worth it."""
        del net, validation
        return ""

    def begin(self, net: Network, bank: PictureBank, settings: Own) -> None:
        """Set weights of a new run's network to better ones than random, where there are any."""

    def prepare(self, objective: Objective, bank: PictureBank, settings: Own) -> None:
        """Do what an objective needs once before training starts, or goes on."""

    def example(self, clean: Tensor, generator: Generator) -> Example:
        """Return a batch of inputs, as in training, to choose an int8 network's ranges on."""
        raise NotImplementedError

    def check_int8(self) -> None:
        """Raise TrainingError if this task's networks cannot compute in int8."""
        if type(self).example is Task.example:
            raise TrainingError(
                f"a run of {self.name}; only those of denoise, camera and "
                "inpaint can compute in int8"
            )

    def built(self, settings: Own) -> Network:
        """Build a run's network, which rounds if the run is in int8, to load weights into."""
        net = self.network(settings)
        if settings.int8:
            quantise(net)
        return net

    def of_card(self, card: ModelCard) -> Own:
        """Return settings for the network that a card describes."""
        return self.settings(variant=card.architecture)

    def makes(self, card: ModelCard) -> bool:
        """Whether a card is of a model of this task."""
        needed = tuple(name for name in self.kind.inputs if name not in self.kind.optional)
        known = card.task == self.card_task and card.inputs in (self.kind.inputs, needed)
        return known and card.noise is None

    def compares(self, card: ModelCard) -> bool:
        """Whether a run's validation can score a model with this card."""
        return self.makes(card)

    def rival(self, path: Path, settings: Own) -> nn.Module | None:
        """Return a model's file as a network; None where it is enough to call it as it is."""
        del path, settings
        return None

    def view(self, card: ModelCard, settings: Own) -> tuple[float, float]:
        """Return what a model sees of a run's values, such as are compared: a factor, and what is
        added then. Raises TrainingError if it can see nothing of them.
        """
        del card, settings
        return 1.0, 0.0

    def card_fields(self, settings: Own) -> dict[str, Any]:
        """Return what a model's card holds of this task's own settings."""
        del settings
        return {}
