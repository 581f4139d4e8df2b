"""What is kept of a run to be looked at."""

import csv
import json
import sys

import numpy as np
import pytest

from imgae import Image, write_image
from imgae.errors import MissingExtraError, TrainingError
from imgae.io.atomic import write_whole
from imgae.training import logs


def line(step, **more):
    return {"step": step, "steps": 400, "loss": 1 / step, "seconds_left": 3, **more}


def told(folder, *records):
    """Write a log, as a run does before it reports a line."""
    with (folder / "log.jsonl").open("a") as file:
        file.writelines(f"{json.dumps(record)}\n" for record in records)


def table(folder):
    with (folder / "log.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def sheet(folder, value):
    write_image(Image(np.full((8, 8, 3), value, np.uint8)), folder / "preview.png", overwrite=True)


@pytest.fixture
def said():
    return []


def test_lines_that_are_damaged_are_counted_and_the_last_of_a_step_counts(tmp_path):
    log = tmp_path / "log.jsonl"
    log.write_bytes(
        b'{"step": 100, "loss": 2}\n{"step": 50, "loss": 3}\n{"step": 100, "loss": 1}\n'
        b'{"step": 150, "loss": NaN, "psnr": 1e999, "n": [1], "compare_model": "x"}\n'
        b'\n{"step": -1}\n{"step": true}\n{"loss": 3}\n[3]\n\xff\xfe\n' + b"[" * 9999 + b'\n{"st'
    )
    records, damaged = logs.read_records(log)
    assert records == [
        {"step": 50, "loss": 3}, {"step": 100, "loss": 1}, {"step": 150, "compare_model": "x"}
    ]  # fmt: skip
    assert damaged == 7
    assert logs.read_records(tmp_path / "none") == ([], 0)
    with pytest.raises(TrainingError, match="cannot be read"):
        logs.read_records(tmp_path)


def test_the_table_gets_a_column_for_what_comes_later(tmp_path, said):
    keeper = logs.Logs(tmp_path, ["csv"], "psnr", said.append)
    keeper.begin(0)
    for record in (line(50), line(100, psnr=30.5), line(150)):
        told(tmp_path, record)
        keeper(record)
    assert [(row["step"], row["psnr"]) for row in table(tmp_path)] == [
        ("50", ""), ("100", "30.5"), ("150", "")
    ]  # fmt: skip
    assert said == []


def test_what_a_stop_undid_is_forgotten_everywhere(tmp_path, said):
    told(tmp_path, line(50), line(100, psnr=30))
    (tmp_path / "log.csv").write_text("step\n50\n100\n150\n")
    (tmp_path / "previews").mkdir()
    for name in ("000100.png", "000150.png", "notes.png"):
        (tmp_path / "previews" / name).write_bytes(b"x")
    logs.Logs(tmp_path, ["csv"], "psnr", said.append).begin(100)
    assert [row["step"] for row in table(tmp_path)] == ["50", "100"]
    assert {path.name for path in (tmp_path / "previews").iterdir()} == {"000100.png", "notes.png"}


def test_what_a_run_is_to_have_no_more_holds_no_step_that_was_undone(tmp_path, said, monkeypatch):
    told(tmp_path, line(50))
    (tmp_path / "log.csv").write_text("step\n50\n100\n")
    keeper = logs.Logs(tmp_path, [], "psnr", said.append)
    keeper.begin(50)
    told(tmp_path, line(100))
    keeper(line(100))
    assert [row["step"] for row in table(tmp_path)] == ["50"]
    (tmp_path / "tensorboard").mkdir()
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)  # its package is gone
    logs.Logs(tmp_path, ["csv"], "psnr", said.append).begin(100)
    assert "tensorboard could not be written" in said[0]


def test_previews_stay_few_and_evenly_spaced(tmp_path):
    kept = logs.Previews(tmp_path)
    for number in range(1, 100):
        write_whole(tmp_path / "preview.png", b"x")
        kept.keep(500 * number)
    steps = [step for step, _ in logs.previews_in(tmp_path)]
    gaps = np.diff(steps)
    assert (len(steps), steps[0], steps[-1]) == (logs.MOST_PREVIEWS, 500, 500 * 99)
    assert gaps.max() <= 2.5 * np.median(gaps)
    assert kept.keep(500 * 100) is None  # no new sheet


def test_a_place_that_cannot_be_written_costs_a_sentence_and_no_line(tmp_path, said):
    keeper = logs.Logs(tmp_path, ["csv"], "psnr", said.append)
    keeper.begin(0)
    (tmp_path / "log.csv").mkdir()
    (tmp_path / "previews").write_bytes(b"a file")
    sheet(tmp_path, 9)
    for record in (line(50, psnr=3), line(100, psnr=4)):
        told(tmp_path, record)
        keeper(record)
    keeper.close()
    assert len(said) == 2
    assert all("could not be written" in sentence for sentence in said)


def test_what_cannot_be_written_is_told_before_a_run(tmp_path, monkeypatch):
    pytest.importorskip("torch", reason="torch is not installed")
    monkeypatch.delitem(sys.modules, "torch.utils.tensorboard", raising=False)
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'imgae\[log\]'"):
        logs.check(tmp_path, ["tensorboard"])
    logs.check(tmp_path / "new", ["csv"])
    (tmp_path / "log.csv").mkdir()
    with pytest.raises(TrainingError, match="not an ordinary file"):
        logs.check(tmp_path, ["csv"])


def events(folder):
    """The values of each tag by step, and the marks of a restart, as TensorBoard reads them."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    read = EventAccumulator(str(folder / "tensorboard"), size_guidance={"scalars": 0, "images": 0})
    read.Reload()
    tags = read.Tags()
    found = {tag: {e.step: e.value for e in read.Scalars(tag)} for tag in tags["scalars"]}
    return found | {tag: {e.step: e.width for e in read.Images(tag)} for tag in tags["images"]}


def test_tensorboard_reads_curves_and_previews_also_after_a_stop(tmp_path, said):
    pytest.importorskip("torch", reason="torch is not installed")
    pytest.importorskip("tensorboard", reason="tensorboard is not installed")
    for stop, steps in ((0, (50, 100, 150)), (100, (150,))):
        keeper = logs.Logs(tmp_path, ["tensorboard"], "psnr", said.append)
        keeper.begin(stop)
        for step in steps:
            record = line(step, psnr=step / 10, compare=9.5, compare_model="other", seconds=step)
            told(tmp_path, record)
            sheet(tmp_path, step + stop // 10)
            keeper(record)
        keeper.close()
        kept = (tmp_path / "log.jsonl").read_text().splitlines()[:2]
        (tmp_path / "log.jsonl").write_text("\n".join(kept) + "\n" if stop == 0 else "")
    assert said == []
    found = events(tmp_path)
    assert found["validation/psnr"] == {50: 5, 100: 10, 150: 15}
    assert found["validation/compare"] == {50: 9.5, 100: 9.5, 150: 9.5}
    assert found["training/loss"].keys() == found["preview"].keys() == {50, 100, 150}
    assert len(list((tmp_path / "tensorboard").iterdir())) == 1
