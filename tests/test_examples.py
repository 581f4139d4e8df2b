"""The examples that use imgae itself."""

import subprocess
import sys

import numpy as np
from documents import ROOT

import imgae


def test_scans_of_a_folder_are_repaired(tmp_path):
    scans, output = tmp_path / "scans", tmp_path / "new" / "repaired"
    scans.mkdir()
    y, x = np.mgrid[:96, :96]
    clean = np.stack([(np.sin(x / 15 + k) + np.cos(y / 11)) * 40 + 120 for k in range(3)], 2)
    noisy = clean + np.random.default_rng(0).normal(0, 10, clean.shape)
    noisy[:, 40:42] = 250
    imgae.write_image(imgae.Image(noisy.clip(0, 255).astype(np.uint8)), scans / "a.png")
    (scans / "notes.txt").write_text("of 1950")
    command = [sys.executable, ROOT / "examples" / "repair_scans.py", scans, output]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "notes.txt: not a picture" in done.stderr
    assert {path.name for path in output.iterdir()} == {"a.png", "a.mask.png"}
    mask = imgae.read_image(output / "a.mask.png").pixels[:, :, 0] > 0
    assert mask[:, 40:42].mean() > 0.9
    repaired = imgae.read_image(output / "a.png").pixels.astype(float)
    assert np.abs(repaired - clean).mean() < np.abs(noisy - clean).mean() / 2
    assert np.abs(repaired - clean)[:, 40:42].mean() < 8
