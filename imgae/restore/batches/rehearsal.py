"""A run that writes nothing: what would be done, and about how long it would take."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from imgae.errors import ImgaeError, caught_warnings
from imgae.restore.batches.engine import Job, Outcome, Task
from imgae.restore.batches.record import counted, in_words, megapixels
from imgae.restore.batches.run import WOULD

TRIES: Final = 5
"""Pictures that are tried before there is no estimate."""
LARGEST: Final = 12_000_000
"""Pixels; larger pictures are not restored for an estimate if there are smaller ones."""


class Rehearsal:
    """An engine that only says what would be written."""

    def run(self, jobs: Iterator[Job], task: Task) -> Iterator[Outcome]:  # noqa: ARG002
        for job in jobs:
            yield Outcome(job, 0.0, {WOULD: True})

    def left(self) -> list[Outcome]:
        return []


def estimate(task: Task, jobs: Sequence[Job], most_pixels: int) -> str | None:
    """Return a sentence about how long jobs would take, by restoring one of middle size.

    most_pixels: of a picture that is restored at all. None where no picture tells its size, or none
    of some can be restored.
    """
    from imgae.io.measure import size_of  # loads numpy, and only where it is used

    sizes = [(size.pixels, job) for job in jobs if (size := size_of(job.source))]
    sizes = sorted((each for each in sizes if each[0] <= most_pixels), key=lambda each: each[0])
    if not sizes:
        return None
    small = [each for each in sizes if each[0] <= LARGEST] or sizes[:1]
    worker = task.load()
    for pixels, job in small[len(small) // 2 :: -1][:TRIES]:
        started = time.monotonic()
        try:
            with caught_warnings():
                unwritten = replace(job, places=())
                worker.restore(unwritten, worker.read(unwritten))
        except ImgaeError:
            continue
        seconds = time.monotonic() - started
        total = sum(pixels for pixels, _ in sizes) * len(jobs) / len(sizes)
        return (
            f"it would take about {in_words(seconds * total / pixels)} for "
            f"{counted(len(jobs), 'picture')} of {megapixels(total)} MP in all; "
            f"{job.source} took {seconds:.2g} s, {pixels / 1e6 / seconds:.2g} MP/s"
        )
    return None
