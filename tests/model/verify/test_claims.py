"""What a card says is compared with what is in the file."""

import numpy as np
import onnx
import pytest
from damaged import change_card, constant, failing, not_run
from onnx import numpy_helper

from imgae.model import onnxfile
from imgae.model.verify.checks import SAME_OUTPUT, check_file


def test_a_flipped_byte_in_a_kernel_is_found(fast, tmp_path):
    path = tmp_path / "flipped.onnx"
    data = bytearray(fast.SerializeToString())
    kernel = next(t for t in fast.graph.initializer if len(t.dims) == 4).raw_data
    data[data.index(kernel) + 1001] ^= 0x10
    path.write_bytes(data)
    assert "sha256" in failing(path)["hash"]


def test_a_card_that_lacks_an_input_is_found(small):
    change_card(small, inputs=("image",))
    assert "it takes image, sigma; its card says image" in failing(small)["card"]
    assert "halo" in not_run(small)


def test_a_fixed_size_is_found(small):
    model = onnx.load(small)
    model.graph.input[0].type.tensor_type.shape.dim[2].dim_value = 512
    onnx.save(model, small)
    assert "image is anyx3x512xany" in failing(small)["card"]


@pytest.mark.parametrize(
    ("changes", "finding"),
    [
        ({"precision": "banana"}, "its precision is fp16, not banana"),
        ({"precision": "int8"}, "its precision is fp16, not int8"),
        ({"colour": "BGR"}, "its colour is RGB, sRGB transfer curve, not BGR"),
        ({"macs_per_pixel": 49_000}, "its multiply-accumulates a pixel are 49952, not 49000"),
        ({"bytes_per_pixel": 1}, "its card says 1 bytes a pixel, which cannot be"),
    ],
)
def test_a_false_claim_of_the_card_is_found(fast, tmp_path, changes, finding):
    path = tmp_path / "claims.onnx"
    onnx.save(fast, path)
    change_card(path, **changes)
    assert failing(path) == {"claims": finding}


def test_other_versions_than_the_contract_says_are_found(small):
    model = onnx.load(small)
    model.opset_import[0].version, model.ir_version = 17, 8
    onnx.save(model, small)
    assert failing(small) == {"claims": "its opset is 17, not 18; its IR version is 8, not 9"}


def test_one_integer_operator_does_not_make_a_file_int8(fast, tmp_path):
    constant(fast, "byte", np.int8([1]))
    constant(fast, "step", np.float32(1))
    fast.graph.node.add(op_type="DequantizeLinear", input=["byte", "step"], output=["x"])
    kernel = numpy_helper.from_array(np.zeros((4096, 3, 3, 3), np.int8), "idle")
    fast.graph.initializer.append(kernel)
    fast.graph.node.add(op_type="DequantizeLinear", input=["idle", "step"], output=["idle32"])
    fast.graph.node.add(op_type="Conv", input=["image", "idle32"], output=["y"])
    path = tmp_path / "dead.onnx"
    onnx.save(fast, path)
    change_card(path, sha256=onnxfile.weights_hash(fast))
    rows = {check.name: check for check in check_file(path)}
    assert rows["claims"].passed
    assert rows["reference"].limit == SAME_OUTPUT
