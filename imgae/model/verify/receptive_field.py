"""A model's receptive field, computed from its graph: exact, whatever the weights.

With trained weights, pixels far away hardly count, so changing pixels cannot prove how far a
network could see. Its operators can. Along one axis, every position of every tensor depends on the
picture from a first to a last position. A convolution joins the ranges in its window, a slice picks
some, an addition joins two. Sizes and shifts that the graph computes itself come from running it.

Pictures are followed as (N, C, H, W), and as rows (N, C, H * W). Only pointwise operators may
change rows before they are pictures again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from imgae.model import onnxfile, session
from imgae.picture.tiling import round_up

Ints = NDArray[np.int64]
Span = tuple[Ints, Ints]
"""First and last position of the picture, for every position along the axis."""

WIDTH: Final = 16
LONGEST: Final = 8192
"""A strip of this length or more that is still too short ends the search."""
NEVER: Final = 1 << 40
POINTWISE: Final = frozenset((
    "Abs", "Add", "And", "BatchNormalization", "Cast", "Clip", "DequantizeLinear", "Div", "Elu",
    "Equal", "Erf", "Exp", "Expand", "Floor", "Gelu", "Greater", "GreaterOrEqual", "HardSigmoid",
    "HardSwish", "Identity", "LeakyRelu", "Less", "LessOrEqual", "Log", "Max", "Min", "Mul", "Neg",
    "Not", "Or", "PRelu", "Pow", "QuantizeLinear", "Reciprocal", "Relu", "Round", "Sigmoid", "Sign",
    "Softplus", "Sqrt", "Sub", "Sum", "Tanh", "Where",
))  # fmt: skip
WHOLE: Final = frozenset((
    "DynamicQuantizeLinear", "GlobalAveragePool", "GlobalLpPool", "GlobalMaxPool",
    "InstanceNormalization", "LayerNormalization",
))  # fmt: skip


class UnknownFieldError(Exception):
    """The receptive field of an operator, or of a use of one, is not known here."""


class WholePictureError(Exception):
    """An operator depends on the whole picture, however large it is."""


@dataclass(frozen=True)
class Step:
    """A node, what its first input depends on, and what is known of its other inputs."""

    axis: int  # 2 or 3
    span: Span
    attributes: dict[str, Any]
    arguments: list[NDArray[Any] | None]  # their values; None where there are none
    kernel: list[int]  # of a convolution: its two sizes
    before: list[int]  # sizes of its first input
    after: list[int]  # and of its output


def receptive_field_of(
    model: onnx.ModelProto, stride: int, halo: int, thin: bool = False
) -> tuple[int, int]:
    """Return how many pixels around a cell of stride x stride outputs count, and the true stride.

    halo: what is expected; a larger field is found too.
    thin: only with masks that leave no stride x stride block wholly unknown.
    Raises UnknownFieldError or WholePictureError; ModelError if the graph cannot be run.
    """
    radius, period = 0, 1
    for axis in (2, 3):
        length = round_up(max(256, 5 * halo), stride)
        while True:
            spans = spans_along(model, axis, length, stride if thin else 0)
            if length % len(spans[0]):
                raise UnknownFieldError("an output of another size")
            # Of an output that has one value for several pixels, each of these depends on as much.
            first, last = (np.repeat(ends, length // len(ends)) for ends in spans)
            starts = np.arange(0, length, stride)
            before = starts - first.reshape(-1, stride).min(1)
            after = last.reshape(-1, stride).max(1) - (starts + stride - 1)
            found = int(max(before.max(), after.max(), 0))
            if found < length // 4:
                break
            if length >= LONGEST:
                raise WholePictureError(f"farther than {length // 4} pixels")
            length *= 2
        radius = max(radius, found)
        period = int(np.lcm(period, period_of(first, last)))
    return radius, period


def period_of(first: Ints, last: Ints) -> int:
    """Return the shift that leaves the middle of a strip as it is, borders apart."""
    length = len(first)
    middle = np.arange(length // 4, length // 2)
    shifts = (
        shift
        for shift in range(1, length // 4)
        if all(np.array_equal(ends[middle + shift], ends[middle] + shift) for ends in (first, last))
    )
    return next(shifts, length)


def spans_along(model: onnx.ModelProto, axis: int, length: int, block: int) -> Span:
    """Return what the output's positions along an axis of a strip depend on.

    block: side of blocks that each hold a known pixel; 0: masks may be any.
    """
    sized = onnxfile.inferred(model, *sides_of(axis, length))
    graph, sizes = sized.graph, onnxfile.sizes_in(sized.graph)
    kinds = (TensorProto.INT64, TensorProto.INT32, *([TensorProto.BOOL] if block else []))
    names = [value.name for value in graph.value_info if value.type.tensor_type.elem_type in kinds]
    values = session.values_of(sized, names, strips(graph, axis, length, block))
    values |= {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    own = np.arange(length)
    defaults = {tensor.name for tensor in graph.initializer}  # of inputs that say nothing of places
    spans: dict[str, Span] = {
        value.name: (own, own) for value in graph.input if value.name not in defaults
    }
    for node in graph.node:
        if node.op_type == "Constant" and node.attribute[0].HasField("t"):
            values[node.output[0]] = numpy_helper.to_array(node.attribute[0].t)
        elif node.op_type != "Shape" and any(name in spans for name in node.input):
            spans |= dict.fromkeys(node.output, span_of(node, axis, spans, values, sizes))
    return spans[graph.output[0].name]


def sides_of(axis: int, length: int) -> tuple[int, int]:
    return (length, WIDTH) if axis == 2 else (WIDTH, length)


def strips(
    graph: onnx.GraphProto, axis: int, length: int, block: int
) -> dict[str, NDArray[np.float32]]:
    """Return a black strip along an axis, and masks with a known pixel in every block."""
    sides = sides_of(axis, length)
    defaults = {tensor.name for tensor in graph.initializer}
    inputs = {
        value.name: np.zeros((1, 1, *sides), np.float32)
        for value in graph.input
        if value.name not in defaults
    }
    inputs[graph.input[0].name] = np.zeros((1, 3, *sides), np.float32)
    if block:
        inputs["mask"][:] = 1
        inputs["mask"][..., ::block, ::block] = 0
    return inputs


def span_of(
    node: onnx.NodeProto,
    axis: int,
    spans: dict[str, Span],
    values: dict[str, NDArray[Any]],
    sizes: dict[str, list[int]],
) -> Span:
    """Return what a node's output depends on, given what its inputs do."""
    kind, names = node.op_type, list(node.input)
    attributes = {entry.name: helper.get_attribute_value(entry) for entry in node.attribute}
    if kind == "Where" and names[0] in values and values[names[0]].all():
        names = names[1:2]  # with thin holes, the first choice is taken everywhere
    followed = [name for name in names if name in spans]
    read = [spans[name] for name in followed]
    if kind in WHOLE:
        raise WholePictureError(kind)
    shapes = [sizes.get(name, []) for name in (*followed, node.output[0])]
    ranks = {len(shape) for shape in shapes}
    if kind != "Reshape" and ranks != {4} and not (ranks == {3} and kind not in MOVES):
        raise UnknownFieldError(f"{kind} of what is no picture")
    by_channels = kind in ("Concat", "Split") and attributes["axis"] in (1, -3)
    if kind in POINTWISE or by_channels:
        return joined(read) if read else never(1)
    if kind not in MOVES or len(read) != 1 or names[0] not in spans:
        raise UnknownFieldError(kind)
    weights = names[3 if kind == "QLinearConv" else 1] if "Conv" in kind else ""
    arguments = [values.get(name) for name in names[1:]] + [None] * 4
    step = Step(axis, read[0], attributes, arguments, sizes.get(weights, [])[2:], *shapes)
    try:
        span = MOVES[kind](step)
    except UnknownFieldError as error:
        raise UnknownFieldError(kind) from error
    if len(step.after) == 4 and len(span[0]) != step.after[axis]:
        raise UnknownFieldError(kind)
    return span


