"""Files that are not safe to load are refused before anything of them runs."""

import re

import numpy as np
import onnx
import pytest
from damaged import constant, external, failing, not_run
from onnx import TensorProto, helper, numpy_helper

from imgae.cli import main
from imgae.errors import ModelError
from imgae.model import onnxfile, session


def external_constant(model):
    node = model.graph.node.add(op_type="Constant", output=["secret"])
    tensor = TensorProto(data_type=1, dims=[2], data_location=TensorProto.EXTERNAL)
    node.attribute.add(name="value", type=4, t=tensor)


def custom(model):
    model.graph.node[2].domain = "com.example"


def unknown(model):
    model.graph.node[2].op_type = "Subb"


def function(model):
    model.functions.add(name="Sub", domain="", output=["x"])


def loop(model):
    node = model.graph.node.add(op_type="If", input=["sigma"], output=["x"])
    node.attribute.add(name="then_branch", type=5).g.name = "inner"


def no_bytes(model):
    model.graph.initializer[0].dims[0] = 1 << 40


def huge(model):
    model.graph.initializer.append(numpy_helper.from_array(np.full(4, 1 << 20), "size"))
    model.graph.node.add(op_type="ConstantOfShape", input=["size"], output=["x"])


def enlarged(model):
    scales = np.float32([1, 1, 1e4, 1e4])
    model.graph.initializer.append(numpy_helper.from_array(scales, "scales"))
    model.graph.node.add(op_type="Resize", input=["blurred", "", "scales"], output=["x"])


def computed(model):
    model.graph.initializer.append(numpy_helper.from_array(np.array([1 << 12]), "times"))
    model.graph.node.add(op_type="Shape", input=["image"], output=["shape"])
    model.graph.node.add(op_type="Mul", input=["shape", "times"], output=["larger"])
    model.graph.node.add(op_type="Expand", input=["most", "larger"], output=["x"])


def cast(model):
    constant(model, "wide", np.float32([1, 1, 1e5, 1e5]))
    model.graph.node.append(helper.make_node("Cast", ["wide"], ["size"], to=TensorProto.INT64))
    model.graph.node.add(op_type="Expand", input=["most", "size"], output=["x"])


def power(model):
    constant(model, "base", [10, 10])
    constant(model, "exponent", [5, 5])
    model.graph.node.add(op_type="Pow", input=["base", "exponent"], output=["size"])
    model.graph.node.add(op_type="Expand", input=["most", "size"], output=["x"])


def largest(model):
    constant(model, "one", [100_000, 1])
    constant(model, "other", [1, 100_000])
    model.graph.node.add(op_type="Max", input=["one", "other"], output=["size"])
    model.graph.node.add(op_type="ConstantOfShape", input=["size"], output=["x"])


def product(model):
    constant(model, "factors", [100_000, 100_000])
    model.graph.node.add(op_type="ReduceProd", input=["factors"], output=["size"])
    model.graph.node.add(op_type="Tile", input=["most", "size"], output=["x"])


def scaled(model):
    constant(model, "root", np.float32([1, 1, 1e2, 1e2]))
    model.graph.node.add(op_type="Mul", input=["root", "root"], output=["scales"])
    model.graph.node.add(op_type="Resize", input=["blurred", "", "scales"], output=["x"])


def all_pairs(model):
    constant(model, "rows", [0, 0, -1])
    constant(model, "columns", [0, -1, 3])
    model.graph.node.add(op_type="Reshape", input=["image", "rows"], output=["a"])
    model.graph.node.add(op_type="Reshape", input=["image", "columns"], output=["b"])
    model.graph.node.add(op_type="MatMul", input=["b", "a"], output=["x"])


def work(model):
    constant(model, "first", np.zeros((1200, 3, 3, 3), np.float32))
    constant(model, "second", np.zeros((1200, 1200, 3, 3), np.float16))
    model.graph.node.append(
        helper.make_node("Cast", ["second"], ["second32"], to=TensorProto.FLOAT)
    )
    model.graph.node.add(op_type="Conv", input=["image", "first"], output=["x"])
    model.graph.node.add(op_type="Conv", input=["x", "second32"], output=["y"])


def opset(model):
    model.opset_import[0].version = 1000


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (external, "kernel lies in another file"),
        (external_constant, "lies in another file"),
        (custom, "com.example.Sub is no standard ONNX operator"),
        (unknown, "ai.onnx.Subb is no standard"),
        (function, "functions of its own"),
        (loop, "If holds a graph"),
        (no_bytes, "holds 324 bytes, not "),
        (huge, "x would have 1.21e"),
        (enlarged, "x would have "),
        (computed, "x would have "),
        (cast, "the size of x does not follow from the picture's"),
        (power, "the size of x does not follow"),
        (largest, "the size of x does not follow"),
        (product, "the size of x does not follow"),
        (scaled, "the size of x does not follow"),
        (all_pairs, "x would have 6.18e+11 values for a picture of 1024x768"),
        (work, "it would take 1.14e+07 multiply-accumulates a pixel"),
        (opset, "[1000], are not known"),
    ],
)
def test_what_is_not_safe_is_refused_and_not_run(small, monkeypatch, change, sentence):
    model = onnx.load(small)
    change(model)
    small.write_bytes(model.SerializeToString())
    monkeypatch.setattr(session, "load", None)
    monkeypatch.setattr(session, "values_of", None)
    wrong = failing(small)
    assert list(wrong) == ["safe"]
    assert sentence in wrong["safe"]
    assert len(not_run(small)) > 8


@pytest.mark.parametrize("data", [b"", b"These are no weights.\n", b"\x89PNG\r\n\x1a\n" * 9])
def test_a_file_that_is_no_model_is_told_in_one_sentence(tmp_path, capfd, data):
    path = tmp_path / "text.onnx"
    path.write_bytes(data)
    assert "damaged, or not an ONNX model" in failing(path)["safe"]
    assert main(["verify", str(path)]) == 1
    assert "Traceback" not in "".join(capfd.readouterr())


def test_a_truncated_file_is_told_in_one_sentence(fast, tmp_path):
    path = tmp_path / "short.onnx"
    path.write_bytes(fast.SerializeToString()[:-100_000])
    assert list(failing(path)) == ["safe"]


def test_a_name_that_is_no_text_is_found_before_a_runtime_meets_it(small):
    small.write_bytes(small.read_bytes().replace(b"blurred", b"\xe7lurred", 1))
    assert failing(small) == {"safe": "damaged: a name or a text in it is not UTF-8"}


def test_a_file_that_is_not_safe_is_named(small):
    model = onnx.load(small)
    external(model)
    onnx.save(model, small)
    with pytest.raises(ModelError, match=f"^{re.escape(str(small))}: kernel lies in another file"):
        onnxfile.read_safely(small)
