"""Runs become files whose cards tell the truth, and that do what the networks do."""

import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

import nets  # noqa: E402
import onnx  # noqa: E402
from nets import build  # noqa: E402
from onnx import numpy_helper  # noqa: E402

from imgae import Denoiser  # noqa: E402
from imgae.cli import main  # noqa: E402
from imgae.errors import TrainingError  # noqa: E402
from imgae.model import session  # noqa: E402
from imgae.model.verify.receptive_field import receptive_field_of  # noqa: E402
from imgae.model.verify.worker import verify  # noqa: E402
from imgae.training import export, geometry, runs, trace, warmstart  # noqa: E402
from imgae.training.checkpoint import Run  # noqa: E402
from imgae.training.networks.parts import STRIDE  # noqa: E402
from imgae.training.quantisation.rounding import RoundedConv2d  # noqa: E402
from imgae.training.tasks import lookup  # noqa: E402

PROVENANCE = export.Provenance("tiny", "Apache-2.0")
UNLEARNT = {"levels", "effect"}
"""Checks that what was trained for some steps need not pass."""


@pytest.fixture(scope="module")
def fast_run(run):
    """One that begins with denoise-fast: what the tiny network takes away is too little to tell
    how it is rounded."""
    start = Path(__file__).resolve().parents[2] / "weights" / "denoise-fast.onnx"
    config = nets.settings(variant="fast", data=(str(run.parent),), steps=1, batch=2, crop=32,
                            start=str(start), learning_rate=1e-9)  # fmt: skip
    runs.start(config, run.parent / "fast", "cpu", 1, lambda _: None, lambda _: None)
    return run.parent / "fast"


def test_the_file_has_the_interface_that_embedders_rely_on(file):
    model = onnx.load(file)
    onnx.checker.check_model(model, full_check=True)
    shapes = {
        value.name: [dim.dim_param or dim.dim_value for dim in value.type.tensor_type.shape.dim]
        for value in [*model.graph.input, *model.graph.output]
    }
    assert shapes == {
        "image": ["N", 3, "H", "W"],
        "sigma": ["N", 1, "h", "w"],
        "restored": ["N", 3, "H", "W"],
    }
    assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", 18)]


def test_no_trace_of_the_exporter_is_left(file, run):
    model = onnx.load(file)
    assert {entry.key for entry in model.metadata_props} == {"imgae", "imgae.reference"}
    for node in model.graph.node:
        assert not node.metadata_props
        assert not node.doc_string
    data = file.read_bytes()
    assert str(run.parent).encode() not in data
    assert b"site-packages" not in data
    assert b".py" not in data


def test_kernels_are_stored_as_fp16(file):
    kernels = [t for t in onnx.load(file).graph.initializer if len(t.dims) == 4]
    assert len(kernels) > 8
    assert {t.data_type for t in kernels} == {onnx.TensorProto.FLOAT16}


def test_level_0_is_the_identity_in_the_file_too(file):
    model = session.load(file, threads=1)
    image = np.random.default_rng(0).random((1, 3, 21, 34), np.float32)
    assert np.array_equal(model(image=image, sigma=np.zeros((1, 1, 1, 1), np.float32)), image)


def test_the_card_tells_the_truth(file):
    card = session.load(file).card
    tensors = onnx.load(file).graph.initializer
    digest = hashlib.sha256(b"".join(numpy_helper.to_array(t).tobytes() for t in tensors))
    assert card.sha256 == digest.hexdigest()
    assert (card.name, card.task, card.architecture) == ("tiny", "denoise", "tiny")
    assert (card.stride, card.halo) == (8, 32)
    assert card.recipe.startswith("imgae train denoise --data ")
    assert "/" not in card.recipe
    assert card.training_data == (file.parent.name,)


def test_a_file_that_differs_from_torch_is_not_left(run, tmp_path, monkeypatch):
    real = trace.bare

    def broken(traced, *others):
        model = real(traced, *others)
        (tail,) = [t for t in model.graph.initializer if t.name == "tail.bias"]
        tail.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tail) + 0.01, tail.name))
        return model

    monkeypatch.setattr(trace, "bare", broken)
    with pytest.raises(TrainingError, match=r"onnxruntime and torch differ by 0\.01"):
        export.export_run(run, tmp_path / "a.onnx", PROVENANCE)
    assert list(tmp_path.iterdir()) == []