def never(length: int) -> Span:
    return np.full(length, NEVER), np.full(length, -NEVER)


def joined(spans: Sequence[Span]) -> Span:
    first, last = zip(*spans, strict=True)
    return np.min(np.broadcast_arrays(*first), 0), np.max(np.broadcast_arrays(*last), 0)


def padded(span: Span, before: int, after: int) -> Span:
    (low, high), (below, above) = never(before), never(after)
    return np.concatenate([low, span[0], below]), np.concatenate([high, span[1], above])


def reduced(step: Step) -> Span:
    axes = step.attributes.get("axes", step.arguments[0])
    if axes is None or not set(np.ravel(axes).tolist()) <= {0, 1, -3, -4}:
        raise WholePictureError("a mean or an extreme over it")
    if not step.attributes.get("keepdims", 1):
        raise UnknownFieldError
    return step.span


def windowed(step: Step) -> Span:
    """Join what lies in the windows of a convolution or a pooling."""
    attributes, side = step.attributes, step.axis - 2
    size = attributes.get("kernel_shape") or step.kernel
    plain = attributes.get("auto_pad", b"NOTSET") == b"NOTSET" and not attributes.get("ceil_mode")
    if len(size) != 2 or min(size) < 1 or not plain:
        raise UnknownFieldError
    pads = attributes.get("pads") or [0] * 4
    dilation = (attributes.get("dilations") or [1, 1])[side]
    stride = (attributes.get("strides") or [1, 1])[side]
    first, last = padded(step.span, pads[side], pads[side + 2])
    taps = range(0, dilation * (size[side] - 1) + 1, dilation)
    count = len(first) - taps[-1]
    if count < 1:
        raise UnknownFieldError
    return (
        np.min([first[tap : tap + count : stride] for tap in taps], 0),
        np.max([last[tap : tap + count : stride] for tap in taps], 0),
    )


