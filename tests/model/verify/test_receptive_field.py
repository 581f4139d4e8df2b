import numpy as np
import onnx
import pytest
import tiny_models
from onnx import helper

from imgae.model.verify.receptive_field import UnknownFieldError, receptive_field_of


def laid_out(path, to, between):
    """Reshape the picture, do something, reshape it back, and add it to the picture."""
    nodes = [
        helper.make_node("Reshape", ["image", "to"], ["rows"]),
        *between,
        helper.make_node("Shape", ["image"], ["shape"]),
        helper.make_node("Reshape", ["changed", "shape"], ["back"]),
        helper.make_node("Add", ["image", "back"], ["restored"]),
    ]
    numbers = {"to": to, "one": [1], "minus": [-1], "start": [-1], "end": [-(2**40)], "axis": [2]}
    constants = {name: np.array(values) for name, values in numbers.items()}
    return onnx.load(tiny_models.save(path, nodes, constants, inputs=("image",)))


def test_pictures_laid_out_as_rows_are_followed(tmp_path):
    between = [helper.make_node("Relu", ["rows"], ["changed"])]
    assert receptive_field_of(laid_out(tmp_path / "a.onnx", [0, 0, -1], between), 8, 8) == (0, 1)


@pytest.mark.parametrize("to", [[0, -1, 16], [0, 16, -1], [0, -1, 3]])
def test_other_layouts_than_rows_are_not_followed(tmp_path, to):
    between = [helper.make_node("Relu", ["rows"], ["changed"])]
    with pytest.raises(UnknownFieldError):
        receptive_field_of(laid_out(tmp_path / "a.onnx", to, between), 8, 8)


def test_only_pointwise_operators_are_followed_on_rows(tmp_path):
    turned = helper.make_node("Slice", ["rows", "start", "end", "axis", "minus"], ["changed"])
    with pytest.raises(UnknownFieldError, match="Slice"):
        receptive_field_of(laid_out(tmp_path / "a.onnx", [0, 0, -1], [turned]), 8, 8)
    means = [
        helper.make_node("ReduceMean", ["rows", "one"], ["mean"]),
        helper.make_node("Sub", ["rows", "mean"], ["changed"]),
    ]
    with pytest.raises(UnknownFieldError, match="ReduceMean"):
        receptive_field_of(laid_out(tmp_path / "b.onnx", [0, 0, -1], means), 8, 8)
