"""What all tasks of `imgae evaluate` share: checks before the work, names, notes, cards."""

import io
import json
import re
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
    assert err.startswith("imgae: note: clean/phone.jpg: left out,")
    assert "1 further picture" in err
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
    "inpaint": (["--models", "white", "--kinds", "random50,random80,text"], 3),
    "camera": (["--models", "darken", "--pairs", "pairs"], 12),
    "detect": (["--models", "bright"], 10),
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
                cell = printed_for(task, score, printed)
                assert float(cell) == pytest.approx(score.value, abs=rounding(cell, score)), score


def printed_for(task, score, printed):
    """Return what a command printed for a score: one cell of its tables, found by its heads."""
    assert score.what.startswith(("Two Photos, ", "pairs, "))
    what = score.what.removeprefix("Two Photos, ")
    if task == "denoise":
        sigma, noise, *level = what.removeprefix("sigma ").split(", ")
        assert noise == ("float noise" if "--noise float" in score.command else "8-bit noise")
        assert bool(level) == ("--level estimated" in score.command)
        return cell_of(printed, "method", "darken", f"PSNR {sigma}")
    if task == "inpaint":
        kind = what.split(", ")[0]
        column = "PSNR in holes" if kind == "box96" else "over best baseline"
        return cell_of(printed, kind, "white", column)
    if task == "camera":
        if what == "clean":
            return re.search(r"without limit: darken (\S+)", printed)[1]
        row = "real" if what == "pairs, change" else what.removesuffix(", change")
        return cell_of(printed, "pictures", row, "darken: mean")
    if task == "detect":
        _, drawn, tone, defect = what.split(", ")
        rows = [line for line in printed.split("\n") if f" | {drawn} | {defect} | " in line]
        return cell_of("\n".join([*printed.split("\n")[:2], *rows]), "defect", defect, f"F1 {tone}")
    column = {
        "reconstructed": "PSNR",
        "others: damaged copies found first": "copies found",
        "others: damaged cells, by code": "AUROC by code",
        "others: damaged cells, by error": "by error",
    }[what]
    return cell_of(printed, "method", "blocks", column)


def cell_of(printed, key, row, column):
    """Return the cell of a column, in the row that holds `row` under the head `key`."""
    for table in printed.split("\n\n"):
        lines = [line.strip("| ").split(" | ") for line in table.split("\n") if line[:2] == "| "]
        if lines and key in lines[0]:
            (found,) = [line for line in lines[1:] if line[lines[0].index(key)] == row]
            return found[lines[0].index(column)]
    raise AssertionError(f"no table of {key} in {printed}")


def rounding(cell, score):
    """Return how far two roundings of one figure can be apart; 0 if both have as many digits."""
    digits, own = len(cell.partition(".")[2]), 3 if score.command.split()[2] == "code" else 2
    return 0 if digits == own else 0.0051


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
        ("inpaint", ["--models", "white", "--against", ""], "all baselines"),
        ("inpaint", ["--models", "white", "--against", "telea"], "all baselines"),
        ("denoise", ["--models", "identity", "--limit", "1"], "--limit"),
        ("inpaint", ["--models", "white", "--limit", "1"], "--limit"),
        ("camera", ["--models", "identity", "--limit", "1"], "--limit"),
        ("detect", ["--models", "bright", "--limit", "1"], "--limit"),
        ("code", ["--models", "blocks", "--others", "clean", "--limit", "1"], "--limit"),
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
            # An estimator works before another model, which its scores name.
            models = getattr(options, "models", None) or [options.model]
            assert models == ["denoise-fast" if name == "estimate" else name]


INPUTS = [
    *((task, [], "clean/0.png") for task in TASKS),
    ("denoise", ["--pairs", "other"], "other/a_mean.png"),
    ("camera", ["--pairs", "other"], "other/a_real.png"),
    ("code", ["--others", "other"], "other/a_real.png"),
    ("code", ["--train", "clean,nested"], "nested/deep/t.png"),
    ("denoise", [], "models/identity.onnx"),
    ("denoise", ["--models", "models/darken.onnx"], "models/darken.onnx"),
    ("code", [], "models/blocks.onnx"),
    ("camera", ["--models", "auto"], "models/identity.onnx"),
]


@pytest.mark.parametrize(("task", "words", "path"), INPUTS)
@pytest.mark.parametrize("linked", [False, True])
def test_no_output_goes_over_a_file_that_is_read(work, task, words, path, linked, capfd):
    (work / "other").mkdir()
    (work / "nested" / "deep").mkdir(parents=True)
    for name in ("other/a_real.png", "other/a_mean.png", "nested/deep/t.png"):
        shutil.copy(work / "clean" / "0.png", work / name)
    output = path
    if linked:
        output = "link.json"
        (work / output).symlink_to(work / path)
    before = (work / path).read_bytes()
    assert main(["evaluate", task, "clean", *TASKS[task], *words, "--json", output]) == 1
    err = one_sentence(capfd)
    assert f"{output}: " in err
    assert "name another" in err
    assert (work / path).read_bytes() == before


