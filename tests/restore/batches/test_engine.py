"""The engine of this machine: three steps at once, failures, memory, interruption."""

import contextlib
import threading
import warnings
from pathlib import Path

import pytest

from imgae.errors import ImageError, warn
from imgae.restore.batches.engine import InTurn, Job, Local

WAIT = 30


class Worker:
    """Notes what begins and ends; fails for jobs whose number is in `fails`, by the step."""

    def __init__(self, fails=()):
        self.fails, self.log, self.lock = dict(fails), [], threading.Lock()

    def step(self, name, job):
        with self.lock:
            self.log.append((name, job.number))
        warn(f"{name} {job.number}")
        if self.fails.get(job.number) == name:
            raise ImageError(f"{job.source}: broken")
        if self.fails.get(job.number) == f"odd {name}":
            raise KeyError("surprise")
        return job.number

    def read(self, job):
        return self.step("read", job)

    def restore(self, job, work):
        assert work == job.number
        return self.step("restore", job)

    def write(self, job, work):
        return {"number": self.step("write", job)}


class Task:
    key = "key"

    def __init__(self, worker):
        self.worker, self.loaded = worker, 0

    def load(self):
        self.loaded += 1
        return self.worker


def jobs(count):
    return [
        Job(number, Path(f"{number}.png"), Path(f"out/{number}.png")) for number in range(count)
    ]


def test_only_a_run_that_is_left_early_interrupts_networks(monkeypatch):
    """Others in the process may be at work."""
    stopped = []

    @contextlib.contextmanager
    def interrupted():
        stopped.append(True)
        yield

    monkeypatch.setattr("imgae.restore.batches.engine.interrupted", interrupted)
    assert len(list(Local().run(iter(jobs(5)), Task(Worker())))) == 5
    assert not stopped
    outcomes = Local().run(iter(jobs(5)), Task(Worker()))
    next(outcomes)
    outcomes.close()
    assert stopped


@pytest.mark.parametrize("engine", [Local(), InTurn()])
def test_each_job_has_one_outcome_in_order_whatever_fails(engine):
    worker = Worker({1: "read", 2: "odd restore", 4: "write"})
    task = Task(worker)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # what is warned of belongs to its picture
        outcomes = list(engine.run(iter(jobs(7)), task))
    assert task.loaded == 1
    assert [outcome.job.number for outcome in outcomes] == list(range(7))
    errors = {outcome.job.number: outcome.error for outcome in outcomes if outcome.error}
    assert errors == {
        1: "1.png: broken",
        2: "2.png: unexpected error: 'surprise'",
        4: "4.png: broken",
    }
    assert isinstance(outcomes[2].trouble, KeyError)
    assert outcomes[3].fields == {"number": 3}
    assert outcomes[3].notes == ("read 3", "restore 3", "write 3")
    assert outcomes[1].notes == ("read 1",)
    assert ("restore", 1) not in worker.log


def test_nothing_is_loaded_for_no_jobs():
    task = Task(Worker())
    assert list(Local().run(iter([]), task)) == []
    assert task.loaded == 0


def test_reading_and_writing_go_on_while_a_picture_is_restored():
    """It would wait for ever if they did not."""
    met = threading.Barrier(3, timeout=WAIT)

    class Meeting(Worker):
        def read(self, job):
            if job.number == 2:
                met.wait()
            return job.number

        def restore(self, job, work):
            if job.number == 1:
                met.wait()
            return work

        def write(self, job, work):
            if job.number == 0:
                met.wait()
            return {}

    outcomes = list(Local().run(iter(jobs(4)), Task(Meeting())))
    assert [outcome.error for outcome in outcomes] == [None] * 4


def test_jobs_are_taken_only_as_they_are_needed():
    taken = []

    def given():
        for job in jobs(100):
            taken.append(job.number)
            yield job

    outcomes = Local().run(given(), Task(Worker()))
    next(outcomes)
    assert len(taken) < 10
    outcomes.close()


@pytest.mark.parametrize(("limit", "most"), [(100, 2), (10, 1), (0, 6)])
def test_pictures_at_work_stay_within_the_limit(limit, most):
    at_work, highest = set(), []

    class Watching(Worker):
        def read(self, job):
            at_work.add(job.number)
            highest.append(len(at_work))
            return job.number

        def write(self, job, work):
            at_work.discard(job.number)
            return {}

    engine = Local(lambda _: 50, limit)
    outcomes = list(engine.run(iter(jobs(12)), Task(Watching())))
    assert len(outcomes) == 12
    assert max(highest) <= most
    assert max(highest) > 1 or limit == 10


def test_an_interruption_gives_what_is_written_and_ends():
    class Interrupted(Worker):
        def restore(self, job, work):
            if job.number == 3:
                raise KeyboardInterrupt
            return work

    engine, found = Local(), []

    def take_all():
        found.extend(  # one by one, as a consumer does
            outcome.job.number for outcome in engine.run(iter(jobs(9)), Task(Interrupted()))
        )

    with pytest.raises(KeyboardInterrupt):
        take_all()
    found += [outcome.job.number for outcome in engine.left()]
    assert found in ([0], [0, 1], [0, 1, 2])  # what was written when it came
    assert not [each for each in threading.enumerate() if each.name.startswith("imgae-")]
