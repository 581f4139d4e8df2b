import copy
import hashlib
from dataclasses import replace
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

import onnx  # noqa: E402
from onnx import numpy_helper  # noqa: E402
from scenes import photo  # noqa: E402

from imgae import Denoiser, Image, write_image  # noqa: E402
from imgae.cli import main  # noqa: E402
from imgae.errors import TrainingError  # noqa: E402
from imgae.model import session  # noqa: E402
from imgae.model.card import ModelCard, Score  # noqa: E402
from imgae.model.verify.receptive_field import receptive_field_of  # noqa: E402
from imgae.model.verify.worker import verify  # noqa: E402
from imgae.training import export, geometry, quantisation, runs  # noqa: E402
from imgae.training.checkpoint import Run  # noqa: E402
from imgae.training.config import TrainingConfig  # noqa: E402
from imgae.training.networks.body import copy_weights  # noqa: E402
from imgae.training.networks.build import build  # noqa: E402
from imgae.training.networks.denoise import DenoisingAutoencoder  # noqa: E402
from imgae.training.networks.fill import smooth_fill  # noqa: E402
from imgae.training.networks.inpaint import HOLE_LEVEL  # noqa: E402
from imgae.training.networks.parts import STRIDE  # noqa: E402

PROVENANCE = export.Provenance("tiny", "Apache-2.0")
UNLEARNT = {"levels", "effect"}
"""Checks that what was trained for some steps need not pass."""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    for number in range(3):
        pixels = (photo(64, 64, number) * 255).round().astype(np.uint8)
        write_image(Image(pixels), folder / f"{number}.png")
    config = TrainingConfig(variant="tiny", data=(str(folder),), steps=60, batch=2, crop=32)
    runs.start(config, None, folder / "run", "cpu", 1, lambda _: None, lambda _: None)
    return folder / "run"


@pytest.fixture(scope="module")
def file(run):
    path = run.parent / "tiny.onnx"
    export.export_run(run, path, PROVENANCE)
    return path


@pytest.fixture(scope="module")
def fast_run(run):
    """One that begins with denoise-fast: what the tiny network takes away is too little to tell
    how it is rounded."""
    start = Path(__file__).resolve().parents[2] / "weights" / "denoise-fast.onnx"
    config = TrainingConfig(variant="fast", data=(str(run.parent),), steps=1, batch=2, crop=32,
                            start=str(start), learning_rate=1e-9)  # fmt: skip
    runs.start(config, None, run.parent / "fast", "cpu", 1, lambda _: None, lambda _: None)
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


@pytest.mark.parametrize("size", [(1, 1), (5, 37), (64, 48), (131, 77)])
@pytest.mark.parametrize("batch", [1, 3])
def test_onnxruntime_agrees_with_torch_holding_the_stored_values(file, run, size, batch):
    card, weights = export.load_weights(file)
    net = build(card.architecture).eval()
    export.start_from(net, file, card.architecture)
    model = session.load(file, task="denoise", threads=1)
    image = torch.rand(batch, 3, *size)
    for levels in ((1, 1), size):
        sigma = torch.rand(batch, 1, *levels) * 0.2
        with torch.no_grad():
            expected = net(image, sigma).numpy()
        got = model(image=image.numpy(), sigma=sigma.numpy())
        assert np.abs(got - expected).max() < 1e-5
    assert weights["tail.weight"].dtype == torch.float32


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


def test_scores_can_be_added_and_the_hash_stays(file, tmp_path):
    path = tmp_path / "scored.onnx"
    path.write_bytes(file.read_bytes())
    before = session.load(path).card
    score = Score("somewhere", 30.0, "dB PSNR", "a command")
    export.add_scores(path, [score])
    after = session.load(path).card
    assert after.scores == (score,)
    assert after.sha256 == before.sha256
    assert isinstance(after, ModelCard)


def test_a_file_that_differs_from_torch_is_not_left(run, tmp_path, monkeypatch):
    real = export.bare

    def broken(traced, net, precision):
        model = real(traced, net, precision)
        (tail,) = [t for t in model.graph.initializer if t.name == "tail.bias"]
        tail.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tail) + 0.01, tail.name))
        return model

    monkeypatch.setattr(export, "bare", broken)
    with pytest.raises(TrainingError, match=r"onnxruntime and torch differ by 0\.01"):
        export.export_run(run, tmp_path / "a.onnx", PROVENANCE)
    assert list(tmp_path.iterdir()) == []


