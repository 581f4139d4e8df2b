"""What all tasks of `imgae evaluate` share: checks before the work, names, notes, cards."""

import json
import shlex
import shutil
import subprocess
import sys

import numpy as np
import PIL.Image
import pytest
import tiny_code
import tiny_models
from scenes import photo

from imgae import Image, write_image
from imgae.cli import main, parse
from imgae.model import registry, session

pytest.importorskip("skimage", reason="scikit-image is not installed")

TASKS = {
    "denoise": ["--models", "identity", "--no-memory", "--sigma", "25"],
    "inpaint": ["--models", "white", "--against", "telea", "--kinds", "random50"],
    "camera": ["--models", "identity"],
    "harm": ["--models", "identity", "--limit", "1"],
    "detect": ["--models", "bright"],
    "code": ["--models", "blocks", "--others", "clean"],
}
OUTPUTS = [
    *((task, "--json") for task in TASKS),
    *((task, "--sheet") for task in ("denoise", "inpaint", "harm")),
    ("denoise", "--plot"),
]


@pytest.fixture
def work(models, tmp_path, monkeypatch):
    """A folder to work in with tiny models of every task and two pictures."""
    tiny_models.fill(models / "white.onnx")
    tiny_models.bright(models / "bright.onnx")
    tiny_models.negative(models / "negative.onnx")
    tiny_code.blocks(models / "blocks.onnx")
    folder = tmp_path / "clean"
    folder.mkdir()
    for number in range(2):
        pixels = (photo(64, 72, number) * 255).round().astype(np.uint8)
        write_image(Image(pixels), folder / f"{number}.png")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def one_sentence(capfd):
    out, err = capfd.readouterr()
    assert out == ""
    assert err.count("\n") == 1, err
    assert "unexpected" not in err
    return err


@pytest.mark.parametrize(("task", "option"), OUTPUTS)
@pytest.mark.parametrize("place", ["no/such", "folder"])
def test_an_output_that_cannot_be_written_fails_before_the_work(work, task, option, place, capfd):
    suffix = ".json" if option == "--json" else ".png"
    (work / f"folder{suffix}").mkdir()
    command = ["evaluate", task, "clean", *TASKS[task], option, f"{place}{suffix}"]
    assert main(command) == 1
    assert f"{place}{suffix}" in one_sentence(capfd)


def test_two_outputs_are_two_files(work, capfd):
    names = ["--json", "a.png", "--sheet", "./a.png"]
    assert main(["evaluate", "denoise", "clean", *TASKS["denoise"], *names]) == 1
    assert "two outputs" in one_sentence(capfd)


@pytest.mark.parametrize("task", ["denoise", "camera"])
def test_models_of_one_name_are_told_apart(work, task, capfd):
    for folder, make in (("a", tiny_models.identity), ("b", tiny_models.negative)):
        (work / folder).mkdir()
        make(work / folder / "m.onnx")
    words = ["--no-memory", "--sigma", "25"] if task == "denoise" else []
    command = ["evaluate", task, "clean", "--models", "a/m.onnx,b/m.onnx", "--json", "all.json"]
    assert main([*command, *words]) == 0
    rows = json.loads((work / "all.json").read_text())["results"]
    figures = {row["method"]: row["psnr"] for row in rows}
    assert set(figures) == {"a/m.onnx", "b/m.onnx"}
    assert len(set(figures.values())) == 2
    table = capfd.readouterr().out
    assert "a/m.onnx" in table
    assert "b/m.onnx" in table


def test_a_model_named_twice_is_an_error(work, capfd):
    words = ["--models", "identity,identity", "--no-memory"]
    assert main(["evaluate", "denoise", "clean", *words]) == 1
    assert "named 2 times" in one_sentence(capfd)


