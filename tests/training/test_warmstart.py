"""Training starts from exported models, of other variants and tasks too."""

from dataclasses import replace
from unittest.mock import Mock

import numpy as np
import onnx
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

import nets  # noqa: E402
from nets import build  # noqa: E402

from imgae.errors import TrainingError  # noqa: E402
from imgae.model import onnxfile, session  # noqa: E402
from imgae.training import export, runs, warmstart  # noqa: E402
from imgae.training.checkpoint import Run  # noqa: E402
from imgae.training.networks.body import copy_weights  # noqa: E402
from imgae.training.networks.denoise import DenoisingAutoencoder  # noqa: E402
from imgae.training.networks.fill import smooth_fill  # noqa: E402
from imgae.training.networks.inpaint import HOLE_LEVEL  # noqa: E402


@pytest.mark.parametrize("size", [(1, 1), (5, 37), (64, 48), (131, 77)])
@pytest.mark.parametrize("batch", [1, 3])
def test_onnxruntime_agrees_with_torch_holding_the_stored_values(file, run, size, batch):
    card, weights = warmstart.load_weights(file)
    net = build(card.architecture).eval()
    warmstart.start_from(net, file, card.architecture)
    model = session.load(file, task="denoise", threads=1)
    image = torch.rand(batch, 3, *size)
    for levels in ((1, 1), size):
        sigma = torch.rand(batch, 1, *levels) * 0.2
        with torch.no_grad():
            expected = net(image, sigma).numpy()
        got = model(image=image.numpy(), sigma=sigma.numpy())
        assert np.abs(got - expected).max() < 1e-5
    assert weights["tail.weight"].dtype == torch.float32


def test_training_can_start_from_an_exported_file(run, file, tmp_path):
    config = nets.settings(variant="tiny", data=(str(run.parent),), steps=1, batch=1, crop=32,
                            start=str(file), learning_rate=1e-9)  # fmt: skip
    runs.start(config, tmp_path / "run", "cpu", 1, lambda _: None, lambda _: None)
    _, weights = warmstart.load_weights(file)
    state = export.averaged_network(config, Run(tmp_path / "run").load_checkpoint())
    for name, value in state.state_dict().items():
        assert torch.allclose(value, weights[name], atol=1e-6)


def test_a_larger_network_starts_where_the_smaller_one_ended(file):
    small, large = build("tiny"), build("fast")
    warmstart.start_from(small, file, "tiny")
    warmstart.start_from(large, file, "fast")
    image, sigma = torch.rand(2, 3, 37, 53), torch.rand(2, 1, 1, 1) * 0.2
    with torch.no_grad():
        assert (large(image, sigma) - small(image, sigma)).abs().max() < 1e-6


def test_filling_starts_as_the_denoiser_told_of_noise_in_the_holes(file):
    denoiser, inpainter = build("tiny"), build("tiny", "inpaint")
    warmstart.start_from(denoiser, file, "tiny")
    warmstart.start_from(inpainter, file, "tiny")
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
    warmstart.start_from(net, file, "tiny")
    _, weights = warmstart.load_weights(file)
    assert torch.equal(net.stem.weight, weights["stem.weight"][:, :3])
    assert torch.equal(net.encoder1[0].conv1.weight, weights["encoder1.0.conv1.weight"])
    assert torch.equal(net.tail.weight, tail)


def test_weights_of_a_larger_variant_are_refused(tmp_path, monkeypatch):
    weights, card = (
        build("fast").state_dict(),
        Mock(architecture="fast", task="denoise", inputs=("image", "sigma"), noise=None),
    )
    monkeypatch.setattr(warmstart, "load_weights", lambda _: (card, weights))
    with pytest.raises(TrainingError, match="a fast network; --variant tiny cannot start from it"):
        warmstart.start_from(build("tiny"), tmp_path / "a.onnx", "tiny")


def test_weights_of_a_wider_network_are_refused():
    wide, narrow = build("fast").state_dict(), build("tiny")
    with pytest.raises(ValueError, match=r"stem.weight is only \(16, 6, 6, 6\), not \(32"):
        copy_weights(narrow, {"stem.weight": wide["stem.weight"]})


def test_training_starts_from_a_flip_ensemble_as_from_a_plain_model(file, flips_file):
    card, weights = warmstart.load_weights(flips_file)
    _, plain = warmstart.load_weights(file)
    assert card.architecture == "tiny"
    assert all(torch.equal(weights[name], plain[name]) for name in plain)


def test_a_camera_network_starts_as_a_denoiser_of_noise_of_no_level(file):
    """The planes that both know, and everything behind them; the level is left out."""
    denoiser, camera = build("tiny"), build("tiny", "camera")
    warmstart.start_from(denoiser, file, "tiny")
    warmstart.start_from(camera, file, "tiny")
    image = torch.rand(1, 3, 24, 32)
    told = torch.zeros(1, 2, 1, 1), torch.zeros(1, 1, 1, 1)
    planes = list(DenoisingAutoencoder.planes)
    with torch.no_grad():
        camera.levels.bias.fill_(10.0)  # open
        denoiser.stem.weight[:, planes.index("level")] = 0
        level = torch.full((1, 1, 1, 1), 0.1)
        assert torch.allclose(camera(image, *told), denoiser(image, level), atol=1e-6)


def test_weights_are_read_by_the_reader_that_refuses_what_is_not_safe(file, tmp_path):
    """A file with an unknown operator, one that refers to another file, and no file."""
    path = tmp_path / "a.onnx"
    model = onnx.load(file)
    model.graph.node.append(onnx.helper.make_node("Open", ["image"], ["door"], domain="elsewhere"))
    onnx.save(model, path)
    with pytest.raises(TrainingError, match=r"a\.onnx: .*is no standard ONNX operator"):
        warmstart.load_weights(path)
    model = onnx.load(file)
    tensor = model.graph.initializer[0]
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="tiny.onnx")
    path.write_bytes(model.SerializeToString())
    with pytest.raises(TrainingError, match=r"a\.onnx: .*lies in another file"):
        warmstart.load_weights(path)
    path.write_bytes(b"nothing")
    with pytest.raises(TrainingError, match=r"a\.onnx: damaged, or not an ONNX model"):
        warmstart.load_weights(path)
    with pytest.raises(TrainingError, match=r"no\.onnx: cannot be read: No such file"):
        warmstart.load_weights(tmp_path / "no.onnx")
    card_less = onnx.load(file)
    del card_less.metadata_props[:]
    onnx.save(card_less, path)
    with pytest.raises(TrainingError, match=r"a\.onnx: has no imgae model card inside"):
        warmstart.load_weights(path)


def test_a_model_that_no_task_trains_is_one_sentence(file, tmp_path):
    path = tmp_path / "a.onnx"
    model = onnx.load(file)
    card = session.load(file).card
    text = replace(card, task="detect").to_json()
    onnxfile.set_metadata(model, "imgae", text)
    onnx.save(model, path)
    with pytest.raises(TrainingError, match="no task trains models to detect from image, sigma"):
        warmstart.start_from(build("tiny"), path, "tiny")
