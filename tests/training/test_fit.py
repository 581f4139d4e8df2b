"""A model for one file: `imgae denoise --fit`."""

import json
import shutil
import signal
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from scenes import photo  # noqa: E402

from imgae import Image, read_frames, write_frames, write_image  # noqa: E402
from imgae.cli import fitting, main, program  # noqa: E402
from imgae.errors import TrainingError  # noqa: E402
from imgae.model import session  # noqa: E402
from imgae.picture.image import Frames  # noqa: E402
from imgae.restore.denoise import Common  # noqa: E402
from imgae.training import fit, loop  # noqa: E402
from imgae.training.noise.model import NoiseModel  # noqa: E402

LEVEL = 20 / 255


def page(number, kind=np.uint16, side=112):
    noise = np.random.default_rng(number).normal(0, LEVEL, (side, side, 3))
    values = (0.2 + 0.6 * photo(side, side, number) + noise).clip(0, 1)
    return Image(np.rint(values * np.iinfo(kind).max).astype(kind))


@pytest.fixture
def stack(tmp_path):
    """A stack of two slices."""
    path = tmp_path / "stack.tif"
    write_frames(Frames((page(1), page(2)), "stack"), path)
    return path


@pytest.fixture(autouse=True)
def brief(monkeypatch):
    """Let fitting take few and small steps."""
    for name, value in (("VARIANT", "tiny"), ("CROP", 32), ("BATCH", 2)):
        monkeypatch.setattr(fit, name, value)


def fitted(path, *more):
    return main(["denoise", str(path), "--fit", "--minutes", "0.01", "--threads", "1", *more])


def test_the_usual_result_is_kept_where_fitting_gained_nothing(stack, tmp_path, capsys):
    model = tmp_path / "kept.onnx"
    assert fitted(stack, "--json", "--save-model", str(model)) == 0
    record = json.loads(capsys.readouterr().out)
    (sentence,) = (note for note in record["notes"] if "lowers the error" in note)
    assert "the usual result is kept" in sentence  # tiny networks learn nothing in a second
    assert f"the model is saved in {model} all the same" in sentence
    assert "fitted" not in record["model"]
    card = session.load(model).card
    assert card.noise.pixels == "uint16"
    assert card.recipe == "imgae denoise stack.tif --fit --minutes 0.01 --save-model kept.onnx"
    assert card.training_data == ("stack.tif",)
    assert len(read_frames(tmp_path / "stack.denoised.tif")) == 2

    def gained(pages, path, *_, **__):
        shutil.copy(model, path)
        return fit.Fitted(9.0, 8.0, "level 20 of 255", 7, 1.0)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fit, "fit", gained)
        assert fitted(stack, "--json", "--overwrite") == 0
    record = json.loads(capsys.readouterr().out)
    assert record["model"] == "kept"
    assert record["sigma_source"] == "removed"
    assert any("its result is kept" in note for note in record["notes"])


def test_that_no_model_is_saved_is_said(stack, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(fit, "doubt_of", lambda *_: "its texture cannot be told from its noise")
    model = tmp_path / "kept.onnx"
    assert fitted(stack, "--json", "--save-model", str(model)) == 0
    sentence = json.loads(capsys.readouterr().out)["notes"][0]
    assert "no model was trained" in sentence
    assert "imgae train denoise --noisy" in sentence
    assert f"{model} was not written" in sentence
    assert not model.exists()


def test_an_interrupt_leaves_no_result(stack, monkeypatch):
    real = loop.Trainer.train_step

    def interrupted(self):
        signal.raise_signal(signal.SIGINT)
        real(self)

    monkeypatch.setattr(fit, "choose_pace", lambda *args: (args[3], 1.0))
    monkeypatch.setattr(loop.Trainer, "train_step", interrupted)
    assert main(["denoise", str(stack), "--fit", "--threads", "1"]) == 130
    assert [path.name for path in stack.parent.iterdir()] == ["stack.tif"]


def test_what_cannot_be_learnt_from_is_refused(tmp_path, capsys):
    small = tmp_path / "small.tif"
    write_image(page(1, side=40), small)
    assert fitted(small) == 1
    assert "only 40 pixels on its shortest side" in capsys.readouterr().err
    moving = tmp_path / "moving.png"
    frames = [page(number, np.uint8) for number in range(2)]
    write_frames(Frames(tuple(frames), "animation"), moving)
    assert fitted(moving) == 1
    assert "this is an animation" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["a.tif", "--fit", "--sigma", "5"], "leave out --sigma"),
        (["a.tif", "--fit", "--model", "denoise-fast", "--dry-run"], "out --model, --dry-run"),
        (["a.tif", "b.tif", "--fit"], "trains on one file"),
        (["*.tif", "--fit"], "trains on one file"),
        (["@list.txt", "--fit"], "trains on one file"),
        ([".", "--fit"], "trains on one file"),
        (["a.tif", "--minutes", "3"], "--minutes goes with --fit"),
        (["a.tif", "--save-model", "a.onnx"], "--save-model goes with --fit"),
        (["a.tif", "--fit", "--save-model", "a.bin"], "ends in .onnx"),
    ],
)
def test_options_that_do_not_go_with_it_are_refused(words, sentence, capsys):
    assert main(["denoise", *words]) == 2
    assert sentence in " ".join(capsys.readouterr().err.split())


