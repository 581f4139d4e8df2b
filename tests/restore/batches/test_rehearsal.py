"""How long a run would take, by one picture that is restored for it."""

from pathlib import Path

import numpy as np
import pytest

from imgae import Image, ImageError, write_image
from imgae.restore.batches import rehearsal
from imgae.restore.batches.engine import Job


class Worker:
    """Restores nothing; each picture takes a second, and those named `bad` fail."""

    def __init__(self):
        self.seen, self.now = [], 0.0

    def load(self):
        return self

    def read(self, job):
        return job

    def restore(self, job, work):
        assert work is job
        assert job.places == ()
        self.seen.append(job.source.stem)
        if job.source.stem.startswith("bad"):
            raise ImageError("cannot be restored")
        self.now += 1.0


@pytest.fixture
def worker(monkeypatch):
    found = Worker()
    monkeypatch.setattr(rehearsal.time, "monotonic", lambda: found.now)
    return found


def jobs(folder, **sides):
    found = []
    for number, (name, side) in enumerate(sides.items()):
        path = folder / f"{name}.png"
        write_image(Image(np.zeros((side, side, 3), np.uint8)), path, overwrite=True)
        found.append(Job(number, path, Path("out.png"), (Path("out.png"),)))
    return found


def test_one_of_middle_size_is_restored(tmp_path, worker):
    found = rehearsal.estimate(worker, jobs(tmp_path, large=400, small=100, middle=200), 10**9)
    assert worker.seen == ["middle"]
    assert found.startswith("it would take about 5 s for 3 pictures of 0.21 MP in all; ")
    assert found.endswith("middle.png took 1 s, 0.04 MP/s")


def test_pictures_that_fail_are_passed_over(tmp_path, worker):
    found = rehearsal.estimate(worker, jobs(tmp_path, bad=200, small=100, large=300), 10**9)
    assert worker.seen == ["bad", "small"]
    assert "small.png took" in found
    assert rehearsal.estimate(worker, jobs(tmp_path, bad=200), 10**9) is None


def test_what_tells_no_size_or_is_too_large_is_not_tried(tmp_path, worker, monkeypatch):
    (tmp_path / "none.png").write_bytes(b"no picture")
    none = Job(0, tmp_path / "none.png", Path("out.png"))
    assert rehearsal.estimate(worker, [none], 10**9) is None
    assert rehearsal.estimate(worker, jobs(tmp_path, large=400), 1000) is None
    assert worker.seen == []
    monkeypatch.setattr(rehearsal, "LARGEST", 50_000)
    found = jobs(tmp_path, small=100, one=300, two=400)
    assert "small.png took" in rehearsal.estimate(worker, found, 10**9)
    assert worker.seen == ["small"]