@pytest.mark.parametrize("task", ["denoise", "inpaint"])
def test_pictures_too_small_for_ssim_are_measured_without_it(work, task, capfd):
    pixels = (photo(9, 30) * 255).round().astype(np.uint8)
    write_image(Image(pixels), work / "clean" / "small.png")
    words = [*TASKS[task], "--json", "all.json"]
    assert main(["evaluate", task, "clean", *words]) == 0
    assert "small: 30x9 is too small for SSIM" in capfd.readouterr().err
    row = json.loads((work / "all.json").read_text())["results"][0]
    assert "small" in row["pictures"]
    assert 0 < row["ssim"] <= 1


@pytest.mark.parametrize("task", TASKS)
def test_a_damaged_file_is_left_out_with_a_note(work, task, capfd):
    (work / "clean" / "0-broken.png").write_bytes(b"no picture")
    assert main(["evaluate", task, "clean", *TASKS[task]]) == 0
    out, err = capfd.readouterr()
    assert out.startswith("| ")
    assert "imgae: note: clean/0-broken.png: not a picture" in err


def test_a_folder_without_one_good_file_is_an_error(work, capfd):
    (work / "bad").mkdir()
    for name in "ab":
        (work / "bad" / f"{name}.png").write_bytes(b"no picture")
    assert main(["evaluate", "denoise", "bad", *TASKS["denoise"]]) == 1
    err = one_sentence(capfd)
    assert "no picture in it can be read" in err
    assert "bad/a.png" in err


@pytest.mark.parametrize("task", ["denoise", "camera", "harm"])
def test_pairs_without_a_match_are_one_sentence(work, task, capfd):
    (work / "pairs").mkdir()
    for name in ("a_real.png", "b_mean.png"):
        shutil.copy(work / "clean" / "0.png", work / "pairs" / name)
    folder = "pairs" if task == "denoise" else "clean"
    assert main(["evaluate", task, folder, *TASKS[task], "--pairs", "pairs"]) == 1
    err = one_sentence(capfd)
    assert "NAME_real.png" in err
    assert "pairs" in err


@pytest.mark.parametrize("task", ["denoise", "camera", "harm"])
def test_pairs_of_unequal_sizes_are_one_sentence(work, task, capfd):
    (work / "pairs").mkdir()
    for name, height in (("a_real.png", 20), ("a_mean.png", 30)):
        write_image(Image(np.zeros((height, 40, 3), np.uint8)), work / "pairs" / name)
    folder = "pairs" if task == "denoise" else "clean"
    assert main(["evaluate", task, folder, *TASKS[task], "--pairs", "pairs"]) == 1
    err = one_sentence(capfd)
    assert "a_real.png is 40x20 RGB, but pairs/a_mean.png is 40x30 RGB" in err


@pytest.mark.parametrize("task", TASKS)
def test_large_pictures_are_read_without_a_raw_warning(work, task, monkeypatch, capfd):
    monkeypatch.setattr(PIL.Image, "MAX_IMAGE_PIXELS", 2_000)  # of 4,608: twice is an error
    assert main(["evaluate", task, "clean", *TASKS[task]]) == 0
    assert capfd.readouterr().err == ""


def test_a_warning_about_a_file_is_a_note(work, capfd):
    (work / "clean" / "0.png").unlink()
    pictures = [PIL.Image.open(work / "clean" / "1.png").convert("RGB")] * 2
    pictures[0].save(work / "clean" / "phone.jpg", "MPO", save_all=True,
                     append_images=pictures[1:])  # fmt: skip
    assert main(["evaluate", "denoise", "clean", *TASKS["denoise"]]) == 0
    err = capfd.readouterr().err
    assert err.startswith("imgae: note: clean/phone.jpg: 2 pictures in one JPEG")
    assert err.count("\n") == 1


