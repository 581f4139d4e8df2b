"""`imgae models`: a line a model, details on request, and no card that ends it."""

import json

import pytest
import tiny_models
from onnx import helper

from imgae.cli import main
from imgae.model import machine, registry, session
from imgae.restore.denoise import CAMERA, ESTIMATE, FAST, FAST_INTEGER, camera_model
from imgae.restore.inpaint import INTEGER

SHIPPED = list(registry.available())
NESTED = "[" * 100_000 + "]" * 100_000
KEYS = [
    "name", "default", "default_because", "precision", "task", "version", "summary", "mib",
    "kmac_per_pixel", "halo", "scores", "licence", "path",
]  # fmt: skip


def run(capfd, *words):
    code = main(["models", *words])
    out, err = capfd.readouterr()
    return code, out.splitlines(), err


@pytest.fixture
def vnni(tmp_path, monkeypatch):
    (tmp_path / "cpuinfo").write_text("flags : avx_vnni\n")
    monkeypatch.setattr(machine, "CPUINFO", tmp_path / "cpuinfo")


def test_each_model_has_one_line_that_says_what_it_is_for(capfd, vnni):
    code, lines, err = run(capfd)
    assert code == 0
    assert [line[2:].split()[0] for line in lines] == SHIPPED
    assert all(len(line) <= 100 for line in lines)
    of = {line[2:].split()[0]: line for line in lines}
    assert of["denoise-fast"].split(maxsplit=4)[1:4] == ["denoise", "2.0", "MiB"]
    for name, words in {
        "denoise-fast": "fast   removes white noise: quick",
        "denoise-contractive": "fast   removes white noise: steady, as a prior",
        "denoise-best": "slow   removes white noise: best quality",
        "denoise-balanced-int8": "fast   removes white noise: better quality, 8-bit",
        "denoise-camera": "removes camera noise and JPEG marks",
        "inpaint": "medium fills holes that a mask marks",
        "inpaint-int8": "medium fills holes that a mask marks, 8-bit",
        "detect": "finds scratches, dust, dead pixels, dates, type",
        "code": "short codes",
    }.items():
        assert words in of[name]
    defaults = {FAST_INTEGER, camera_model(), ESTIMATE, INTEGER}
    assert {name for name, line in of.items() if line.startswith("* ")} == defaults & {*SHIPPED}
    assert "* what imgae uses if you name none" in err


def test_the_default_and_the_speed_are_those_of_this_processor(capfd, tmp_path, monkeypatch):
    monkeypatch.setattr(machine, "CPUINFO", tmp_path / "none")
    _, lines, _ = run(capfd)
    marked = [line[2:].split()[0] for line in lines if line.startswith("* ")]
    assert marked == sorted({FAST, CAMERA, ESTIMATE, INTEGER} & {*SHIPPED})
    (line,) = [line for line in lines if "denoise-balanced-int8" in line]
    assert "medium" in line


@pytest.mark.parametrize("words", [["denoise-fast"], ["--verbose", "denoise-fast"]])
def test_a_model_that_is_named_is_told_with_its_scores(capfd, words):
    code, lines, err = run(capfd, *words)
    card = session.load(registry.find("denoise-fast")).card
    assert (code, err) == (0, "")
    assert lines[0].startswith("denoise-fast")
    assert f"  {card.summary}" in lines
    assert len([line for line in lines if "dB PSNR" in line]) == len(card.scores)


def test_verbose_tells_all_of_every_model(capfd):
    code, lines, _ = run(capfd, "--verbose")
    assert code == 0
    assert [line.split(":")[0].split(" ")[0] for line in lines if line[0] != " "] == SHIPPED
    assert len([line for line in lines if line.endswith(".onnx")]) == len(SHIPPED)


def test_files_may_be_named_and_json_is_of_those(models, capfd):
    code, lines, _ = run(capfd, str(models / "darken.onnx"), "identity", "--json")
    assert code == 0
    records = [json.loads(line) for line in lines]
    assert [record["name"] for record in records] == ["darken", "identity"]
    assert all(list(record) == KEYS for record in records)


def test_an_unknown_name_is_told_what_there_is(models, capfd):
    code, lines, err = run(capfd, "nope")
    assert (code, lines) == (1, [])
    assert err.startswith("imgae: no model is called 'nope'; there are: ")


@pytest.mark.parametrize(
    "text",
    [NESTED, f'{{"schema": 1, "name": {NESTED}}}', '{"schema": 1, "scores": [[[]]]}', "{", "null"],
)
def test_no_card_ends_the_list(models, capfd, text):
    node = helper.make_node("Identity", ["image"], ["restored"])
    tiny_models.save(models / "a-strange.onnx", [node], card_text=text)
    code, lines, err = run(capfd)
    assert code == 0
    assert "a-strange.onnx: its card" in err
    assert len(lines) == len(SHIPPED) + 2


def test_fields_of_the_wrong_kind_do_not_end_the_list(models, capfd):
    values = json.loads(tiny_models.card().to_json())
    node = helper.make_node("Identity", ["image"], ["restored"])
    for number, field in enumerate(values):
        text = json.dumps(values | {field: {"a": [1e308, None]}})
        tiny_models.save(models / f"strange{number}.onnx", [node], card_text=text)
    for words in ((), ("--verbose",), ("--json",)):
        code, _, err = run(capfd, *words)
        assert code == 0
        assert err.count("strange") == len(values)
        assert "unexpected" not in err


def test_a_card_can_not_steer_a_terminal(models, capfd):
    tiny_models.identity(models / "strange.onnx", summary="\x1b[2J\nforged", task="x\x1b[2J\n")
    for words in ((), ("strange",)):
        code, lines, _ = run(capfd, *words)
        assert code == 0
        assert not any("\x1b" in line or line.startswith("forged") for line in lines)


def test_a_named_model_that_cannot_be_read_is_a_failure(models, tmp_path, capfd):
    bad = tmp_path / "bad.onnx"
    bad.write_bytes(b"no model")
    assert main(["models", str(bad)]) == 1
    assert main(["models", "identity", str(bad)]) == 3
    assert "bad.onnx: not an ONNX model" in capfd.readouterr().err


def test_an_estimator_is_listed_and_marked_as_in_use(models, capfd, monkeypatch):
    tiny_models.estimate(models / "looking.onnx")
    monkeypatch.setattr("imgae.restore.denoise.ESTIMATE", "looking")
    _, lines, _ = run(capfd)
    (line,) = [line for line in lines if "looking" in line]
    assert line.startswith("* looking")
    assert line.endswith("tells what noise there is, and where")
