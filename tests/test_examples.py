"""The examples that use imgae itself, and the one with a denoiser as a prior."""

import re
import subprocess
import sys

import numpy as np
from documents import ROOT

import imgae


def repair(scans, output):
    command = [sys.executable, ROOT / "examples" / "repair_scans.py", scans, output]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_nothing_is_written_over_scans_and_results(tmp_path):
    scans, output = tmp_path / "scans", tmp_path / "out"
    scans.mkdir()
    output.mkdir()
    imgae.write_image(imgae.Image(np.zeros((8, 8, 3), np.uint8)), scans / "a.png")
    (output / "a.png.png").write_text("a result")
    assert "a.png: has a result already" in repair(scans, output).stderr
    assert (output / "a.png.png").read_text() == "a result"
    done = repair(scans, scans)
    assert done.returncode == 1
    assert "holds the scans themselves" in done.stderr
    assert [path.name for path in scans.iterdir()] == ["a.png"]


def test_scans_of_a_folder_are_repaired(tmp_path):
    scans, output = tmp_path / "scans", tmp_path / "new" / "repaired"
    scans.mkdir()
    y, x = np.mgrid[:96, :96]
    clean = np.stack([(np.sin(x / 15 + k) + np.cos(y / 11)) * 40 + 120 for k in range(3)], 2)
    noisy = clean + np.random.default_rng(0).normal(0, 10, clean.shape)
    noisy[:, 40:42] = 250
    imgae.write_image(imgae.Image(noisy.clip(0, 255).astype(np.uint8)), scans / "a.png")
    (scans / "notes.txt").write_text("of 1950")
    done = repair(scans, output)
    assert done.returncode == 0
    assert "notes.txt: not a picture" in done.stderr
    assert {path.name for path in output.iterdir()} == {"a.png.png", "a.png.mask.png"}
    mask = imgae.read_image(output / "a.png.mask.png").pixels[:, :, 0] > 0
    assert mask[:, 40:42].mean() > 0.9
    repaired = imgae.read_image(output / "a.png.png").pixels.astype(float)
    assert np.abs(repaired - clean).mean() < np.abs(noisy - clean).mean() / 2
    assert np.abs(repaired - clean)[:, 40:42].mean() < 8


def plug_and_play(*words):
    command = [sys.executable, ROOT / "examples" / "plug_and_play.py", *words]
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)


def test_a_blurred_picture_is_sharpened_with_a_denoiser_as_the_prior(tmp_path):
    """By 1 dB and more, of a crop of the picture of the README."""
    crop, model = tmp_path / "crop.png", ROOT / "weights" / "denoise-contractive.onnx"
    pixels = imgae.read_image(ROOT / "examples" / "clean.png").pixels[200:296, 200:296]
    imgae.write_image(imgae.Image(pixels), crop)
    tried = plug_and_play(model, crop, tmp_path / "out.png", "--try", "--steps", "20")
    assert tried.returncode == 0, tried.stderr
    before, *_, after = map(float, re.findall(r": (\S+) dB", tried.stdout))
    assert after > before + 1
    blurred = tmp_path / "out.png.blurred.png"
    again = plug_and_play(model, blurred, tmp_path / "2.png", "--steps", "20", "--clean", crop)
    assert float(again.stdout.split()[-2]) > before + 0.9  # what is given was rounded
    missing = plug_and_play(model, tmp_path / "no.png", tmp_path / "3.png")
    assert (missing.returncode, missing.stderr.count("\n")) == (1, 1)
