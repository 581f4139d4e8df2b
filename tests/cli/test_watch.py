"""`imgae watch`, as a program of its own that is ended by a signal."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from pictures import write_picture as picture

from imgae import read_image
from imgae.cli import main

DENOISE = ("--model", "darken", "--sigma", "10")
PATIENCE = 60


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
    ],
)
def test_a_wrong_command_line_is_told(work, capfd, words, told):
    Path("in").mkdir()
    assert main(["watch", *words]) == 2
    assert told in capfd.readouterr().err


def test_a_folder_that_is_not_there_is_told(work, capfd):
    assert main(["watch", "none", "-o", "out"]) == 1
    assert capfd.readouterr().err == "imgae: none: no such folder to watch\n"
