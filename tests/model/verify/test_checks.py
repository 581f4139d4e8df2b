"""Every kind of damage fails in the row that names it."""

import subprocess
import sys

import numpy as np
import onnx
import pytest
from damaged import change_card, failing, shifted
from onnx import TensorProto, helper, numpy_helper

from imgae.model import onnxfile, registry
from imgae.model.verify import checks
from imgae.model.verify.checks import check_file
from imgae.model.verify.reference import REFERENCE_KEY, add_reference
from imgae.model.verify.report import Check


def test_a_small_model_passes(small):
    assert failing(small) == {}


@pytest.mark.parametrize(
    ("halo", "needs"),
    [
        (48, "needs 90 pixels"),
        (88, "needs 90"),
        (192, "needs 90"),
        (1648, "needs 90"),
        (2056, "2048"),
    ],
)
def test_a_wrong_halo_in_the_card_is_found(fast, tmp_path, monkeypatch, halo, needs):
    monkeypatch.setattr(checks, "CHECKS", {"halo": checks.CHECKS["halo"]})
    path = tmp_path / "halo.onnx"
    onnx.save(fast, path)
    change_card(path, halo=halo)
    wrong = failing(path)
    assert needs in wrong["card" if halo > 2048 else "halo"]


def test_a_halo_too_small_is_found_by_probing_alone(fast, tmp_path, monkeypatch):
    path = tmp_path / "halo.onnx"
    onnx.save(fast, path)
    change_card(path, halo=88)
    monkeypatch.setattr("imgae.model.verify.receptive_field.POINTWISE", frozenset())
    wrong = failing(path)
    assert list(wrong) == ["halo"]
    assert "unknown by the graph (Sub)" in wrong["halo"]


def test_a_thin_halo_too_small_is_found(tmp_path, monkeypatch):
    halos = {name: checks.CHECKS[name] for name in ("halo", "thin halo")}
    monkeypatch.setattr(checks, "CHECKS", halos)
    path = tmp_path / "thin.onnx"
    onnx.save(onnx.load(registry.find("inpaint")), path)
    change_card(path, thin_halo=184)
    assert failing(path) == {"thin halo": "the card says 184; the receptive field needs 216 pixels"}


def test_a_wrong_stride_is_found(fast, tmp_path):
    path = tmp_path / "stride.onnx"
    onnx.save(fast, path)
    change_card(path, stride=4)
    assert {"stride", "tiles"} <= failing(path).keys()


def test_an_output_two_levels_brighter_is_found(fast, tmp_path):
    path = tmp_path / "bright.onnx"
    onnx.save(shifted(fast, 2 / 255), path)
    change_card(path, sha256=onnxfile.weights_hash(fast))
    assert failing(path).keys() == {"levels", "identity", "reference"}


def test_a_map_whose_zeros_do_not_keep_their_pixels_is_found(small):
    model = onnx.load(small)
    (gate,) = [node for node in model.graph.node if "sigma" in node.input]
    gate.input[0] = "loudest"
    model.graph.node.insert(0, helper.make_node("ReduceMax", ["sigma", "sides"], ["loudest"]))
    model.graph.initializer.append(numpy_helper.from_array(np.array([2, 3]), "sides"))
    onnx.save(model, small)
    assert "level 0 changes the input" in failing(small)["identity"]


def test_a_model_that_sees_the_whole_picture_is_found(fast, tmp_path):
    model = shifted(fast, 0)
    model.graph.node[-1].input[1] = "average"
    model.graph.node.insert(0, helper.make_node("GlobalAveragePool", ["image"], ["average"]))
    path = tmp_path / "whole.onnx"
    onnx.save(model, path)
    assert "depends on the whole picture" in failing(path)["halo"]


def test_another_output_than_at_export_is_found(small):
    model = onnx.load(small)
    model.graph.node[2].input[:] = ["image", "blurred"]
    onnx.save(model, small)
    assert "reference" in failing(small)


def test_flipped_bytes_anywhere_make_no_traceback_and_are_mostly_found(small):
    data = small.read_bytes()
    random = np.random.default_rng(0)
    framing = len(data) - len(onnxfile.metadata(onnx.load(small), REFERENCE_KEY))
    found = 0
    for place in random.integers(0, framing, 60):
        small.write_bytes(data[:place] + bytes([data[place] ^ 1 << 4]) + data[place + 1 :])
        rows = check_file(small)
        assert all(isinstance(check, Check) for check in rows)
        found += any(check.passed is False for check in rows)
    assert found > 15  # the rest lies in names and in the card's texts


def test_half_a_level_between_tiles_is_found_in_int8_too(tmp_path):
    """What is added depends on how wide the picture is."""
    model = shifted(onnx.load(registry.find("denoise-fast-int8")), 0.5 / 255 / (25 / 255))
    nodes = [
        helper.make_node("Shape", ["image"], ["width"], start=3, end=4),
        helper.make_node("Cast", ["width"], ["wide"], to=TensorProto.FLOAT),
        helper.make_node("Sin", ["wide"], ["odd"]),
        helper.make_node("Mul", ["odd", "sigma"], ["odd sigma"]),
        helper.make_node("Mul", ["odd sigma", "shift"], ["odd shift"]),
    ]
    model.graph.node[-1].input[1] = "odd shift"
    for node in nodes:
        model.graph.node.insert(len(model.graph.node) - 1, node)
    path = tmp_path / "wide.onnx"
    onnx.save(model, path)
    change_card(path, sha256=onnxfile.weights_hash(model))
    add_reference(path)
    assert failing(path).keys() == {"stride", "tiles", "settings"}


def test_a_denoiser_that_leaves_the_noise_is_found(small):
    model = onnx.load(small)
    much = next(t for t in model.graph.initializer if t.name == "most")
    much.CopyFrom(numpy_helper.from_array(np.float32([0.4]), "most"))
    onnx.save(model, small)
    change_card(small, sha256=onnxfile.weights_hash(model))
    add_reference(small)
    assert failing(small).keys() == {"effect"}
    assert "% of the noise in flat pictures is left" in failing(small)["effect"]


@pytest.mark.parametrize(
    ("operator", "by", "finding"),
    [
        ("Mul", 0, "a scratch on flat pictures has a probability of 0"),
        ("Mul", 1.5, "probabilities from "),
        ("Sub", 0.01, "probabilities from -0.01"),
    ],
)
def test_a_detector_that_finds_nothing_or_no_probabilities_is_found(
    tmp_path, operator, by, finding
):
    model = shifted(onnx.load(registry.find("detect")), by, operator)
    path = tmp_path / "detect.onnx"
    onnx.save(model, path)
    change_card(path, sha256=onnxfile.weights_hash(model))
    add_reference(path)
    assert failing(path).keys() == {"effect"}
    assert failing(path)["effect"].startswith(finding)


def test_verifying_loads_no_torch(small):
    program = (
        "import sys\nfrom pathlib import Path\nfrom imgae.model.verify.checks import check_file\n"
    )
    program += f"print(len(check_file(Path({str(small)!r}))), 'torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "15 False\n"