def test_an_int8_file_that_differs_from_torch_is_not_left(fast_run, tmp_path, monkeypatch):
    real = trace.bare

    def broken(traced, *others):
        model = real(traced, *others)
        name = "encoder1.0.conv1.weight_scale"
        (steps,) = [t for t in model.graph.initializer if t.name == name]
        changed = numpy_helper.to_array(steps) * np.float32(1.05)
        steps.CopyFrom(numpy_helper.from_array(changed, name))
        return model

    monkeypatch.setattr(trace, "bare", broken)
    with pytest.raises(TrainingError, match="onnxruntime and torch differ by"):
        export.export_run(fast_run, tmp_path / "a.onnx", PROVENANCE, precision="int8")
    assert list(tmp_path.iterdir()) == []


def test_an_int8_file_is_held_against_the_network_that_rounds(fast_run, tmp_path, monkeypatch):
    real, made, path = export.check_parity, [], tmp_path / "a.onnx"

    def kept(net, *others):
        made.append(net)
        real(net, *others)

    monkeypatch.setattr(export, "check_parity", kept)
    export.export_run(fast_run, path, PROVENANCE, precision="int8")
    (net,) = made
    for module in net.modules():
        if isinstance(module, RoundedConv2d):
            module.__class__ = torch.nn.Conv2d
    with pytest.raises(TrainingError, match="onnxruntime and torch differ by"):
        real(net, session.load(path, device="cpu"), "int8")


def test_the_graph_is_found_to_see_as_far_as_the_network(file, int8_file):
    """That of a detector, in test_runs.py."""
    net = build("tiny")
    radius, halo = geometry.receptive_radius(net), geometry.halo(net)
    for path in (file, int8_file):
        assert receptive_field_of(onnx.load(path), 8, halo) == (radius, STRIDE)


def test_an_exported_file_is_verified_by_its_graph_and_its_reference(file):
    checks = {check.name: check for check in verify(file)}
    assert all(check.passed for name, check in checks.items() if name not in UNLEARNT)
    assert len(checks) == 15


def test_export_on_the_command_line(run, tmp_path, capfd):
    path = tmp_path / "mine.onnx"
    assert main(["export", str(run), "-o", str(path)]) == 0
    out, err = capfd.readouterr()
    assert out.startswith(f"{path}: fp16, 0.0")
    assert "stride 8, halo 32" in out
    assert session.load(path).card.name == "mine"
    assert main(["export", str(run), "-o", str(path)]) == 1
    assert "exists already; add --overwrite" in capfd.readouterr().err
    assert main(["export", str(tmp_path), "-o", str(tmp_path / "b.onnx")]) == 1
    assert "no run here" in capfd.readouterr().err
    assert main(["export", str(run), "-o", str(tmp_path / "b.txt")]) == 1
    assert "ends in .onnx" in capfd.readouterr().err
    assert err == ""


@pytest.mark.parametrize(
    ("place", "sentence"),
    [
        ("folder.onnx", "folder.onnx: exists and is not an ordinary file"),
        ("file/a.onnx", "there is no folder .*file$"),
        ("/proc/a.onnx", "the folder /proc cannot be written to"),
    ],
)
def test_a_place_that_cannot_be_written_is_told_before_the_work(
    run, tmp_path, monkeypatch, place, sentence
):
    if place.startswith("/proc") and not Path("/proc").is_dir():
        pytest.skip("this system has no /proc")
    (tmp_path / "folder.onnx").mkdir()
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setattr(export, "to_onnx", lambda *_: pytest.fail("a network was traced"))
    with pytest.raises(TrainingError, match=sentence):
        export.export_run(run, tmp_path / place, PROVENANCE, overwrite=True)


def test_a_flip_ensemble_is_the_mean_over_four_flips(file, flips_file):
    plain, ensemble = (session.load(p, task="denoise", device="cpu") for p in (file, flips_file))
    card = ensemble.card
    assert card.macs_per_pixel == 4 * plain.card.macs_per_pixel
    assert card.halo == plain.card.halo
    assert card.recipe.endswith("-o tiny.onnx --flip-ensemble")
    rng = np.random.default_rng(0)
    image = rng.random((1, 3, 48, 72), np.float32)
    sigma = rng.uniform(0, 0.2, (1, 1, 48, 72)).astype(np.float32)
    turned = [
        np.flip(plain(image=np.flip(image, axes).copy(), sigma=np.flip(sigma, axes).copy()), axes)
        for axes in ((), (3,), (2,), (2, 3))
    ]
    assert np.abs(ensemble(image=image, sigma=sigma) - np.mean(turned, 0)).max() < 1e-5
    assert np.abs(turned[1] - turned[0]).max() > 1e-5


