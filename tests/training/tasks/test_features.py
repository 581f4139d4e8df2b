"""Training of features: what a run makes, and what a fit can do with it."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from nets import build, settings, start  # noqa: E402
from scenes import photo  # noqa: E402

from imgae import Image, write_image  # noqa: E402
from imgae.model import onnxfile, registry, session  # noqa: E402
from imgae.model.verify.checks import check_file  # noqa: E402
from imgae.restore.anomaly.fit import Options, fit  # noqa: E402
from imgae.training import export, geometry, warmstart  # noqa: E402
from imgae.training.networks.features import CHANNELS  # noqa: E402
from imgae.training.tasks import features  # noqa: E402

CELL = 4


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    for number in range(5):
        pixels = (photo(96, 112, number) * 255).round().astype(np.uint8)
        write_image(Image(pixels), folder / f"{number}.png")
    return folder


@pytest.fixture(scope="module")
def run(folder, tmp_path_factory):
    config = settings(
        "features",
        variant="tiny",
        data=(str(folder),),
        steps=3,
        batch=2,
        crop=80,
        side=48,
        good=2,
        asked=2,
    )
    place = tmp_path_factory.mktemp("run") / "run"
    lines = []
    outcome = start(config, place, lines.append)
    assert outcome.finished
    assert 0 <= outcome.score <= 1
    assert {"inside", "outside", "hardest", "ranked", "right"} <= lines[-1].keys()
    return place


@pytest.fixture(scope="module")
def file(run):
    path = run.parent / "features.onnx"
    export.export_run(run, path, export.Provenance("features", "Apache-2.0"))
    return path


def lively():
    torch.manual_seed(0)
    net = build("tiny", "features").eval()
    for parameter in net.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    return net


def test_a_run_makes_a_model_whose_card_says_what_it_gives(run, file):
    card = session.load(file, task="features").card
    assert (card.task, card.inputs, card.code_channels) == ("features", ("image",), CHANNELS)
    assert card.stride == 8
    assert card.halo % 8 == 0
    assert "imgae train features" in card.recipe
    assert (run / "preview.png").exists()


def test_an_exported_model_passes_every_check_of_its_form(file):
    failed = {check.name: check.finding for check in check_file(file) if check.passed is False}
    assert failed.keys() <= {"effect"}, failed  # three steps teach nothing


def test_a_model_can_be_fitted_to_good_pictures(file, folder):
    found = fit(sorted(folder.iterdir()), Options(model=file, threads=1))
    assert found.card.architecture == "features, statistics"


def test_any_size_has_a_place_for_every_cell():
    net = lively()
    for height, width in ((1, 1), (32, 33), (40, 100), (5, 61)):
        maps = net(torch.rand(2, 3, height, width))
        assert maps.shape == (2, CHANNELS, -(-height // CELL), -(-width // CELL))


def test_places_beyond_the_halo_do_not_count():
    net = lively().double()
    halo = geometry.halo(net.float())
    image = torch.rand(1, 3, 8, 24 + 2 * halo)
    other = image.clone()
    other[..., 16 + 2 * halo :] = torch.rand(1, 3, 8, 8)
    place = (8 + halo) // CELL
    assert torch.equal(net(image)[..., place], net(other)[..., place])
    assert not torch.equal(net(image)[..., -1], net(other)[..., -1])


def test_it_starts_from_a_code_a_detector_and_other_features(file):
    for name in ("code", "detect"):
        net = build("fast", "features")
        warmstart.start_from(net, registry.find(name), "fast")
        weights = warmstart.load_weights(registry.find(name))[1]
        own = net.state_dict()
        shared = [key for key in own if key in weights]
        assert any(key.startswith("encoder1") for key in shared)
        assert all(torch.equal(own[key], weights[key]) for key in shared)
    again = lively()
    warmstart.start_from(again, file, "tiny")
    other = warmstart.load_weights(file)[1]
    assert torch.equal(again.head.weight, other["head.weight"])


def test_a_blind_network_puts_no_pair_in_order():
    config = settings("features", variant="tiny", crop=64, side=48, good=2, asked=2)
    objective = features.TASK.objective(config, torch.device("cpu"))
    pictures = [(photo(80, 112, n) * 255).round().astype(np.uint8) for n in range(2)]
    judging = features.Judging(pictures, objective, config)
    net = build("tiny", "features")
    for parameter in net.parameters():
        torch.nn.init.zeros_(parameter)
    assert judging.score(net) == 0
    assert judging.score(lively()) == judging.score(lively()) >= 0


def test_the_hash_is_that_of_the_weights(file):
    import onnx

    assert session.load(file).card.sha256 == onnxfile.weights_hash(onnx.load(file))
