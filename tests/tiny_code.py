"""A small code model, made without torch."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from tiny_models import card

from imgae.model.card import METADATA_KEY


def blocks(path: Path) -> Path:
    """Encode as the mean colour of each block of 8x8 pixels, and decode as just that.

    Blocks that the picture's edge cuts have the mean of what is there.
    """
    nodes = [
        helper.make_node(
            "AveragePool", ["image"], ["code"], kernel_shape=[8, 8], strides=[8, 8], ceil_mode=1
        ),
        helper.make_node("Shape", ["image"], ["shape"]),
        helper.make_node("Resize", ["code", "", "", "shape"], ["restored"], mode="nearest"),
    ]
    tensor = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "blocks",
        [tensor("image", TensorProto.FLOAT, ["N", 3, "H", "W"])],
        [
            tensor("restored", TensorProto.FLOAT, ["N", 3, "H", "W"]),
            tensor("code", TensorProto.FLOAT, ["N", 3, "h", "w"]),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    model.ir_version = 9
    about = card(name="blocks", task="code", inputs=("image",), code_channels=3, stride=8, halo=8)
    model.metadata_props.add(key=METADATA_KEY, value=about.to_json())
    onnx.save(model, path)
    return path


def signs(path: Path, name: str = "signs", seed: int = 0) -> Path:
    """Describe blocks of 8x8 pixels by 16 random filters: vectors of different pictures differ."""
    rng = np.random.default_rng(seed)
    kernel = rng.normal(0, 0.1, (16, 3, 8, 8)).astype(np.float32)
    kernel -= kernel.mean((1, 2, 3), keepdims=True)  # so that brightness alone counts for little
    nodes = [
        helper.make_node(
            "Conv", ["image", "kernel"], ["filtered"], strides=[8, 8], auto_pad="SAME_UPPER"
        ),
        helper.make_node("Abs", ["filtered"], ["descriptor"]),
    ]
    tensor = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        name,
        [tensor("image", TensorProto.FLOAT, ["N", 3, "H", "W"])],
        [tensor("descriptor", TensorProto.FLOAT, ["N", 16, "h", "w"])],
        [numpy_helper.from_array(kernel, "kernel")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    model.ir_version = 9
    about = card(name=name, task="search", inputs=("image",), code_channels=16, stride=8, halo=8)
    model.metadata_props.add(key=METADATA_KEY, value=about.to_json())
    onnx.save(model, path)
    return path


def signs_by_default(folder: Path, monkeypatch) -> Path:
    """Make `signs` the model that describes pictures where none is named, and return its folder."""
    folder.mkdir()
    signs(folder / "signs.onnx")
    monkeypatch.setenv("IMGAE_MODELS", str(folder))
    monkeypatch.setattr("imgae.model.registry.DEFAULT_SEARCHER", "signs")
    return folder
