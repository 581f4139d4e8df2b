"""The backbone of anomaly models: a network that gives features of a picture. Needs onnx."""

from pathlib import Path
from typing import Final

import onnx

from imgae.errors import ModelError, named
from imgae.model import onnxfile
from imgae.model.card import METADATA_KEY, ModelCard

FEATURES: Final = "features"
"""Its task, and its output."""


def read_backbone(path: Path) -> tuple[onnx.ModelProto, ModelCard]:
    """Read the file of a backbone. Raises ModelError, naming the file, for others."""
    proto = onnxfile.read_safely(path)
    text = onnxfile.metadata(proto, METADATA_KEY)
    with named(path):
        if text is None:
            raise ModelError("has no imgae model card inside")
        card = ModelCard.from_json(text)
        if card.task != FEATURES:
            raise ModelError(
                f"a model to {card.task}; a fit needs one that `imgae train {FEATURES}` trained"
            )
    return proto, card


def looking_at(backbone: onnx.ModelProto, framed: str) -> tuple[onnx.GraphProto, str]:
    """Return a backbone's graph as it looks at another tensor, and the name of its features.

    framed: stands for the picture; its sides are multiples of what the backbone pads to, so its
    padding is left out, and so is what cuts the features back to the picture's size.
    """
    graph = onnx.GraphProto()
    graph.initializer.extend(backbone.graph.initializer)
    stored = {tensor.name for tensor in graph.initializer}
    names = {backbone.graph.input[0].name: framed}
    for node in backbone.graph.node:
        if node.op_type == "Pad" and node.input[1] not in stored:
            names[node.output[0]] = names.get(node.input[0], node.input[0])
            continue
        copy = graph.node.add()
        copy.CopyFrom(node)
        copy.input[:] = [names.get(name, name) for name in node.input]
    return graph, uncut(backbone.graph, FEATURES)


def uncut(graph: onnx.GraphProto, name: str) -> str:
    """Return the tensor that an output is cut out of, where the picture was padded."""
    made = {output: node for node in graph.node for output in node.output}
    while made[name].op_type == "Slice":
        name = str(made[name].input[0])
    return name
