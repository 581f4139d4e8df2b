"""What checks found: a row each, safe to print."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from imgae.errors import ModelError

Found = TypeVar("Found")

RUNNING: Final = "running"
"""The finding of a check that has not ended."""


@dataclass(frozen=True)
class Check:
    """One row of a report. passed: None if the check could not be run.

    figure, limit: what was measured and the most that passes, where it is a figure.
    """

    name: str
    passed: bool | None
    finding: str
    figure: float | None = None
    limit: float | None = None


@dataclass(frozen=True)
class Measured:
    """A figure that passes if it is at most the limit.

    advice: what it means if it does not pass, and what to do.
    """

    figure: float
    limit: float
    finding: str
    advice: str = ""


class Report:
    """Rows, one after the other; a check that raises anything has failed.

    path: of the file, left out of findings. names: of the checks to come.
    tell: is given the table before each of them.
    """

    def __init__(
        self, path: Path, names: Sequence[str], tell: Callable[[Sequence[Check]], None]
    ) -> None:
        self.path, self.tell = path, tell
        self.rows: list[Check] = []
        self.names = list(names)

    def run(self, check: Callable[[], Found], finding: str = "") -> Found | None:
        """Add the next check's row; returns what the check gave, or None if it failed."""
        name = self.names.pop(0)
        self.tell([*self.rows, Check(name, None, RUNNING), *self.to_come()])
        try:
            found = check()
        except Exception as error:  # a strange file can make anything fail
            text = str(error).removeprefix(f"{self.path}: ")
            if not isinstance(error, ModelError):
                first = (str(error).strip() or "no message").splitlines()[0]
                text = f"cannot be checked: {type(error).__name__}: {first}"
            self.rows.append(Check(name, passed=False, finding=printable(text)))
            return None
        if isinstance(found, Measured):
            good = bool(found.figure <= found.limit)  # NaN is not
            figure = found.figure if math.isfinite(found.figure) else None
            text = found.finding if good or not found.advice else f"{found.finding}; {found.advice}"
            self.rows.append(Check(name, good, printable(text), figure, found.limit))
        else:
            self.rows.append(Check(name, passed=True, finding=printable(finding or str(found))))
        return found

    def to_come(self) -> list[Check]:
        return [Check(name, None, "not run") for name in self.names]

    def table(self) -> list[Check]:
        return self.rows + self.to_come()


def printable(text: str, most: int = 400) -> str:
    """Return a text from a file so that it can neither steer a terminal nor fill it."""
    shown = "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )
    return shown if len(shown) <= most else shown[:most] + "..."
