"""Models of anomalies are checked: range, threshold, and tiles at large values too."""

import numpy as np
import onnx
import pytest
import tiny_models
from damaged import change_card, failing
from onnx import helper

from imgae.model import onnxfile
from imgae.model.verify.probes import difference
from imgae.model.verify.reference import add_reference


@pytest.fixture
def spots(tmp_path):
    """A model of how far each pixel is from the mean of those around, times and less a number."""

    def make(times=1000.0, less=0.0, **card):
        nodes = [
            helper.make_node("ReduceMean", ["image", "axis"], ["gray"]),
            helper.make_node("Pad", ["gray", "around"], ["wide"], mode="edge"),
            helper.make_node("AveragePool", ["wide"], ["mean"], kernel_shape=[3, 3]),
            helper.make_node("Sub", ["gray", "mean"], ["away"]),
            helper.make_node("Abs", ["away"], ["apart"]),
            helper.make_node("Mul", ["apart", "times"], ["large"]),
            helper.make_node("Sub", ["large", "less"], ["anomaly"]),
        ]
        constants = {
            "axis": np.array([1]),
            "around": np.array([0, 0, 1, 1, 0, 0, 1, 1]),
            "times": np.float32([times]),
            "less": np.float32([less]),
        }
        usual = {"threshold": 200.0, "false_alarms": 0.01, "halo": 1}
        about = tiny_models.card(
            task="anomaly",
            inputs=("image",),
            sigma_range=(0.0, 0.0),
            training_data=("none",),
            precision="fp32",
            **usual | card,
        )
        path = tiny_models.save(
            tmp_path / "spots.onnx", nodes, constants, about.to_json(), ("image",), "anomaly"
        )
        change_card(path, sha256=onnxfile.weights_hash(onnx.load(path)))
        add_reference(path)
        return path

    return make


def test_a_small_model_of_anomalies_passes(spots):
    assert failing(spots()) == {}


def test_anomalies_below_0_are_found(spots):
    assert failing(spots(less=0.5)) == {"levels": "anomalies of flat pictures go below 0 by 0.5"}


@pytest.mark.parametrize(
    ("card", "told"),
    [
        ({"threshold": 0.0}, "threshold is 0, not above 0"),
        ({"threshold": -1.0}, "threshold is -1, not above 0"),
        ({"false_alarms": 0.0}, "false_alarms is 0, which is no share"),
        ({"false_alarms": 1.0}, "false_alarms is 1, which is no share"),
    ],
)
def test_a_card_that_tells_no_threshold_is_found(spots, card, told):
    assert told in failing(spots(**card))["levels"]


def test_a_halo_too_small_is_found_though_values_are_large(spots):
    assert {"halo", "tiles"} <= failing(spots(halo=0)).keys()


def test_differences_of_large_values_are_shares_of_the_largest():
    a = np.float32([[0.5, 100.0]])
    b = a + np.float32([[0.0, 1.0]])
    assert difference(a, b, relative=True) == pytest.approx(1 / 101)
    assert difference(a, b) == 1
    assert difference(a / 200, a / 200 + np.float32(0.01), relative=True) == pytest.approx(0.01)
    for odd in (np.nan, np.inf):
        assert difference(a, np.float32([[0.5, odd]])) == np.inf
        assert difference(np.float32([[odd]]), np.float32([[odd]])) == np.inf
