"""Work in its turn: lanes with bounded queues, progress, cancellation and a limit on time."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from imgae.cli.server.ending import endable
from imgae.cli.server.problems import ProblemError, problem_of
from imgae.cli.server.work import Done
from imgae.model.machine import stoppable, trim_memory
from imgae.model.stitch import Progress

WAITING, RUNNING, DONE, FAILED, CANCELLED = "waiting", "running", "done", "failed", "cancelled"
OVER: Final = (DONE, FAILED, CANCELLED)
TOLD: Final = 0.1
"""Seconds between two reports of progress."""
log = logging.getLogger(__name__)


class StoppedError(Exception):
    """The work is to stop."""


@dataclass
class Job:
    """A piece of work.

    kind: what it does, as in "denoise". ahead: how many are to run before it. done: what came of
    it. problem: why nothing did. stopping: why it is to stop, or None.
    """

    id: str
    kind: str
    work: Callable[[Progress], Done]
    status: str = WAITING
    progress: float = 0.0
    ahead: int = 0
    done: Done | None = None
    problem: ProblemError | None = None
    stopping: ProblemError | None = None
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    told: float = 0.0

    def as_json(self) -> dict[str, Any]:
        done = self.done
        return {
            "id": self.id,
            "kind": self.kind,
            "status": self.status,
            "progress": round(self.progress, 4),
            "ahead": self.ahead,
            "record": done.record if done else None,
            "problem": self.problem.as_json() if self.problem else None,
            "name": done.name if done else None,
            "type": done.type if done else None,
            "bytes": done.path.stat().st_size if done and done.path.exists() else None,
        }

    def change(self) -> None:
        """Wake all who wait for news."""
        self.changed.set()
        self.changed = asyncio.Event()

    async def ended(self) -> None:
        while self.status not in OVER:
            await self.changed.wait()

    async def states(self) -> AsyncIterator[dict[str, Any]]:
        """Yield the state now and after each change, to the last one."""
        while True:
            changed = self.changed
            yield self.as_json()
            if self.status in OVER:
                return
            await changed.wait()


CANCEL: Final = ProblemError(409, "the work was cancelled")
LATE: Final = "the work took longer than {limit:g} s, which is the limit (--time-limit)"


class Lane:
    """Runs jobs one after another, in a thread of its own.

    most: how many may wait. limit: seconds that one may take.
    """

    def __init__(self, most: int, limit: float) -> None:
        self.most, self.limit = most, limit
        self.thread = ThreadPoolExecutor(1)
        self.jobs: list[Job] = []
        self.seconds = 1.0  # that one took lately

    @property
    def waiting(self) -> int:
        return max(0, len(self.jobs) - 1)

    def submit(self, job: Job) -> None:
        """Put a job last. Raises ProblemError, 429, if too many wait."""
        if len(self.jobs) > self.most:
            wait = max(1, round(self.seconds * len(self.jobs)))
            raise busy(f"{len(self.jobs)} pictures are at work or wait already", wait)
        self.jobs.append(job)
        self.number()
        running = asyncio.get_running_loop().create_task(self.run(job))
        running.add_done_callback(heard)

    async def run(self, job: Job) -> None:
        loop = asyncio.get_running_loop()
        timer: asyncio.TimerHandle | None = None
        begun = time.monotonic()

        def begin() -> None:
            nonlocal timer, begun
            if job.stopping is None:
                begun = time.monotonic()
                job.status = RUNNING
                late = ProblemError(503, LATE.format(limit=self.limit))
                timer = loop.call_later(self.limit, self.cancel, job, late)
                job.change()

        def step(done: int, count: int) -> None:
            now = time.monotonic()
            if now - job.told > TOLD or done == count:
                job.told = now
                loop.call_soon_threadsafe(advance, job, done / max(1, count))

        def work() -> Done:
            loop.call_soon_threadsafe(begin)
            return worked(job, step)

        try:
            job.done = await loop.run_in_executor(self.thread, work)
            job.status, job.progress = DONE, 1.0
        except Exception as error:
            job.problem = job.stopping or problem_of(error)
            job.status = CANCELLED if job.problem is CANCEL else FAILED
            if job.problem.status == 500:
                log.exception("%s failed", job.kind, exc_info=error)
        finally:
            if timer:
                timer.cancel()
            if job in self.jobs:
                self.seconds = 0.7 * self.seconds + 0.3 * (time.monotonic() - begun)
                self.jobs.remove(job)
                self.number()
            job.change()

    def number(self) -> None:
        """Tell the jobs that wait how many come before them."""
        for ahead, job in enumerate(self.jobs):
            if job.ahead != ahead:
                job.ahead = ahead
                job.change()

    def cancel(self, job: Job, why: ProblemError) -> None:
        """Take a job that waits out of the lane; have one that runs stop before its next model."""
        if job.status in OVER or is_ending(job):
            return
        job.stopping = why
        if job.status == WAITING:
            job.status, job.problem = CANCELLED, why
            self.jobs.remove(job)
            self.number()
            job.change()

    def stop(self, why: ProblemError) -> None:
        """Cancel all jobs."""
        for job in list(self.jobs):
            self.cancel(job, why)


def busy(why: str, wait: int = 1) -> ProblemError:
    """Return the answer to a client that is to come again after some seconds."""
    return ProblemError(429, f"{why}; try again in {wait} s", {"Retry-After": str(wait)})


def heard(task: asyncio.Task[None]) -> None:
    """Take note of how a task ended that nobody waits for; its job tells."""
    if not task.cancelled():
        task.exception()


def worked(job: Job, step: Progress) -> Done:
    """Do a job in the thread that works. Raises StoppedError once it is to stop."""

    def checked(done: int, count: int) -> None:
        if job.stopping:
            raise StoppedError
        step(done, count)

    if job.stopping:
        raise StoppedError
    try:
        with stoppable(partial(is_stopping, job)), endable(partial(is_ending, job)):
            return job.work(checked)
    finally:
        trim_memory()


def is_stopping(job: Job) -> bool:
    return job.stopping is not None


def is_ending(job: Job) -> bool:
    return job.stopping not in (None, CANCEL)


def advance(job: Job, progress: float) -> None:
    if job.status == RUNNING:
        job.progress = progress
        job.change()
