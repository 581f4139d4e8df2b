import importlib.util
import re
import shlex
from pathlib import Path

import pytest

from imgae.cli import main, parser

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()
LINES = [line for line in README.splitlines() if line.startswith("python3 -m venv")]
COMMANDS = sorted(
    set(
        re.findall(r"`(imgae [a-z][^`]*)`", README)
        + re.findall(r"^(imgae .*)$", README, re.MULTILINE)
    )
)


def test_two_lines_do_everything_for_a_newcomer():
    install, test = LINES
    assert install.endswith("imgae denoise examples/noisy.png --overwrite")
    assert ".[test]" in test
    assert test.endswith("pytest")
    assert all((ROOT / name).exists() for name in ("examples/noisy.png", "constraints.txt"))


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_in_the_readme_is_one(command, capsys):
    words = shlex.split(command)[1:]
    if words[-1] in ("doctor", "models", "denoise", "mask"):  # named in a sentence
        assert main([words[-1], "--help"]) == 0
    else:
        parser().parse_args(words)
    capsys.readouterr()


def test_every_option_in_the_readme_is_one(capsys):
    for command, text in zip(
        ("denoise", "inpaint"), README.split("### Filling holes"), strict=True
    ):
        main([command, "--help"])
        known = capsys.readouterr().out
        cells = re.findall(r"^\| (`--.*?) \|", text, re.MULTILINE)
        options = re.findall(r"`(--[a-z-]+)", " ".join(cells))
        assert len(options) > 4
        assert all(f"{option} " in known for option in options)


def test_links_lead_somewhere():
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert (ROOT / target).exists(), target


def test_the_figure_is_made_by_the_model_that_its_caption_names():
    names = re.findall(r"each beside what `([a-z0-9-]+)` makes of it", README)
    script = (ROOT / "scripts" / "example_figure.py").read_text()
    assert re.findall(r"Denoiser\((.*?)\)", script) == [f'"{name}"' for name in names]


def test_the_table_is_that_of_the_stored_figures():
    pytest.importorskip("skimage", reason="scikit-image is not installed")
    path = ROOT / "scripts" / "readme_table.py"
    spec = importlib.util.spec_from_file_location("readme_table", path)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    (shown,) = script.BETWEEN.findall(README)
    assert shown == script.stored_table() + "\n"
