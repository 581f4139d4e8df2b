"""Denoisers that learn the noise of noisy pictures, and hold it."""

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

import nets  # noqa: E402
import tifffile  # noqa: E402
from scenes import photo  # noqa: E402

from imgae import Denoiser, Image, read_image, write_image  # noqa: E402
from imgae.cli import main  # noqa: E402
from imgae.errors import OptionError, TrainingError, WeightsError  # noqa: E402
from imgae.model import registry, session  # noqa: E402
from imgae.model.card import ModelCard  # noqa: E402
from imgae.model.verify.worker import verify  # noqa: E402
from imgae.training import export, runs, warmstart  # noqa: E402
from imgae.training.networks.body import variant_named  # noqa: E402
from imgae.training.networks.own_noise import OwnNoiseAutoencoder  # noqa: E402
from imgae.training.noise.model import NoiseModel  # noqa: E402
from imgae.training.tasks import lookup, own_noise  # noqa: E402
from imgae.training.tasks.own_noise import few_knots  # noqa: E402

ROOT = Path(__file__).resolve().parents[3]
LEVEL = 20 / 255


def noisy(number, side=96):
    """A picture with white noise, on [0, 1]."""
    noise = np.random.default_rng(number).normal(0, LEVEL, (side, side, 3))
    return (0.2 + 0.6 * photo(side, side, number) + noise).clip(0, 1)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A short run on files that use the lowest 12 of 16 bits, as cameras for science write them."""
    folder = tmp_path_factory.mktemp("own") / "pictures"
    folder.mkdir()
    for number in range(4):
        pixels = np.rint(noisy(number) * 4095).astype(np.uint16)
        write_image(Image(pixels), folder / f"{number}.tif")
    config = nets.settings(
        variant="tiny", noisy=(str(folder),), steps=4, batch=2, crop=32, start="none",
        autocast="none",
    )  # fmt: skip
    nets.start(config, folder.parent / "run")
    return folder.parent / "run"


@pytest.fixture(scope="module")
def file(run):
    path = run.parent / "own.onnx"
    export.export_run(run, path, export.Provenance("own", "Apache-2.0"))
    return path


def test_the_level_follows_the_brightness_around():
    net = OwnNoiseAutoencoder(variant_named("tiny"))
    net.set_curve((0.0, 0.5, 1.0), ((0.01, 0.03, 0.03), (0.01, 0.02, 0.02), (0.01, 0.01, 0.01)))
    for signal, variance in ((0.0, 0.01), (0.25, 0.015), (0.5, 0.02), (2.0, 0.02), (-1.0, 0.01)):
        level = net.level(torch.full((1, 3, 13, 9), signal))
        assert level.shape == (1, 1, 13, 9)
        assert torch.allclose(level, torch.tensor(variance**0.5), rtol=1e-4)


def test_told_one_level_it_is_the_denoiser_that_it_starts_from():
    plain = nets.build("tiny")
    torch.nn.init.normal_(plain.tail.weight, std=0.1)
    net = OwnNoiseAutoencoder(variant_named("tiny"))
    net.load_state_dict({**plain.state_dict(), "told": torch.tensor([2.0])})
    net.set_curve((0.0, 1.0), (((LEVEL / 2) ** 2,) * 2,) * 3)
    image = torch.rand(1, 3, 21, 34)
    assert torch.allclose(net(image), plain(image, torch.full((1, 1, 1, 1), LEVEL)), atol=1e-6)


def test_a_curve_keeps_the_knots_that_it_needs():
    line = NoiseModel.line("poisson-gaussian", (0.01, 0.02, 0.03), (0.001,) * 3)
    assert few_knots(line)[0] == [0.0, 1.25]
    bent = [min(number, 8) / 100 for number in range(21)]
    knots, rows = few_knots(replace(line, kind="curve", variances=(tuple(bent),) * 3))
    assert knots == [0.0, 0.5, 1.25]
    assert rows[0] == [0.0, 0.08, 0.08]


def test_the_card_holds_what_was_measured(file):
    card = session.load(file).card
    assert card.inputs == ("image",)
    assert (card.noise.pixels, card.noise.low, card.noise.span) == ("uint16", 0.0, 1 / 16)
    assert "of 255" in card.noise.sentence
    assert "values as the files have them" in card.colour
    assert np.sqrt(np.interp(0.5, card.noise.knots, card.noise.variance[1])) == pytest.approx(
        LEVEL, rel=0.25
    )
    assert ModelCard.from_json(card.to_json()) == card
    assert lookup.of_card(card).kind is OwnNoiseAutoencoder
    assert "--noisy" in card.recipe
    assert "--data" not in card.recipe


def test_the_file_keeps_its_promises(file):
    checks = {check.name: check for check in verify(file)}
    failed = {name for name, check in checks.items() if not check.passed}
    assert failed <= {"levels", "effect"}  # what was trained for some steps need not pass


def test_a_file_is_denoised_on_the_scale_of_the_source_however_bright_it_is(file):
    denoise = Denoiser(file, threads=1)
    model = session.load(file)
    for brightness in (1.0, 0.2):  # a dark picture is not made brighter
        pixels = np.rint(noisy(7) * 4095 * brightness).astype(np.uint16)
        image = (pixels.astype(np.float32) / 65535 * 16).transpose(2, 0, 1)[None]
        expected = model(image=image)[0].transpose(1, 2, 0) / 16 * 65535
        assert np.abs(denoise(pixels) - expected.clip(0, pixels.max())).max() <= 1
    assert denoise.run(Image(pixels)).notes == ()  # as bright as it is for all pictures
    with pytest.raises(OptionError, match="holds the noise of its source"):
        denoise(pixels, sigma=0.1)


def test_files_of_another_type_get_a_caution(file):
    found = Denoiser(file, threads=1).run(Image((noisy(8) * 255).astype(np.uint8)))
    assert found.caution == "the model learnt the noise of 16-bit files"


def test_the_program_of_the_documents_gives_what_imgae_gives(file, run, tmp_path):
    program = ROOT / "examples" / "python" / "own_noise.py"
    assert program.read_text().partition('"""\n\n')[2] in (ROOT / "docs" / "noisy.md").read_text()
    source, target = tmp_path / "stack.tif", tmp_path / "clean.tif"
    stack = np.stack([read_image(run.parent / "pictures" / f"{k}.tif").pixels for k in (1, 2)])
    denoise = Denoiser(file, threads=1)
    for pages, colour in ((stack, "rgb"), (stack[..., 1], "minisblack")):
        tifffile.imwrite(source, pages, photometric=colour)
        subprocess.run([sys.executable, program, file, source, target], check=True)
        for page, clean in zip(pages, tifffile.imread(target), strict=True):
            expected = denoise(page).reshape(clean.shape).astype(int)
            assert np.abs(clean.clip(0, page.max()) - expected).max() <= 1


