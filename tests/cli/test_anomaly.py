"""`imgae anomaly fit` and `score`."""

import builtins
import contextlib
import json
import re
import signal
import subprocess
import sys

import numpy as np
import pytest
import tiny_models
from anomalies import folder_of, scratched, texture

from imgae import Image, cli, read_image, write_image
from imgae.cli import scoring
from imgae.restore.anomaly.boxes import Box


KNOWN = {"bad.png", "good.png", "m.onnx", "some"}
DRIVER = """
import contextlib, sys, time
from imgae.io import atomic
from imgae.restore.anomaly import fit

moment = sys.argv.pop(1)

def wait():
    print(moment, flush=True)
    time.sleep(300)

if moment == "looking":
    fit.look_at = lambda *_: wait()
else:
    real = atomic.whole_file

    class Slow:
        def __init__(self, file):
            self.file = file

        def write(self, data):
            self.file.write(data[: len(data) // 2])
            self.file.flush()
            wait()

    @contextlib.contextmanager
    def slow(path, **options):
        with real(path, **options) as file:
            yield Slow(file) if path.name == "m.onnx" else file

    atomic.whole_file = slow

from imgae.__main__ import entry
entry()
"""
"""The program, which tells when it comes to a moment, and waits there."""


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cli")
    good = folder_of(folder / "good", 8, height=64, width=64)
    path = folder / "weave.onnx"
    assert cli.main(["anomaly", "fit", str(good), "-o", str(path), "--threads", "1"]) == 0
    return path


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_image(Image(texture(50, 64, 64)), "good.png")
    write_image(Image(scratched(texture(51, 64, 64))), "bad.png")
    return tmp_path


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def run(*words):
    return cli.main(["anomaly", *map(str, words)])


def score(*words):
    return run("score", *words, "--threads", "1")


def test_a_line_a_picture_tells_score_threshold_and_verdict(here, model, capfd):
    assert score("good.png", "bad.png", "--model", model) == 0
    lines = [line.split("\t") for line in capfd.readouterr().out.splitlines()]
    assert [(word, path) for *_, word, path in lines] == [
        ("ok", "good.png"),
        ("ANOMALOUS", "bad.png"),
    ]
    for found, threshold, word, _ in lines:
        assert (float(found) > float(threshold)) == (word == "ANOMALOUS")


@pytest.mark.parametrize(("names", "code"), [(["good.png"], 0), (["good.png", "bad.png"], 4)])
def test_a_build_can_be_made_to_fail_on_an_anomaly(here, model, names, code):
    assert score(*names, "--model", model, "--fail-on-anomaly") == code


def test_an_anomaly_counts_more_than_what_cannot_be_read(here, model):
    assert score("none.png", "bad.png", "--model", model, "--fail-on-anomaly") == 4
    assert score("none.png", "good.png", "--model", model, "--fail-on-anomaly") == 3
    assert score("none.png", "--model", model, "--fail-on-anomaly") == 1


@pytest.mark.parametrize(("side", "far"), [(31, True), (32, False), (128, False), (129, True)])
def test_sizes_far_from_the_fitted_ones_are_told_once(here, model, capfd, side, far):
    write_image(Image(texture(1, side, side)), "a.png")
    write_image(Image(texture(2, side, 64)), "b.png")
    assert score("a.png", "good.png", "b.png", "--model", model, "--json") == 0
    told = capfd.readouterr()
    assert len(told.out.splitlines()) == 3
    expected = (
        "imgae: note: a.png and 1 more are less than half or more than twice the size of the good "
        "pictures, whose sides are 64 pixels; the threshold may not hold for such sizes\n"
    )
    assert told.err == (expected if far else "")


def test_a_bar_counts_what_failed(here, model, monkeypatch):
    told = []
    bar = contextlib.nullcontext(lambda record: told.append((record.input, record.status)))
    monkeypatch.setattr(scoring, "batch_progress", lambda *_, **__: bar)
    (here / "broken.png").write_bytes(b"no picture")
    assert score("broken.png", "good.png", "--model", model) == 3
    assert told == [("broken.png", "failed"), ("good.png", "done")]


def test_a_fit_to_tiny_pictures_is_told(here, capfd):
    folder_of(here / "some", 5, height=40, width=9)
    assert run("fit", "some", "-o", "m.onnx", "--threads", 1, "--quiet") == 0
    assert "the smallest side of the good pictures is 9 pixels" in capfd.readouterr().err


def test_json_tells_where_it_is(here, model, capfd):
    assert score("bad.png", "--model", model, "--json", "--heatmap", "map.png") == 0
    record = json.loads(capfd.readouterr().out)
    assert (record["input"], record["status"]) == ("bad.png", "done")
    assert record["anomalous"] is (record["score"] > record["threshold"]) is True
    assert record["heatmap"] == "map.png"
    box = record["boxes"][0]
    assert box.keys() == {"x", "y", "width", "height", "score"}
    assert box["y"] < 40 < box["y"] + box["height"]
    assert read_image("map.png").pixels.shape == (64, 64, 3)


