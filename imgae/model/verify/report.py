"""What checks found: a row each, fit to be shown."""

from dataclasses import dataclass
from typing import Final

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


def printable(text: str, most: int = 400) -> str:
    """Return a text from a file so that it can neither steer a terminal nor fill it."""
    shown = "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )
    return shown if len(shown) <= most else shown[:most] + "..."