@pytest.mark.parametrize(
    ("pages", "more", "sentence"),
    [
        (np.zeros((9, 9), np.uint8), {"photometric": "minisblack"}, "noise of uint16 files"),
        (np.zeros((3, 9, 9), np.uint16), {"photometric": "rgb"}, "not planar"),
        (np.zeros((2, 9, 9), np.uint16), {"photometric": "minisblack", "truncate": True}, "pages"),
    ],
)
def test_the_program_refuses_in_a_sentence_what_it_cannot_take(
    pages, more, sentence, file, tmp_path
):
    tifffile.imwrite(tmp_path / "a.tif", pages, **more)
    program = ROOT / "examples" / "python" / "own_noise.py"
    words = [sys.executable, program, file, tmp_path / "a.tif", tmp_path / "clean.tif"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert sentence in done.stderr
    assert not (tmp_path / "clean.tif").exists()


def test_a_run_without_the_weights_that_it_starts_from_is_refused(tmp_path, monkeypatch):
    for name in ("noisy", "clean"):
        (tmp_path / name).mkdir()
        write_image(Image((noisy(0) * 255).astype(np.uint8)), tmp_path / name / "0.png")
    monkeypatch.setattr(registry, "available", dict)
    monkeypatch.setattr(registry, "folders", list)
    pairs = (str(tmp_path / "noisy"), str(tmp_path / "clean"))
    with pytest.raises(WeightsError, match="denoise-fast"):
        nets.start(nets.settings(variant="fast", pairs=pairs, steps=1), tmp_path / "run")


def test_a_run_goes_on_with_what_it_measured(run, monkeypatch):
    before = lookup.of_run(run)[1]
    monkeypatch.delattr(own_noise, "measure")
    assert runs.resume(run, "cpu", 1, nets.silent, nets.silent).finished
    assert lookup.of_run(run)[1] == before


def test_training_starts_from_such_a_file_and_others_do_too(file):
    own = lookup.load("denoise").others[0].network(nets.settings(variant="tiny", noisy=("x",)))
    warmstart.start_from(own, file, "tiny")
    plain = nets.build("tiny")
    warmstart.start_from(plain, file, "tiny")
    assert torch.equal(own.stem.weight, plain.stem.weight)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--noisy", "a", "--data", "b"], "--data and --noisy cannot go together"),
        (["--pairs", "a"], "--pairs takes two folders"),
        (["--data", "a", "--noise", "gaussian"], "--noise goes with --noisy or --pairs"),
        (["--noisy", "a", "--objective", "spectral", "--lambda", "1"], "--objective needs clean"),
        ([], "--data DIR (or --noisy or --pairs)"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(options, sentence, tmp_path, capsys):
    words = ["train", "denoise", *options, "--steps", "1", "-o", str(tmp_path / "run")]
    assert main(words) == 2
    assert sentence in " ".join(capsys.readouterr().err.split())


def test_pairs_are_learnt_from_and_scored_against_the_clean_pictures(tmp_path):
    for number in range(3):
        draw = np.random.default_rng(number)
        clean = draw.uniform(0.2, 0.8, (12, 12, 3)).repeat(8, 0).repeat(8, 1)
        noise = draw.normal(0, LEVEL, clean.shape)
        for name, values in (("noisy", clean + noise), ("clean", clean)):
            (tmp_path / name).mkdir(exist_ok=True)
            pixels = np.rint(values.clip(0, 1) * 65535).astype(np.uint16)
            write_image(Image(pixels), tmp_path / name / f"{number}.tif")
    folders = (str(tmp_path / "noisy"), str(tmp_path / "clean"))
    config = nets.settings(
        variant="tiny", pairs=folders, steps=2, batch=2, crop=32, start="none", autocast="none"
    )
    told = []
    outcome = runs.start(config, tmp_path / "run", "cpu", 1, told.append, nets.silent)
    assert re.fullmatch(r"before training, the noisy pictures have 2[12]\.\d\d dB, .* dB", told[-1])
    assert outcome.measure.name == "psnr"
    assert 15 < outcome.score < 35  # the noise is at 22 dB
    settings = lookup.of_run(tmp_path / "run")[1]
    assert NoiseModel.from_dict(settings.found["noise"]).level() == pytest.approx(LEVEL, rel=0.15)
    assert "--pairs noisy clean" in settings.command()


def test_pictures_of_two_types_are_of_two_sources(tmp_path):
    for number, kind in enumerate((np.uint8, np.uint16)):
        pixels = (noisy(number) * np.iinfo(kind).max).astype(kind)
        write_image(Image(pixels), tmp_path / f"{number}.tif")
    config = nets.settings(variant="tiny", noisy=(str(tmp_path),), steps=1, start="none", crop=32)
    with pytest.raises(TrainingError, match="uint16 and uint8"):
        nets.start(config, tmp_path / "run")
