"""Training of descriptions: what a run makes, and that it tells pictures apart."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from nets import build, settings, start  # noqa: E402
from scenes import photo  # noqa: E402

from imgae import Image, write_image  # noqa: E402
from imgae.errors import TrainingError  # noqa: E402
from imgae.model import onnxfile, registry, session  # noqa: E402
from imgae.model.verify.checks import check_file  # noqa: E402
from imgae.training import export, geometry, warmstart  # noqa: E402
from imgae.training.data import PictureBank  # noqa: E402
from imgae.training.networks.search import CELL, pooled  # noqa: E402
from imgae.training.tasks import search  # noqa: E402


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    for number in range(6):
        pixels = (photo(80, 112, number) * 255).round().astype(np.uint8)
        write_image(Image(pixels), folder / f"{number}.png")
    return folder


@pytest.fixture(scope="module")
def run(folder, tmp_path_factory):
    config = settings(
        "search", variant="tiny", data=(str(folder),), steps=4, batch=4, crop=64, channels=12
    )
    place = tmp_path_factory.mktemp("run") / "run"
    lines = []
    outcome = start(config, place, lines.append)
    assert outcome.finished
    assert 0 <= outcome.score <= 1
    assert {"contrast", "apart", "found", "alike", "nearest"} <= lines[-1].keys()
    return place


@pytest.fixture(scope="module")
def file(run):
    path = run.parent / "search.onnx"
    export.export_run(run, path, export.Provenance("search", "Apache-2.0"))
    return path


def lively(channels=8):
    torch.manual_seed(0)
    net = build("tiny", "search", channels=channels).eval()
    for parameter in net.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    return net


def test_a_run_makes_a_model_whose_card_says_what_it_gives(run, file):
    card = session.load(file, task="search").card
    assert (card.task, card.objective, card.code_channels) == ("search", "contrast", 12)
    assert card.stride == CELL
    assert card.halo % CELL == 0
    assert "imgae train search" in card.recipe
    assert (run / "preview.png").exists()


def test_an_exported_model_passes_every_check_of_its_form(file):
    failed = {check.name: check.finding for check in check_file(file) if check.passed is False}
    assert failed.keys() <= {"effect"}, failed  # four steps teach nothing


def test_any_size_has_a_place_for_every_cell():
    net = lively()
    for height, width in ((1, 1), (32, 33), (40, 100)):
        maps = net(torch.rand(2, 3, height, width))
        assert maps.shape == (2, 8, -(-height // CELL), -(-width // CELL))


def test_places_beyond_the_halo_do_not_count():
    net = lively().double()
    halo = geometry.halo(net.float())
    image = torch.rand(1, 3, CELL, 3 * CELL + 2 * halo)
    other = image.clone()
    other[..., 2 * CELL + 2 * halo :] = torch.rand(1, 3, CELL, CELL)
    place = (CELL + halo) // CELL - 1
    assert torch.equal(net(image)[..., place], net(other)[..., place])
    assert not torch.equal(net(image)[..., -2], net(other)[..., -2])


def test_descriptions_have_length_1():
    described = pooled(lively()(torch.rand(3, 3, 70, 90)))
    assert torch.allclose(described.norm(dim=1), torch.ones(3), atol=1e-5)


def test_it_starts_from_a_code_and_from_another_search_alone(file):
    net = build("fast", "search")
    warmstart.start_from(net, registry.find("code"), "fast")
    code = warmstart.load_weights(registry.find("code"))[1]
    assert torch.equal(net.squeeze.weight, code["squeeze.weight"])
    assert torch.equal(net.bottleneck[0].conv1.weight, code["bottleneck.0.conv1.weight"])
    assert not net.features.weight.any()
    with pytest.raises(TrainingError, match="only a code can be what a search starts from"):
        warmstart.start_from(build("fast", "search"), registry.find("denoise-fast"), "fast")
    again = build("tiny", "search", channels=12)
    warmstart.start_from(again, file, "tiny")
    assert again.features.weight.any()


def bank_of(folder):
    random = np.random.default_rng(0)
    tall = random.integers(0, 256, (90, 64, 3), np.uint8)
    return PictureBank.of([*(photo_of(number) for number in range(5)), tall])


def photo_of(number):
    return (photo(80, 112, number) * 255).round().astype(np.uint8)


def test_a_fresh_network_tells_pictures_apart_before_training(folder):
    torch.manual_seed(0)
    config = settings("search", variant="tiny", crop=64)
    net = build("tiny", "search")
    search.TASK.begin(net, bank_of(folder), config)
    assert net.features.weight.any()
    finding = search.Finding(
        [photo_of(number) for number in range(5)],
        search.TASK.objective(config, torch.device("cpu")),
        torch.device("cpu"),
    )
    assert finding.score(net) > 2 / 20


def test_weights_that_are_gone_on_with_are_kept(folder):
    net = lively()
    before = net.features.weight.clone()
    search.TASK.begin(net, bank_of(folder), settings("search", variant="tiny", crop=64))
    assert torch.equal(net.features.weight, before)


def test_the_hash_is_that_of_the_weights(file):
    import onnx

    assert session.load(file).card.sha256 == onnxfile.weights_hash(onnx.load(file))
