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
    """A model file that is called as a network is, in onnxruntime on the CPU."""

    def __init__(self, model: session.OnnxModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, *inputs: Tensor) -> Tensor:
        """Return the first output for inputs (N, ...) float32, on the device of the first.

        Inputs that the file does not take are left out: of a file without optional ones.
        """
        names = self.model.card.inputs
        arrays = (entry.detach().float().cpu().numpy() for entry in inputs)
        given = dict(zip(names, map(np.ascontiguousarray, arrays), strict=False))
        return torch.from_numpy(self.model(**given)).to(inputs[0].device)


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
    net = task.rival(model.path, trainer.config) or ModelFile(model)
    return validation.score(net.to(trainer.device))
