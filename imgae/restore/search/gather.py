"""Describing pictures, many at once, with what is known of them already."""

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final, NamedTuple

from imgae.errors import SearchError, named, warn
from imgae.io import files, remote
from imgae.io.measure import size_of
from imgae.model.machine import unclaimed_memory
from imgae.restore.batches.engine import STANDARD, Job, Local, Outcome
from imgae.restore.search import reading, store
from imgae.restore.search.describe import Describer
from imgae.restore.search.finding import stamp_of
from imgae.restore.search.rows import DIGEST, UNKNOWN, Row, Rows, Stamp, rows_of

PART: Final = ".part"
"""What follows an index's name in that of the file for what an interrupted run has done."""
PAUSE: Final = 60.0
"""Seconds between two times that such a file is written."""
COPIES: Final = 3
"""How often a picture's samples are in memory while it is decoded and made smaller, at most."""
SHARE: Final = 4
"""Pictures at work together take at most one part in so many of the memory that is free."""


class Told(NamedTuple):
    """What became of a picture.

    path: as it was found. error: a sentence if it could not be read, else "". pixels: how many it
    has. done, total: how many are settled, of how many.
    """

    path: str
    error: str
    pixels: int
    done: int
    total: int


Tell = Callable[[Told], None]


def warn_of(told: Told) -> None:
    """Warn of a picture that is left out."""
    if told.error:
        warn(told.error)


def is_unchanged(path: str, known: Rows) -> bool:
    """Return whether a file has the size and the time that are known of it."""
    stamp = known.stamp_of(path)
    if stamp is None or stamp == UNKNOWN:
        return False
    try:
        return stamp_of(path) == stamp
    except (OSError, ValueError):
        return False


@dataclass(frozen=True)
class Describing:
    """What is done to each picture: a Task and its Worker in one.

    paths: of the pictures, by the numbers of jobs. known: rows whose vectors serve for files of the
    same content, wherever these are now.
    """

    describer: Describer
    paths: Sequence[str]
    known: Rows
    key: str = ""

    def load(self) -> "Describing":
        return self

    def read(self, job: Job) -> tuple[Stamp, bytes]:
        try:
            stamp = stamp_of(self.paths[job.number])
        except (OSError, ValueError):
            stamp = UNKNOWN  # reading says in a sentence what is wrong
        return stamp, files.read_bytes(job.source)

    def restore(self, job: Job, work: tuple[Stamp, bytes]) -> Row:
        stamp, data = work
        digest = blake2b(data, digest_size=DIGEST).digest()
        path = self.paths[job.number]
        if (number := self.known.contents.get(digest)) is not None:
            return self.known.row(number)._replace(path=path, stamp=stamp)
        small = reading.read(data, str(job.source))
        with named(job.source):
            vector = self.describer.of_small(small.pixels)
        return Row(path, vector, stamp, digest, small.area)

    def write(self, _: Job, work: Row) -> dict[str, Any]:
        return {"row": work}


def room() -> Local:
    """Return an engine for pictures within a part of the free memory."""
    limit = max(1, unclaimed_memory() // SHARE)

    def cost(job: Job) -> int:
        size = size_of(job.source)
        return size.nbytes * COPIES if size else limit

    return Local(cost, limit)


@dataclass
class Gathering:
    """A run that describes pictures.

    known: rows that need not be made anew where files are unchanged. made: by what model. keep:
    the file into which an interrupted run puts what it has done, or None; part: what is in it.
    new: the rows that were made. left_out: how many pictures could not be read.
    """

    describer: Describer
    known: Rows
    made: store.Made
    keep: Path | None = None
    part: Rows | None = None
    tell: Tell = warn_of
    new: list[Row] = field(default_factory=list)
    left_out: int = 0

    def run(self, paths: dict[str, str]) -> Rows:
        """Return the rows of pictures, in their order, without those that cannot be read.

        What was described is kept in the file if the run is interrupted, or fails.
        """
        unchanged = {path for path in paths if is_unchanged(path, self.known)}
        waiting = [path for path in paths if path not in unchanged]
        places = {path: self.known.places[path] for path in paths if path in unchanged}
        jobs = (Job(n, remote.place_of(paths[path]), STANDARD) for n, path in enumerate(waiting))
        task = Describing(self.describer, waiting, self.known)
        saved, kept = time.monotonic(), 0
        try:
            with contextlib.closing(room().run(jobs, task)) as outcomes:  # type: ignore[type-var]
                for outcome in outcomes:
                    if row := self.taken(outcome, len(waiting)):
                        places[row.path] = len(self.known) + len(self.new) - 1
                    if time.monotonic() - saved > PAUSE:
                        self.save()
                        saved, kept = time.monotonic(), len(self.new)
        except BaseException:
            if len(self.new) > kept:
                self.save()
            raise
        every = self.known.followed_by(rows_of(self.new, self.made.dimension))
        return every.take([places[path] for path in paths if path in places])

    def taken(self, outcome: Outcome, total: int) -> Row | None:
        """Keep what became of a picture, and tell of it."""
        row: Row | None = outcome.fields.get("row")
        if row is None:
            self.left_out += 1
        else:
            self.new.append(row)
        done = len(self.new) + self.left_out
        pixels = row.pixels if row else 0
        path, error = str(outcome.job.source), outcome.error or ""
        self.tell(Told(path, error, pixels, done, total))
        return row

    def save(self) -> None:
        """Write what was described into the file for an interrupted run."""
        if self.keep is None:
            return
        new = rows_of(self.new, self.made.dimension)
        try:
            store.write(self.keep, self.part.joined(new) if self.part else new, self.made)
        except SearchError as error:
            warn(str(error))


def part_of(path: Path, made: store.Made) -> Rows:
    """Return what an interrupted run left in a file: no rows if it is not there, or is damaged, or
    by another model.
    """
    try:
        rows, by = store.read(path)
    except SearchError:
        return rows_of((), made.dimension)
    return rows if by == made else rows_of((), made.dimension)
