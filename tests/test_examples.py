"""The examples that use imgae itself."""

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
