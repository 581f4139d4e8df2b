"""What a file says of itself, compared with what is in it; the model is not run."""

import math
from collections import Counter
from typing import Final

import onnx
from onnx import TensorProto, numpy_helper

from imgae.errors import ModelError, first_line
from imgae.model import onnxfile
from imgae.model.card import COLOUR, METADATA_KEY, OWN_COLOUR, ModelCard
from imgae.model.contract import INTERFACES, IR_VERSION, OPSET, OPTIONAL, TENSORS

NEEDED_TEXT: Final = ("name", "version", "summary", "architecture", "colour", "recipe", "licence")
PROBE: Final = onnxfile.PROBES[1]
MOST_HALO: Final = 2048
BYTES_PER_PIXEL: Final = range(16, 100_001)
MACS_SLACK: Final = 0.01
PRECISIONS: Final = {
    TensorProto.FLOAT: "fp32", TensorProto.FLOAT16: "fp16", TensorProto.INT8: "int8"
}  # fmt: skip


def check_structure(proto: onnx.ModelProto) -> str:
    try:
        onnx.checker.check_model(proto, full_check=True)
    except Exception as error:  # the checker's errors have no common base
        raise ModelError(first_line(error)) from error
    kinds = len({node.op_type for node in proto.graph.node})
    return f"{len(proto.graph.node)} nodes of {kinds} kinds"


def check_card(proto: onnx.ModelProto) -> ModelCard:
    """Return the card, once it is complete and the graph's inputs and output are as it says."""
    text = onnxfile.metadata(proto, METADATA_KEY)
    if text is None:
        raise ModelError("it has no imgae model card inside")
    card = ModelCard.from_json(text)
    if card.task not in INTERFACES:
        raise ModelError(f"its card's task is {card.task!r}; known are: {', '.join(INTERFACES)}")
    check_values(card)
    allowed, outputs = INTERFACES[card.task].inputs, INTERFACES[card.task].outputs
    names = tuple(value.name for value in proto.graph.input)
    if names != card.inputs or names not in allowed:
        raise ModelError(
            f"it takes {', '.join(names)}; its card says {', '.join(card.inputs)}, and a model to "
            f"{card.task} takes {', '.join(allowed[0])}"
        )
    given = tuple(value.name for value in proto.graph.output)
    if given != outputs:
        raise ModelError(f"its outputs are {', '.join(given)}; expected {', '.join(outputs)}")
    for value in (*proto.graph.input, *proto.graph.output):
        kind = value.type.tensor_type
        sizes = [dim.dim_value or None for dim in kind.shape.dim]
        shape = TENSORS[value.name].shape(card.code_channels)
        expected = [size if isinstance(size, int) else None for size in shape]
        if kind.elem_type != TensorProto.FLOAT or sizes != expected:
            raise ModelError(
                f"{value.name} is {in_words(sizes)}; expected float32 {in_words(expected)}"
            )
    check_defaults(proto, card)
    return card


def check_values(card: ModelCard) -> None:
    """Raise ModelError if a card lacks a text, or holds a figure that no model has."""
    empty = [name for name in NEEDED_TEXT if not getattr(card, name)]
    if empty or not card.training_data:
        raise ModelError(f"its card leaves empty: {', '.join(empty or ['training_data'])}")
    if card.halo > MOST_HALO:
        raise ModelError(f"its card's halo is {card.halo}; at most {MOST_HALO} is allowed")
    if card.channels != 3 or card.value_range != (0, 1):
        raise ModelError(
            f"its card says {card.channels} channels on {card.value_range}, not 3 on (0, 1)"
        )
    if not 0 <= card.sigma_range[0] <= card.sigma_range[1] <= 1:
        raise ModelError(f"its card's levels {card.sigma_range} do not lie on [0, 1]")


def in_words(sizes: list[int | None]) -> str:
    return "x".join(str(size or "any") for size in sizes)


def check_defaults(proto: onnx.ModelProto, card: ModelCard) -> None:
    """Raise ModelError unless the inputs that may be left out, and no others, default to zeros."""
    known = tuple(name for name in card.inputs if name in OPTIONAL)
    if card.optional != known:
        raise ModelError(f"its card says that {card.optional} may be left out, not {known}")
    stored = {tensor.name: tensor for tensor in proto.graph.initializer}
    for name in card.inputs:
        zero = name in stored and not numpy_helper.to_array(stored[name]).any()
        if (name in known) != zero:
            raise ModelError(f"{name} has no default of zeros" if name in known else
                             f"{name} has a default, but must be given")  # fmt: skip


def check_hash(proto: onnx.ModelProto, card: ModelCard) -> str:
    if onnxfile.weights_hash(proto) != card.sha256:
        raise ModelError(
            "the weights do not have the sha256 that the card says; "
            "the file was changed since its export"
        )
    return card.sha256[:16]


def check_claims(proto: onnx.ModelProto, card: ModelCard) -> str:
    """Compare what the card and the contract say with what the graph shows."""
    graph = onnxfile.inferred(proto, *PROBE).graph
    sizes = onnxfile.sizes_in(graph)
    macs = sum(onnxfile.macs_of(node, sizes) for node in onnxfile.live_nodes(graph))
    macs = round(macs / math.prod(PROBE))
    found = (
        ("opset", onnxfile.opsets(proto)[0], OPSET),
        ("IR version", proto.ir_version, IR_VERSION),
        ("precision", precision_of(graph), card.precision),
        ("colour", COLOUR if card.noise is None else OWN_COLOUR, card.colour),
    )
    wrong = [f"its {what} is {true}, not {said}" for what, true, said in found if true != said]
    if abs(macs - card.macs_per_pixel) > MACS_SLACK * macs:
        wrong.append(f"its multiply-accumulates a pixel are {macs}, not {card.macs_per_pixel}")
    if card.bytes_per_pixel not in BYTES_PER_PIXEL:
        wrong.append(f"its card says {card.bytes_per_pixel} bytes a pixel, which cannot be")
    if wrong:
        raise ModelError("; ".join(wrong))
    return f"opset {OPSET}, IR {IR_VERSION}; {card.precision}; {macs} multiply-accumulates a pixel"


def precision_of(graph: onnx.GraphProto) -> str:
    """Return how kernels are stored, from the sizes of what convolutions with them do.

    "int8" if that does most of the work, else the finest that any is stored in, "fp32" or "fp16".
    Raises ModelError if a kernel is computed, or stored otherwise.
    """
    sizes = onnxfile.sizes_in(graph)
    stored = {tensor.name: tensor.data_type for tensor in graph.initializer}
    made = {name: node for node in graph.node for name in node.output}
    work: Counter[str] = Counter()
    for node in onnxfile.live_nodes(graph):
        if name := onnxfile.kernel_of(node):
            while name in made and made[name].op_type in ("Cast", "DequantizeLinear"):
                name = made[name].input[0]
            if stored.get(name) not in PRECISIONS:
                raise ModelError(f"the kernel {name} is not stored as fp32, fp16 or int8")
            work[PRECISIONS[stored[name]]] += onnxfile.macs_of(node, sizes)
    if 2 * work["int8"] > work.total():
        return "int8"
    return "fp16" if "fp16" in work and "fp32" not in work else "fp32"
