"""A run that writes nothing: what would be done, and about how long it would take."""

from collections.abc import Iterator

from imgae.restore.batches.engine import Job, Outcome, Task


class Rehearsal:
    """An engine that only says what would be written."""

    def run(self, jobs: Iterator[Job], task: Task) -> Iterator[Outcome]:  # noqa: ARG002
        for job in jobs:
            yield Outcome(job, 0.0, {"would": True})
