"""The seam between what is done to a picture and where it is done; and this machine's engine.

A Task says what is done, and can be sent to another machine. Its Worker holds the loaded models and
takes a picture in three steps, so that one picture is read, another restored and a third written at
the same time.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final, Protocol

from imgae.errors import ImgaeError, caught_warnings
from imgae.model.machine import short_of_memory

AHEAD: Final = 2
"""Pictures that are read before they are needed, and that wait to be written."""


STANDARD: Final = Path("-")
"""What stands for standard input as a source, and for standard output as a target."""


@dataclass(frozen=True, slots=True)
class Job:
    """A picture to be restored.

    source, target: where it is, and where its result goes. places: the files that are written for
    it, which may be none or several. overwrite: whether these may exist. makes: whether their
    folder is made if it is not there. also: further files that decide the result, as its mask.
    """

    number: int
    source: Path
    target: Path
    places: tuple[Path, ...] = ()
    overwrite: bool = False
    makes: bool = False
    also: tuple[Path, ...] = ()


class Worker(Protocol):
    """What restores pictures, with its models loaded. Steps raise an ImgaeError if they fail."""

    def read(self, job: Job) -> Any:
        """Read a picture; in another thread, while others are restored."""

    def restore(self, job: Job, work: Any) -> Any:
        """Restore what `read` returned."""

    def write(self, job: Job, work: Any) -> dict[str, Any]:
        """Write what `restore` returned, in another thread, and return what a record says of it."""


class Task(Protocol):
    """What is done to each picture. It can be pickled."""

    @property
    def key(self) -> str:
        """Equal for two tasks only if they give equal results."""

    def load(self) -> Worker:
        """Load the models."""


@dataclass(frozen=True)
class Outcome:
    """What became of a job.

    fields: what Worker.write returned. error: a sentence if it failed; trouble: its exception, if
    it happened in this process. notes: what there is to say besides.
    """

    job: Job
    seconds: float
    fields: dict[str, Any] = field(default_factory=dict)
    error: str | None = None
    trouble: Exception | None = None
    notes: tuple[str, ...] = ()


class Engine(Protocol):
    """Where pictures are restored."""

    def run(self, jobs: Iterator[Job], task: Task) -> Iterator[Outcome]:
        """Yield what becomes of each job, as soon as it is known. A picture that fails is no error.

        Jobs are taken from the iterator only as they are needed, and the models are loaded once
        there is one.
        """


class Local:
    """The engine of this machine.

    cost: about how many bytes a job needs while it is at work; together those at work stay within
    `limit`, but for one that is more alone.
    """

    def __init__(self, cost: Callable[[Job], int] | None = None, limit: int = 0) -> None:
        self.cost, self.limit = cost, limit

    def run(self, jobs: Iterator[Job], task: Task) -> Iterator[Outcome]:
        first = next(jobs, None)
        if first is None:
            return
        worker = task.load()
        second = next(jobs, None)
        if second is None:  # threads are for several
            yield finish(worker, first)
            return
        yield from Line(self, worker, deque([first, second]), jobs).outcomes()


class InTurn:
    """The engine of this machine for jobs that come slowly: one is done before the next is asked
    for.
    """

    def run(self, jobs: Iterator[Job], task: Task) -> Iterator[Outcome]:
        worker: Worker | None = None
        for job in jobs:
            worker = worker or task.load()
            yield finish(worker, job)


class Line:
    """Jobs on their way through the three steps."""

    def __init__(
        self, engine: Local, worker: Worker, ahead: deque[Job], jobs: Iterator[Job]
    ) -> None:
        self.engine, self.worker, self.ahead, self.jobs = engine, worker, ahead, jobs
        self.read: deque[tuple[Step, Future[bool]]] = deque()
        self.written: deque[tuple[Step, Future[bool]]] = deque()

    def outcomes(self) -> Iterator[Outcome]:
        reader = ThreadPoolExecutor(1, "imgae-read")
        writer = ThreadPoolExecutor(1, "imgae-write")
        try:
            while self.start_reading(reader) or self.read or self.written:
                if self.read:
                    step, reading = self.read[0]
                    if reading.result():
                        self.start_reading(reader)
                        step.take(partial(self.worker.restore, step.job, step.work))
                    self.read.popleft()
                    self.written.append((step, writer.submit(self.write, step)))
                yield from self.ready(len(self.read) and AHEAD)
        except KeyboardInterrupt:
            reader.shutdown(wait=False, cancel_futures=True)
            yield from self.ready(0)
            raise
        finally:
            reader.shutdown(wait=True, cancel_futures=True)
            writer.shutdown(wait=True)

    def start_reading(self, reader: ThreadPoolExecutor) -> bool:
        """Begin to read as many pictures as may be ahead; returns whether any waits to be read."""
        while len(self.read) < AHEAD:
            if not self.ahead:
                with suppress(StopIteration):
                    self.ahead.append(next(self.jobs))
            if not self.ahead:
                return False
            step = Step(self.ahead[0], self.engine.cost(self.ahead[0]) if self.engine.cost else 0)
            at_work = sum(other.cost for other, _ in (*self.read, *self.written))
            if at_work and at_work + step.cost > self.engine.limit > 0:
                return True
            self.ahead.popleft()
            self.read.append((step, reader.submit(self.start, step)))
        return bool(self.ahead)

    def start(self, step: "Step") -> bool:
        return step.take(partial(self.worker.read, step.job))

    def write(self, step: "Step") -> bool:
        return step.error is None and step.take(partial(self.worker.write, step.job, step.work))

    def ready(self, most: int) -> Iterator[Outcome]:
        """Yield what is written, waiting until at most so many are left."""
        while self.written and (len(self.written) > most or self.written[0][1].done()):
            step, writing = self.written[0]
            writing.result()
            self.written.popleft()
            yield step.outcome()


class Step:
    """A job at work: what the last step returned, or why it failed."""

    def __init__(self, job: Job, cost: int = 0) -> None:
        self.job, self.cost = job, cost
        self.work: Any = None
        self.error: str | None = None
        self.trouble: Exception | None = None
        self.notes: list[str] = []
        self.seconds = 0.0

    def take(self, step: Callable[[], Any]) -> bool:
        """Take a step, and return whether it did not fail."""
        started = time.monotonic()
        with caught_warnings() as notes:
            try:
                self.work = step()
            except Exception as error:
                self.work, self.trouble = None, error
                self.error = sentence_of(error, self.job.source)
        self.notes += [note for note in notes if note not in self.notes]
        self.seconds += time.monotonic() - started
        return self.error is None

    def outcome(self) -> Outcome:
        fields = {} if self.error else self.work
        return Outcome(self.job, self.seconds, fields, self.error, self.trouble, tuple(self.notes))


def finish(worker: Worker, job: Job) -> Outcome:
    """Take the three steps of a job in turn."""
    step = Step(job)
    _ = (
        step.take(lambda: worker.read(job))
        and step.take(lambda: worker.restore(job, step.work))
        and step.take(lambda: worker.write(job, step.work))
    )
    return step.outcome()


def sentence_of(error: Exception, source: Path) -> str:
    """Return a sentence that tells of an error in a picture."""
    if isinstance(error, ImgaeError):
        return str(error)
    if sentence := short_of_memory(error):
        return f"{source}: {sentence}"
    first = (str(error).strip() or "no message").splitlines()[0]
    return f"{source}: unexpected error: {first}"
