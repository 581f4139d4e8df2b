"""Runs with logs and another model beside them."""

import csv
import json
import sys

import nets
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from scenes import photo  # noqa: E402

from imgae import Image, write_image  # noqa: E402
from imgae.cli import main  # noqa: E402
from imgae.errors import TrainingError  # noqa: E402
from imgae.model.registry import find  # noqa: E402
from imgae.training import checkpoint, compare, loop, runs  # noqa: E402
from imgae.training.data import PictureBank  # noqa: E402
from imgae.training.tasks import lookup  # noqa: E402
from imgae.training.warmstart import load_weights, network_of  # noqa: E402
from imgae.training.watch import Watch  # noqa: E402


def lines(folder):
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


@pytest.fixture
def briefly(monkeypatch):
    """A line every two steps; nothing is timed."""
    monkeypatch.setattr(loop, "LOG_EVERY", 2)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    for number in range(3):
        pixels = (photo(64, 64, number) * 255).round().astype(np.uint8)
        write_image(Image(pixels), folder / f"{number}.png")
    return folder


def settings(pictures, **changes):
    values = {"variant": "tiny", "data": (str(pictures),), "steps": 4, "batch": 2, "crop": 32}
    return nets.settings(**values | {"validate_every": 2, "autocast": "none"} | changes)


def scored(task, config, validation, name):
    bank = PictureBank.of([np.zeros((64, 64, 3), np.uint8)])
    net = nets.build("tiny")
    trainer = loop.Trainer(net, None, bank, config, torch.device("cpu"))
    return compare.scored(validation, compare.opened(task, name, 1), trainer, task)


def test_a_new_run_forgets_one_that_never_came_to_a_checkpoint(tmp_path):
    for name in ("about.json", "log.jsonl", "preview.png"):
        (tmp_path / name).write_text("{}")
    checkpoint.Run(tmp_path).create()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("briefly")
def test_a_run_is_compared_with_a_file_and_resumed_with_what_it_has(pictures, tmp_path):
    folder, told = tmp_path / "run", []
    watch = Watch(["csv"], str(find("denoise-fast")))
    runs.start(settings(pictures), folder, "cpu", 1, told.append, nets.silent, watch)
    (sentence,) = [one for one in told if one.startswith("denoise-fast.onnx: ")]
    assert sentence.endswith(" dB on the same pictures")
    first = lines(folder)[-1]
    assert (first["compare_model"], first["compare"] > 5) == ("denoise-fast.onnx", True)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"steps": 6}))
    runs.resume(folder, "cpu", 1, nets.silent, nets.silent)
    assert [line["compare"] for line in lines(folder)] == [first["compare"]] * 3
    with (folder / "log.csv").open(newline="") as table:
        assert [row["step"] for row in csv.DictReader(table)] == ["2", "4", "6"]
    assert sorted(path.name for path in (folder / "previews").iterdir()) == [
        "000002.png", "000004.png", "000006.png"
    ]  # fmt: skip
    about = json.loads((folder / "about.json").read_text())
    assert [one["step"] for one in about["sessions"]] == [0, 4]
    assert about["ended"] == {"step": 6, "finished": True}
    assert about["command"].startswith("imgae train denoise --data ")
    assert (about["pictures"]["training"], about["measure"]["name"]) == (2, "psnr")


def test_a_file_scores_as_the_network_that_it_was_made_of(pictures):
    task, config = lookup.load("denoise"), settings(pictures)
    held = runs.read_pictures(config, nets.silent, task).validation
    validation = task.validation(config, held, torch.device("cpu"))
    card, weights = load_weights(find("denoise-fast"))
    net = network_of(card)
    net.load_state_dict(weights)
    assert scored(task, config, validation, "denoise-fast") == pytest.approx(
        validation.score(net), abs=1e-3
    )


@pytest.mark.parametrize("task", ["denoise", "camera", "estimate"])
def test_every_kind_of_validation_can_score_a_shipped_model(task):
    """Of the tasks whose networks are given more than a picture, or asked for more."""
    names = {"denoise": "denoise-fast-int8", "camera": "denoise-camera", "estimate": "estimate"}
    one = lookup.load(task)
    config = nets.settings(task, crop=32)
    pictures = [np.random.default_rng(n).integers(0, 255, (64, 64, 3), np.uint8) for n in range(2)]
    validation = one.validation(config, pictures, torch.device("cpu"))
    assert np.isfinite(scored(one, config, validation, names[task]))


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("inpaint", "is a model to inpaint from image, mask, which is no model of denoise"),
        ("denoise-camera", "which is no model of denoise; name one of this task"),
        ("denoise-quick", "no model is called 'denoise-quick'"),
        ("none.onnx", "no such model file"),
    ],
)
def test_a_model_that_cannot_be_compared_is_refused_before_pictures_are_read(
    pictures, tmp_path, capsys, monkeypatch, name, sentence
):
    monkeypatch.setattr(runs, "read_pictures", lambda *_: pytest.fail("pictures were read"))
    words = ["train", "denoise", "--data", str(pictures), "--steps", "1", "--variant", "tiny"]
    code = main([*words, "-o", str(tmp_path / "run"), "--threads", "1", "--compare", name])
    assert code == 1
    assert sentence in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.usefixtures("briefly")
def test_a_run_that_fails_says_so_in_its_folder(pictures, tmp_path, monkeypatch):
    monkeypatch.setattr(loop.Trainer, "broken", lambda one: "the loss is" if one.step > 2 else "")
    with pytest.raises(TrainingError, match="near step 4"):
        runs.start(settings(pictures), tmp_path / "run", "cpu", 1, nets.silent, nets.silent)
    ended = json.loads((tmp_path / "run" / "about.json").read_text())["ended"]
    assert ended["step"] == 4
    assert "NaN or infinite near step 4" in ended["error"]


def test_logs_that_exclude_each_other_and_a_missing_package_are_one_sentence(
    pictures, tmp_path, capsys, monkeypatch
):
    words = ["train", "denoise", "--data", str(pictures), "--steps", "1", "-o"]
    words += [str(tmp_path / "run"), "--log"]
    assert main([*words, "none", "csv"]) == 2
    assert "--log none stands alone" in capsys.readouterr().err
    monkeypatch.delitem(sys.modules, "torch.utils.tensorboard", raising=False)
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    assert main([*words, "csv", "tensorboard"]) == 1
    assert "pip install 'imgae[log]'" in capsys.readouterr().err