def test_a_baseline_that_is_not_installed_is_told_before_the_work(work, monkeypatch, capfd):
    monkeypatch.setitem(sys.modules, "bm3d", None)
    assert main(["evaluate", "denoise", "clean", *TASKS["denoise"], "--against", "bm3d"]) == 1
    err = one_sentence(capfd)
    assert "the baseline bm3d needs the package bm3d" in err
    assert "pip install bm3d" in err


def test_measuring_works_where_there_is_no_resource_module():
    program = """
import sys
sys.modules["resource"] = None
import imgae.evaluate.denoise
from imgae.evaluate.memory import peak_memory
print(peak_memory("nlm", False, 1))
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "None"


CARDS = {
    "denoise": (["--models", "darken", "--sigma", "25,50"], 6),
    "inpaint": (["--models", "white", "--kinds", "random50,random80"], 2),
    "camera": (["--models", "darken", "--pairs", "pairs"], 12),
    "detect": (["--models", "bright"], 3),
    "code": (["--models", "blocks", "--others", "others"], 4),
}


@pytest.mark.parametrize("task", CARDS)
def test_the_scores_in_a_card_are_what_their_command_prints(work, task, monkeypatch, capfd):
    monkeypatch.setattr("imgae.evaluate.memory.peak_memory", lambda *_: None)  # takes its time
    (work / "pairs").mkdir()
    shutil.copy(work / "clean" / "0.png", work / "pairs" / "a_real.png")
    shutil.copy(work / "clean" / "0.png", work / "pairs" / "a_mean.png")
    shutil.copytree(work / "clean", work / "others")
    words, count = CARDS[task]
    path = work / "models" / f"{words[1]}.onnx"
    before = session.load(path).card
    assert main(["evaluate", task, "clean", *words, "--write-card", "--name", "Two Photos"]) == 0
    capfd.readouterr()
    card = session.load(path).card
    assert len(card.scores) == count
    assert len({score.what for score in card.scores}) == count
    assert card.sha256 == before.sha256
    for command in {score.command for score in card.scores}:
        assert main(shlex.split(command)[1:]) == 0
        printed = capfd.readouterr().out
        for score in card.scores:
            if score.command == command:
                assert "Two Photos" in score.what or score.what.startswith("pairs, ")
                forms = (f"{score.value:.2f}", f"{score.value:.3f}", f"{score.value:+.2f}")
                assert any(form in printed for form in forms) or inside(score.value, printed)


def inside(value, printed):
    """Whether a cell of a table is the value but for the digits that it prints."""
    cells = [cell.strip() for cell in printed.replace("\n", "|").split("|")]
    numbers = [float(cell) for cell in cells if cell.replace(".", "", 1).lstrip("+-").isdigit()]
    return any(abs(number - value) <= 0.0051 for number in numbers)


@pytest.mark.parametrize(
    ("task", "words", "sentence"),
    [
        ("denoise", ["--models", "identity,darken"], "one model's card"),
        ("denoise", [], "one model's card"),
        ("camera", ["--models", "auto"], "one model's card"),
        ("denoise", ["--models", "nope"], "no model is called"),
        ("denoise", ["--models", "negative"], "imgae evaluate camera --write-card"),
        ("denoise", ["--models", "identity", "--json", "a.json"], "leave --pairs"),
        ("denoise", ["--models", "identity", "--noise", "clean"], "cards hold no scores"),
        ("inpaint", ["--models", "white", "--against", ""], "compares with baselines"),
        ("camera", ["--models", "identity", "--against", "nlm"], "one model alone"),
    ],
)
def test_a_card_that_cannot_be_written_is_one_sentence(work, task, words, sentence, capfd):
    assert main(["evaluate", task, "clean", *words, "--write-card"]) == 1
    assert sentence in one_sentence(capfd)


def test_the_shipped_cards_name_commands_that_are_there():
    for name, path in registry.available().items():
        for score in session.load(path).card.scores:
            words = shlex.split(score.command)
            assert words[:2] == ["imgae", "evaluate"], score
            options = parse(words[1:])
            assert options.models == [name]