def spread(step: Step) -> Span:
    first, last = (np.repeat(ends, step.attributes["blocksize"]) for ends in step.span)
    return first, last


def gathered(step: Step) -> Span:
    first, last = (ends.reshape(-1, step.attributes["blocksize"]) for ends in step.span)
    return first.min(1), last.max(1)


def sliced(step: Step) -> Span:
    starts, ends, axes, steps = step.arguments[:4]
    if starts is None or ends is None:
        raise UnknownFieldError
    axes = np.arange(len(starts)) if axes is None else axes
    steps = np.ones_like(starts) if steps is None else steps
    first, last = step.span
    for which, *cut in zip(axes, starts, ends, steps, strict=True):
        if which % 4 == step.axis:
            index = slice(*map(int, cut))
            first, last = first[index], last[index]
    return first, last


def bordered(step: Step) -> Span:
    pads, _, axes = step.arguments[:3]
    if pads is None or len(pads) != 8 or axes is not None or min(pads) < 0:
        raise UnknownFieldError
    mode = step.attributes.get("mode", b"constant").decode()
    before, after = int(pads[step.axis]), int(pads[step.axis + 4])
    if mode == "constant":
        return padded(step.span, before, after)
    first, last = (np.pad(ends, (before, after), mode=mode) for ends in step.span)
    return first, last


def resized(step: Step) -> Span:
    attributes, length = step.attributes, len(step.span[0])
    scales, sizes = step.arguments[1:3]
    if scales is not None and scales.size == 4:
        scale = float(scales[step.axis])
    elif sizes is not None and sizes.size == 4:
        scale = float(sizes[step.axis]) / length
    else:
        raise UnknownFieldError
    place = attributes.get("coordinate_transformation_mode", b"half_pixel")
    if place not in (b"asymmetric", b"half_pixel", b"pytorch_half_pixel"):
        raise UnknownFieldError
    if attributes.get("antialias") or "axes" in attributes:
        raise UnknownFieldError
    shift = 0.0 if place == b"asymmetric" else 0.5
    at = (np.arange(int(length * scale)) + shift) / scale - shift
    mode = attributes.get("mode", b"nearest")
    rounding = attributes.get("nearest_mode", b"round_prefer_floor")
    if mode == b"linear":
        low, high = np.floor(at), np.ceil(at)
    elif mode == b"nearest" and rounding == b"floor":
        low = high = np.floor(at)
    elif mode == b"nearest" and rounding == b"round_prefer_floor":
        low = high = np.ceil(at - 0.5)
    else:
        raise UnknownFieldError
    both = [np.clip(index, 0, length - 1).astype(int) for index in (low, high)]
    return joined([(step.span[0][index], step.span[1][index]) for index in both])


def reshaped(step: Step) -> Span:
    """Follow pictures that are laid out as rows (N, C, H * W), and rows that are cut up again."""
    before, after = step.before, step.after
    picture, row = (before, after) if len(before) == 4 else (after, before)
    if before != after and not (
        (len(picture), len(row)) == (4, 3)
        and row == [*picture[:2], picture[2] * picture[3]]
        and picture[step.axis] == len(step.span[0])
    ):
        raise UnknownFieldError
    return step.span


MOVES: Final[dict[str, Callable[[Step], Span]]] = {
    "AveragePool": windowed,
    "Conv": windowed,
    "ConvInteger": windowed,
    "DepthToSpace": spread,
    "MaxPool": windowed,
    "Pad": bordered,
    "QLinearConv": windowed,
    "ReduceMax": reduced,
    "ReduceMean": reduced,
    "ReduceMin": reduced,
    "ReduceSum": reduced,
    "Reshape": reshaped,
    "Resize": resized,
    "Slice": sliced,
    "SpaceToDepth": gathered,
}
