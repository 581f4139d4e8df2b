"""Exported models as the start of training."""

from pathlib import Path

import numpy as np
import torch
from onnx import numpy_helper

from imgae.errors import ModelError, TrainingError
from imgae.model import onnxfile
from imgae.model.card import METADATA_KEY, ModelCard
from imgae.training.networks.body import Network, copy_weights
from imgae.training.tasks import lookup
from imgae.training.trace import FP16_SUFFIX


def load_weights(path: Path) -> tuple[ModelCard, dict[str, torch.Tensor]]:
    """Read the card and the weights of an exported model, for training to go on from.

    Raises TrainingError if the file is none of imgae's, or holds no weights that can be trained.
    """
    try:
        model = onnxfile.read_safely(path)
    except ModelError as error:
        raise TrainingError(str(error)) from error
    try:
        text = onnxfile.metadata(model, METADATA_KEY)
        card = None if text is None else ModelCard.from_json(text)
    except ModelError as error:
        raise TrainingError(f"{path}: {error}") from error
    if card is None:
        raise TrainingError(
            f"{path}: has no imgae model card inside; training cannot start from it"
        )
    if card.precision == "int8":
        raise TrainingError(
            f"{path}: its kernels are int8; start from the float model that it was made from"
        )
    stored = {
        entry.name.removesuffix(FP16_SUFFIX): numpy_helper.to_array(entry).astype(np.float32)
        for entry in model.graph.initializer
    }
    names = network_of(card).state_dict()
    if missing := names.keys() - stored.keys():
        raise TrainingError(f"{path}: lacks {min(missing)}; training cannot start from it")
    return card, {name: torch.tensor(stored[name]) for name in names}


def network_of(card: ModelCard) -> Network:
    """Build the network that a card describes, its weights random."""
    task = lookup.of_card(card)
    return task.network(task.of_card(card))


def start_from(net: Network, path: Path, variant: str) -> None:
    """Set a network's weights to those of an exported model of the same variant, or a smaller one.

    A larger network starts where the smaller one ended. Of a network of another task, the input
    planes that both have are kept, and the last convolution if both restore pictures.
    """
    card, weights = load_weights(path)
    found, source = card.architecture, network_of(card)
    if sentence := net.refusal(source):
        raise TrainingError(f"{path}: a model to {card.task}; {sentence}")
    kernels = dict(zip(source.planes, weights["stem.weight"].unbind(1), strict=True))
    absent = torch.zeros_like(kernels["red"])
    weights["stem.weight"] = torch.stack([kernels.get(name, absent) for name in net.planes], 1)
    try:
        copy_weights(net, net.taken(weights, source))
    except ValueError as error:
        raise TrainingError(
            f"{path}: a {found} network; --variant {variant} cannot start from it: {error}"
        ) from error