def test_an_output_may_replace_an_earlier_one_among_the_pictures(work):
    command = ["evaluate", "denoise", "clean", *TASKS["denoise"], "--json", "clean/all.json"]
    assert [main(command), main(command)] == [0, 0]


def test_a_sheet_does_not_go_over_a_picture(work, capfd):
    before = (work / "clean" / "1.png").read_bytes()
    words = ["--sheet", "models/../clean/1.png"]
    assert main(["evaluate", "inpaint", "clean", *TASKS["inpaint"], *words]) == 1
    assert "clean/1.png" in one_sentence(capfd)
    assert (work / "clean" / "1.png").read_bytes() == before


def flatten(work):
    for number in range(2):
        pixels = np.full((64, 72, 3), 90 + number, np.uint8)
        write_image(Image(pixels), work / "clean" / f"{number}.png", overwrite=True)


@pytest.mark.parametrize(
    ("task", "words", "count"),
    [
        ("denoise", ["--models", "identity", "--sigma", "0,25"], 3),
        ("inpaint", ["--models", "white", "--kinds", "random50"], 0),
    ],
)
def test_a_card_can_be_read_after_scores_of_flat_pictures(work, task, words, count, capfd):
    flatten(work)
    path = work / "models" / f"{words[1]}.onnx"
    before = path.read_bytes()
    code = main(["evaluate", task, "clean", *words, "--write-card"])
    capfd.readouterr()
    scores = session.load(path).card.scores
    assert code == (0 if count else 1)
    assert len(scores) == count
    assert (path.read_bytes() == before) == (count == 0)


@pytest.mark.parametrize("baseline", ["tv", "nlm", "wavelet"])
@pytest.mark.parametrize("words", [["--sigma", "0"], ["--noise", "clean"]])
def test_baselines_are_measured_on_pictures_without_noise(work, baseline, words, capfd):
    flatten(work)
    command = ["evaluate", "denoise", "clean", "--models", "identity", "--no-memory", *words]
    assert main([*command, "--against", baseline]) == 0
    assert f"| {baseline} | " in capfd.readouterr().out


def test_a_kind_of_hole_for_which_all_pictures_are_too_small_is_left_out(work, capfd):
    for number in range(2):
        pixels = (photo(3, 20, number) * 255).round().astype(np.uint8)
        write_image(Image(pixels), work / "clean" / f"{number}.png", overwrite=True)
    words = ["--models", "white", "--against", "telea", "--json", "all.json"]
    assert main(["evaluate", "inpaint", "clean", *words, "--kinds", "random50,scratches"]) == 0
    assert "large enough for holes of the kind scratches; left out" in capfd.readouterr().err
    rows = json.loads((work / "all.json").read_text())["results"]
    assert {row["kind"] for row in rows} == {"random50"}
    assert main(["evaluate", "inpaint", "clean", *words, "--kinds", "scratches"]) == 1
    assert "no picture is large enough" in capfd.readouterr().err


def test_a_card_says_how_many_scores_were_replaced(work, capfd):
    command = ["evaluate", "denoise", "clean", "--models", "darken", "--write-card"]
    for sigma in ("15,25", "50"):
        assert main([*command, "--noise", "float", "--sigma", sigma]) == 0
        out = capfd.readouterr().out
    assert out.endswith("1 score written into its card, in place of the 2 that were there\n")


@pytest.mark.parametrize("task", ["denoise", "camera", "harm", "inpaint", "detect", "code"])
@pytest.mark.parametrize("terminal", [True, False])
def test_a_terminal_sees_what_is_being_measured(work, task, terminal, monkeypatch, capfd):
    stream = io.StringIO()
    stream.isatty = lambda: terminal
    monkeypatch.setattr(sys, "stderr", stream)
    assert main(["evaluate", task, "clean", *TASKS[task]]) == 0
    told = {
        "denoise": ["sigma 25"],
        "camera": ["ISO 200", "JPEG 10", "clean"],
        "harm": ["clean", "dark", "flat"],
        "inpaint": ["random50"],
        "detect": ["bright"],
        "code": ["blocks"],
    }[task]
    lines = stream.getvalue().splitlines()
    for name in told:
        assert (f"imgae: measuring {name}" in lines) == terminal


@pytest.mark.parametrize("task", ["camera", "harm"])
def test_help_says_how_long_a_task_takes_and_what_makes_it_quick(task, capfd):
    assert main(["evaluate", task, "--help"]) == 0
    out = " ".join(capfd.readouterr().out.split())
    assert "seconds for each megapixel and condition" in out
    assert "--limit 3" in out
    assert "no extra" in out


@pytest.mark.parametrize("task", sorted({*TASKS} - {"harm"}))
def test_help_says_that_scores_are_replaced(task, capfd):
    assert main(["evaluate", task, "--help"]) == 0
    assert "replace all scores" in " ".join(capfd.readouterr().out.split())
