"""The engine of several machines: workers that Ray starts on each and that keep models loaded.

Plain actors of Ray rather than Ray Data, for the reasons in docs/decisions/cluster.md.
"""

import contextlib
import os
import platform
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any, Final

import imgae
from imgae.errors import ImgaeError, OptionError, warn
from imgae.io.atomic import sweep
from imgae.model.machine import limit_cpus
from imgae.restore.batches.engine import Job, Outcome, Task, Worker, finish
from imgae.restore.batches.joining import joined

TRIES: Final = 3
"""Workers that a picture may take with it before it counts as failed."""
STARTS: Final = 3
"""Workers in a row that may die while they load models before the run ends."""
OURS: Final = "IMGAE_"
"""What the names of the variables begin with that workers take from this process."""
PATIENCE: Final = 30.0
"""Seconds without any worker after which the user is told."""
GRACE: Final = 5.0
"""Seconds to wait for workers to die before what they left is swept away."""


class Ray:
    """A cluster: the one that RAY_ADDRESS names, else the one that runs on this machine, else one
    that is started here and ended with the run.

    workers: processes with the models loaded; as many as the cluster has CPUs for by default.
    threads: CPUs for each; an equal share by default, or 1 if `workers` is not given either.
    debug: let Ray print what it has to say.

    A worker that dies is replaced, and its picture is taken by another; a picture fails only when
    three workers died over it. So a picture may be done twice, and its file is then replaced by an
    equal one. Each job has exactly one outcome.
    """

    def __init__(
        self, workers: int | None = None, threads: int | None = None, *, debug: bool = False
    ) -> None:
        for name, number in (("workers", workers), ("threads", threads)):
            if number is not None and number < 1:
                raise OptionError(f"{name} is {number}; expected a whole number from 1")
        self.workers, self.threads, self.debug = workers, threads, debug

    def left(self) -> list[Outcome]:
        return []

    def run(self, jobs: Iterator[Job], task: Task) -> Iterator[Outcome]:
        first = next(jobs, None)
        if first is None:
            return
        with joined(self.workers, self.threads, debug=self.debug) as (ray, workers, threads):
            crew = Crew(ray, task, threads)
            try:
                yield from crew.outcomes(chain([first], jobs), workers)
            finally:
                crew.end()


