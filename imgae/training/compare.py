"""Another model on a run's validation: what the run is measured against."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from imgae.errors import ModelError, TrainingError
from imgae.model import session
from imgae.model.registry import find
from imgae.training.loop import Validation
from imgae.training.tasks.task import Task
from imgae.training.warmstart import load_weights, network_of


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


def opponent(task: Task[Any], name: str, threads: int) -> nn.Module:
    """Load a model to compare with, by its shipped name or its file.

    Raises TrainingError if it is of another task, and WeightsError or ModelError if there is none.
    """
    path = find(name)
    try:
        model = session.load(path, device="cpu", threads=threads)
    except ModelError as error:
        raise TrainingError(f"--compare: {error}") from error
    if not task.makes(model.card):
        raise TrainingError(
            f"--compare: {path} is a model to {model.card.task} from "
            f"{', '.join(model.card.inputs)}, which is no model of {task.name}; name one of this "
            "task"
        )
    if task.called_alone:
        return ModelFile(model)
    card, weights = load_weights(path)
    net = network_of(card)
    net.load_state_dict(weights)
    return net.eval()


def scored(
    validation: Validation, rival: nn.Module, name: str, place: torch.device
) -> dict[str, Any]:
    """Score a model on a validation; return what the log's lines say of it.

    Files are named without their folders.
    """
    return {"compare": validation.score(rival.to(place)), "compare_model": Path(name).name}
