import importlib.util
import re

import pytest
from documents import GUIDES, README, ROOT

from imgae.cli import main

TEXT = README.read_text()
LINES = [line for line in TEXT.splitlines() if line.startswith("python3 -m venv")]


def test_two_lines_do_everything_for_a_newcomer():
    install, test = LINES
    assert install.endswith("imgae denoise examples/noisy.png --overwrite")
    assert ".[test]" in test
    assert test.endswith("pytest")
    assert all((ROOT / name).exists() for name in ("examples/noisy.png", "constraints.txt"))


def test_it_is_short():
    assert len(TEXT.splitlines()) <= 130


def test_it_shows_the_line_that_is_printed(tmp_path, monkeypatch, capsys):
    """But for the times, and the model, which depends on the processor."""
    (tmp_path / "examples").mkdir()
    picture = (ROOT / "examples" / "noisy.png").read_bytes()
    (tmp_path / "examples" / "noisy.png").write_bytes(picture)
    monkeypatch.chdir(tmp_path)
    assert main(["denoise", "examples/noisy.png", "--overwrite"]) == 0
    printed = capsys.readouterr().out.strip()
    (shown,) = re.findall(r"^examples/noisy\.png -> .*$", TEXT, re.MULTILINE)
    varying = r"denoise-[a-z0-9-]+|[\d.]+ s|[\d.]+ MP/s"
    assert re.sub(varying, "_", printed) == re.sub(varying, "_", shown)


def test_the_figures_are_made_by_the_models_that_their_captions_name():
    pages = [TEXT, *(page.read_text() for page in GUIDES)]
    named = [
        name
        for page in pages
        for name in re.findall(r"each beside\s+what\s+`([a-z0-9-]+)`\s+makes\s+of\s+it", page)
    ]
    script = (ROOT / "scripts" / "example_figure.py").read_text()
    assert re.findall(r"Denoiser\((.*?)\)", script) == [f'"{name}"' for name in named]


def test_the_table_is_that_of_the_stored_figures():
    pytest.importorskip("skimage", reason="scikit-image is not installed")
    path = ROOT / "scripts" / "readme_table.py"
    spec = importlib.util.spec_from_file_location("readme_table", path)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    (shown,) = script.BETWEEN.findall(TEXT)
    assert shown == script.stored_table() + "\n"