class Crew:
    """The workers of a run. Each has one job at a time, so that it is known over which it died."""

    def __init__(self, ray: Any, task: Task, threads: int) -> None:
        self.ray, self.task = ray, task
        self.hand = ray.remote(num_cpus=threads, max_restarts=0)(Hand)
        own = {name: value for name, value in os.environ.items() if name.startswith(OURS)}
        self.about = (imgae.__version__, threads, str(Path.cwd()), own)
        self.starting: dict[Any, Any] = {}
        self.idle: list[Any] = []
        self.busy: dict[Any, tuple[Any, Job, int]] = {}
        self.again: deque[tuple[Job, int]] = deque()
        self.deaths = 0
        self.problems: list[ImgaeError] = []
        self.told = False

    def outcomes(self, jobs: Iterator[Job], workers: int) -> Iterator[Outcome]:
        for _ in range(workers):
            self.start()
        try:
            while awaited := self.awaited(jobs):
                ready, _ = self.ray.wait(awaited, timeout=PATIENCE)
                yield from self.taken(ready)
                if not (ready or self.busy or self.told):
                    self.told = True
                    warn("the Ray cluster has no room for a worker; waiting until there is some")
        except KeyboardInterrupt:
            at_work = list(self.busy)
            if at_work:
                ready, _ = self.ray.wait(at_work, num_returns=len(at_work), timeout=0)
                yield from self.taken(ready)
            raise

    def start(self) -> None:
        """Start a worker; it takes jobs once it has loaded the models, wherever there is room."""
        hand = self.hand.remote()
        self.starting[hand.prepare.remote(self.task, *self.about)] = hand

    def awaited(self, jobs: Iterator[Job]) -> list[Any]:
        """Give jobs to those who have none; return what to wait for, nothing once all is done."""
        while self.idle:
            job, deaths = self.again.popleft() if self.again else (next(jobs, None), 0)
            if job is None:
                return list(self.busy)
            hand = self.idle.pop()
            given = replace(job, overwrite=True) if deaths else job
            self.busy[hand.finish.remote(given)] = hand, job, deaths
        return [*self.busy, *self.starting]

    def taken(self, ready: Sequence[Any]) -> Iterator[Outcome]:
        """Take in what workers have done, and yield what became of jobs."""
        for reference in ready:
            if reference in self.starting:
                self.started(reference)
            elif outcome := self.done(reference):
                yield outcome

    def started(self, reference: Any) -> None:
        """Take in a worker that has loaded the models. Raises ImgaeError if none can."""
        hand = self.starting.pop(reference)
        try:
            problem = self.ray.get(reference)
        except self.ray.exceptions.RayError as error:
            self.ray.kill(hand)
            self.deaths += 1
            if self.deaths >= STARTS:
                raise ImgaeError(
                    f"{STARTS} workers of the Ray cluster in turn died while they loaded imgae and "
                    f"its models ({reason(error)}); see that each machine has the same imgae and "
                    "enough memory"
                ) from error
            self.start()
            return
        self.deaths = 0
        if problem is None:
            self.idle.append(hand)
        else:
            self.ray.kill(hand)
            self.problems.append(problem)
        if self.idle or self.busy:
            while self.problems:
                warn(f"a worker does not take part: {self.problems.pop()}")
        elif not self.starting:
            raise self.problems[0]

    def done(self, reference: Any) -> Outcome | None:
        """Return what became of a job; None if its worker died and it is to be done again."""
        hand, job, deaths = self.busy.pop(reference)
        try:
            outcome: Outcome = self.ray.get(reference)
        except self.ray.exceptions.RayTaskError as error:
            self.idle.append(hand)
            return Outcome(job, 0.0, error=f"{job.source}: unexpected error: {reason(error)}")
        except self.ray.exceptions.RayError:  # it died, or its machine cannot be reached
            self.ray.kill(hand)
            self.start()
            if deaths + 1 < TRIES:
                self.again.append((job, deaths + 1))
                return None
            return Outcome(
                job,
                0.0,
                error=f"{job.source}: {TRIES} workers died over it, as they do for want of memory; "
                "use fewer workers (--workers 1), or --engine local",
            )
        self.idle.append(hand)
        return replace(outcome, job=job)

    def end(self) -> None:
        """End all workers, and take away what those left that were at work."""
        at_work = [hand for hand, _, _ in self.busy.values()]
        for hand in (*self.starting.values(), *self.idle, *at_work):
            self.ray.kill(hand)
        if self.busy:
            self.ray.wait(list(self.busy), num_returns=len(self.busy), timeout=GRACE)
            folders = {place.parent for _, job, _ in self.busy.values() for place in job.places}
            for folder in folders:
                if isinstance(folder, Path):
                    sweep(folder)


class Hand:
    """A worker: a process on some machine of the cluster."""

    worker: Worker

    def prepare(
        self, task: Task, version: str, threads: int, folder: str, variables: dict[str, str]
    ) -> ImgaeError | None:
        """Load the models; return why that fails."""
        here = f"on {platform.node()}"
        if imgae.__version__ != version:
            return ImgaeError(
                f"{here}: imgae is {imgae.__version__}, and {version} where the run was started; "
                "install the same"
            )
        os.environ.update(variables)
        limit_cpus(threads)
        with contextlib.suppress(OSError):  # absolute names need no such folder
            os.chdir(folder)
        try:
            self.worker = task.load()
        except ImgaeError as error:
            return type(error)(f"{here}: {error}")
        return None

    def finish(self, job: Job) -> Outcome:
        return replace(finish(self.worker, job), trouble=None)  # exceptions may not pickle


def reason(error: Exception) -> str:
    """Return the last line of an error of Ray, where the cause is."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
