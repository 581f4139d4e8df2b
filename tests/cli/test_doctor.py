"""`imgae doctor` says in words what is in use."""

import json

from imgae.cli import main

KEYS = [
    "imgae", "python", "platform", "numpy", "pillow", "opencv-python-headless", "onnxruntime",
    "imagecodecs", "torch", "vnni", "model", "model_because", "camera_model", "model_path",
    "device",
    "provider", "threads", "load_seconds", "megapixels_per_second",
]  # fmt: skip


def test_the_report_has_a_line_for_what_matters(capfd):
    assert main(["doctor", "--threads", "1"]) == 0
    out = capfd.readouterr().out
    rows = dict(line.split("  ", 1) for line in out.splitlines())
    assert rows["runs on"].strip() == "the CPU, 1 thread (CPUExecutionProvider)"
    assert rows["speed"].strip().endswith(" megapixels a second")
    assert rows["model for white noise"].strip().startswith("denoise-")
    assert "True" not in out
    assert "None" not in out
    assert "_" not in "".join(rows)


def test_the_keys_of_the_json_report_are_these(capfd):
    assert main(["doctor", "--json", "--threads", "1"]) == 0
    assert list(json.loads(capfd.readouterr().out)) == KEYS


def test_what_is_not_installed_is_said(capfd, monkeypatch):
    monkeypatch.setattr("imgae.cli.doctor.installed", lambda _: None)
    assert main(["doctor", "--threads", "1"]) == 0
    rows = dict(line.split("  ", 1) for line in capfd.readouterr().out.splitlines())
    assert rows["torch"].strip() == "not installed; only training needs it"
    assert rows["imagecodecs"].strip() == "not installed"