def test_an_int8_file_that_differs_from_torch_is_not_left(fast_run, tmp_path, monkeypatch):
    real = export.bare

    def broken(traced, net, precision):
        model = real(traced, net, precision)
        name = "encoder1.0.conv1.weight_scale"
        (steps,) = [t for t in model.graph.initializer if t.name == name]
        changed = numpy_helper.to_array(steps) * np.float32(1.05)
        steps.CopyFrom(numpy_helper.from_array(changed, name))
        return model

    monkeypatch.setattr(export, "bare", broken)
    with pytest.raises(TrainingError, match="onnxruntime and torch differ by"):
        export.export_run(fast_run, tmp_path / "a.onnx", PROVENANCE, precision="int8")
    assert list(tmp_path.iterdir()) == []


def test_an_int8_file_is_held_against_the_network_that_rounds(fast_run, tmp_path, monkeypatch):
    real, nets, path = export.check_parity, [], tmp_path / "a.onnx"

    def kept(net, *others):
        nets.append(net)
        real(net, *others)

    monkeypatch.setattr(export, "check_parity", kept)
    export.export_run(fast_run, path, PROVENANCE, precision="int8")
    (net,) = nets
    for module in net.modules():
        if isinstance(module, quantisation.RoundedConv2d):
            module.__class__ = torch.nn.Conv2d
    with pytest.raises(TrainingError, match="onnxruntime and torch differ by"):
        real(net, path, "denoise", "int8")


@pytest.mark.parametrize("variant", ["tiny", "fast"])
@pytest.mark.parametrize("task", ["denoise", "detect"])
def test_the_graph_is_found_to_see_as_far_as_the_network(variant, task):
    net = build(variant, task).eval()
    radius, halo = geometry.receptive_radius(net), geometry.halo(net)
    assert reach_of(export.to_onnx(net, "fp16"), 8, halo) == (radius, STRIDE)
    quantisation.quantise(net)
    assert reach_of(export.to_onnx(net, "int8"), 8, halo) == (radius, STRIDE)


def test_an_exported_file_is_verified_by_its_graph_and_its_reference(file):
    checks = {check.name: check for check in verify(file)}
    assert all(check.passed for name, check in checks.items() if name not in UNLEARNT)
    assert len(checks) == 15


def test_training_can_start_from_an_exported_file(run, file, tmp_path):
    config = TrainingConfig(variant="tiny", data=(str(run.parent),), steps=1, batch=1, crop=32,
                            start=str(file), learning_rate=1e-9)  # fmt: skip
    runs.start(config, None, tmp_path / "run", "cpu", 1, lambda _: None, lambda _: None)
    _, weights = export.load_weights(file)
    state = export.averaged_network(config, export.Run(tmp_path / "run").load_checkpoint())
    for name, value in state.state_dict().items():
        assert torch.allclose(value, weights[name], atol=1e-6)


def test_a_larger_network_starts_where_the_smaller_one_ended(file):
    small, large = build("tiny"), build("fast")
    export.start_from(small, file, "tiny")
    export.start_from(large, file, "fast")
    image, sigma = torch.rand(2, 3, 37, 53), torch.rand(2, 1, 1, 1) * 0.2
    with torch.no_grad():
        assert (large(image, sigma) - small(image, sigma)).abs().max() < 1e-6


def test_filling_starts_as_the_denoiser_told_of_noise_in_the_holes(file):
    denoiser, inpainter = build("tiny"), build("tiny", "inpaint")
    export.start_from(denoiser, file, "tiny")
    export.start_from(inpainter, file, "tiny")
    image = 0.3 + 0.4 * torch.rand(1, 3, 24, 32)  # nothing clipped, which only a denoiser is told
    mask = torch.zeros(1, 1, 24, 32)
    mask[:, :, 8:12, 8:20] = 1
    with torch.no_grad():
        filled = smooth_fill(image, mask > 0)
        expected = denoiser(filled, HOLE_LEVEL * mask)
        got = inpainter(image, mask)
    assert (got - torch.where(mask > 0, expected, image)).abs().max() < 1e-5


def test_a_detector_starts_from_a_denoiser_but_for_what_it_returns(file):
    net = build("tiny", "detect")
    tail = net.tail.weight.clone()
    export.start_from(net, file, "tiny")
    _, weights = export.load_weights(file)
    assert torch.equal(net.stem.weight, weights["stem.weight"][:, :3])
    assert torch.equal(net.encoder1[0].conv1.weight, weights["encoder1.0.conv1.weight"])
    assert torch.equal(net.tail.weight, tail)


