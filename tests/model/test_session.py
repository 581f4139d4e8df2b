import numpy as np
import onnx
import pytest
import tiny_models
from onnx import helper

from imgae.errors import ModelError
from imgae.model import session

LEVEL = np.zeros((1, 1, 1, 1), np.float32)


def test_a_model_runs_with_its_inputs_by_name(models):
    model = session.load(models / "darken.onnx", task="denoise", threads=1)
    picture = np.full((2, 3, 5, 7), 0.5, np.float32)
    out = model(image=picture, sigma=np.full((2, 1, 1, 1), 0.25, np.float32))
    assert np.array_equal(out, picture - 0.25)
    assert (model.device, model.threads) == ("cpu", 1)


def test_a_file_that_is_no_onnx_is_refused_in_one_sentence(tmp_path):
    path = tmp_path / "a.onnx"
    path.write_bytes(b"not a model")
    with pytest.raises(ModelError, match="not an ONNX model") as caught:
        session.load(path)
    assert "\n" not in str(caught.value)


def test_a_model_without_a_card_is_refused(tmp_path):
    node = helper.make_node("Identity", ["image"], ["restored"])
    path = tiny_models.save(tmp_path / "a.onnx", [node])
    with pytest.raises(ModelError, match="no imgae model card"):
        session.load(path)


def test_a_damaged_card_is_refused_with_the_file_named(tmp_path):
    node = helper.make_node("Identity", ["image"], ["restored"])
    path = tiny_models.save(tmp_path / "a.onnx", [node], card_text="{")
    with pytest.raises(ModelError, match=r"a\.onnx: its card cannot be read"):
        session.load(path)


def test_a_model_for_another_task_is_refused(tmp_path):
    path = tiny_models.identity(tmp_path / "a.onnx", task="inpaint")
    with pytest.raises(ModelError, match="a model to inpaint, not to denoise"):
        session.load(path, task="denoise")


def test_inputs_that_differ_from_the_card_are_refused(tmp_path):
    path = tiny_models.identity(tmp_path / "a.onnx", inputs=("image", "mask"))
    with pytest.raises(ModelError, match="its card says"):
        session.load(path)


def test_cuda_is_refused_where_onnxruntime_has_none(models, monkeypatch):
    monkeypatch.setattr(
        session.onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider"]
    )
    with pytest.raises(ModelError, match="this onnxruntime has none"):
        session.load(models / "identity.onnx", device="cuda")
    assert session.load(models / "identity.onnx", device="auto").device == "cpu"


def test_cuda_that_does_not_start_is_never_replaced_silently(models, monkeypatch):
    both = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr(session.onnxruntime, "get_available_providers", lambda: both)
    with (
        pytest.warns(UserWarning, match="CUDAExecutionProvider"),
        pytest.raises(ModelError, match="could not start it"),
    ):
        session.load(models / "identity.onnx", device="cuda")


def test_a_failure_while_running_is_a_model_error(models):
    model = session.load(models / "identity.onnx")
    with pytest.raises(ModelError, match="failed while running"):
        model(image=np.zeros((1, 3, 4), np.float32), sigma=LEVEL)


def test_the_tiny_models_pass_the_checker(models):
    for path in models.iterdir():
        onnx.checker.check_model(onnx.load(path), full_check=True)
