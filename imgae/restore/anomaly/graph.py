"""From what is normal to an ONNX file: nodes after those of the backbone. Needs onnx.

The backbone is a model file whose encoder halves the picture three times, as `code` does, or that
gives features; see `sources`.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from imgae.errors import ModelError
from imgae.model import onnxfile
from imgae.model.contract import IR_VERSION, OPSET, TENSORS
from imgae.restore.anomaly.normal import (
    LOST,
    NEAR,
    Error,
    Expert,
    Features,
    Gaussian,
    Level,
    Memory,
    Normal,
    Usual,
    blur_kernel,
)
from imgae.restore.anomaly.sources import Source, sources_of, unpadded

STRIDE: Final = 8
MIRRORED: Final = 24
"""Pixels around the picture that the backbone sees mirrored; zeros farther away hardly count."""
LEAST_SIDE: Final = 32
"""Pixels that can be mirrored, with what fills up the stride."""
OUTPUT: Final = "anomaly"
CHANNELS: Final = "channels"
PREFIX: Final = "anomaly."
"""What names of nodes and tensors begin with that are no part of the backbone."""


class Nodes:
    """Nodes around those of a backbone; methods take and return names of tensors.

    The backbone sees the picture in a frame of MIRRORED pixels: its own zeros around pictures would
    make all that lies at borders unlike the rest.
    """

    def __init__(self, backbone: onnx.ModelProto, cell: int) -> None:
        self.model = onnx.ModelProto()
        self.model.CopyFrom(backbone)
        self.sources, self.cell = sources_of(backbone), cell
        self.count = 0
        self.once: dict[Any, str] = {}
        after = list(self.model.graph.node)
        del self.model.graph.node[:]
        image = self.sources["image"]
        framed = self.framed(image.name)
        self.sources["image"] = image._replace(name=framed)
        renamed = {
            name: framed if old == image.name else old
            for name, old in (unpadded(backbone.graph) | {image.name: image.name}).items()
        }
        for node in after:
            node.input[:] = [renamed.get(name, name) for name in node.input]
        self.model.graph.node.extend(after)

    def framed(self, image: str) -> str:
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
        self.model.graph.node.append(node)
        return output

    def constant(self, values: NDArray[Any]) -> str:
        self.count += 1
        name = f"{PREFIX}constant.{self.count}"
        self.model.graph.initializer.append(numpy_helper.from_array(np.asarray(values), name))
        return name

    def number(self, value: float) -> str:
        return self.constant(np.full(1, value, np.float32))

    def bordered(self, x: str, reach: int) -> str:
        """Repeat what lies at the borders."""
        pads = np.array([0, 0, reach, reach, 0, 0, reach, reach], np.int64)
        return self.add("Pad", x, self.constant(pads), mode="edge")

    def pooled(self, x: str, side: int) -> str:
        """Take the mean of the window around each place."""
        if side == 1:
            return x
        return self.add("AveragePool", self.bordered(x, side // 2), kernel_shape=[side] * 2)

    def in_cells(self, x: str, scale: int) -> str:
        """Bring a tensor that has one value for so many pixels on a side to cells."""
        if scale < self.cell:
            side = [self.cell // scale] * 2
            return self.add("AveragePool", x, kernel_shape=side, strides=side)
        return self.enlarged(x, scale // self.cell)

    def enlarged(self, x: str, factor: int) -> str:
        if factor == 1:
            return x
        scales = self.constant(np.array([1, 1, factor, factor], np.float32))
        place = "half_pixel"
        return self.add(
            "Resize", x, "", scales, mode="linear", coordinate_transformation_mode=place
        )

    def levels(self, levels: tuple[Level, ...], pool: int) -> str:
        """Return the channels of levels in cells, the same for all who ask for the same."""
        key = (levels, pool)
        if key not in self.once:
            parts = [self.level(level) for level in levels]
            joined = parts[0] if len(parts) == 1 else self.add("Concat", *parts, axis=1)
            self.once[key] = self.pooled(joined, pool)
        return self.once[key]

    def level(self, level: Level) -> str:
        if level not in self.once:
            source = self.pooled(self.source(level.source), level.pool)
            self.once[level] = self.in_cells(source, self.sources[level.source].scale)
        return self.once[level]

    def source(self, name: str) -> str:
        """Return a tensor of SOURCES. Raises ModelError if the backbone has it not."""
        if name == "lost" and name not in self.sources:
            lost = self.add("Sub", self.source("restored"), self.source("image"))
            axis = self.constant(np.array([1], np.int64))
            mean = self.add("ReduceMean", self.add("Mul", lost, lost), axis, keepdims=1)
            self.sources[name] = Source(mean, 1, 1)
        if name not in self.sources:
            raise ModelError(f"the backbone has no {name}")
        return self.sources[name].name

    def mixed(self, x: str, matrix: NDArray[np.float32], offset: NDArray[np.float32]) -> str:
        """Multiply the channels of each cell by a matrix, and add an offset."""
        kernel = self.constant(matrix.astype(np.float32)[:, :, None, None])
        return self.add("Conv", x, kernel, self.constant(offset.astype(np.float32)))

    def features(self, features: Features) -> str:
        channels = self.levels(features.levels, features.pool)
        return self.mixed(channels, features.matrix, features.offset)

    def summed(self, x: str) -> str:
        """Add all channels."""
        return self.add("ReduceSum", x, self.constant(np.array([1], np.int64)), keepdims=1)

    def length(self, square: str) -> str:
        return self.add("Sqrt", self.add("Relu", square))

    def gaussian(self, expert: Gaussian) -> str:
        y = self.features(expert.features)
        return self.length(self.summed(self.add("Mul", y, y)))

    def memory(self, expert: Memory) -> str:
        """Return the mean distance of the nearest, by |y - v|^2 = |y|^2 - 2 yv + |v|^2."""
        y, vectors = self.features(expert.features), expert.vectors
        others = self.mixed(y, -2 * vectors, np.square(vectors).sum(1))
        own = self.summed(self.add("Mul", y, y))
        axis = self.constant(np.array([1], np.int64))
        if expert.nearest == 1:
            least = self.add("ReduceMin", others, axis, keepdims=1)
            return self.length(self.add("Add", least, own))
        count = self.constant(np.array([expert.nearest], np.int64))
        self.count += 1
        least, places = f"{PREFIX}nearest.{self.count}", f"{PREFIX}places.{self.count}"
        node = helper.make_node("TopK", [others, count], [least, places], axis=1, largest=0)
        self.model.graph.node.append(node)
        distances = self.length(self.add("Add", least, own))
        return self.add("ReduceMean", distances, axis, keepdims=1)

    def error(self, expert: Error) -> str:
        lost = self.add("Add", self.level(LOST), self.number(expert.floor))
        found = self.add("Log", lost)
        return self.add("Sub", found, self.features(expert.expected))

    def outside(self, x: str) -> str:
        """Return how much of the window around each cell lies outside the picture, (N, 1, h, w).

        x: any values of one channel, without the frame; infinite ones spoil it.
        """
        if "outside" not in self.once:
            ones = self.add("Add", self.add("Mul", x, self.number(0)), self.number(1))
            reach = NEAR // self.cell
            side, pads = [2 * reach + 1] * 2, [reach] * 4
            inside = self.add(
                "AveragePool", ones, kernel_shape=side, pads=pads, count_include_pad=1
            )
            self.once["outside"] = self.add("Sub", self.number(1), inside)
        return self.once["outside"]

    def by_border(self, numbers: tuple[float, float, float], u: str) -> str:
        """Return a + b u + c u^2."""
        a, b, c = map(self.number, numbers)
        inner = self.add("Add", b, self.add("Mul", c, u))
        return self.add("Add", a, self.add("Mul", inner, u))

    def standard(self, value: str, usual: Usual) -> str:
        u = self.outside(value)
        least = self.number(usual.deviation[0])
        deviation = self.add("Max", self.by_border(usual.deviation, u), least)
        return self.add("Div", self.add("Sub", value, self.by_border(usual.mean, u)), deviation)

    def expert(self, expert: Expert) -> str:
        """Return what an expert gives for the cells of the picture, standardised."""
        if isinstance(expert, Gaussian):
            value = self.gaussian(expert)
        elif isinstance(expert, Memory):
            value = self.memory(expert)
        else:
            value = self.error(expert)
        return self.standard(self.unframed(value), expert.usual)

    def combined(self, normal: Normal) -> str:
        parts = [
            self.add("Mul", self.expert(expert), self.number(weight))
            for expert, weight in zip(normal.experts, normal.weights, strict=True)
        ]
        if len(parts) == 1:
            return parts[0]
        return self.add("Max" if normal.by == "max" else "Sum", *parts)

    def smoothed(self, x: str, blur: float) -> str:
        if not blur:
            return x
        kernel = blur_kernel(blur)
        weights = self.constant(kernel[None, None])
        return self.add("Conv", self.bordered(x, len(kernel) // 2), weights)

    def whole(self, x: str) -> str:
        """Bring cells to the picture's pixels."""
        return self.inside(self.enlarged(x, self.cell), 0, self.size())

    def size(self) -> str:
        return self.add("Shape", self.model.graph.input[0].name, start=2, end=4)

    def unframed(self, x: str) -> str:
        """Return cells without those of the frame."""
        count = self.whole_number("Add", self.size(), self.cell - 1)
        count = self.whole_number("Div", count, self.cell)
        return self.inside(x, MIRRORED // self.cell, count)

    def inside(self, x: str, start: int, size: str) -> str:
        end = self.whole_number("Add", size, start) if start else size
        starts, axes = (self.constant(np.array(pair)) for pair in ([start, start], [2, 3]))
        return self.add("Slice", x, starts, end, axes)

    def finished(self, outputs: Sequence[onnx.ValueInfoProto]) -> onnx.ModelProto:
        """Return the model with these outputs, without what they do not need."""
        graph = self.model.graph
        del graph.output[:], graph.value_info[:], self.model.metadata_props[:]
        graph.output.extend(outputs)
        nodes = onnxfile.live_nodes(graph)
        used = {name for node in nodes for name in node.input}
        kept = [tensor for tensor in graph.initializer if tensor.name in used]
        graph_name = "anomaly"
        made = helper.make_graph(nodes, graph_name, graph.input, graph.output, kept)
        model = helper.make_model(made, opset_imports=[helper.make_opsetid("", OPSET)])
        model.ir_version = IR_VERSION
        model.producer_name = "imgae"
        return model


def anomaly_model(backbone: onnx.ModelProto, normal: Normal) -> onnx.ModelProto:
    """Return the model of a map of anomalies, without a card."""
    nodes = Nodes(backbone, normal.cell)
    combined = nodes.smoothed(nodes.combined(normal), normal.blur)
    nodes.add("Relu", nodes.whole(combined), name=OUTPUT)
    shape = TENSORS[OUTPUT].shape()
    return nodes.finished([helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, shape)])


def channels_model(
    backbone: onnx.ModelProto, levels: tuple[Level, ...], pool: int, cell: int
) -> onnx.ModelProto:
    """Return a model that gives the channels of levels in cells, (N, D, h, w).

    They are what the features of an anomaly model are mixed of.
    """
    nodes = Nodes(backbone, cell)
    nodes.add("Identity", nodes.unframed(nodes.levels(levels, pool)), name=CHANNELS)
    shape = ["N", None, "h", "w"]
    return nodes.finished([helper.make_tensor_value_info(CHANNELS, TensorProto.FLOAT, shape)])
