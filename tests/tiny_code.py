"""A small code model, made without torch."""

from pathlib import Path

import onnx
from onnx import TensorProto, helper
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
