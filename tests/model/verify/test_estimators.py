"""Models that estimate noise, whose output is an eighth of the picture in size, are checked too."""

import numpy as np
import onnx
import pytest
import tiny_models
from damaged import change_card, failing

from imgae.errors import ModelError
from imgae.model import onnxfile, session
from imgae.model.verify.receptive_field import receptive_field_of
from imgae.model.verify.reference import add_reference


@pytest.fixture
def estimator(tmp_path):
    def make(**values):
        path = tiny_models.estimate(tmp_path / "estimate.onnx", {"share": 0.3}, **values)
        change_card(path, sha256=onnxfile.weights_hash(onnx.load(path)))
        add_reference(path)
        return path

    return make


def test_a_small_estimator_passes(estimator):
    assert failing(estimator()) == {}


def test_its_receptive_field_is_counted_in_pixels(estimator):
    assert receptive_field_of(onnx.load(estimator()), 8, 8) == (8, 8)


def test_a_halo_too_small_is_found(estimator):
    assert {"halo", "tiles"} <= failing(estimator(halo=0)).keys()


def test_a_stride_that_cuts_cells_is_found(estimator):
    path = estimator()
    change_card(path, stride=4)
    assert "a value of the output is about 8 pixels" in failing(path)["stride"]


@pytest.mark.parametrize("values", [{"share": 0.9}, {"rest": -0.1}, {"weight": 0.0}])
def test_what_is_out_of_range_is_found(estimator, values):
    assert failing(estimator(**values)).keys() == {"levels"}


@pytest.mark.parametrize(("height", "width"), [(1, 1), (8, 9), (17, 40)])
def test_it_is_loaded_for_its_task_and_gives_a_value_a_cell(estimator, height, width):
    path = estimator()
    (noise,) = session.load(path, task="estimate").outputs(
        image=np.zeros((1, 3, height, width), np.float32)
    )
    assert noise.shape == (1, 5, -(-height // 8), -(-width // 8))
    with pytest.raises(ModelError, match="a model to estimate, not to denoise"):
        session.load(path, task="denoise")
