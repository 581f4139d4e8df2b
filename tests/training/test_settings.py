"""Settings are checked wherever they come from, and a recipe is a command that gives them back."""

import json
import math
import shlex
from dataclasses import fields, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="torch is not installed")

import nets  # noqa: E402
import onnx  # noqa: E402

from imgae.cli import main, parser  # noqa: E402
from imgae.cli.train import settings_of  # noqa: E402
from imgae.errors import TrainingError  # noqa: E402
from imgae.training import export, runs  # noqa: E402
from imgae.training.checks import (  # noqa: E402
    Choice,
    Flag,
    Folders,
    Model,
    Number,
    Text,
    Whole,
    entry_of,
)
from imgae.training.settings import GIB, Settings  # noqa: E402
from imgae.training.tasks import lookup  # noqa: E402
from imgae.training.tasks.table import TASKS  # noqa: E402

EVERY_FIELD = [(task, entry.name) for task in TASKS for entry in fields(lookup.load(task).settings)]
EVERY_OPTION = [(task, name) for task in TASKS for name, *_ in lookup.load(task).settings.options()]
WRONG = ("3", 3, -3, 0.5, math.nan, True, [1], {"a": 1}, None, "")
"""Values of which every field accepts some and refuses the others."""


def config_in(folder, **changes):
    """A run's folder whose config.json holds these values, and no checkpoint."""
    folder.mkdir(exist_ok=True)
    values = json.loads(nets.settings(steps=3).to_json()) | changes
    (folder / "config.json").write_text(json.dumps(values))
    return folder


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"steps": "3"}, "steps is '3', expected a whole number from 0 up"),
        ({"batch": -1}, "batch is -1, expected a whole number from 0 up"),
        ({"batch": True}, "batch is True, expected a whole number from 0 up"),
        ({"steps": 9, "minutes": 3.0}, "--steps and --minutes exclude each other"),
        ({"crop": 33}, "crop is 33, expected a multiple of 8 from 8 up"),
        ({"learning_rate": math.nan}, "learning_rate is nan, expected a number from 1e-09 to 1"),
        ({"learning_rate": None}, "learning_rate is None, expected a number from"),
        ({"data": "photos"}, "data is 'photos', expected a list of folders"),
        ({"data": [1]}, "data is (1,), expected a list of folders"),
        ({"autocast": "fp8"}, "autocast is 'fp8', expected one of auto, bf16, none"),
        ({"int8": 1}, "int8 is 1, expected true or false"),
        ({"objective": "spectral"}, "--objective and --lambda go together"),
        (
            {"pace": 3},
            (
                "pace is not a setting of denoise; the run was written by another version of "
                "imgae: finish or export it with that version, or start again"
            ),
        ),
        (
            {"sigma": 0.1, "bf16": True, "rate": 0.05},
            "bf16, rate and sigma are not settings of denoise; the run was written by another",
        ),
        (
            {"objective": "fast"},
            "expected one of contractive, spectral, adversarial, jittered, or an empty text",
        ),
        ({"task": "deblur"}, "task is 'deblur', expected one of denoise, camera"),
        ({"task": 7}, "task is 7, expected one of denoise"),
    ],
)
def test_a_wrong_setting_in_a_file_is_one_sentence(tmp_path, capsys, changes, sentence):
    """It names the file, the field, what was found and what is expected; to every command."""
    folder = config_in(tmp_path / "run", **changes)
    for words in (
        ["train", "denoise", "--resume", "-o", str(folder)],
        ["export", str(folder), "-o", str(tmp_path / "a.onnx")],
    ):
        assert main(words) == 1
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith(f"imgae: {folder / 'config.json'}: ")
        assert sentence in line


@pytest.mark.parametrize("text", ["", "[]", "7", "{", "\x00", '{"task": ' + "[" * 100_000])
def test_a_damaged_config_is_one_sentence(tmp_path, text):
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(TrainingError, match=r"config\.json: ") as caught:
        lookup.of_run(tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("task", "name"), EVERY_FIELD)
def test_every_field_refuses_values_of_another_kind(task, name):
    """Never a TypeError; refused values are told in a sentence that names the field."""
    kind = lookup.load(task).settings
    sentences = [sentence for value in WRONG if (sentence := refusal(kind, {name: value}))]
    assert len(sentences) >= 5
    assert all(sentence.startswith("config.json: ") for sentence in sentences)


