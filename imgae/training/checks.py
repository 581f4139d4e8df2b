"""What the fields of settings may be, and how a command line and a recipe write them."""

import math
import os
from collections.abc import Sequence
from dataclasses import Field, dataclass, field
from pathlib import Path
from typing import Any


class Check:
    """What the values of a setting may be."""

    @property
    def expected(self) -> str:
        """Say it, as in "found 3, expected ..."."""
        raise NotImplementedError

    @property
    def typed(self) -> str:
        """Say it in the unit of the command line."""
        return self.expected

    def accepts(self, value: object) -> bool:
        raise NotImplementedError

    def read(self, text: str) -> Any:
        """Turn what a user typed into a value. Raises ValueError if it cannot be one."""
        return text

    def written(self, value: Any) -> list[str]:
        """Return the words of a command line that `read` turns into the value again."""
        return [str(value)]


@dataclass(frozen=True)
class Whole(Check):
    """A whole number; a multiple of `multiple`."""

    least: int = 0
    multiple: int = 1
    most: int = 999_999_999

    @property
    def expected(self) -> str:
        kind = f"a multiple of {self.multiple}" if self.multiple > 1 else "a whole number"
        return f"{kind} from {self.least} up"

    def accepts(self, value: object) -> bool:
        if not isinstance(value, int) or isinstance(value, bool):
            return False
        return self.least <= value <= self.most and value % self.multiple == 0

    def read(self, text: str) -> int:
        return int(text) if text.isascii() and text.isdigit() else -1


@dataclass(frozen=True)
class Number(Check):
    """A number from low to high, in the unit of the field."""

    low: float
    high: float
    unit: float = 1.0
    """What one of the command line's units is in the field's."""
    whole: bool = False

    @property
    def expected(self) -> str:
        return f"a number from {self.low:g} to {self.high:g}"

    def accepts(self, value: object) -> bool:
        kinds = int if self.whole else (int, float)
        if not isinstance(value, kinds) or isinstance(value, bool):
            return False
        return self.low <= value <= self.high

    @property
    def typed(self) -> str:
        return f"a number from {self.low / self.unit:g} to {self.high / self.unit:g}"

    def read(self, text: str) -> float:
        value = float(text) * self.unit if math.isfinite(float(text)) else math.nan
        return round(value) if self.whole and math.isfinite(value) else value

    def written(self, value: float) -> list[str]:
        short = f"{value / self.unit:g}"
        return [short if self.read(short) == value else repr(value / self.unit)]


@dataclass(frozen=True)
class Choice(Check):
    """One of some words."""

    words: tuple[str, ...]

    @property
    def expected(self) -> str:
        words = ", ".join(word for word in self.words if word)
        return f"one of {words}, or an empty text" if "" in self.words else f"one of {words}"

    def accepts(self, value: object) -> bool:
        return isinstance(value, str) and value in self.words


@dataclass(frozen=True)
class Text(Check):
    """Any text but the empty one."""

    what: str = "a text"

    @property
    def expected(self) -> str:
        return self.what

    def accepts(self, value: object) -> bool:
        return isinstance(value, str) and bool(value)


@dataclass(frozen=True)
class Model(Text):
    """The name of a shipped model, or a file, whose path is made absolute when it is read."""

    what: str = "a model's name or an .onnx file"

    def read(self, text: str) -> str:
        is_file = text.endswith(".onnx") or "/" in text or os.sep in text
        return str(Path(text).resolve()) if is_file else text

    def written(self, value: str) -> list[str]:
        return [Path(value).name]


@dataclass(frozen=True)
class Folders(Check):
    """Several folders; each is made absolute when it is read."""

    @property
    def expected(self) -> str:
        return "a list of folders"

    def accepts(self, value: object) -> bool:
        return isinstance(value, tuple) and all(isinstance(entry, str) for entry in value)

    def read(self, text: str) -> str:
        """Read one of them."""
        return str(Path(text).resolve())

    def written(self, value: tuple[str, ...]) -> list[str]:
        return [Path(folder).name for folder in value]


@dataclass(frozen=True)
class Flag(Check):
    """True or false; on the command line, the option is there or not."""

    @property
    def expected(self) -> str:
        return "true or false"

    def accepts(self, value: object) -> bool:
        return isinstance(value, bool)

    def written(self, value: bool) -> list[str]:
        assert value
        return []


def listed(words: Sequence[str]) -> str:
    """Return words as a sentence lists them, as in "a, b and c"."""
    *others, last = words
    return f"{', '.join(others)} and {last}" if others else last


@dataclass(frozen=True)
class Option:
    """The option of `imgae train TASK` that sets a field."""

    name: str  # "--learning-rate"
    help: str
    metavar: str = ""
    always: bool = False
    """The recipe names it even where it has its default."""


@dataclass(frozen=True)
class Entry:
    """What a field's metadata holds."""

    check: Check
    option: Option | None
    optional: bool  # None is accepted too


def setting(
    default: Any, check: Check, option: Option | None = None, optional: bool = False
) -> Any:
    """Return a field of a Settings dataclass."""
    return field(default=default, metadata={"entry": Entry(check, option, optional)})


def entry_of(entry: "Field[Any]") -> Entry:
    found = entry.metadata["entry"]
    assert isinstance(found, Entry)
    return found
