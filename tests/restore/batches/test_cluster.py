"""The engine ray, on a cluster of two machines that are simulated, and on this machine alone."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import MagicMock

import numpy as np
import pytest

import imgae
from imgae.errors import ImageError, ImgaeError, ImgaeWarning, MissingExtraError, OptionError
from imgae.io.atomic import write_whole
from imgae.restore.batches.cluster import Crew, Ray
from imgae.restore.batches.engine import Job
from imgae.restore.batches.joining import known_cluster, shares


@dataclass(frozen=True)
class Copy:
    """A task that copies files, and falls over some of them.

    notes: a folder where workers leave what they do, a file a time. faults: by the number of a job,
    what happens: "bad", an error; "bug", another; "dies", its worker dies each time; "restore" and
    "write", its worker dies in or after that step the first time; "waits", its worker waits for
    ever the first time; "meets", its worker waits until another is at work.
    """

    notes: Path
    faults: dict[int, str]
    key: str = "copy"

    def load(self):
        (self.notes / f"loaded-{os.getpid()}").touch()
        return Copier(self)


def of_note(path):
    """The process that left a note."""
    return int(path.name.split("-")[-1])


class Copier:
    def __init__(self, task):
        self.task = task

    def note(self, what, job):
        """Leave a note, and return whether it is the first of that kind."""
        first = not list(self.task.notes.glob(f"{what}-{job.number}-*"))
        (self.task.notes / f"{what}-{job.number}-{os.getpid()}").touch()
        return first

    def read(self, job):
        return job.source.read_bytes()

    def restore(self, job, work):
        fault = self.task.faults.get(job.number)
        first = self.note("restore", job)
        if fault == "dies" or (fault == "restore" and first):
            os.kill(os.getpid(), signal.SIGKILL)
        if fault == "bad":
            raise ImageError(f"{job.source}: damaged")
        if fault == "bug":
            raise ZeroDivisionError
        while fault == "waits" and first:
            time.sleep(0.01)
        while fault == "meets" and {
            of_note(note) for note in self.task.notes.glob("restore-*")
        } == {os.getpid()}:
            time.sleep(0.01)
        return work

    def write(self, job, work):
        first = self.note("write", job)
        write_whole(job.target, work, overwrite=job.overwrite)
        if self.task.faults.get(job.number) == "write" and first:
            os.kill(os.getpid(), signal.SIGKILL)
        return {"bytes": len(work), "process": os.getpid()}


def jobs_in(folder, count):
    jobs = []
    (folder / "in").mkdir()
    (folder / "out").mkdir()
    for number in range(count):
        source, target = folder / f"in/{number}", folder / f"out/{number}"
        source.write_bytes(b"%d" % number)
        jobs.append(Job(number, source, target, (target,)))
    return jobs


@pytest.fixture
def work(tmp_path):
    """What makes jobs that copy files, and their task."""

    def make(count, **faults):
        (tmp_path / "notes").mkdir()
        jobs = jobs_in(tmp_path, count)
        by_number = {int(name.removeprefix("job")): fault for name, fault in faults.items()}
        return jobs, Copy(tmp_path / "notes", by_number)

    return make


@pytest.fixture(scope="module")
def cluster():
    """A machine that only leads, and two with one CPU each."""
    ray = pytest.importorskip("ray", reason="ray is not installed")
    from ray.cluster_utils import Cluster

    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])  # workers cannot import it
    made = Cluster(
        initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False, **SMALL}
    )
    made.ours = [made.add_node(num_cpus=1, **SMALL) for _ in range(2)]
    os.environ["RAY_ADDRESS"] = made.address
    yield made
    del os.environ["RAY_ADDRESS"]
    session = made.head_node.get_session_dir_path()
    made.shutdown()
    shutil.rmtree(session, ignore_errors=True)


SMALL = {"object_store_memory": 80 << 20}


def contents(jobs):
    return [job.target.read_bytes() if job.target.exists() else None for job in jobs]


def test_each_job_has_one_outcome_and_few_are_taken_ahead(cluster, work):
    jobs, task = work(30, job0="meets", job3="bad", job4="bug")
    taken = []
    outcomes = []
    for outcome in Ray(2).run((taken.append(job) or job for job in jobs), task):
        outcomes.append(outcome)
        assert len(taken) <= len(outcomes) + 3
    by_number = {outcome.job.number: outcome for outcome in outcomes}
    assert sorted(outcome.job.number for outcome in outcomes) == list(range(30))
    assert by_number[3].error == f"{jobs[3].source}: damaged"
    assert "unexpected error" in by_number[4].error
    good = [outcome for outcome in outcomes if outcome.job.number not in (3, 4)]
    assert all(o.error is None and o.job == jobs[o.job.number] for o in good)
    assert len({outcome.fields["process"] for outcome in good}) == 2
    assert len(list(task.notes.glob("loaded-*"))) == 2
    assert contents(jobs) == [None if n in (3, 4) else b"%d" % n for n in range(30)]


def test_a_worker_that_dies_costs_no_picture(cluster, work):
    """Not even where it had written the result, but could not tell."""
    jobs, task = work(8, job1="restore", job5="write")
    outcomes = list(Ray(2).run(iter(jobs), task))
    assert sorted(outcome.job.number for outcome in outcomes) == list(range(8))
    assert [outcome.error for outcome in outcomes] == [None] * 8
    assert contents(jobs) == [b"%d" % n for n in range(8)]
    assert len(list(task.notes.glob("restore-1-*"))) == 2
    assert len(list(task.notes.glob("write-5-*"))) == 2


def test_a_picture_over_which_each_worker_dies_fails_alone(cluster, work):
    jobs, task = work(5, job2="dies")
    outcomes = list(Ray(2).run(iter(jobs), task))
    assert sorted(outcome.job.number for outcome in outcomes) == list(range(5))
    errors = {outcome.job.number: outcome.error for outcome in outcomes if outcome.error}
    assert list(errors) == [2]
    assert "3 workers died over it" in errors[2]
    assert len(list(task.notes.glob("restore-2-*"))) == 3


def test_models_that_cannot_be_loaded_end_the_run_with_their_sentence(cluster, work):
    jobs, _ = work(2)
    with pytest.raises(ImgaeError, match=r"on .*: nothing\.onnx: no such model file"):
        list(Ray(2).run(iter(jobs), Denoise("nothing.onnx")))


@dataclass(frozen=True)
class Denoise:
    model: str
    key: str = "denoise"

    def load(self):
        return Denoising(imgae.Denoiser(self.model))


class Denoising:
    def __init__(self, denoiser):
        self.denoiser = denoiser

    def read(self, job):
        return imgae.read_image(job.source)

    def restore(self, job, work):
        return self.denoiser(work, 0.1)

    def write(self, job, work):
        imgae.write_image(work, job.target, job.overwrite)
        return {"threads": self.denoiser.model.threads}


def test_a_denoiser_gives_the_pixels_that_it_gives_here(cluster, tmp_path):
    generator = np.random.default_rng(0)
    jobs = []
    for number in range(3):
        source, target = tmp_path / f"{number}.png", tmp_path / f"{number}.clean.png"
        imgae.write_image(imgae.Image(generator.integers(0, 256, (40, 56, 3), np.uint8)), source)
        jobs.append(Job(number, source, target, (target,)))
    outcomes = list(Ray(2).run(iter(jobs), Denoise("denoise-fast")))
    assert [outcome.error for outcome in outcomes] == [None] * 3
    assert {outcome.fields["threads"] for outcome in outcomes} == {1}
    denoiser = imgae.Denoiser("denoise-fast", threads=1)
    for job in jobs:
        expected = denoiser(imgae.read_image(job.source), 0.1)
        assert np.array_equal(imgae.read_image(job.target).pixels, expected.pixels)


def test_a_machine_that_is_lost_costs_no_picture(cluster, work):
    jobs, task = work(6, job2="waits")
    outcomes = []
    for outcome in Ray(2).run(iter(jobs), task):
        outcomes.append(outcome)
        if len(outcomes) == 3:  # what the other worker did meanwhile
            [note] = task.notes.glob("restore-2-*")
            lost = machine_of(of_note(note), cluster)
            cluster.remove_node(lost, allow_graceful=False)
            cluster.ours.remove(lost)
    assert sorted(outcome.job.number for outcome in outcomes) == list(range(6))
    assert [outcome.error for outcome in outcomes] == [None] * 6
    assert contents(jobs) == [b"%d" % n for n in range(6)]
    assert len(list(task.notes.glob("restore-2-*"))) == 2
    cluster.ours.append(cluster.add_node(num_cpus=1, **SMALL))


def machine_of(process, cluster):
    """The simulated machine that a worker's process runs on: its parent is that one's raylet."""
    stat = Path(f"/proc/{process}/stat").read_text()
    parent = int(stat.rpartition(")")[2].split()[1])
    return next(
        node for node in cluster.ours if parent in [each.pid for _, each in node.live_processes()]
    )


PROGRAM = """
import os, signal, sys, threading
sys.path.insert(0, {folder!r})
import ray, test_cluster
from pathlib import Path
from imgae.restore.batches.cluster import Ray

