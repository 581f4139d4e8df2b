"""What became of each picture of a run: records, the report, and the table at the end."""

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from imgae.errors import ImageError
from imgae.io.atomic import write_whole

DONE: Final = "done"
SKIPPED: Final = "skipped"
FAILED: Final = "failed"
KINDS: Final = (".json", ".csv")
"""What the name of a report ends in."""
WARNINGS: Final = "warnings"
"""The name of the detail that holds all sentences that were told about a picture."""
HASHES: Final = ("_hash", "_hashes")
"""What the names of details end in that are hashes of files."""
NUMBERS: Final = re.compile(r"(?<![A-Za-z])\d+(?:[.,]\d+)*(?:x\d+)*")
ALIKE: Final = ", and the like"
"""What follows a reason of pictures whose sentences differ in numbers."""
MOST_REASONS: Final = 12
"""Rows of the table for one status; the rest are one row."""


@dataclass(frozen=True)
class Record:
    """What became of one picture.

    input, output: names of files; output is None where nothing is written. status: "done",
    "skipped" or "failed". message: a sentence that says why it was skipped or failed, "" if it is
    done. seconds: of work. details: what the command says of the picture besides: its size, the
    noise level, the model, and the hashes (BLAKE2b of 20 bytes, in hexadecimal) of the files.

    record["status"] and record.status are the same; details may be asked for in the same way.
    """

    input: str
    output: str | None
    status: str
    message: str = ""
    seconds: float = 0.0
    details: dict[str, Any] = field(default_factory=dict)

    def __getitem__(self, key: str) -> Any:
        return self.as_dict()[key]

    def keys(self) -> Iterator[str]:
        return iter(self.as_dict())

    def as_dict(self) -> dict[str, Any]:
        """Return all of it as what JSON holds."""
        return {
            "input": self.input,
            "output": self.output,
            "status": self.status,
            "message": self.message,
            "seconds": round(self.seconds, 3),
            **{key: value for key, value in self.details.items() if key not in OWN},
        }

    def printed(self) -> dict[str, Any]:
        """Return what --json prints of a picture that is done, and summaries are made of."""
        apart = (*HASHES, WARNINGS)
        fields = {key: value for key, value in self.details.items() if not key.endswith(apart)}
        pixels = fields.get("pixels", 0)
        return {
            "input": self.input,
            "output": self.output,
            "status": self.status,
            **fields,
            "seconds": round(self.seconds, 3),
            "megapixels_per_second": round(pixels / 1e6 / max(self.seconds, 1e-9), 3),
        }


OWN: Final = ("input", "output", "status", "message", "seconds")


def check_report(path: Path) -> None:
    """Raise ImageError if a report cannot be written under a name of that ending."""
    if path.suffix.lower() not in KINDS:
        raise ImageError(f"{path}: a report is JSON or CSV; end its name in .json or .csv")


def earlier(path: Path) -> dict[str, dict[str, Any]]:
    """Return what a report of an earlier run says of each picture, without what is in each record.

    Raises ImageError if a file has that name which is no report: it would be replaced.
    """
    if not path.exists():
        return {}
    try:
        text = path.read_text(encoding="utf-8", errors="surrogateescape")
        rows = read_csv(text) if path.suffix.lower() == ".csv" else json.loads(text)
        return {
            row["input"]: {key: value for key, value in row.items() if key not in OWN and value}
            for row in rows
            if row["status"]
        }
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ImageError(
            f"{path}: exists already, and is no report of an earlier run; name another"
        ) from error


def read_csv(text: str) -> list[dict[str, Any]]:
    """Return the rows of a report. Raises ValueError if it is none."""
    if not text.startswith(",".join(OWN)):
        raise ValueError("no report")
    return list(csv.DictReader(io.StringIO(text)))


