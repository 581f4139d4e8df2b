"""The seam between what is done to a picture and where it is done; and this machine's engine.

A Task says what is done, and can be sent to another machine. Its Worker holds the loaded models and
takes a picture in three steps, so that one picture is read, another restored and a third written at
the same time.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

from imgae.errors import ImgaeError, caught_warnings, first_line
from imgae.model.machine import interrupted, short_of_memory

AHEAD: Final = 2
"""Pictures that are read before they are needed, and that wait to be written."""
RESTORERS: Final = 2
"""Pictures that are restored at once, so that the network of one works while another is converted
and looked at."""


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

    def left(self) -> list[Outcome]:
        """Return what was finished, once `run` was left early, from what was yielded last on."""


class Local:
    """The engine of this machine.

    cost: about how many bytes a job needs while it is at work; together those at work stay within
    `limit`, but for one that is more alone.
    """

    def __init__(self, cost: Callable[[Job], int] | None = None, limit: int = 0) -> None:
        self.cost, self.limit = cost, limit
        self.line: Line | None = None

    def run(self, jobs: Iterator[Job], task: Task) -> Iterator[Outcome]:
        first = next(jobs, None)
        if first is None:
            return
        worker = task.load()
        second = next(jobs, None)
        if second is None:  # threads are for several
            yield finish(worker, first)
            return
        self.line = Line(self, worker, deque([first, second]), jobs)
        yield from self.line.outcomes()

    def left(self) -> list[Outcome]:
        return self.line.left() if self.line else []


class InTurn:
    """The engine of this machine for jobs that come slowly: one is done before the next is asked
    for.
    """

    def run(self, jobs: Iterator[Job], task: Task) -> Iterator[Outcome]:
        worker: Worker | None = None
        for job in jobs:
            worker = worker or task.load()
            yield finish(worker, job)

    def left(self) -> list[Outcome]:
        return []


class Line:
    """Jobs on their way through the three steps, in their order."""

    def __init__(
        self, engine: Local, worker: Worker, ahead: deque[Job], jobs: Iterator[Job]
    ) -> None:
        self.engine, self.worker, self.ahead, self.jobs = engine, worker, ahead, jobs
        self.read, self.restored, self.written = Queue(), Queue(), Queue()
        self.queues = (self.read, self.restored, self.written)

    def outcomes(self) -> Iterator[Outcome]:
        pools = [
            ThreadPoolExecutor(count, f"imgae-{name}")
            for name, count in (("read", 1), ("restore", RESTORERS), ("write", 1))
        ]
        reader, restorer, writer = pools
        try:
            while self.start_reading(reader) or any(self.queues):
                while self.may_restore():
                    step = self.read.take()
                    self.restored.put(step, restorer.submit(step.restore, self.worker))
                while self.may_write():
                    step = self.restored.take()
                    self.written.put(step, writer.submit(step.write, self.worker))
                while self.written.is_ready():
                    yield self.written.steps[0].outcome()
                    self.written.take()  # only now: who was given it may have been interrupted
                self.start_reading(reader)
                first = [queue.futures[0] for queue in self.queues if queue]
                awaited = [future for future in first if not future.done()]
                # what ended since it was last looked at may go on now
                goes_on = self.may_restore() or self.may_write() or self.written.is_ready()
                if awaited and not goes_on:
                    wait(awaited, return_when=FIRST_COMPLETED)
        finally:  # also where it is left early, as by Ctrl-C
            at_work = any(self.queues)  # if not, others' work is not to be interrupted
            with interrupted() if at_work else nullcontext():
                for pool in pools[:2]:
                    pool.shutdown(cancel_futures=True)
            writer.shutdown()

    def may_restore(self) -> bool:
        return self.read.is_ready() and len(self.restored) < RESTORERS

    def may_write(self) -> bool:
        return self.restored.is_ready() and len(self.written) < AHEAD

    def left(self) -> list[Outcome]:
        """Return what is written, from what was yielded last on."""
        return [self.written.take().outcome() for _ in range(len(self.written))]

    def start_reading(self, reader: ThreadPoolExecutor) -> bool:
        """Begin to read as many pictures as may be ahead; returns whether any waits to be read."""
        while len(self.read) < AHEAD:
            if not self.ahead:
                with suppress(StopIteration):
                    self.ahead.append(next(self.jobs))
            if not self.ahead:
                return False
            step = Step(self.ahead[0], self.engine.cost(self.ahead[0]) if self.engine.cost else 0)
            at_work = sum(queue.cost for queue in self.queues)
            if at_work and at_work + step.cost > self.engine.limit > 0:
                return True
            self.ahead.popleft()
            self.read.put(step, reader.submit(step.read, self.worker))
        return bool(self.ahead)


class Queue:
    """Steps that were begun, in their order."""

    def __init__(self) -> None:
        self.steps: deque[Step] = deque()
        self.futures: deque[Future[bool]] = deque()

    def __len__(self) -> int:
        return len(self.steps)

    @property
    def cost(self) -> int:
        return sum(step.cost for step in self.steps)

    def put(self, step: "Step", future: "Future[bool]") -> None:
        self.steps.append(step)
        self.futures.append(future)

    def is_ready(self) -> bool:
        """Return whether the first is done."""
        return bool(self.futures) and self.futures[0].done()

    def take(self) -> "Step":
        """Return the first, and raise what it did not expect."""
        self.futures.popleft().result()
        return self.steps.popleft()


class Step:
    """A job at work: what the last step returned, or why it failed."""

    def __init__(self, job: Job, cost: int = 0) -> None:
        self.job, self.cost = job, cost
        self.work: Any = None
        self.error: str | None = None
        self.trouble: Exception | None = None
        self.notes: list[str] = []
        self.seconds = 0.0

    def read(self, worker: Worker) -> bool:
        return self.take(lambda: worker.read(self.job))

    def restore(self, worker: Worker) -> bool:
        return self.take(lambda: worker.restore(self.job, self.work))

    def write(self, worker: Worker) -> bool:
        return self.take(lambda: worker.write(self.job, self.work))

    def take(self, step: Callable[[], Any]) -> bool:
        """Take a step if none failed before, and return whether none has."""
        if self.error is not None:
            return False
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
    for take in (step.read, step.restore, step.write):
        take(worker)
    return step.outcome()


def sentence_of(error: Exception, source: Path) -> str:
    """Return a sentence that tells of an error in a picture."""
    if isinstance(error, ImgaeError):
        return str(error)
    if sentence := short_of_memory(error):
        return f"{source}: {sentence}"
    return f"{source}: unexpected error: {first_line(error)}"
