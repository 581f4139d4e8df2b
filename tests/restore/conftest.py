"""A stand-in for models of codes."""

import numpy as np
import onnx
import pytest
import tiny_models
from onnx import TensorProto, helper


def save_code_model(path, stride=2, halo=2):
    """A code at half the size, of a convolution with a receptive radius of 1, and a picture."""
    make = helper.make_node
    kernel = np.random.default_rng(0).normal(0, 0.3, (3, 3, 3, 3)).astype(np.float32)
    nodes = [
        make("Conv", ["image", "kernel"], ["positive"], pads=[1, 1, 1, 1]),
        make("Sub", ["one", "image"], ["restored"]),
        make("MaxPool", ["positive"], ["code"], kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1),
    ]
    about = tiny_models.card(
        name="tiny-code", task="code", inputs=("image",), stride=stride, halo=halo, code_channels=3
    )
    constants = {"kernel": kernel, "one": np.ones(1, np.float32)}
    tiny_models.save(path, nodes, constants, about.to_json(), ("image",))
    model = onnx.load(path)
    code = helper.make_tensor_value_info("code", TensorProto.FLOAT, ["N", 3, "h", "w"])
    model.graph.output.append(code)
    onnx.save(model, path)
    return path


@pytest.fixture(scope="session")
def tiny_code():
    """What writes such a model to a path, with the stride and halo that its card claims."""
    return save_code_model