def test_what_cannot_be_read_is_named_and_the_rest_goes_on(here, model, capfd):
    (here / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    assert score("none.png", "good.png", "broken.png", "--model", model, "--json") == 3
    told = capfd.readouterr()
    records = [json.loads(line) for line in told.out.splitlines()]
    assert [record["status"] for record in records] == ["failed", "done", "failed"]
    assert records[0]["message"] == "none.png: no such file"
    assert "imgae: broken.png: " in told.err
    assert score("none.png", "--model", model) == 1


def test_heat_maps_of_several_go_to_a_folder(here, model, capfd):
    (here / "more").mkdir()
    write_image(Image(texture(52, 30, 20)), "more/good.png")
    assert score("good.png", "bad.png", "more", "--model", model, "--heatmap", "maps/") == 0
    assert names_in(here / "maps") == [
        "bad.heatmap.png",
        "good.heatmap.png",
        "good.png.heatmap.png",
    ]
    assert score("good.png", "bad.png", "--model", model, "--heatmap", "maps") == 1
    assert "exists already" in capfd.readouterr().err
    words = ("--model", model, "--heatmap", "maps", "--overwrite")
    assert score("good.png", "bad.png", *words) == 0


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["good.png", "bad.png", "--heatmap", "map.png"], 2, "names one file"),
        (["good.png", "--heatmap", "good.png", "--overwrite"], 2, "both an input and the heat map"),
        (["good.png", "--heatmap", "map.txt"], 2, "--heatmap map.txt: cannot tell the format"),
        (["good.png", "--heatmap", "no/map.png"], 1, "there is no folder"),
        (["good.png", "-"], 2, "give it alone"),
        (["empty"], 1, "no pictures in this folder"),
    ],
)
def test_places_and_words_that_do_not_serve_are_told(here, model, capfd, words, code, told):
    (here / "empty").mkdir()
    assert score(*words, "--model", model) == code
    err = capfd.readouterr().err
    assert told in err
    assert err.count("\n") == 1
    assert names_in(here) == ["bad.png", "empty", "good.png"]


def test_a_model_of_another_task_is_told(here, capfd):
    other = tiny_models.identity(here / "other.onnx")
    assert score("good.png", "--model", other) == 1
    assert "a model to denoise; scores need one that `imgae anomaly fit` made" in (
        capfd.readouterr().err
    )


@pytest.mark.parametrize(("height", "width"), [(1, 1), (3, 200)])
def test_a_picture_smaller_than_the_stride_is_scored(here, model, capfd, height, width):
    write_image(Image(texture(9, height, width)), "small.png")
    assert score("small.png", "--model", model, "--heatmap", "map.png") == 0
    assert read_image("map.png").pixels.shape == (height, width, 3)


def test_a_picture_comes_from_standard_input(here, model, capfd, monkeypatch):
    with (here / "bad.png").open("rb") as file:
        monkeypatch.setattr("sys.stdin", type("Stream", (), {"buffer": file})())
        assert score("-", "--model", model) == 0
    assert capfd.readouterr().out.endswith("\tANOMALOUS\t-\n")


def test_a_file_of_several_pictures_is_refused(here, model, capfd):
    from imgae import write_frames

    write_frames([Image(texture(1, 9, 9)), Image(texture(2, 9, 9))], "two.tif")
    assert score("two.tif", "--model", model) == 1
    assert "holds 2 pictures" in capfd.readouterr().err


def test_a_fit_tells_what_was_learnt(here, capfd):
    folder_of(here / "some", 6, height=32, width=32)
    (here / "some" / "broken.png").write_bytes(b"no picture")
    assert run("fit", "some", "-o", "m.onnx", "--threads", 1) == 0
    told = capfd.readouterr()
    assert "m.onnx: learnt from 6 pictures, 1 left out" in told.out
    assert "1 % of good pictures are expected above it" in told.out
    assert "some/broken.png: " in told.err
    assert told.err.count("left out") == 1
    assert run("fit", "some", "-o", "m.onnx") == 1
    assert "exists already" in capfd.readouterr().err
    assert run("fit", "some", "-o", "m.onnx", "--overwrite", "--json", "--false-alarms", 0.1) == 0
    record = json.loads(capfd.readouterr().out)
    assert (record["pictures"], record["false_alarms"]) == (6, 0.1)
    assert [each["input"] for each in record["scores"]] == [
        f"some/{number:02}.png" for number in range(6)
    ]
    assert all(each["score"] > 0 for each in record["scores"])
    assert record["left_out"][0]["input"] == "some/broken.png"