def refusal(kind, values):
    """The sentence that refuses values, or nothing."""
    try:
        kind.read(values, "config.json")
    except TrainingError as error:
        return str(error)
    return ""


def test_what_is_given_in_a_program_is_checked_too():
    with pytest.raises(TrainingError, match="steps is '3', expected a whole number"):
        nets.settings(steps="3")
    with pytest.raises(TrainingError, match="--int8 trains a model further"):
        nets.settings(int8=True)


@pytest.mark.parametrize("task", TASKS)
def test_settings_come_back_from_their_file(tmp_path, task):
    config = nets.settings(task, data=("a", "b"), steps=7, learning_rate=1 / 3, start="x.onnx")
    config = lookup.load(task).settled(config)
    (tmp_path / "config.json").write_text(config.to_json())
    found, again = lookup.of_run(tmp_path)
    assert (found.name, again) == (task, config)


def test_a_task_that_is_not_in_the_table_is_one_sentence():
    with pytest.raises(TrainingError, match="no task is called 'deblur'; there are: denoise"):
        lookup.load("deblur")


@pytest.mark.parametrize(("task", "name"), EVERY_OPTION)
def test_no_setting_can_be_given_beside_resume(task, name, tmp_path, capsys):
    """Found from the dataclass, so that no option is forgotten; `--int8` was."""
    entry = {entry.name: entry_of(entry) for entry in fields(lookup.load(task).settings)}[name]
    words = {
        Flag: [],
        Choice: [str(getattr(entry.check, "words", ("",))[-1])],
        Whole: [str(max(8, getattr(entry.check, "least", 8)))],
        Number: ["1"],
    }.get(type(entry.check), ["some"])
    more = [entry.option.name, *words]
    if name == "rate":
        more[-1] = "0.5"
    assert main(["train", task, "--resume", "-o", str(tmp_path), *more]) == 2
    assert f"settings in RUN/config.json; remove {entry.option.name}" in capsys.readouterr().err


def test_minutes_cannot_be_given_beside_resume(tmp_path, capsys):
    assert main(["train", "code", "--resume", "-o", str(tmp_path), "--minutes", "3"]) == 2
    assert "remove --minutes" in capsys.readouterr().err


def parsed(command):
    """The settings that a command line of `imgae train` gives."""
    words = shlex.split(command)
    assert words[:2] == ["imgae", "train"]
    options = parser().parse_args(words[1:])
    return settings_of(options, lookup.load(options.task))


def by_name(config):
    """Folders and files by their names, as recipes have them; what no option sets as it is."""
    named = {
        entry.name: check
        for entry in fields(config)
        if isinstance(check := entry_of(entry).check, Folders | Model)
    }
    values = {name: getattr(config, name) for name in named}
    short = {
        name: tuple(Path(folder).name for folder in value)
        if isinstance(named[name], Folders)
        else value and Path(value).name
        for name, value in values.items()
    }
    return replace(config, **short)


OTHERS = {
    "batch": 3, "crop": 64, "learning_rate": 1 / 3000, "decay": 0.123456789, "seed": 12345678,
    "memory": 1234567891, "autocast": "bf16", "variant": "tiny", "start": "/a folder/it's.onnx",
    "data": ("/some where/my photos", "/others"), "steps": 1234567, "compile": "off",
}  # fmt: skip
OWN = {
    "denoise": [
        {"objective": "spectral", "weight": 1 / 7},
        {"int8": True},
        {"data": (), "noisy": ("/stars",), "noise": "gaussian"},
        {"data": (), "pairs": ("/noisy ones", "/clean")},
    ],
    "camera": [{"int8": True}],
    "inpaint": [{"int8": True}],
    "estimate": [
        {
            "batches": 7,
            "grainy": ("/old/film",),
            "fonts": ("/some fonts",),
            "camera": "/a/camera.onnx",
            "denoiser": "denoise-best",
        }
    ],
    "features": [{"good": 7, "asked": 5, "side": 64}],
    "search": [{"channels": 64, "temperature": 1 / 30, "spread": 1 / 7}],
    "code": [
        {"objective": "sparse-kl", "weight": 1 / 7, "rate": 1 / 9, "code_channels": 7},
        {"objective": "denoising", "sigma": 1 / 17},
    ],
}