def test_texture_that_was_taken_for_noise_is_found_out():
    noise = NoiseModel.gaussian(LEVEL)
    draw = np.random.default_rng(0)
    clean = np.full((64, 64, 3), 0.5, np.float32)
    noisy = clean + draw.normal(0, LEVEL, clean.shape).astype(np.float32)
    assert fit.doubt_of(noise, noisy, clean) == ""
    assert "texture" in fit.doubt_of(NoiseModel.gaussian(2 * LEVEL), noisy, clean)
    smooth = replace(noise, kernels=((1 / 3,) * 9,) * 3)
    assert "texture" in fit.doubt_of(smooth, noisy, clean)


@pytest.mark.parametrize(("times", "doubted"), [(1.1, False), (1.35, True)])
def test_of_smooth_noise_the_level_alone_can_tell(times, doubted):
    """Both the noise and the texture that was taken for it are smooth."""
    smooth = replace(NoiseModel.gaussian(LEVEL), kernels=((1 / 3,) * 9,) * 3)
    clean = torch.full((1, 3, 96, 96), 0.5)
    noisy = clean + smooth.draw(clean, torch.Generator().manual_seed(0))
    found = replace(NoiseModel.gaussian(times * LEVEL), kernels=smooth.kernels)
    page_, restored = (x[0].permute(1, 2, 0).numpy() for x in (noisy, clean))
    assert bool(fit.doubt_of(found, page_, restored)) == doubted


def test_noise_of_photons_is_no_texture_where_the_usual_way_takes_too_little():
    """As of cells on black: all noise of the black is removed, and little of what is bright."""
    draw = np.random.default_rng(0)
    clean = np.full((64, 64, 3), 0.04, np.float32)
    clean[32:, 32:] = 0.8
    sigma = np.sqrt(clean / 40)
    noisy = (clean + draw.normal(0, sigma)).astype(np.float32)
    restored = noisy + (clean - noisy) * np.minimum(1, 0.04 / sigma)
    removed = float(np.square(noisy - restored).mean())
    assert np.square(sigma).mean() > 3 * removed
    noise = NoiseModel.line("poisson-gaussian", (1 / 40,) * 3, (0.0,) * 3)
    assert fit.doubt_of(noise, noisy, restored.astype(np.float32)) == ""


def test_blocks_for_validation_are_kept_out_of_training():
    pages = [np.full((800, 500, 3), number, np.uint8) for number in range(2)]
    for page_ in pages:
        page_[:, :, 1] = np.arange(500) // 2
    parts = fit.parts_of(pages, fit.CROP)
    assert len(parts.validation) == 4
    assert {block.shape for block in parts.validation} == {(133, 133, 3)} or all(
        max(block.shape[:2]) <= fit.BLOCK for block in parts.validation
    )
    kept = sum(block.size for block in parts.validation)
    trained = sum(part.size for part in parts.training)
    assert 0.7 < trained / sum(page_.size for page_ in pages) <= 1 - kept / 2.4e6
    with pytest.raises(TrainingError, match="only 95 pixels"):
        fit.check_size([np.zeros((95, 200, 3), np.uint8)])


@pytest.mark.parametrize("side", [96, 112, 150, 200])
def test_of_small_pages_too_a_block_is_kept_out(side, monkeypatch):
    monkeypatch.setattr(fit, "CROP", 96)
    page_ = np.arange(3 * side * side, dtype=np.float32).reshape(side, side, 3)
    crop = fit.crop_of([page_])
    assert crop >= 64
    for _ in range(5):
        parts = fit.parts_of([page_], crop)
        (kept,) = parts.validation
        assert parts.training
        assert min(min(part.shape[:2]) for part in parts.training) >= crop
        assert not any(np.isin(kept, part).any() for part in parts.training)


def test_the_usual_way_goes_by_what_whole_pages_tell(stack):
    """What it is compared on are small crops, in which little can be told."""
    options = program.parse(["denoise", str(stack), "--fit"])
    worker = fitting.fitting_worker(options)
    asked = []

    class Looking:
        def common_to(self, images):
            asked.append([image.pixels.shape for image in images])
            return Common(True, LEVEL)

        def run(self, image, common):
            asked.append(common)
            return SimpleNamespace(image=image)

    worker.denoiser = Looking()
    rival = worker.usual([np.zeros((60, 80, 3), np.float32)])
    assert rival(np.zeros((9, 9, 3), np.float32)).shape == (9, 9, 3)
    assert asked == [[(30, 80, 3)] * 2, Common(True, LEVEL)]