def write_report(path: Path, records: Sequence[Record]) -> None:
    """Write records as a JSON list or as CSV with a line of names, as the file's name says.

    Raises ImageError if it cannot be written.
    """
    rows = [record.as_dict() for record in records]
    if path.suffix.lower() == ".csv":
        text = as_csv(rows)
    else:
        lines = ",\n".join(f"  {json.dumps(row)}" for row in rows)
        text = f"[\n{lines}\n]\n" if rows else "[]\n"
    try:
        write_whole(path, text.encode("utf-8", "surrogateescape"))
    except OSError as error:
        raise ImageError(f"{path}: the report cannot be written: {error.strerror}") from error


def as_csv(rows: Sequence[dict[str, Any]]) -> str:
    """Return rows with all their keys as columns; what is a list, with semicolons."""
    names = list(dict.fromkeys(key for row in rows for key in row)) or list(OWN)
    out = io.StringIO()
    writer = csv.DictWriter(out, names, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow(
            {
                key: "; ".join(map(str, value)) if isinstance(value, (list, tuple)) else value
                for key, value in row.items()
            }
        )
    return out.getvalue()


class Tally:
    """Counts what became of pictures, and says it as a table."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.pixels = 0
        self.reasons: dict[str, Counter[str]] = {SKIPPED: Counter(), FAILED: Counter()}
        self.words: dict[str, str] = {}

    def add(self, record: Record) -> None:
        self.counts[record.status] += 1
        if record.status == DONE:
            self.pixels += record.details.get("pixels", 0)
        if record.status in self.reasons:
            reason = reason_of(record)
            kind = NUMBERS.sub("N", reason)
            self.reasons[record.status][kind] += 1
            first = self.words.setdefault(kind, reason)
            if first not in (reason, f"{reason}{ALIKE}") and not first.endswith(ALIKE):
                self.words[kind] = first + ALIKE

    def table(self, left_out: int = 0, seconds: float = 0.0) -> str:
        """Return lines: how many of each status, in how long, and for what reasons.

        left_out: files in folders that were no pictures by their names. seconds: of all the work.
        """
        total = self.counts.total()
        parts = [f"{self.counts[status]} {status}" for status in (DONE, SKIPPED, FAILED)]
        lines = [f"{counted(total, 'picture')}: {', '.join(parts)}"]
        if self.pixels and seconds:
            rate = self.pixels / 1e6 / seconds
            lines.append(f"  {megapixels(self.pixels)} MP in {in_words(seconds)}, {rate:.2g} MP/s")
        for status, reasons in self.reasons.items():
            rows = [(self.words[kind], count) for kind, count in reasons.most_common(MOST_REASONS)]
            if rest := reasons.total() - sum(count for _, count in rows):
                rows.append(("other reasons", rest))
            lines += [f"  {status:8}{count:>7}  {reason}" for reason, count in rows]
        if left_out:
            verb = (
                "is no picture by its name" if left_out == 1 else "are no pictures by their names"
            )
            lines.append(f"{counted(left_out, 'other file')} there {verb}")
        return "\n".join(lines)


def megapixels(pixels: float) -> str:
    return f"{pixels / 1e6:,.0f}" if pixels >= 10**8 else f"{pixels / 1e6:.3g}"


def in_words(seconds: float) -> str:
    """Return a time as people say it."""
    if seconds < 100:
        return f"{max(1, round(seconds))} s"
    if seconds < 100 * 60:
        return f"{round(seconds / 60)} min"
    return f"{seconds / 3600:.1f} h"


def counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def reason_of(record: Record) -> str:
    """Return why a picture was skipped or failed, in words that are the same for others but for
    numbers: without names of its files, what stands in brackets, and what to do about it.
    """
    text = record.message
    for name in (record.input, record.output):
        if name and text.startswith(f"{name}: "):
            text = text.removeprefix(f"{name}: ")
            break
    else:
        text = without_place(text, Path(record.input).stem)
    text = text.replace("\n", " ").split(";")[0]
    text = re.sub(r"\s*\([^()]*\)", "", text)
    return text if len(text) <= 100 else f"{text[:97]}..."


def without_place(text: str, stem: str) -> str:
    """Return a sentence without a file at its beginning that is named after a picture."""
    at = text.find(stem)
    end = text.find(": ", at + len(stem))
    return text[end + 2 :] if stem and at >= 0 and end >= 0 else text
