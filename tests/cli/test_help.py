"""What --help says."""

import re
import shlex

import pytest

from imgae.cli import main, parser


def help_of(capfd, *command):
    assert main([*command, "--help"]) == 0
    return capfd.readouterr().out


def examples_in(text):
    return re.findall(r"^  (imgae .*?)(?:   .*)?$", text, re.MULTILINE)


@pytest.mark.parametrize(
    "command", [(), ("denoise",), ("inpaint",), ("mask",), ("evaluate", "anomaly")]
)
def test_help_has_examples_that_are_commands(capfd, command):
    examples = examples_in(help_of(capfd, *command))
    assert len(examples) >= 2
    for example in examples:
        words = shlex.split(example)[1:]
        if words[-1] != "--help":
            parser().parse_args(words)


@pytest.mark.parametrize("command", ["denoise", "inpaint"])
def test_help_shows_a_folder_of_pictures(capfd, command):
    assert re.search(rf"imgae {command} photos/\*\.\w+ .*-o clean/", help_of(capfd, command))


COMMANDS = [(), *((name,) for name in (
    "denoise", "inpaint", "mask", "index", "models", "doctor", "evaluate", "export",
    "verify", "study",
)), ("anomaly", "fit"), ("anomaly", "score"), ("evaluate", "anomaly")]  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
def test_help_fits_a_terminal(capfd, monkeypatch, command):
    monkeypatch.setenv("COLUMNS", "82")  # two are for the margin
    text = help_of(capfd, *command)
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize("command", ["denoise", "inpaint"])
def test_help_explains_every_key_of_json(capfd, command):
    text = help_of(capfd, command)
    keys = [
        "input",
        "output",
        "width",
        "height",
        "frames",
        "sigma",
        "sigma_source",
        "caution",
        "notes",
    ]
    for key in [*keys, "model", "device", "seconds", "megapixels_per_second"]:
        assert re.search(rf"\b{key}\b", text.split("Keys of --json:")[1])
