"""Small ONNX models with cards, made without torch."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper

from imgae.model.card import COLOUR, METADATA_KEY, ModelCard
from imgae.model.contract import CELL, IR_VERSION, NOISE, OPSET, TENSORS


def card(**changes: object) -> ModelCard:
    fields: dict[str, object] = {
        "name": "tiny",
        "version": "0",
        "task": "denoise",
        "summary": "for tests",
        "architecture": "tiny",
        "inputs": ("image", "sigma"),
        "channels": 3,
        "colour": COLOUR,
        "value_range": (0.0, 1.0),
        "stride": 1,
        "halo": 0,
        "macs_per_pixel": 0,
        "bytes_per_pixel": 64,
        "sigma_range": (0.0, 0.2),
        "training_data": (),
        "recipe": "none",
        "licence": "Apache-2.0",
    }
    return ModelCard(**{**fields, **changes})  # type: ignore[arg-type]


def value_info(name: str) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, TENSORS[name].shape())


def save(
    path: Path,
    nodes: Sequence[NodeProto],
    constants: dict[str, np.ndarray] | None = None,
    card_text: str | None = None,
    inputs: Sequence[str] = ("image", "sigma"),
    output: str = "restored",
) -> Path:
    """Write a graph from `image` and, by default, `sigma` to `restored`, or to another output."""
    graph = helper.make_graph(
        list(nodes),
        "tiny",
        [value_info(name) for name in inputs],
        [value_info(output)],
        [numpy_helper.from_array(array, name) for name, array in (constants or {}).items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)])
    model.ir_version = IR_VERSION
    if card_text is not None:
        model.metadata_props.add(key=METADATA_KEY, value=card_text)
    onnx.save(model, path)
    return path


def identity(path: Path, **changes: object) -> Path:
    """Return the picture unchanged."""
    node = helper.make_node("Identity", ["image"], ["restored"])
    return save(path, [node], card_text=card(**changes).to_json())


def darken(path: Path) -> Path:
    """Subtract the level from every pixel, so that a result tells the level used."""
    node = helper.make_node("Sub", ["image", "sigma"], ["restored"])
    return save(path, [node], card_text=card().to_json())


def negative(path: Path) -> Path:
    """Turn pixels over, and add what a file tells: the luma steps, and ISO over 10,000."""
    make = helper.make_node
    nodes = [
        make("Sub", ["white", "image"], ["turned"]),
        make("Slice", ["quantisation", "zero", "one", "one"], ["luma"]),
        make("Mul", ["iso", "scale"], ["speed"]),
        make("Add", ["luma", "speed"], ["told"]),
        make("Add", ["turned", "told"], ["restored"]),
    ]
    constants = {
        "white": np.ones(1, np.float32),
        "zero": np.array([0]),
        "one": np.array([1]),
        "scale": np.array([1e-4], np.float32),
        "quantisation": np.zeros((1, 2, 1, 1), np.float32),
        "iso": np.zeros((1, 1, 1, 1), np.float32),
    }
    inputs = ("image", "quantisation", "iso")
    about = card(name="negative", inputs=inputs, optional=inputs[1:])
    return save(path, nodes, constants, about.to_json(), inputs)


def fill(path: Path) -> Path:
    """Return the mask in all three channels: white where it is 1."""
    node = helper.make_node("Concat", ["mask", "mask", "mask"], ["restored"], axis=1)
    about = card(task="inpaint", inputs=("image", "mask"), halo=8, stride=8)
    return save(path, [node], card_text=about.to_json(), inputs=("image", "mask"))


def bright(path: Path) -> Path:
    """Detect: the picture's channels as the maps, so red is a scratch, green dust; no type."""
    nodes = [
        helper.make_node("Sub", ["image", "image"], ["none"]),
        helper.make_node("Slice", ["none", "from", "to", "axis"], ["two"]),
        helper.make_node("Concat", ["image", "two"], ["defects"], axis=1),
    ]
    numbers = {"from": 0, "to": 2, "axis": 1}
    constants = {name: np.array([value]) for name, value in numbers.items()}
    about = card(task="detect", inputs=("image",)).to_json()
    return save(path, nodes, constants, about, inputs=("image",), output="defects")


def blur(path: Path, halo: int, inputs: Sequence[str] = ("image", "sigma")) -> Path:
    """Convolve twice with a random 3x3 kernel: receptive radius 2."""
    text = card(name="blur", halo=halo, inputs=tuple(inputs)).to_json()
    return save(path, convolved("restored"), {"kernel": random_kernel()}, text, inputs)


def gated(path: Path) -> Path:
    """The same times the level, subtracted: level 0 changes nothing."""
    nodes = [
        *convolved("change"),
        helper.make_node("Mul", ["change", "sigma"], ["part"]),
        helper.make_node("Sub", ["image", "part"], ["restored"]),
    ]
    return save(path, nodes, {"kernel": random_kernel()}, card(name="gated", halo=2).to_json())


def convolved(output: str) -> list[NodeProto]:
    return [
        helper.make_node("Conv", ["image", "kernel"], ["once"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["once"], ["positive"]),
        helper.make_node("Conv", ["positive", "kernel"], [output], pads=[1, 1, 1, 1]),
    ]


def random_kernel() -> np.ndarray:
    return np.random.default_rng(0).normal(0, 0.3, (3, 3, 3, 3)).astype(np.float32)


def estimate(
    path: Path, slopes: dict[str, float] | None = None, halo: int = 8, **values: float
) -> Path:
    """Estimate noise: each map is a number, and a slope times the brightness around a cell.

    values: the numbers, for names of contract.NOISE; by default white noise of level 0.1.
    """
    usual = {"share": 0.0, "rest": 0.0, "white": 1.0, "weight": 1.0, "level": 0.1}
    numbers, slopes = {**usual, **values}, slopes or {}
    make = helper.make_node
    nodes = [
        make("ReduceMean", ["image", "axis"], ["gray"]),
        make("Shape", ["image"], ["sides"], start=2),
        make("Neg", ["sides"], ["minus"]),
        make("Mod", ["minus", "cell"], ["lacking"]),
        make("Concat", ["zeros", "lacking"], ["pads"], axis=0),
        make("Pad", ["gray", "pads"], ["whole"], mode="edge"),
        make("Pad", ["whole", "around"], ["wide"], mode="edge"),
        make("AveragePool", ["wide"], ["mean"], kernel_shape=[3 * CELL] * 2, strides=[CELL] * 2),
        make("Mul", ["mean", "slopes"], ["change"]),
        make("Add", ["change", "numbers"], ["noise"]),
    ]
    constants = {
        "axis": np.array([1]),
        "cell": np.array([CELL, CELL]),
        "zeros": np.zeros(6, np.int64),
        "around": np.array([0, 0, CELL, CELL, 0, 0, CELL, CELL]),
        "slopes": column(slopes.get(name, 0.0) for name in NOISE),
        "numbers": column(numbers[name] for name in NOISE),
    }
    about = card(
        name="looking", task="estimate", inputs=("image",), halo=halo, stride=CELL,
        sigma_range=(0.0, 0.0), training_data=("none",), precision="fp32",
    )  # fmt: skip
    return save(path, nodes, constants, about.to_json(), ("image",), "noise")


def column(values: Iterable[float]) -> np.ndarray:
    return np.array([*values], np.float32).reshape(1, -1, 1, 1)
