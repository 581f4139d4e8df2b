"""What a run keeps to be looked at: log.csv, tensorboard/, previews/. Nothing here needs torch but
the events for TensorBoard.

log.jsonl is the truth: log.csv and tensorboard/ are made again from it where a run begins or goes
on, so they never hold a step that was undone.
"""

import csv
import io
import json
import math
import re
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeGuard

from imgae.errors import MissingExtraError, TrainingError, reason
from imgae.io import files
from imgae.io.atomic import write_whole
from imgae.io.places import check_files_in, check_folder
from imgae.picture.pixels import to_uint8_rgb

LOG: Final = "log.jsonl"
CSV: Final = "log.csv"
EVENTS: Final = "tensorboard"
PREVIEWS: Final = "previews"
NEWEST: Final = "preview.png"
KINDS: Final = ("csv", "tensorboard")
"""What can be written beside log.jsonl."""
MOST_PREVIEWS: Final = 24
"""Sheets that are kept over a run, its first and its newest among them."""
OF_THE_MOMENT: Final = ("step", "steps", "seconds_left")
"""What is no curve."""

Record = dict[str, Any]


def read_records(path: Path) -> tuple[list[Record], int]:
    """Read the lines of a log that are whole, by step, and count the others.

    Of a step's lines the last counts; numbers that are not finite are left out. Without a file
    there are no lines. Raises TrainingError if the file cannot be read.
    """
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return [], 0
    except OSError as error:
        raise TrainingError(f"{path}: cannot be read: {reason(error)}") from error
    found: dict[int, Record] = {}
    damaged = 0
    for line in filter(bytes.strip, lines):
        record = record_of(line)
        if record is None:
            damaged += 1
        else:
            found[record["step"]] = record
    return [found[step] for step in sorted(found)], damaged


def record_of(line: bytes) -> Record | None:
    """Return what a line of a log holds, or None if it is damaged."""
    try:
        values = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(values, dict):
        return None
    step = values.get("step")
    if not isinstance(step, int) or isinstance(step, bool) or not 0 <= step < 1 << 53:
        return None
    return {name: value for name, value in values.items() if isinstance(value, str) or real(value)}


def real(value: object) -> TypeGuard[float]:
    """Return whether a value is a finite number, of a size that a float holds."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return math.isfinite(value) if isinstance(value, float) else abs(value) < 1 << 63


class CsvLog:
    """log.csv: a column for each name, which is empty where a line has none."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / CSV
        self.source = folder / LOG
        self.columns: tuple[str, ...] = ()

    def begin(self) -> None:
        """Write the file again from log.jsonl. Raises OSError."""
        records, _ = read_records(self.source)
        self.columns = tuple(dict.fromkeys(name for record in records for name in record))
        if records:
            write_whole(self.path, (self.written([self.columns]) + self.rows(records)).encode())
        else:
            self.path.unlink(missing_ok=True)

    def write(self, record: Mapping[str, Any], sheet: Path | None) -> None:
        """Append a line, which log.jsonl has already; pictures are for no table. Raises OSError."""
        del sheet
        if record.keys() - set(self.columns):
            self.begin()
            return
        with self.path.open("a", encoding="utf-8", newline="") as file:
            file.write(self.rows([record]))

    def rows(self, records: Iterable[Mapping[str, Any]]) -> str:
        return self.written([record.get(name, "") for name in self.columns] for record in records)

    @staticmethod
    def written(rows: Iterable[Iterable[Any]]) -> str:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(rows)
        return text.getvalue()

    def close(self) -> None:
        """Nothing is held open."""


class Events:
    """tensorboard/: curves and preview sheets for TensorBoard."""

    def __init__(self, folder: Path, measure: str) -> None:
        self.folder = folder / EVENTS
        self.source = folder
        self.validation = (measure, "compare")

    def open(self) -> Any:
        from torch.utils.tensorboard import SummaryWriter

        return SummaryWriter(str(self.folder), purge_step=0)

    def begin(self) -> None:
        """Write the events again from log.jsonl and the previews. Raises OSError."""
        before = list(self.folder.glob("events.out.tfevents.*"))
        self.writer = self.open()
        records, _ = read_records(self.source / LOG)
        now, last = time.time(), records[-1].get("seconds", 0) if records else 0
        for record in records:
            self.add(record, now - (last - record.get("seconds", 0)))
        for step, sheet in previews_in(self.source):
            self.show(step, sheet)
        self.writer.flush()
        for path in before:
            path.unlink(missing_ok=True)

    def write(self, record: Mapping[str, Any], sheet: Path | None) -> None:
        """Add a line, and the preview sheet that belongs to it."""
        self.add(record, time.time())
        if sheet is not None:
            self.show(record["step"], sheet)
        self.writer.flush()

    def add(self, record: Mapping[str, Any], when: float) -> None:
        for name, value in record.items():
            if name not in OF_THE_MOMENT and not isinstance(value, str):
                group = "validation" if name in self.validation else "training"
                self.writer.add_scalar(f"{group}/{name}", value, record["step"], when)

    def show(self, step: int, sheet: Path) -> None:
        pixels = to_uint8_rgb(files.read_image(sheet).pixels)
        self.writer.add_image("preview", pixels, step, dataformats="HWC")

    def close(self) -> None:
        self.writer.close()