ray.cloudpickle.register_pickle_by_value(test_cluster)
notes = Path({notes!r})
task = test_cluster.Copy(notes, {{1: "write", 4: "waits"}})
jobs = test_cluster.jobs_in(Path({place!r}), 9)
began = []
try:
    for outcome in Ray(2).run(iter(jobs), task):
        print(outcome.job.number, outcome.error, flush=True)
        began.append(outcome)
        if len(began) == 8:
            threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
except KeyboardInterrupt:
    print("interrupted")
print(signal.getsignal(signal.SIGTERM) == signal.SIG_DFL)
"""


def test_a_cluster_of_this_machine_alone_starts_ends_and_says_nothing(tmp_path):
    """Even if a worker dies, and where the run is interrupted."""
    pytest.importorskip("ray", reason="ray is not installed")
    notes = tmp_path / "notes"
    notes.mkdir()
    program = PROGRAM.format(
        folder=str(Path(__file__).parent), notes=str(notes), place=str(tmp_path)
    )
    logs = Path(tempfile.mkdtemp(prefix="r", dir="/tmp"))
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env=os.environ | {"RAY_ADDRESS": "local", "RAY_TMPDIR": str(logs)},
    )
    assert done.stderr == ""
    lines = [f"{number} None" for number in range(9) if number != 4]
    assert sorted(done.stdout.splitlines()) == [*lines, "True", "interrupted"]
    assert not (tmp_path / "out/4").exists()
    assert not list(logs.glob("ray/session_2*"))
    shutil.rmtree(logs)
    started = notes.glob("loaded-*")
    assert not [note for note in started if running(of_note(note))]


def running(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_cluster_without_room_is_told_once():
    """And the run waits, as for a machine that is still to come."""
    ray = MagicMock()
    ray.wait.side_effect = [([], []), ([], []), KeyboardInterrupt]
    outcomes = Crew(ray, Copy(Path(), {}), 1).outcomes(iter([Job(0, Path("a"), Path("b"))]), 2)
    with (
        pytest.warns(ImgaeWarning, match="no room for a worker") as told,
        pytest.raises(KeyboardInterrupt),
    ):
        list(outcomes)
    assert len(told) == 1


def test_without_ray_it_is_said_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    job = Job(0, Path("a"), Path("b"))
    with pytest.raises(MissingExtraError, match=r"--engine ray needs ray; .*'imgae\[cluster\]'"):
        list(Ray().run(iter([job]), Copy(Path(), {})))


def test_a_cluster_that_does_not_answer_is_told_at_once(monkeypatch):
    pytest.importorskip("ray", reason="ray is not installed")
    with socket.create_server(("127.0.0.1", 0)) as server:
        free = server.getsockname()[1]
    monkeypatch.setenv("RAY_ADDRESS", f"127.0.0.1:{free}")
    with pytest.raises(ImgaeError, match=f"no Ray cluster answers at 127.0.0.1:{free}, which RAY"):
        list(Ray().run(iter([Job(0, Path("a"), Path("b"))]), Copy(Path(), {})))


def test_the_note_of_a_cluster_that_is_gone_counts_for_nothing(tmp_path, monkeypatch):
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))
    assert known_cluster() is None
    note = tmp_path / "ray/ray_current_cluster"
    note.parent.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as server:
        here = f"127.0.0.1:{server.getsockname()[1]}"
        note.write_text(here)
        assert known_cluster() == here
    assert known_cluster() is None


def test_without_jobs_nothing_is_started(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    assert list(Ray().run(iter([]), Copy(Path(), {}))) == []


@pytest.mark.parametrize(
    ("cpus", "workers", "threads", "expected"),
    [
        ([2], None, None, (2, 1)),
        ([0, 4, 4], None, None, (8, 1)),
        ([4, 4], 2, None, (2, 4)),
        ([3, 3], 3, None, (3, 1)),
        ([4], 8, None, (8, 1)),
        ([5, 4], None, 2, (4, 2)),
        ([4, 4], 1, None, (1, 4)),
    ],
)
def test_workers_share_the_cpus(cpus, workers, threads, expected):
    assert shares(cpus, workers, threads) == expected


@pytest.mark.parametrize(("cpus", "threads"), [([], None), ([0], None), ([2, 3], 4)])
def test_a_worker_that_has_room_nowhere_is_refused(cpus, threads):
    with pytest.raises(ImgaeError, match="no machine of the Ray cluster has"):
        shares(cpus, None, threads)


def test_numbers_below_one_are_refused():
    with pytest.raises(OptionError, match="workers is 0"):
        Ray(0)
