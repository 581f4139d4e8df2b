"""From what is normal to an ONNX file: nodes after those of the backbone. Needs onnx."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from imgae.model import onnxfile
from imgae.model.contract import IR_VERSION, OPSET, TENSORS
from imgae.restore.anomaly.normal import (
    CELL,
    FINE,
    LEAST_SPREAD,
    LEAST_SQUARE,
    NEAR,
    SCALES,
    Expert,
    Level,
    Look,
    Normal,
)
from imgae.restore.anomaly.sources import FEATURES, looking_at

STRIDE: Final = CELL
MIRRORED: Final = 24
"""Pixels around the picture that the backbone sees mirrored; zeros farther away hardly count."""
LEAST_SIDE: Final = 32
"""Pixels that can be mirrored, with what fills up the stride."""
IMAGE: Final = "image"
OUTPUT: Final = "anomaly"
PREFIX: Final = "anomaly."
"""What names of nodes and tensors begin with that are no part of the backbone."""


class Nodes:
    """Nodes around those of a backbone; methods take and return names of tensors.

    The backbone sees the picture in a frame of MIRRORED pixels: its own zeros around pictures would
    make all that lies at borders unlike the rest.
    """

    def __init__(self, backbone: onnx.ModelProto) -> None:
        self.graph = onnx.GraphProto()
        self.count = 0
        self.around = ""
        framed = self.with_frame(IMAGE)
        graph, features = looking_at(backbone, framed)
        self.graph.node.extend(graph.node)
        self.graph.initializer.extend(graph.initializer)
        self.sources = {IMAGE: framed, FEATURES: features, "detail": self.detail(framed)}

    def with_frame(self, image: str) -> str:
        """Return the picture with mirrored pixels around, its sides multiples of the stride.

        Where a side is too short to be mirrored, its last pixels are repeated instead.
        """
        mirrored: list[str] = []
        repeated: list[str] = []
        for axis in (2, 3):
            side = self.add("Shape", image, start=axis, end=axis + 1)
            rest = self.whole_number("Mod", self.whole_number("Mul", side, -1), STRIDE)
            after = self.whole_number("Add", rest, MIRRORED)
            # 1 for sides below LEAST_SIDE, 0 for others, by divisions of whole numbers.
            least = self.add("Div", self.constant(np.array([LEAST_SIDE - 1])), side)
            least = self.whole_number("Add", least, LEAST_SIDE - 1)
            short = self.whole_number("Div", least, LEAST_SIDE)
            long = self.add("Sub", self.constant(np.array([1])), short)
            for found, which in ((mirrored, long), (repeated, short)):
                found.append(self.whole_number("Mul", which, MIRRORED))
                found.append(self.add("Mul", which, after))
        none = self.constant(np.array([0, 0]))
        for (top, bottom, left, right), mode in ((mirrored, "reflect"), (repeated, "edge")):
            pads = self.add("Concat", none, top, left, none, bottom, right, axis=0)
            image = self.add("Pad", image, pads, mode=mode)
        return image

    def whole_number(self, kind: str, x: str, number: int) -> str:
        """Add a node that computes with a whole number as its second input."""
        return self.add(kind, x, self.constant(np.array([number])))

    def add(self, kind: str, *inputs: str, name: str = "", **attributes: Any) -> str:
        """Add a node of one output."""
        self.count += 1
        output = name or f"{PREFIX}{kind.lower()}.{self.count}"
        node = helper.make_node(kind, inputs, [output], name=f"{output}.node", **attributes)
        self.graph.node.append(node)
        return output

    def constant(self, values: NDArray[Any]) -> str:
        self.count += 1
        name = f"{PREFIX}constant.{self.count}"
        self.graph.initializer.append(numpy_helper.from_array(np.asarray(values), name))
        return name

    def number(self, value: float) -> str:
        return self.constant(np.full(1, value, np.float32))

    def detail(self, image: str) -> str:
        """Return a picture less what a Gaussian leaves of it."""
        kernel = gaussian(FINE)
        reach = len(kernel) // 2
        pads = np.array([0, 0, reach, reach, 0, 0, reach, reach], np.int64)
        around = self.add("Pad", image, self.constant(pads), mode="edge")
        weights = self.constant(np.stack([kernel[None]] * 3))
        return self.add("Sub", image, self.add("Conv", around, weights, group=3))

    def level(self, level: Level, side: int, around: bool) -> str:
        """Return the means or the spreads of a level over places of so many pixels a side."""
        x = self.sources[level.source]
        length = side // SCALES[level.source]
        mean = self.means(x, length)
        if not level.spread:
            return self.with_neighbours(mean) if around else mean
        squares = self.means(self.add("Mul", x, x), length)
        variance = self.add("Relu", self.add("Sub", squares, self.add("Mul", mean, mean)))
        if not around:
            return self.add("Sqrt", variance)
        wide = self.add("Add", self.with_neighbours(variance), self.number(LEAST_SPREAD))
        return self.add("Log", wide)

    def with_neighbours(self, x: str) -> str:
        """Return the means of places and their eight neighbours. The frame's border is spoilt."""
        return self.add("AveragePool", x, kernel_shape=[3, 3], pads=[1] * 4)

    def means(self, x: str, length: int) -> str:
        """Return the means of blocks of length x length values."""
        if length == 1:
            return x
        return self.add("AveragePool", x, kernel_shape=[length] * 2, strides=[length] * 2)

    def channels(self, look: Look) -> str:
        """Return all that an expert looks at, (N, D, h, w), a place for every part of a cell."""
        side = CELL // look.parts
        parts = [self.level(level, side, look.around) for level in look.levels]
        return parts[0] if len(parts) == 1 else self.add("Concat", *parts, axis=1)

    def distance(self, expert: Expert) -> str:
        kernel = self.constant(expert.matrix.astype(np.float32)[:, :, None, None])
        offset = self.constant(expert.offset.astype(np.float32))
        y = self.add("Conv", self.channels(expert.look), kernel, offset)
        axis = self.constant(np.array([1]))
        square = self.add("ReduceMean", self.add("Mul", y, y), axis, keepdims=1)
        if expert.look.parts > 1:
            side = [expert.look.parts] * 2
            square = self.add("MaxPool", square, kernel_shape=side, strides=side)
        return self.add("Log", self.add("Add", square, self.number(LEAST_SQUARE)))

    def outside(self, x: str) -> str:
        """Return how much of the window around each cell lies outside the picture, (N, 1, h, w).

        x: any finite values of one channel, without the frame.
        """
        if not self.around:
            ones = self.add("Add", self.add("Mul", x, self.number(0)), self.number(1))
            reach = NEAR // CELL
            side, pads = [2 * reach + 1] * 2, [reach] * 4
            inside = self.add(
                "AveragePool", ones, kernel_shape=side, pads=pads, count_include_pad=1
            )
            self.around = self.add("Sub", self.number(1), inside)
        return self.around

    def by_border(self, numbers: tuple[float, float, float], u: str) -> str:
        """Return a + b u + c u^2."""
        a, b, c = map(self.number, numbers)
        inner = self.add("Add", b, self.add("Mul", c, u))
        return self.add("Add", a, self.add("Mul", inner, u))

    def surprise(self, expert: Expert) -> str:
        """Return what an expert gives for the cells of the picture, less what is usual."""
        value, usual = self.unframed(self.distance(expert)), expert.usual
        low, high = map(self.number, usual.known)
        u = self.add("Min", self.add("Max", self.outside(value), low), high)
        least = self.number(usual.deviation[0])
        deviation = self.add("Max", self.by_border(usual.deviation, u), least)
        return self.add("Div", self.add("Sub", value, self.by_border(usual.mean, u)), deviation)

    def combined(self, normal: Normal) -> str:
        """Return log(1 + mean of exp(z)), computed without large numbers."""
        parts = [self.surprise(expert) for expert in normal.experts]
        most = self.add("Relu", self.add("Max", *parts))
        powers = [self.add("Exp", self.add("Sub", part, most)) for part in parts]
        one = self.add("Exp", self.add("Neg", most))
        mean = self.add("Mul", self.add("Sum", *powers), self.number(1 / len(powers)))
        total = self.add("Add", one, mean)
        return self.add("Add", most, self.add("Log", total))

    def unframed(self, x: str) -> str:
        """Return cells without those of the frame."""
        count = self.whole_number("Add", self.size(), CELL - 1)
        return self.inside(x, MIRRORED // CELL, self.whole_number("Div", count, CELL))

    def size(self) -> str:
        return self.add("Shape", IMAGE, start=2, end=4)

    def inside(self, x: str, start: int, size: str) -> str:
        end = self.whole_number("Add", size, start) if start else size
        starts, axes = (self.constant(np.array(pair)) for pair in ([start, start], [2, 3]))
        return self.add("Slice", x, starts, end, axes)

    def whole(self, x: str) -> str:
        """Bring cells to the picture's pixels."""
        scales = self.constant(np.array([1, 1, CELL, CELL], np.float32))
        place = "half_pixel"
        enlarged = self.add(
            "Resize", x, "", scales, mode="linear", coordinate_transformation_mode=place
        )
        return self.inside(enlarged, 0, self.size())

    def finished(self, outputs: dict[str, Sequence[Any]]) -> onnx.ModelProto:
        """Return a model with these outputs, by name and shape, without what they do not need."""
        image = helper.make_tensor_value_info(IMAGE, TensorProto.FLOAT, TENSORS[IMAGE].shape())
        self.graph.output.extend(
            helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
            for name, shape in outputs.items()
        )
        nodes = onnxfile.live_nodes(self.graph)
        used = {name for node in nodes for name in node.input}
        kept = [tensor for tensor in self.graph.initializer if tensor.name in used]
        made = helper.make_graph(nodes, "anomaly", [image], self.graph.output, kept)
        model = helper.make_model(made, opset_imports=[helper.make_opsetid("", OPSET)])
        model.ir_version = IR_VERSION
        model.producer_name = "imgae"
        return model


def gaussian(deviation: float) -> NDArray[np.float32]:
    """Return the weights of a Gaussian, (side, side), whose sum is 1."""
    reach = round(3 * deviation)
    line = np.exp(-0.5 * np.square(np.arange(-reach, reach + 1) / deviation))
    kernel = np.outer(line, line)
    return np.asarray(kernel / kernel.sum(), np.float32)


def anomaly_model(backbone: onnx.ModelProto, normal: Normal) -> onnx.ModelProto:
    """Return the model of a map of anomalies, without a card."""
    nodes = Nodes(backbone)
    nodes.add("Identity", nodes.whole(nodes.combined(normal)), name=OUTPUT)
    return nodes.finished({OUTPUT: TENSORS[OUTPUT].shape()})


def channels_model(backbone: onnx.ModelProto, looks: Sequence[Look]) -> onnx.ModelProto:
    """Return a model that gives what each look sees of each cell: (N, parts^2 * D, h, w) each.

    The parts of a cell follow one another, row by row. The outputs are called by their number.
    """
    nodes = Nodes(backbone)
    outputs: dict[str, Sequence[Any]] = {}
    for number, look in enumerate(looks):
        x = nodes.channels(look)
        if look.parts > 1:
            x = nodes.add("SpaceToDepth", x, blocksize=look.parts)
        name = f"look.{number}"
        nodes.add("Identity", nodes.unframed(x), name=name)
        outputs[name] = ["N", None, "h", "w"]
    return nodes.finished(outputs)
