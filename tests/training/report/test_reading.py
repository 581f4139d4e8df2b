"""What the folder of a run tells, whole or damaged."""

import json

import pytest
import reported

from imgae.errors import TrainingError
from imgae.training.report import reading


def read(folder):
    (run,) = reading.seen([folder])
    return run


def test_a_run_tells_its_figures(tmp_path):
    run = read(reported.write(tmp_path / "run", rival=("other", 28.25)))
    found = run.as_json()
    expected = {
        "task": "denoise", "variant": "tiny", "state": "finished", "step": 400, "steps": 400,
        "minutes": 4.0, "measure": "psnr", "last": 28.4, "best": 28.4, "best_step": 400,
        "compare_model": "other", "compare": 28.25, "loss": 0.005, "images_per_second": 125.0,
    }  # fmt: skip
    assert {name: found[name] for name in expected} == expected
    assert run.terms == ["loss"]
    assert run.folders == ["photos"]


@pytest.mark.parametrize(
    ("about", "last", "age", "state", "sentence"),
    [
        ({"ended": {"step": 400, "finished": True}}, 400, 0, "finished", "Finished at step 400 of"),
        ({"ended": {"step": 230, "finished": False}}, 200, 9e4, "stopped", "saved at step 230 of"),
        (
            {"ended": {"step": 9, "error": "NaN"}},
            200,
            0,
            "failed",
            "Failed at step 200 of 400: NaN",
        ),
        ({}, 200, 5, "going on", "Going on: step 200 of 400, 5 s ago; about 60 s left."),
        ({}, 200, 8000, "silent", "stuck: last heard of at step 200 of 400, 2 hours ago;"),
        ({}, 0, 0, "going on", "Going on: step 0 of 400"),
    ],
)
def test_a_run_says_what_has_become_of_it(tmp_path, about, last, age, state, sentence):
    run = read(reported.write(tmp_path / "run", about=about, last=last, age=age))
    assert run.state == state
    assert sentence in run.sentence


def test_a_run_by_the_clock_counts_minutes(tmp_path):
    run = read(reported.write(tmp_path / "run", last=100, steps=0, minutes=5.0))
    assert run.sentence.startswith("Going on: step 100, after 1.0 of 5 minutes")


@pytest.mark.parametrize(
    "damage", [b"", b"[1]", b"{", b'{"measure": 3, "sessions": 4, "pictures": 5, "ended": 6}']
)
def test_without_the_facts_beside_it_a_log_still_tells_its_score(tmp_path, damage):
    folder = reported.write(tmp_path / "run")
    (folder / "about.json").write_bytes(damage)
    assert read(folder).shown(read(folder).last) == "28.40 dB"
    (folder / "log.jsonl").write_text('{"step": 3}\n{"ste')
    run = read(folder)
    assert (run.step, run.damaged, run.last, run.best) == (3, 1, None, None)


@pytest.mark.parametrize("form", ["{0.__class__}", "{:99999999}", "{", "a{:.2f}b{:.2f}", 3, None])
def test_a_form_that_is_none_is_not_used(tmp_path, form):
    about = {"measure": {"name": "psnr", "form": form}}
    assert read(reported.write(tmp_path / "run", about=about)).shown(1.5) == "1.5"


def test_what_is_no_run_is_one_sentence(tmp_path):
    with pytest.raises(TrainingError, match=r"no run here; it has no config\.json"):
        reading.seen([tmp_path])
    folder = reported.write(tmp_path / "run")
    (folder / "config.json").write_text("{")
    with pytest.raises(TrainingError, match=r"config.json: damaged, or not JSON"):
        reading.seen([folder])


def test_runs_of_one_name_are_told_apart_and_other_pictures_are_said(tmp_path):
    folders = [reported.write(tmp_path / place / "run") for place in "abc"]
    config = json.loads((folders[2] / "config.json").read_text())
    (folders[2] / "config.json").write_text(json.dumps(config | {"data": ["/elsewhere"]}))
    runs = reading.seen(folders)
    assert [run.name for run in runs] == [str(folder) for folder in folders]
    assert reading.incomparable(runs[:2]) == ""
    assert reading.incomparable(runs).endswith(f"do not compare: {folders[2]}.")