def test_weights_of_a_larger_variant_are_refused(tmp_path, monkeypatch):
    weights, card = (
        build("fast").state_dict(),
        Mock(architecture="fast", task="denoise", inputs=("image", "sigma")),
    )
    monkeypatch.setattr(export, "load_weights", lambda _: (card, weights))
    with pytest.raises(TrainingError, match="a fast network; --variant tiny cannot start from it"):
        export.start_from(build("tiny"), tmp_path / "a.onnx", "tiny")


def test_weights_of_a_wider_network_are_refused():
    wide, narrow = build("fast").state_dict(), build("tiny")
    with pytest.raises(ValueError, match=r"stem.weight is only \(16, 6, 6, 6\), not \(32"):
        copy_weights(narrow, {"stem.weight": wide["stem.weight"]})


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


def test_a_mirrored_model_is_the_mean_over_four_mirrorings(run, file, tmp_path):
    path = tmp_path / "mirrored.onnx"
    card = export.export_run(run, path, PROVENANCE, mirrored=True)
    plain, mirrored = (session.load(p, task="denoise", device="cpu") for p in (file, path))
    assert card.macs_per_pixel == 4 * plain.card.macs_per_pixel
    assert card.halo == plain.card.halo
    assert "mirrorings" in card.recipe
    rng = np.random.default_rng(0)
    image = rng.random((1, 3, 48, 72), np.float32)
    sigma = rng.uniform(0, 0.2, (1, 1, 48, 72)).astype(np.float32)
    turned = [
        np.flip(plain(image=np.flip(image, axes).copy(), sigma=np.flip(sigma, axes).copy()), axes)
        for axes in ((), (3,), (2,), (2, 3))
    ]
    assert np.abs(mirrored(image=image, sigma=sigma) - np.mean(turned, 0)).max() < 1e-5
    assert np.abs(turned[1] - turned[0]).max() > 1e-5


def test_only_denoisers_can_be_mirrored(run, tmp_path, monkeypatch):
    config = replace(Run(run).load_config(), task="inpaint")
    monkeypatch.setattr(Run, "load_config", lambda _: config)
    with pytest.raises(TrainingError, match="only denoisers"):
        export.export_run(run, tmp_path / "a.onnx", PROVENANCE, mirrored=True)


def test_training_starts_from_a_mirrored_model_as_from_a_plain_one(run, file, tmp_path):
    path = tmp_path / "mirrored.onnx"
    export.export_run(run, path, PROVENANCE, mirrored=True)
    card, weights = export.load_weights(path)
    _, plain = export.load_weights(file)
    assert card.architecture == "tiny"
    assert all(torch.equal(weights[name], plain[name]) for name in plain)


def test_changing_the_basis_leaves_the_function_as_it_is():
    torch.manual_seed(0)
    net = build("tiny").eval()
    for parameter in net.parameters():  # a fresh one is the identity
        torch.nn.init.normal_(parameter, std=0.1)
    before = copy.deepcopy(net)
    image, sigma = torch.rand(2, 3, 40, 32), torch.rand(2, 1, 1, 1) * 0.2
    quantisation.rotate(net, [quantisation.Example((image, sigma), torch.ones(2, 1, 1, 1))])
    assert not torch.allclose(net.stem.weight, before.stem.weight, atol=0.01)
    with torch.no_grad():
        assert torch.allclose(net(image, sigma), before(image, sigma), atol=1e-4)


def test_a_basis_shares_out_what_channels_have_in_common():
    """All that counts lies in one of eight channels: spread over all, it is rounded eight times."""
    spread = torch.diag(torch.tensor([1.0] + [1e-6] * 7, dtype=torch.float64))
    basis = quantisation.best_basis(spread, spread)
    inverse = torch.linalg.inv(basis)

    def cost(rows, columns):
        return (
            (rows @ spread @ rows.T).diagonal() * (columns.T @ spread @ columns).diagonal()
        ).sum()

    plain = torch.eye(8, dtype=torch.float64)
    assert cost(basis, inverse) < 0.25 * cost(plain, plain)