def test_only_runs_of_denoise_can_be_flip_ensembles(run, tmp_path, monkeypatch):
    known = lookup.load("inpaint").settings.read({}, "").to_json()
    values = {name: value for name, value in Run(run).read_config().items() if f'"{name}"' in known}
    values["task"] = "inpaint"
    monkeypatch.setattr(Run, "read_config", lambda _: dict(values))
    with pytest.raises(TrainingError, match="only a run of denoise"):
        export.export_run(run, tmp_path / "a.onnx", PROVENANCE, flip_ensemble=True)


def test_stored_precisions_give_the_same_pictures(run, file, tmp_path):
    path = tmp_path / "fp32.onnx"
    assert export.export_run(run, path, PROVENANCE, precision="fp32").precision == "fp32"
    assert path.stat().st_size > file.stat().st_size
    noisy = np.random.default_rng(0).random((61, 77, 3))
    assert np.abs(Denoiser(path)(noisy, sigma=0.1) - Denoiser(file)(noisy, sigma=0.1)).max() < 1e-3


def test_a_camera_model_may_be_told_what_files_tell(camera_run, tmp_path):
    path = tmp_path / "camera.onnx"
    card = export.export_run(camera_run, path, PROVENANCE)
    assert (card.task, card.sigma_range) == ("denoise", (0.0, 0.0))
    assert card.inputs == ("image", "quantisation", "iso")
    assert card.optional == ("quantisation", "iso")
    model = session.load(path, task="denoise", device="cpu")
    image = np.random.default_rng(0).random((1, 3, 40, 24), np.float32)
    told = np.full((1, 2, 1, 1), 0.2, np.float32)
    zero = np.zeros_like(told)
    assert np.array_equal(model(image=image), model(image=image, quantisation=zero))
    assert model(image=image, quantisation=told).shape == image.shape
    checks = {check.name: check for check in verify(path)}
    assert all(check.passed for name, check in checks.items() if name not in UNLEARNT)
    again = build("tiny", "camera")
    warmstart.start_from(again, path, "tiny")
    with torch.no_grad():
        out = again(torch.tensor(image), torch.tensor(told), torch.zeros(1, 1, 1, 1)).numpy()
    assert np.abs(out - model(image=image, quantisation=told)).max() < 1e-4


PLAIN_HOST = "import sys, onnxruntime; onnxruntime.InferenceSession(sys.argv[1])"


def test_a_model_without_its_optional_inputs_is_loaded_without_a_warning(camera_run, tmp_path):
    path, told = tmp_path / "silent.onnx", tmp_path / "told.onnx"
    card = export.export_run(camera_run, path, PROVENANCE, image_only=True)
    export.export_run(camera_run, told, PROVENANCE)
    assert (card.inputs, card.optional) == (("image",), ())
    assert card.recipe.endswith("--image-only")
    loaded = [
        subprocess.run([sys.executable, "-c", PLAIN_HOST, file], capture_output=True, check=True)
        for file in (path, told)
    ]
    assert [bool(process.stderr) for process in loaded] == [False, True]
    image = np.random.default_rng(0).random((1, 3, 40, 24), np.float32)
    silent, other = (session.load(file, device="cpu")(image=image) for file in (path, told))
    assert np.abs(silent - other).max() < 1e-5
    warmstart.start_from(build("tiny", "camera"), path, "tiny")


def test_a_model_that_is_there_is_unharmed_when_an_export_fails(run, file, tmp_path, monkeypatch):
    path = tmp_path / "a.onnx"
    path.write_bytes(b"before")

    def different(*_):
        raise TrainingError("they differ")

    monkeypatch.setattr(export, "check_parity", different)
    with pytest.raises(TrainingError, match="they differ"):
        export.export_run(run, path, PROVENANCE, overwrite=True)
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]
