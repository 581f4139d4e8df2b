"""A run over many pictures: what is to be done of it, what was done, and what became of each."""

import contextlib
import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from imgae.errors import ImageError, ImgaeError
from imgae.io.remote import is_same
from imgae.restore.batches.engine import Engine, Job, Outcome, Task, sentence_of
from imgae.restore.batches.journal import Entry, Journal, hash_of_file, made_with
from imgae.restore.batches.outputs import Planned
from imgae.restore.batches.record import DONE, FAILED, SKIPPED, WARNINGS, Record

CURRENT: Final = "done already, and current"
THERE: Final = "its result is there already"
NOT_REACHED: Final = "not reached before the run was ended"
WOULD: Final = "would be written"
WOULD_REPLACE: Final = "would be written over what is there"
EXISTS: Final = (
    "{}: exists already; --resume goes on with what is not done, --skip-existing leaves what is "
    "there, and --overwrite replaces it"
)
NOT_OURS: Final = (
    "{}: exists already, and is not known here as a result of an earlier run, or was changed "
    "since, so --resume leaves it; --skip-existing leaves all that is there, and --overwrite "
    "replaces it"
)
TAKES_PLACE: Final = (
    "{}: its result would take its own place; name a folder with -o or a --suffix, or replace the "
    "picture itself with --overwrite"
)
IN_PLACE: Final = (
    "{}: is the result of an earlier run itself, in the place of its picture; add --overwrite to "
    "restore it once more"
)
IN_ITS_PLACE: Final = "in its place"
"""What stands for the hash of a picture that its result replaced."""


@dataclass(frozen=True)
class Rules:
    """What to do where a result is there already. The first that is true counts.

    skip_existing: leave it. resume: leave it if it is what would be written, by content, options
    and model, and write it anew if imgae wrote it otherwise. overwrite: write it anew.
    """

    overwrite: bool = False
    resume: bool = False
    skip_existing: bool = False


class Jobs:
    """The jobs of a plan, each made when it is asked for, since there may be a million."""

    def __init__(self, planned: Sequence[Planned], make: Callable[[int, Planned], Job]) -> None:
        self.planned, self.make = planned, make

    def __len__(self) -> int:
        return len(self.planned)

    def __iter__(self) -> Iterator[Job]:
        return (self.make(number, each) for number, each in enumerate(self.planned))