def test_int8_files_hold_bytes_and_stay_near_the_float_ones(run, file, tmp_path):
    path = tmp_path / "int8.onnx"
    card = export.export_run(run, path, PROVENANCE, precision="int8")
    model = onnx.load(path)
    kernels = [t for t in model.graph.initializer if t.name.endswith(".weight")]
    assert {t.data_type for t in kernels} == {onnx.TensorProto.INT8}
    assert max(numpy_helper.to_array(t).max() for t in kernels) == quantisation.WEIGHT_LEVELS
    assert card.precision == "int8"
    assert path.stat().st_size < file.stat().st_size
    noisy = np.random.default_rng(0).random((61, 77, 3))
    plain, rounded = (Denoiser(p)(noisy, sigma=0.1) for p in (file, path))
    assert 0 < np.abs(rounded - plain).mean() < 2 / 255
    whole, tiled = (Denoiser(path, tile=tile)(noisy, sigma=0.1) for tile in (0, 16))
    assert np.array_equal(whole, tiled)
    with pytest.raises(TrainingError, match="its kernels are int8"):
        export.load_weights(path)
    mirrored = tmp_path / "mirrored.onnx"
    export.export_run(run, mirrored, PROVENANCE, mirrored=True, precision="int8")
    assert np.abs(Denoiser(mirrored)(noisy, sigma=0.1) - plain).mean() < 2 / 255


def test_stored_precisions_give_the_same_pictures(run, file, tmp_path):
    path = tmp_path / "fp32.onnx"
    assert export.export_run(run, path, PROVENANCE, precision="fp32").precision == "fp32"
    assert path.stat().st_size > file.stat().st_size
    noisy = np.random.default_rng(0).random((61, 77, 3))
    assert np.abs(Denoiser(path)(noisy, sigma=0.1) - Denoiser(file)(noisy, sigma=0.1)).max() < 1e-3


@pytest.fixture(scope="module")
def camera_run(run, tmp_path_factory):
    """A short run for camera noise."""
    config = TrainingConfig(
        task="camera", variant="tiny", data=(str(run.parent),), steps=4, batch=2, crop=32
    )
    folder = tmp_path_factory.mktemp("camera") / "run"
    runs.start(config, None, folder, "cpu", 1, lambda _: None, lambda _: None)
    return folder


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
    export.start_from(again, path, "tiny")
    with torch.no_grad():
        out = again(torch.tensor(image), torch.tensor(told), torch.zeros(1, 1, 1, 1)).numpy()
    assert np.abs(out - model(image=image, quantisation=told)).max() < 1e-4


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
    config = Run(camera_run).load_config()
    net = export.averaged_network(config, Run(camera_run).load_checkpoint())
    for parameter in net.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    before = copy.deepcopy(net)
    clean = torch.rand(2, 3, 40, 32)
    example = quantisation.camera_example(clean, torch.Generator().manual_seed(0))
    quantisation.rotate(net, [example])
    assert not torch.allclose(net.told.weight, before.told.weight, atol=0.01)
    told = (torch.full((1, 2, 1, 1), 0.3), torch.full((1, 1, 1, 1), 800.0))
    with torch.no_grad():
        assert torch.allclose(net(clean, *told), before(clean, *told), atol=1e-4)


def test_a_camera_network_starts_as_a_denoiser_of_noise_of_no_level(file):
    """The planes that both know, and everything behind them; the level is left out."""
    denoiser, camera = build("tiny"), build("tiny", "camera")
    export.start_from(denoiser, file, "tiny")
    export.start_from(camera, file, "tiny")
    image = torch.rand(1, 3, 24, 32)
    told = torch.zeros(1, 2, 1, 1), torch.zeros(1, 1, 1, 1)
    planes = list(DenoisingAutoencoder.planes)
    with torch.no_grad():
        camera.levels.bias.fill_(10.0)  # open
        denoiser.stem.weight[:, planes.index("level")] = 0
        level = torch.full((1, 1, 1, 1), 0.1)
        assert torch.allclose(camera(image, *told), denoiser(image, level), atol=1e-6)


def test_a_run_in_int8_rounds_from_its_first_step(run, file, tmp_path):
    config = TrainingConfig(variant="tiny", data=(str(run.parent),), steps=2, batch=2, crop=32,
                            start=str(file), int8=True)  # fmt: skip
    folder = tmp_path / "run"
    runs.start(config, None, folder, "cpu", 1, lambda _: None, lambda _: None)
    card = export.export_run(folder, tmp_path / "trained.onnx", PROVENANCE)
    assert card.precision == "int8"
    assert "--int8" in card.recipe
    with pytest.raises(TrainingError, match="a run in int8"):
        export.export_run(folder, tmp_path / "float.onnx", PROVENANCE, precision="fp16")