@pytest.mark.parametrize("task", TASKS)
def test_the_command_of_settings_gives_them_back(task):
    options = {name for name, *_ in lookup.load(task).settings.options()}
    changed = set(OTHERS)
    for own in OWN.get(task, [{}]):
        config = nets.settings(task, **OTHERS | own)
        assert by_name(parsed(config.command() + " -o RUN")) == by_name(config)
        changed |= set(own)
    assert changed == options - {"minutes"}  # every option was another than its default
    timed = nets.settings(task, data=("photos",), minutes=1 / 7)
    assert by_name(parsed(timed.command() + " -o RUN")) == timed
    plain = nets.settings(task, data=("photos",), steps=5)
    assert by_name(parsed(plain.command() + " -o RUN")) == plain


@given(st.floats(0, 1), st.integers(1 << 22, 1 << 49))
def test_numbers_come_back_from_the_command_line_exactly(share, size):
    for check, value in (
        (Number(0, 1), share),
        (Number(0, 1, 1 / 255), share),
        (Number(1, 1e6 * GIB, GIB, whole=True), size),
    ):
        (word,) = check.written(value)
        assert check.read(word) == pytest.approx(value, rel=1e-15)
    assert Number(1, 1e6 * GIB, GIB, whole=True).read(word) == size


@pytest.mark.parametrize("task", TASKS)
def test_the_recipe_of_a_run_gives_back_its_settings(task, tmp_path, run):
    """Those that the run settled, its bf16 included, though none of its options said so."""
    few = {"batches": 2} if task == "estimate" else {}
    config = nets.settings(
        task, variant="tiny", data=(str(run.parent),), steps=1, batch=1, crop=32, **few
    )
    runs.start(config, tmp_path / "run", "cpu", 1, nets.silent, nets.silent)
    had = lookup.of_run(tmp_path / "run")[1]
    assert had.autocast in ("bf16", "none")
    train, _ = export.recipe_of(had, "a model", []).split(" && ")
    kept = {"threads": had.threads, "channels_last": had.channels_last}
    assert by_name(replace(parsed(train), **kept)) == by_name(had)


def test_the_recipe_of_a_card_makes_the_model_again(tmp_path, run, file, monkeypatch):
    """Of the file only the card counts, so that another's graph will do."""
    monkeypatch.setattr(export, "to_onnx", lambda *_: onnx.load(file))
    monkeypatch.setattr(export, "checked", lambda *_: b"")
    provenance = export.Provenance("a model", "Apache-2.0")
    card = export.export_run(
        run, tmp_path / "a.onnx", provenance, precision="int8", flip_ensemble=True
    )
    train, exported = card.recipe.split(" && ")
    assert train == lookup.of_run(run)[1].command() + " -o RUN"
    options = parser().parse_args(shlex.split(exported)[1:])
    assert str(options.output) == "a model.onnx"
    assert (options.precision, options.flip_ensemble) == ("int8", True)


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        (Whole(1), [1, 10**9 - 1], [0, 10**9, 1.0, "1", True, None]),
        (Whole(8, 8), [8, 128], [0, 4, 12, 8.0]),
        (Number(0, 1), [0, 0.5, 1], [-1e-9, 1.1, math.nan, math.inf, "0.5", False]),
        (Number(1, 9, whole=True), [1, 9], [1.5, 0]),
        (Choice(("a", "b")), ["a"], ["c", "", 1, None, ["a"]]),
        (Text(), ["a"], ["", 1, None]),
        (Folders(), [(), ("a",)], ["a", ["a"], (1,), None]),
        (Flag(), [True, False], [0, 1, "true", None]),
    ],
)
def test_checks_accept_what_they_say(check, good, bad):
    assert all(map(check.accepts, good))
    assert not any(map(check.accepts, bad))


def test_every_field_says_what_it_may_be():
    for task in TASKS:
        for entry in fields(lookup.load(task).settings):
            assert entry_of(entry).check.expected
            assert entry_of(entry).check.accepts(entry.default) or entry.default is None
    assert all(issubclass(lookup.load(task).settings, Settings) for task in TASKS)
