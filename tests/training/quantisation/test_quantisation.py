"""Networks that round stay near those that do not, and are stored as bytes."""

import copy
import dataclasses

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

import nets  # noqa: E402
import onnx  # noqa: E402
from nets import build  # noqa: E402
from onnx import numpy_helper  # noqa: E402

from imgae import Denoiser  # noqa: E402
from imgae.errors import TrainingError  # noqa: E402
from imgae.model import session  # noqa: E402
from imgae.training import export, runs, warmstart  # noqa: E402
from imgae.training.checkpoint import Run  # noqa: E402
from imgae.training.data import PictureBank  # noqa: E402
from imgae.training.quantisation.basis import best_basis, rotate  # noqa: E402
from imgae.training.quantisation.prepare import MOST_PIXELS, example_batches  # noqa: E402
from imgae.training.quantisation.rounding import WEIGHT_LEVELS, Example  # noqa: E402
from imgae.training.tasks import lookup  # noqa: E402

PROVENANCE = export.Provenance("tiny", "Apache-2.0")


def test_changing_the_basis_leaves_the_function_as_it_is():
    torch.manual_seed(0)
    net = build("tiny").eval()
    for parameter in net.parameters():  # a fresh one is the identity
        torch.nn.init.normal_(parameter, std=0.1)
    before = copy.deepcopy(net)
    image, sigma = torch.rand(2, 3, 40, 32), torch.rand(2, 1, 1, 1) * 0.2
    rotate(net, [Example((image, sigma), torch.ones(2, 1, 1, 1))])
    assert not torch.allclose(net.stem.weight, before.stem.weight, atol=0.01)
    with torch.no_grad():
        assert torch.allclose(net(image, sigma), before(image, sigma), atol=1e-4)


def test_a_basis_shares_out_what_channels_have_in_common():
    """All that counts lies in one of eight channels: spread over all, it is rounded eight times."""
    spread = torch.diag(torch.tensor([1.0] + [1e-6] * 7, dtype=torch.float64))
    basis = best_basis(spread, spread)
    inverse = torch.linalg.inv(basis)

    def cost(rows, columns):
        return (
            (rows @ spread @ rows.T).diagonal() * (columns.T @ spread @ columns).diagonal()
        ).sum()

    plain = torch.eye(8, dtype=torch.float64)
    assert cost(basis, inverse) < 0.25 * cost(plain, plain)


def test_int8_files_hold_bytes_and_stay_near_the_float_ones(
    run, file, int8_file, tmp_path, monkeypatch
):
    path = int8_file
    model = onnx.load(path)
    kernels = [t for t in model.graph.initializer if t.name.endswith(".weight")]
    assert {t.data_type for t in kernels} == {onnx.TensorProto.INT8}
    assert max(numpy_helper.to_array(t).max() for t in kernels) == WEIGHT_LEVELS
    assert session.load(path).card.precision == "int8"
    assert path.stat().st_size < file.stat().st_size
    noisy = np.random.default_rng(0).random((61, 77, 3))
    plain, rounded = (Denoiser(p)(noisy, sigma=0.1) for p in (file, path))
    assert 0 < np.abs(rounded - plain).mean() < 2 / 255
    whole, tiled = (Denoiser(path, tile=tile)(noisy, sigma=0.1) for tile in (0, 16))
    assert np.array_equal(whole, tiled)
    with pytest.raises(TrainingError, match="its kernels are int8"):
        warmstart.load_weights(path)
    flips = tmp_path / "flips.onnx"
    monkeypatch.setattr("imgae.training.networks.denoise.FLIPS", ((), (3,)))  # sooner traced
    export.export_run(run, flips, PROVENANCE, flip_ensemble=True, precision="int8")
    assert np.abs(Denoiser(flips)(noisy, sigma=0.1) - plain).mean() < 2 / 255


def test_camera_models_are_made_int8_and_keep_what_finds_the_level(camera_run, tmp_path):
    path, plain = tmp_path / "int8.onnx", tmp_path / "plain.onnx"
    export.export_run(camera_run, plain, PROVENANCE)
    assert export.export_run(camera_run, path, PROVENANCE, precision="int8").precision == "int8"
    kinds = {t.name: t.data_type for t in onnx.load(path).graph.initializer}
    assert kinds["bottleneck.0.conv1.weight"] == onnx.TensorProto.INT8
    float_kinds = {onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16}
    assert {
        kind for name, kind in kinds.items() if name.startswith(("levels.", "told."))
    } <= float_kinds
    noisy = (np.random.default_rng(0).random((61, 77, 3)) * 255).astype(np.uint8)
    one, other = (Denoiser(p, tile=tile)(noisy).astype(int) for p, tile in ((plain, 0), (path, 16)))
    assert np.abs(one - other).mean() < 1


def test_changing_the_basis_leaves_a_camera_networks_function_as_it_is(camera_run):
    config = lookup.of_run(camera_run)[1]
    net = export.averaged_network(config, Run(camera_run).load_checkpoint())
    for parameter in net.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    before = copy.deepcopy(net)
    clean = torch.rand(2, 3, 40, 32)
    example = lookup.load("camera").example(clean, torch.Generator().manual_seed(0))
    rotate(net, [example])
    assert not torch.allclose(net.told.weight, before.told.weight, atol=0.01)
    told = (torch.full((1, 2, 1, 1), 0.3), torch.full((1, 1, 1, 1), 800.0))
    with torch.no_grad():
        assert torch.allclose(net(clean, *told), before(clean, *told), atol=1e-4)


def test_changing_the_basis_leaves_an_inpainting_networks_function_as_it_is():
    task = lookup.load("inpaint")
    torch.manual_seed(0)
    net = task.network(task.settings(variant="tiny"))
    for parameter in net.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    before = copy.deepcopy(net)
    example = task.example(torch.rand(3, 3, 40, 40), torch.Generator().manual_seed(0))
    assert example.expected.shape == (3, 1, 1, 1)
    assert (example.expected > 0).all()
    rotate(net, [example])
    assert not torch.allclose(net.stem.weight, before.stem.weight, atol=0.01)
    with torch.no_grad():
        assert torch.allclose(net(*example.inputs), before(*example.inputs), atol=1e-4)


def test_large_batches_are_cut_before_ranges_are_chosen_on_them(run):
    settings = lookup.of_run(run)[1]
    bank = PictureBank.of([np.zeros((300, 300, 3), np.uint8)])
    large = dataclasses.replace(settings, batch=64, crop=256)
    batches = example_batches(lookup.load("denoise").example, bank, large)
    assert {len(batch.expected) for batch in batches} == {MOST_PIXELS // 256**2}


def test_a_run_in_int8_rounds_from_its_first_step(run, file, tmp_path):
    config = nets.settings(variant="tiny", data=(str(run.parent),), steps=2, batch=2, crop=32,
                            start=str(file), int8=True)  # fmt: skip
    folder = tmp_path / "run"
    runs.start(config, folder, "cpu", 1, lambda _: None, lambda _: None)
    card = export.export_run(folder, tmp_path / "trained.onnx", PROVENANCE)
    assert card.precision == "int8"
    assert "--int8" in card.recipe
    with pytest.raises(TrainingError, match="a run in int8"):
        export.export_run(folder, tmp_path / "float.onnx", PROVENANCE, precision="fp16")
