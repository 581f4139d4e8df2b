import multiprocessing
import pickle
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import onnx
import pytest
import tiny_models
from onnx import helper

from imgae.errors import ModelError
from imgae.model import registry, session
from imgae.model.machine import stoppable

LEVEL = np.zeros((1, 1, 1, 1), np.float32)


def test_a_model_runs_with_its_inputs_by_name(models):
    model = session.load(models / "darken.onnx", task="denoise", threads=1)
    picture = np.full((2, 3, 5, 7), 0.5, np.float32)
    out = model(image=picture, sigma=np.full((2, 1, 1, 1), 0.25, np.float32))
    assert np.array_equal(out, picture - 0.25)
    assert (model.device, model.threads) == ("cpu", 1)


def test_a_run_that_takes_long_ends_soon_where_its_work_is_to_stop():
    model = session.load(registry.find("denoise-best"), threads=1)
    began, spent = time.monotonic(), time.process_time()
    with (
        stoppable(lambda: time.monotonic() > began + 0.2),
        pytest.raises(ModelError, match=r"^interrupted$"),
    ):
        model(image=np.zeros((1, 3, 1200, 1200), np.float32), sigma=LEVEL)
    assert time.process_time() < spent + 10  # of some 20 seconds that a run takes
    small = np.zeros((1, 3, 16, 16), np.float32)
    assert model(image=small, sigma=LEVEL).shape == small.shape


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


PICTURE = np.random.default_rng(0).random((1, 3, 5, 7), np.float32)


def pickled(model):
    return pickle.loads(pickle.dumps(model))  # noqa: S301 - our own


def test_a_pickled_model_is_loaded_again_as_it_was(models):
    model = session.load(models / "darken.onnx", task="denoise", device="cpu", threads=3)
    assert len(pickle.dumps(model)) < 1000
    again = pickled(model)
    assert (again.card, again.path, again.device) == (model.card, model.path, "cpu")
    assert (again.threads, again.session.get_session_options().intra_op_num_threads) == (3, 3)
    inputs = {"image": PICTURE, "sigma": LEVEL + 0.25}
    assert np.array_equal(again(**inputs), model(**inputs))


def test_a_model_runs_in_another_process(models):
    model = session.load(models / "darken.onnx", device="cpu", threads=1)
    spawning = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawning) as pool:
        out = pool.submit(model, image=PICTURE, sigma=LEVEL + 0.25).result()
    assert np.array_equal(out, PICTURE - 0.25)


def test_a_pickled_model_whose_file_is_gone_says_so(models):
    model = session.load(models / "darken.onnx", device="cpu", threads=1)
    (models / "darken.onnx").unlink()
    with pytest.raises(ModelError, match=r"darken\.onnx: there is no such file"):
        pickled(model)


def test_a_model_pickles_with_its_whole_path(models, monkeypatch, tmp_path):
    monkeypatch.chdir(models)
    kept = pickle.dumps(session.load(Path("darken.onnx")))
    monkeypatch.chdir(tmp_path)
    assert pickle.loads(kept).card.name == "tiny"  # noqa: S301 - our own


def test_too_little_memory_is_told_with_what_to_do(models, monkeypatch):
    model = session.load(models / "identity.onnx", device="cpu", threads=1)
    said = "Status Message: bfc_arena.cc:360 Failed to allocate memory for requested buffer"

    class Full:
        def run(self, *_):
            raise RuntimeError(said)

    full = session.OnnxModel(model.card, model.path, "cpu", 1, Full())
    with pytest.raises(ModelError, match=r"too little memory for 5x7 pixels at once.*--tile 64"):
        full(image=PICTURE, sigma=LEVEL)


def test_the_tiny_models_pass_the_checker(models):
    for path in models.iterdir():
        onnx.checker.check_model(onnx.load(path), full_check=True)


@pytest.mark.parametrize(
    "sign", ["std::bad_alloc", "PosixThread pthread_create failed, error code: 12"]
)
def test_too_little_memory_to_load_is_told_and_nothing_is_printed(models, monkeypatch, capfd, sign):
    tried = []

    def failing(*_, **options):
        tried.append(options)
        raise RuntimeError(sign)

    monkeypatch.setattr(session.onnxruntime, "InferenceSession", failing)
    with pytest.raises(ModelError, match="too little memory to load it; use fewer threads"):
        session.load(models / "identity.onnx", device="cpu")
    assert [options["enable_fallback"] for options in tried] == [0]  # its own way prints
    assert capfd.readouterr() == ("", "")
