"""`imgae train` and `imgae export`: what they say, and what they load before they must."""

import argparse
import re
import shlex
import subprocess
import sys

import numpy as np
import PIL.Image
import pytest
import tifffile

from imgae import Image, write_image
from imgae.cli import main, parser, train
from imgae.training.tasks.table import TASKS

LOADED = """
import sys
from imgae.cli import main
main({words!r})
print("torch" in sys.modules, file=sys.stderr)
"""


def loads_torch(*words):
    done = subprocess.run(
        [sys.executable, "-c", LOADED.format(words=[*words])], capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    return done.stderr.strip() == "True"


@pytest.mark.parametrize(
    "words", [("--help",), ("train", "--help"), ("train",), ("train", "deblur"), ("export", "-h")]
)
def test_help_needs_no_torch(words):
    assert not loads_torch(*words)


def test_the_options_of_a_task_need_torch():
    """So that the test above can fail."""
    pytest.importorskip("torch", reason="torch is not installed")
    assert loads_torch("train", "denoise", "--help")


def test_the_list_of_tasks_is_in_the_help(capsys):
    assert main(["train", "--help"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert all(f"{name} " in text and sentence in text for name, sentence in TASKS.items())


def test_the_help_says_what_a_task_needs_with_an_example(capsys):
    pytest.importorskip("torch", reason="torch is not installed")
    assert main(["train", "--help"]) == 0
    text = capsys.readouterr().out
    assert "needs -o, --data, and --steps or --minutes" in " ".join(text.split())
    (example,) = re.findall(r"^  imgae (train \w+ -.*)$", text, re.MULTILINE)
    options = parser().parse_args(shlex.split(example))
    assert train.missing(options) == []


def test_the_help_fits_a_terminal(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "82")  # two are for the margin
    assert main(["train", "--help"]) == 0
    text = capsys.readouterr().out
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize("task", TASKS)
def test_the_usage_of_a_task_says_what_it_needs(task, capsys):
    pytest.importorskip("torch", reason="torch is not installed")
    assert main(["train", task, "--help"]) == 0
    start, resume = capsys.readouterr().out.splitlines()[:2]
    assert (
        start == f"usage: imgae train {task} --data DIR -o RUN/ (--steps N | --minutes M) [options]"
    )
    assert resume.strip() == f"imgae train {task} --resume -o RUN/ [options]"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["train"], "the following arguments are required: TASK; see imgae train --help"),
        (["train", "deblur"], "invalid choice: 'deblur'"),
        (
            ["train", "inpaint"],
            "imgae: -o RUN/, --data DIR and --steps N (or --minutes M) are missing; see imgae",
        ),
        (["train", "denoise", "--data", "d", "--minutes", "3"], "imgae: -o RUN/ is missing; see"),
        (["train", "denoise", "--resume"], "imgae: -o RUN/ is missing; see"),
        (["train", "denoise", "-o", "run", "--pace", "3"], "unrecognized arguments: --pace"),
        (["train", "detect", "-o", "run", "--int8"], "unrecognized arguments: --int8"),
        (["train", "denoise", "-o", "run", "--autocast", "fp8"], "invalid choice: 'fp8'"),
    ],
)
def test_a_wrong_command_line_is_one_sentence(words, sentence, capsys):
    pytest.importorskip("torch", reason="torch is not installed")
    assert main(words) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert sentence in line


@pytest.mark.parametrize("task", TASKS)
def test_the_help_of_every_task_is_made_from_its_settings(task, capsys):
    pytest.importorskip("torch", reason="torch is not installed")
    from imgae.training.tasks import lookup

    assert main(["train", task, "--help"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    for _, option, _ in lookup.load(task).settings.options():
        assert f"{option.name} " in text
        assert " ".join(option.help.split()) in text.replace("- ", "-") or option.help in text


@pytest.fixture
def pictures(tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(3):
        pixels = np.random.default_rng(number).integers(0, 256, (64, 64, 3), np.uint8)
        write_image(Image(pixels), folder / f"{number}.png")
    return folder


def trained(folder, run, *more, task="denoise"):
    return main(
        ["train", task, "--data", str(folder), "--variant", "tiny", "--steps", "1", "--batch", "1",
         "--crop", "32", "--threads", "1", "--autocast", "none", "-o", str(run), *more]
    )  # fmt: skip


def test_training_starts_from_the_name_of_a_shipped_model(pictures, tmp_path):
    pytest.importorskip("torch", reason="torch is not installed")
    from imgae.training.tasks import lookup

    more = ("--from", "denoise-fast", "--variant", "fast")
    assert trained(pictures, tmp_path / "run", *more) == 0
    settings = lookup.of_run(tmp_path / "run")[1]
    assert settings.start == "denoise-fast"
    assert "--from denoise-fast" in settings.command()


def test_a_name_that_is_no_model_is_one_sentence(pictures, tmp_path, capsys):
    pytest.importorskip("torch", reason="torch is not installed")
    assert trained(pictures, tmp_path / "run", "--from", "denoise-quick") == 1
    assert "no model is called 'denoise-quick'; " in capsys.readouterr().err


def test_warnings_are_notes_and_those_of_libraries_are_silent(
    pictures, tmp_path, capfd, monkeypatch
):
    """A damaged comment is told as a note; a damaged tag and Pillow's limit of pixels are not."""
    pytest.importorskip("torch", reason="torch is not installed")
    monkeypatch.setattr(PIL.Image, "MAX_IMAGE_PIXELS", 1000)
    PIL.Image.new("RGB", (64, 64), "red").save(pictures / "text.png")
    data = (pictures / "text.png").read_bytes()
    text = b"\0\0\0\x09tEXtComment\0a" + b"\0\0\0\0"  # of a wrong checksum
    (pictures / "text.png").write_bytes(data[:33] + text + data[33:])
    broken_tiff(pictures / "broken.tif")
    assert trained(pictures, tmp_path / "run") == 0
    err = capfd.readouterr().err
    assert f"imgae: note: {pictures / 'text.png'}: the checksum of its side chunk" in err
    assert "passed over" not in err
    assert "decompression bomb" not in err


def broken_tiff(path):
    """Write a TIFF of 16 bits with a tag that tifffile complains about."""
    pixels = np.zeros((64, 64, 3), np.uint16)
    tifffile.imwrite(path, pixels, photometric="rgb", extratags=[(65000, 3, 1, 7, True)])
    data = path.read_bytes()
    tag = data.index((65000).to_bytes(2, "little") + (3).to_bytes(2, "little"))
    path.write_bytes(data[: tag + 2] + (99).to_bytes(2, "little") + data[tag + 4 :])


def test_a_score_of_zero_is_told(tmp_path, capsys):
    loop = pytest.importorskip("imgae.training.loop", reason="torch is not installed")
    gain = loop.Measure("gain", "{:+.2f} dB")
    outcome = loop.Outcome(3, True, "step 3", gain, 0.0, 5.0)
    assert train.conclude(outcome, argparse.Namespace(output=tmp_path), "") == 0
    assert "3 steps in 5 s, validation +0.00 dB; next" in " ".join(capsys.readouterr().out.split())
