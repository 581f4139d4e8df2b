"""Another model on a run's validation: what the run is measured against."""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from imgae.errors import ModelError, TrainingError
from imgae.model import session
from imgae.model.registry import find
from imgae.training.loop import Trainer, Validation
from imgae.training.tasks.task import Task


class ModelFile(nn.Module):
    """A model file that is called as a network is, in onnxruntime on the CPU.

    view: the factor and the offset by which its image, and what it makes of it, differ from a
    run's.
    """

    def __init__(self, model: session.OnnxModel, view: tuple[float, float] = (1.0, 0.0)) -> None:
        super().__init__()
        self.model = model
        self.factor, self.offset = view

    def forward(self, *inputs: Tensor) -> Tensor:
        """Return the first output for inputs (N, ...) float32, on the device of the first.

        Inputs that the file does not take are left out: of a file without optional ones.
        """
        names = self.model.card.inputs
        arrays = (entry.detach().float().cpu().numpy() for entry in inputs)
        given = dict(zip(names, map(np.ascontiguousarray, arrays), strict=False))
        if (self.factor, self.offset) == (1.0, 0.0):
            return torch.from_numpy(self.model(**given)).to(inputs[0].device)
        image = given[names[0]] * np.float32(self.factor) + np.float32(self.offset)
        found = self.model(**given | {names[0]: image})
        return torch.from_numpy((found - self.offset) / self.factor).to(inputs[0])


def opened(task: Task[Any], name: str, threads: int) -> session.OnnxModel:
    """Load a model to compare with, by its shipped name or its file.

    Raises TrainingError if it is of another task, and WeightsError or ModelError if there is none.
    """
    path = find(name)
    try:
        model = session.load(path, device="cpu", threads=threads)
    except ModelError as error:
        raise TrainingError(f"--compare: {error}") from error
    if not task.compares(model.card):
        raise TrainingError(
            f"--compare: {path} is a model to {model.card.task} from "
            f"{', '.join(model.card.inputs)}, which is no model of {task.name}; name one of this "
            "task"
        )
    return model


def scored(
    validation: Validation, model: session.OnnxModel, trainer: Trainer, task: Task[Any]
) -> float:
    """Score a model on a run's validation."""
    net = task.rival(model.path, trainer.config)
    net = net or ModelFile(model, task.view(model.card, trainer.config))
    return validation.score(net.to(trainer.device))