def test_a_fit_names_a_picture_that_is_unlike_the_others(here, capfd):
    folder_of(here / "some", 9, height=64, width=64)
    write_image(Image(scratched(texture(9, 64, 64))), "some/odd.png")
    assert run("fit", "some", "-o", "m.onnx", "--threads", 1, "--json") == 0
    told = capfd.readouterr()
    scores = {each["input"]: each["score"] for each in json.loads(told.out)["scores"]}
    odd = scores.pop("some/odd.png")
    assert told.err == (
        f"imgae: note: some/odd.png is unlike the other good pictures (score {odd:.3g}, the others "
        f"up to {max(scores.values()):.3g}): look at it, and leave it out if it has a flaw\n"
    )


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["empty", "-o", "m.onnx"], 1, "no pictures in this folder"),
        (["nothing", "-o", "m.onnx"], 1, "nothing: no such file"),
        (["good.png", "-o", "m.onnx"], 1, "needs 5 of them or more, and there is 1"),
        (["good.png", "-o", "m.png"], 2, "a model's name ends in .onnx"),
        (["good.png", "-o", "no/m.onnx"], 1, "there is no folder"),
        (["good.png", "-o", "m.onnx", "--false-alarms", "0"], 2, "not a number from 0.0001"),
        (["good.png", "-o", "m.onnx", "--model", "none"], 1, "no model is called 'none'"),
        (
            ["good.png", "-o", "m.onnx", "--model", "detect"],
            1,
            "to detect; a fit needs one that `imgae train",
        ),
    ],
)
def test_a_fit_that_cannot_be_made_is_told(here, capfd, words, code, told):
    (here / "empty").mkdir()
    assert run("fit", *words) == code
    assert told in capfd.readouterr().err
    assert not (here / "m.onnx").exists()


def test_a_missing_extra_is_told(here, capfd, monkeypatch):
    usual = builtins.__import__

    def without_onnx(name, *rest):
        if name.split(".")[0] == "onnx":
            raise ModuleNotFoundError(name="onnx")
        return usual(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without_onnx)
    assert run("fit", "good.png", "-o", "m.onnx") == 1
    assert "needs onnx; install it with: pip install 'imgae[verify]'" in capfd.readouterr().err


@contextlib.contextmanager
def killed(process):
    try:
        yield
    finally:
        process.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
@pytest.mark.parametrize("moment", ["looking", "writing"])
def test_a_fit_that_is_ended_leaves_the_old_file(here, moment, number):
    folder_of(here / "some", 6, height=32, width=32)
    (here / "m.onnx").write_bytes(b"the old file")
    words = ["anomaly", "fit", "some", "-o", "m.onnx", "--overwrite", "--quiet"]
    command = [sys.executable, "-c", DRIVER, moment, *words]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe) as process, killed(process):
        assert process.stdout.readline() == f"{moment}\n".encode()
        written = [path for path in here.iterdir() if path.name not in KNOWN]
        assert [path.stat().st_size > 0 for path in written] == [True] * (moment == "writing")
        process.send_signal(number)
        told = process.communicate(timeout=60)[1].decode()
    assert process.returncode == (130 if number == signal.SIGINT else -signal.SIGKILL)
    assert told == ("imgae: interrupted\n" if number == signal.SIGINT else "")
    assert (here / "m.onnx").read_bytes() == b"the old file"
    if number == signal.SIGINT or moment == "looking":
        assert set(names_in(here)) == KNOWN


def test_every_key_of_json_is_explained():
    planned = scoring.Planned("a", None)
    found = type("Found", (), dict.fromkeys(("score", "threshold", "anomalous"), 1) | {"boxes": ()})
    keys = scoring.AFTER.split("Exit codes:")[0]
    rows = re.findall(r"^  (\w+(?:, \w+)*)(?:  .*|)$", keys, re.MULTILINE)
    explained = [key for row in rows for key in row.split(", ")]
    assert explained == list(scoring.record_of(planned, found, 1.0))
    boxes = re.search(r"^  boxes.*: ((?:\w+, )+\w+);", keys, re.MULTILINE)
    assert tuple(boxes[1].split(", ")) == Box._fields


def test_scores_need_no_onnx(here, model):
    program = (
        "import sys, imgae, numpy\n"
        f"imgae.AnomalyScorer({str(model)!r}, threads=1)(numpy.zeros((9, 9, 3), numpy.uint8))\n"
        "print('onnx' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"


def test_a_name_with_a_line_break_stays_one_line(here, model, capfd):
    (here / "good.png").rename("go\nod.png")
    assert score("go\nod.png", "--model", model) == 0
    assert capfd.readouterr().out.endswith("\tok\tgo\\nod.png\n")


def test_a_16_bit_gray_picture_gets_a_heat_map(here, model):
    gray = texture(60, 64, 64)[:, :, :1].astype(np.uint16) * 257
    write_image(Image(gray), "gray.png")
    assert score("gray.png", "--model", model, "--heatmap", "map.png") == 0
    assert read_image("map.png").pixels.shape == (64, 64, 3)
