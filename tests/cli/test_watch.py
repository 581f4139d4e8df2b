"""`imgae watch`, as a program of its own that is ended by a signal."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import tiny_models
from pictures import write_picture as picture

from imgae import Image, read_image, write_image
from imgae.cli import main
from imgae.cli.watch import with_command
from imgae.restore.batches.watch import arrivals

DENOISE = ("--model", "darken", "--sigma", "10")
BOX = ("--box", "2,2,3,3")
PATIENCE = 60


class Moments:
    """What ends a watch after a minute, in which things happen, but no time passes."""

    def __init__(self):
        self.now, self.then = 0.0, {}

    def is_set(self):
        return self.now >= 60

    def wait(self, seconds):
        self.now += seconds
        for moment in [each for each in self.then if each <= self.now]:
            self.then.pop(moment)()


@pytest.fixture
def moments(monkeypatch):
    found = Moments()

    def quick(folder, **options):
        yield from arrivals(folder, **{**options, "stop": found, "clock": lambda: found.now})

    monkeypatch.setattr("imgae.cli.watch.arrivals", quick)
    return found


@pytest.fixture
def work(models, tmp_path, monkeypatch):
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def wait_for(path):
    end = time.monotonic() + PATIENCE
    while not path.exists():
        assert time.monotonic() < end, f"{path} did not come"
        time.sleep(0.05)


def test_pictures_are_restored_as_they_arrive(work):
    picture("in/first.png", 1)
    Path("in/half.png").write_bytes(Path("in/first.png").read_bytes()[:100])
    words = ["watch", "in", "-o", "out", "--recursive", "--report", "run.json", *DENOISE]
    with subprocess.Popen(
        [sys.executable, "-m", "imgae", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        try:
            wait_for(Path("out/first.denoised.png"))
            picture("in/sub/second.png", 2)
            wait_for(Path("out/sub/second.denoised.png"))
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=PATIENCE)
        finally:
            process.kill()
    assert process.returncode == 3
    assert b"3 pictures: 2 done, 0 skipped, 1 failed" in out
    assert err.startswith(b"imgae: in/half.png: ")
    assert err.count(b"\n") == 1
    assert np.array_equal(
        read_image("out/sub/second.denoised.png").pixels,
        read_image("in/sub/second.png").pixels - 10,
    )
    statuses = sorted(record["status"] for record in json.loads(Path("run.json").read_text()))
    assert statuses == ["done", "done", "failed"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["in"], "name the folder for the results with -o"),
        (["in", "more", "-o", "out"], "imgae watch takes one folder"),
        (["in", "-o", "in"], "in is the folder that is watched"),
        (["in", "-o", "out", "--dry-run"], "are not for imgae watch"),
        (["inpaint", "in", "-o", "out"], "nothing says what to fill"),
        (["inpaint", "in", "-o", "out", *BOX, "--save-mask", "in/a.png"], "write one file"),
        (["inpaint", "in", "-o", "out", *BOX, "--preview", "in/a.png"], "write one file"),
        (["s3://bucket/in", "-o", "out"], "only folders of this machine can be watched"),
    ],
)
def test_a_wrong_command_line_is_told(work, capfd, words, told):
    Path("in").mkdir()
    assert main(["watch", *words]) == 2
    assert told in capfd.readouterr().err


def test_a_folder_that_is_not_there_is_told(work, capfd):
    assert main(["watch", "none", "-o", "out"]) == 1
    assert capfd.readouterr().err == "imgae: none: no such folder to watch\n"


@pytest.mark.parametrize("model", ["nonesuch", "in/broken.onnx"])
def test_a_model_that_cannot_be_used_is_told_before_pictures_come(work, capfd, moments, model):
    Path("in").mkdir()
    Path("in/broken.onnx").write_bytes(b"no model")
    assert main(["watch", "in", "-o", "out", "--model", model]) == 1
    assert model in capfd.readouterr().err


def test_results_go_to_a_bucket(work, capfd, moments):
    upath = pytest.importorskip("upath", reason="universal-pathlib is not installed")
    picture("in/a.png", 1)
    assert main(["watch", "in", "-o", "memory://watched", *DENOISE]) == 0
    assert "1 picture: 1 done" in capfd.readouterr().out
    assert upath.UPath("memory://watched/a.denoised.png").exists()
    assert [path.name for path in work.iterdir()] == ["in"]


def white(path, top):
    mask = np.zeros((20, 30, 1), np.uint8)
    mask[top : top + 3, 2:5] = 255
    path.parent.mkdir(parents=True, exist_ok=True)
    write_image(Image(mask), path, overwrite=True)


def test_masks_may_come_after_their_pictures_and_are_no_pictures(work, models, capfd, moments):
    tiny_models.fill(models / "white.onnx")
    picture("in/a.png", 1)
    picture("in/b.png", 1)
    Path("in/masks").mkdir()
    moments.then = {
        10.0: lambda: white(Path("in/masks/a.png"), 2),
        20.0: lambda: white(Path("in/masks/a.png"), 9),
    }
    words = ["watch", "inpaint", "in", "-r", "-o", "out", "--mask", "in/masks", "--model", "white"]
    assert main(words) == 3
    out, err = capfd.readouterr()
    assert "3 pictures: 2 done, 0 skipped, 1 failed" in out, err
    assert err.startswith("imgae: in/b.png: no mask for it in in/masks")
    assert err.count("\n") == 1
    assert [path.name for path in Path("out").iterdir()] == ["a.inpainted.png"]
    assert (read_image("out/a.inpainted.png").pixels[9:12, 2:5] == 255).all()


def test_a_folder_may_have_the_name_of_a_command(work):
    assert with_command(["watch", "mask", "-o", "out"]) == ["watch", "mask", "-o", "out"]
    Path("mask").mkdir()
    Path("in").mkdir()
    Path("out").mkdir()
    assert with_command(["watch", "mask", "-o", "out"]) == ["watch", "denoise", "mask", "-o", "out"]
    words = ["watch", "mask", "-o", "out", "in"]
    assert with_command(words) == words
    assert with_command(["watch", "mask", "mask"]) == ["watch", "mask", "mask"]