def previews_in(folder: Path) -> list[tuple[int, Path]]:
    """Return the preview sheets of a run by step, the earliest first."""
    place = folder / PREVIEWS
    if not place.is_dir():
        return []
    named = ((re.fullmatch(r"([0-9]{6,12})\.png", path.name), path) for path in place.iterdir())
    return sorted((int(found[1]), path) for found, path in named if found)


class Previews:
    """previews/000500.png and so on: the first, the newest, and others at even distances."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.seen: tuple[int, int] | None = None
        """Which file the newest sheet was, that was kept."""

    def begin(self, step: int) -> None:
        """Delete the sheets after a step: they are about to be made again. Raises OSError."""
        self.seen = which(self.folder / NEWEST)
        for when, path in previews_in(self.folder):
            if when > step:
                path.unlink()

    def keep(self, step: int) -> Path | None:
        """Copy preview.png; return the copy, or None if the file is no new one. Raises OSError."""
        sheet = self.folder / NEWEST
        if (found := which(sheet)) == self.seen:
            return None
        self.seen = found
        place = self.folder / PREVIEWS
        place.mkdir(exist_ok=True)
        path = place / f"{step:06}.png"
        write_whole(path, sheet.read_bytes())
        kept = previews_in(self.folder)
        while len(kept) > MOST_PREVIEWS:
            kept.pop(least_missed([when for when, _ in kept]))[1].unlink()
        return path


def which(path: Path) -> tuple[int, int] | None:
    """Return what tells a file from the one that it replaced; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns


def least_missed(steps: Sequence[int]) -> int:
    """Return the place, inside a list, whose step leaves the least gap when it is taken away."""
    return min(range(1, len(steps) - 1), key=lambda place: steps[place + 1] - steps[place - 1])


class Logs:
    """All that is kept of a run besides log.jsonl, as a step of the loop reports it.

    A file that cannot be written is told once and then left alone: it costs no training.
    """

    def __init__(
        self, folder: Path, kinds: Sequence[str], measure: str, note: Callable[[str], None]
    ) -> None:
        self.folder = folder
        self.measure = measure
        self.note = note
        self.previews: Previews | None = Previews(folder)
        self.sinks = self.sinks_of(kinds)
        self.given_up = self.sinks_of(set(kinds_of(folder)) - set(kinds))
        """What the run had until now; it is left as it is at the step where it begins."""

    def sinks_of(self, kinds: Collection[str]) -> dict[str, CsvLog | Events]:
        sinks: dict[str, CsvLog | Events] = {}
        if "csv" in kinds:
            sinks[CSV] = CsvLog(self.folder)
        if "tensorboard" in kinds:
            sinks[EVENTS] = Events(self.folder, self.measure)
        return sinks

    def begin(self, step: int) -> None:
        """Bring everything to the state of a step."""
        if self.previews is not None and not self.done(PREVIEWS, self.previews.begin, step):
            self.previews = None
        for name, sink in list(self.sinks.items()):
            if not self.done(name, sink.begin):
                del self.sinks[name]
        for name, sink in self.given_up.items():
            if self.done(name, sink.begin):
                self.done(name, sink.close)

    def __call__(self, record: Mapping[str, Any]) -> None:
        """Take a line that log.jsonl has got, and the preview sheet that belongs to it."""
        sheet = self.kept(record["step"]) if self.measure in record else None
        for name, sink in list(self.sinks.items()):
            if not self.done(name, sink.write, record, sheet):
                del self.sinks[name]

    def kept(self, step: int) -> Path | None:
        """Keep the newest preview sheet, and return the copy, if there is one."""
        found: list[Path | None] = []
        if self.previews is None:
            return None
        previews = self.previews

        def keep() -> None:
            found.append(previews.keep(step))

        if not self.done(PREVIEWS, keep):
            self.previews = None
        return found[0] if found else None

    def done(self, name: str, act: Callable[..., None], *what: Any) -> bool:
        """Do something with a file, and return whether that was possible; tell it if not."""
        try:
            act(*what)
        except Exception as error:  # TensorBoard's writer has no common base of errors
            self.note(
                f"{self.folder / name} could not be written ({reason(error)}); the run goes on "
                "without it, and --resume makes it again"
            )
            return False
        return True

    def close(self) -> None:
        for name, sink in self.sinks.items():
            self.done(name, sink.close)


def check(folder: Path, kinds: Sequence[str]) -> None:
    """Raise an error if what is asked for cannot be written, as far as can be told.

    TrainingError for the places, MissingExtraError where TensorBoard's package is missing.
    """
    if "tensorboard" in kinds:
        try:
            import torch.utils.tensorboard  # noqa: F401 - as Events needs it
        except ImportError as error:  # torch's own sentence, where the package is missing or old
            raise MissingExtraError(
                "logs for TensorBoard need tensorboard; install it with: "
                "pip install 'imgae[log]', or train with --log csv"
            ) from error
    check_folder(folder / PREVIEWS, TrainingError)
    if "csv" in kinds:
        check_files_in(folder, [CSV], overwrite=True, error=TrainingError)
    if "tensorboard" in kinds:
        check_folder(folder / EVENTS, TrainingError)


def kinds_of(folder: Path) -> tuple[str, ...]:
    """Return which logs a run has beside log.jsonl."""
    there = {"csv": (folder / CSV).exists(), "tensorboard": (folder / EVENTS).is_dir()}
    return tuple(kind for kind in KINDS if there[kind])
