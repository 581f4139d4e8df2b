"""What a backbone knows of a picture, found in its graph by shape and place. Needs onnx.

Names inside a model file may be any.
"""

from typing import Final, NamedTuple

import onnx

from imgae.model import onnxfile

SIDE: Final = 64
"""Of a picture by which tensors of a backbone are told apart."""


class Source(NamedTuple):
    """A tensor of a backbone: name, channels, and the pixels on a side of what a value is about."""

    name: str
    channels: int
    scale: int


def sources_of(backbone: onnx.ModelProto) -> dict[str, Source]:
    """Return a backbone's tensors by what they are; see normal.SOURCES.

    All have sides that are multiples of what the backbone pads to. What it has not is missing.
    """
    graph = backbone.graph
    sizes = onnxfile.sizes_in(onnxfile.inferred(backbone, SIDE, SIDE).graph)
    outputs = [value.name for value in graph.output]
    found, last = {"image": graph.input[0].name}, outputs[-1]
    for name, scale in (("eighth", 8), ("quarter", 4), ("half", 2)):  # each on the way to the next
        at_scale = [
            tensor
            for tensor in before(graph, last)
            if tensor not in outputs and sizes.get(tensor, [])[2:] == [SIDE // scale] * 2
        ]
        most = max((sizes[tensor][1] for tensor in at_scale), default=0)
        if widest := [tensor for tensor in at_scale if sizes[tensor][1] == most]:
            found[name] = last = widest[-1]
    given = {"code", "features", "restored"}.intersection(outputs)
    found |= {name: uncut(graph, name) for name in sorted(given)}
    sides = {name: sizes[tensor] for name, tensor in found.items()}
    return {name: Source(found[name], side[1], SIDE // side[2]) for name, side in sides.items()}


def uncut(graph: onnx.GraphProto, name: str) -> str:
    """Return the tensor that an output is cut out of, where the picture was padded."""
    made = {output: node for node in graph.node for output in node.output}
    while made[name].op_type == "Slice":
        name = str(made[name].input[0])
    return name


def before(graph: onnx.GraphProto, last: str) -> list[str]:
    """Return the tensors that a tensor depends on, in the order in which they are made."""
    needed, found = {last}, []
    for node in reversed(graph.node):
        if needed.intersection(node.output):
            needed.update(node.input)
            found += node.output
    return found[::-1]


def unpadded(graph: onnx.GraphProto) -> dict[str, str]:
    """Return what stands for the tensors that are padded by as much as the picture needs.

    A picture whose sides are multiples of the stride needs nothing, so it is what was to be padded.
    """
    stored = {tensor.name for tensor in graph.initializer}
    found: dict[str, str] = {}
    for node in graph.node:
        if node.op_type == "Pad" and node.input[1] not in stored:
            found[node.output[0]] = found.get(node.input[0], node.input[0])
    return found
