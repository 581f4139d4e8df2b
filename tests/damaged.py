"""Model files with something wrong in them, and what `imgae verify` finds."""

from dataclasses import replace

import numpy as np
import onnx
import tiny_models
from onnx import TensorProto, helper, numpy_helper

from imgae.model import onnxfile
from imgae.model.card import METADATA_KEY, ModelCard
from imgae.model.verify.checks import check_file
from imgae.model.verify.reference import add_reference


def small_model(path):
    """Write a model that passes all checks: it blurs the picture where there is a level."""
    kernel = np.zeros((3, 3, 3, 3), np.float32)
    kernel[range(3), range(3)] = 1 / 9
    nodes = [
        helper.make_node("Pad", ["image", "around"], ["padded"], mode="edge"),
        helper.make_node("Conv", ["padded", "kernel"], ["blurred"], name="blur"),
        helper.make_node("Sub", ["blurred", "image"], ["apart"]),
        helper.make_node("Mul", ["sigma", "hundred"], ["much"]),
        helper.make_node("Min", ["much", "most"], ["share"]),
        helper.make_node("Mul", ["apart", "share"], ["part"]),
        helper.make_node("Add", ["image", "part"], ["restored"]),
    ]
    constants = {
        "kernel": kernel,
        "around": np.array([0, 0, 1, 1, 0, 0, 1, 1]),
        "hundred": np.float32([100]),
        "most": np.float32([1]),
    }
    card = tiny_models.card(
        halo=1, training_data=("none",), precision="fp32", macs_per_pixel=81, bytes_per_pixel=64
    )
    tiny_models.save(path, nodes, constants, card.to_json())
    change_card(path, sha256=onnxfile.weights_hash(onnx.load(path)))
    add_reference(path)
    return path


def failing(path):
    return {check.name: check.finding for check in check_file(path) if check.passed is False}


def not_run(path):
    return [check.name for check in check_file(path) if check.passed is None]


def change_card(path, **changes):
    model = onnx.load(path)
    card = ModelCard.from_json(onnxfile.metadata(model, METADATA_KEY))
    onnxfile.set_metadata(model, METADATA_KEY, replace(card, **changes).to_json())
    onnxfile.write_model(model, path)


def constant(model, name, values):
    model.graph.initializer.append(numpy_helper.from_array(np.array(values), name))


def shifted(model, by, operator="Add"):
    """Add a constant to what a model gives, or do otherwise with it."""
    output = model.graph.output[0].name
    last = next(node for node in model.graph.node if output in node.output)
    last.output[0] = "before"
    model.graph.initializer.append(numpy_helper.from_array(np.float32([by]), "shift"))
    model.graph.node.append(helper.make_node(operator, ["before", "shift"], [output]))
    return model


def external(model):
    tensor = next(t for t in model.graph.initializer if t.name == "kernel")
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../secret")