@dataclass
class Run:
    """Pictures on their way through an engine.

    jobs: all of them; their `overwrite` is set here. check: raises an ImgaeError for a job that
    cannot be done, as far as is known before. journal: None remembers nothing. several: whether
    messages are about many pictures. told: is given records of pictures that are not begun as soon
    as they are known; without it they come with the next that is.
    """

    jobs: Iterable[Job]
    task: Task
    engine: Engine
    rules: Rules = Rules()
    journal: Journal | None = None
    check: Callable[[Job], None] = lambda _: None
    several: bool = True
    settled: deque[tuple[int, Record]] = field(default_factory=deque)
    reached: set[int] = field(default_factory=set)
    hashes: dict[int, list[str]] = field(default_factory=dict)
    outcomes: Iterator[Outcome] | None = None
    given: Record | None = None
    told: Callable[[Record], None] | None = None

    def records(self) -> Iterator[tuple[Record, Outcome | None]]:
        """Yield what becomes of each picture, and its outcome if it was begun."""
        if self.journal:
            _ = self.task.key  # fails here for a model that is not there, and not for each picture
        self.outcomes = self.engine.run(self.to_do(), self.task)
        for outcome in self.outcomes:
            yield from self.drained()
            self.given = self.record_of(outcome)
            self.reached.add(outcome.job.number)  # only now: journals take time to write
            yield self.given, outcome
            self.given = None  # only now: who was given it may have been interrupted
        yield from self.drained()

    def rest(self) -> Iterator[Record]:
        """End the run; yield records of the picture that was yielded last once more, of those that
        were finished meanwhile, and of those that were not reached.
        """
        if isinstance(self.outcomes, Generator):
            self.outcomes.close()
        if self.given:
            yield self.given
        for outcome in self.engine.left():
            if outcome.job.number not in self.reached:
                self.reached.add(outcome.job.number)
                yield self.record_of(outcome)
        for record, _ in self.drained():
            yield record
        for job in self.jobs:
            if job.number not in self.reached:
                yield Record(str(job.source), None, SKIPPED, NOT_REACHED)

    def drained(self) -> Iterator[tuple[Record, None]]:
        while self.settled:
            number, record = self.settled.popleft()
            self.reached.add(number)
            yield record, None

    def to_do(self) -> Iterator[Job]:
        """Yield the jobs that are to be done; records of the others are settled."""
        for job in self.jobs:
            source = str(job.source)
            try:
                skipped, overwrite = self.judged(job)
                if skipped:
                    self.settle(job, Record(source, str(job.target), SKIPPED, skipped))
                    continue
                allowed = replace(job, overwrite=overwrite)
                self.check(allowed)
                if self.journal:
                    self.hashes[job.number] = [hash_of_file(path) for path in job.also]
                    self.journal.started(job.places, job.source)
            except (ImgaeError, OSError) as error:
                sentence = sentence_of(error, job.source)
                self.settle(job, Record(source, None, FAILED, sentence))
                continue
            yield allowed

    def settle(self, job: Job, record: Record) -> None:
        """Keep the record of a picture that is not begun, or tell it at once."""
        if self.told:
            self.reached.add(job.number)
            self.told(record)
        else:
            self.settled.append((job.number, record))

    def judged(self, job: Job) -> tuple[str, bool]:
        """Return why a job is skipped, or "", and whether it may replace files.

        Raises ImageError where it may not.
        """
        there = [place for place in job.places if exists(place)]
        if not there:
            return "", self.rules.overwrite
        if self.rules.skip_existing:
            return THERE, False
        if not self.rules.resume or self.journal is None:
            if self.several and not self.rules.overwrite:
                in_place = is_same(there[0], job.source)
                raise ImageError((TAKES_PLACE if in_place else EXISTS).format(there[0]))
            return "", self.rules.overwrite
        entries = [self.journal.entry(place) for place in job.places]
        if len(there) == len(job.places) and self.current(job, entries):
            return CURRENT, False
        for place, entry in zip(job.places, entries, strict=True):
            if place in there and not self.rules.overwrite:
                if entry and is_same(place, job.source):
                    raise ImageError(IN_PLACE.format(place))
                if not ours(place, entry):
                    raise ImageError(NOT_OURS.format(place))
        return "", True

    def current(self, job: Job, entries: Sequence[Entry | None]) -> bool:
        """Return whether results are what the job would write."""
        with contextlib.suppress(OSError):
            also = [hash_of_file(path) for path in job.also]
            own = hash_of_file(job.source)
            for place, entry in zip(job.places, entries, strict=True):
                if entry is None or not entry.made:
                    return False
                if is_same(place, job.source):  # the picture that it was made of is gone
                    made = made_with(self.task.key, [IN_ITS_PLACE, *also])
                else:
                    made = made_with(self.task.key, [own, *also])
                if entry.made != made or hash_of_file(place) != entry.output:
                    return False
            return True
        return False

    def record_of(self, outcome: Outcome) -> Record:
        """Return the record of an outcome, and remember results."""
        job, fields = outcome.job, outcome.fields
        source = str(job.source)
        also = self.hashes.pop(job.number, [])
        if outcome.error is not None:
            if self.journal:
                self.journal.failed(job.places)
            return Record(source, None, FAILED, outcome.error, outcome.seconds)
        if WOULD in fields:
            details = {key: value for key, value in fields.items() if key != WOULD}
            there = any(exists(place) for place in job.places)
            message = WOULD_REPLACE if there else WOULD
            return Record(source, str(job.target), SKIPPED, message, outcome.seconds, details)
        if self.journal and "input_hash" in fields:
            for place, found in zip(job.places, fields["output_hashes"], strict=True):
                in_place = is_same(place, job.source)
                own = IN_ITS_PLACE if in_place else fields["input_hash"]
                made = made_with(self.task.key, [own, *also])
                self.journal.done(place, Entry(source, made, found))
        target = str(job.places[0]) if job.places else None
        details = {**fields, WARNINGS: list(outcome.notes)}
        return Record(source, target, DONE, "", outcome.seconds, details)


def ours(place: Path, entry: Entry | None) -> bool:
    """Return whether a file is one that a run began or wrote, and nobody changed since."""
    if entry is None:
        return False
    return not entry.made or hash_of_file(place) == entry.output


def exists(place: Path) -> bool:
    return os.path.lexists(place) if isinstance(place, Path) else place.exists()
