"""The settings of a run, and their checks. Nothing here needs torch.

Each task has a dataclass of its own, a subclass of Settings. A field says what its values may be
and, if people set it, which option of `imgae train TASK` does so. The command line, the check of
config.json and the recipe in a model's card are all made from these fields.
"""

import json
import math
import os
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import Field, asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, ClassVar, Final, Self

from imgae.errors import TrainingError

AUTOCAST: Final = ("auto", "bf16", "none")
GIB: Final = 1 << 30


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
        return f"one of {', '.join(self.words)}"

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


def int8_setting() -> Any:
    """Return the field `int8` for tasks whose networks can compute with 8-bit integers."""
    text = (
        "train with the rounding of 8-bit integers; needs --from with a trained float model of "
        "this task"
    )
    return setting(False, Flag(), Option("--int8", text))


@dataclass(frozen=True)
class Settings:
    """All that a run's losses depend on, besides the pictures themselves.

    Raises TrainingError, one sentence, if a value is of the wrong type or out of its range.
    """

    task: ClassVar[str]
    group: ClassVar[str] = ""
    """The title, in --help, of the options that only this task has."""

    data: tuple[str, ...] = setting(
        (),
        Folders(),
        Option(
            "--data", "folders of clean pictures; folders inside them are searched too", "DIR", True
        ),
    )
    variant: str = setting(
        "fast",
        Text("a variant's name"),
        Option(
            "--variant",
            "the size of the network: fast; balanced (3 times the work, better); best (13 times); "
            "deep (fast, but it sees farther, for large holes); tiny (for tests) (default: fast)",
            always=True,
        ),
    )
    steps: int = setting(
        0,
        Whole(),
        Option("--steps", "train for N steps; give this or --minutes", "N", True),
    )
    start: str | None = setting(
        None,
        Model(),
        Option(
            "--from",
            "start from the weights of a shipped model (a name that `imgae models` lists) or of "
            "an .onnx file that imgae exported; its variant must be the same or a smaller one",
            "NAME|FILE.onnx",
        ),
        optional=True,
    )
    int8: bool = setting(False, Flag())  # an option only where the network can: int8_setting
    autocast: str = setting(
        "auto",
        Choice(AUTOCAST),
        Option(
            "--autocast",
            "number format of the convolutions: bf16 (16 bits), none (32 bits), or auto, which "
            "times both and takes the faster (default: auto)",
        ),
    )
    batch: int = setting(
        12, Whole(1), Option("--batch", "number of crops in a step (default: 12)", "N")
    )
    crop: int = setting(
        128,
        Whole(8, 8),
        Option("--crop", "side of a crop in pixels, a multiple of 8 (default: 128)", "PX"),
    )
    learning_rate: float = setting(
        1e-3,
        Number(1e-9, 1),
        Option("--learning-rate", "the highest learning rate (default: 0.001)", "R"),
    )
    decay: float = setting(
        0.3,
        Number(0, 1),
        Option(
            "--decay",
            "share of the steps, at the end, over which the learning rate falls to zero "
            "(default: 0.3)",
            "SHARE",
        ),
    )
    seed: int = setting(0, Whole(), Option("--seed", "seed of everything random (default: 0)", "N"))
    memory: int = setting(
        2 * GIB,
        Number(1, 1e6 * GIB, GIB, whole=True),
        Option(
            "--memory",
            "most memory that decoded pictures may take, in GiB (default: 2)",
            "GIB",
        ),
    )
    warmup: int = setting(200, Whole())  # steps
    clip_norm: float = setting(5.0, Number(1e-9, 1e9))
    ema_decay: float = setting(0.999, Number(0, 1))
    validate_every: int = setting(500, Whole(1))  # steps
    threads: int = setting(0, Whole())  # on a CPU; they change the order of sums
    channels_last: bool = setting(False, Flag())  # found by timing

    def __post_init__(self) -> None:
        for entry in fields(self):
            value, kind = getattr(self, entry.name), entry_of(entry)
            if not (kind.check.accepts(value) or (kind.optional and value is None)):
                raise TrainingError(f"{entry.name} is {value!r}, expected {kind.check.expected}")
        if sentence := self.conflict():
            raise TrainingError(sentence)

    def conflict(self) -> str:
        """Return a sentence if settings do not go together, "" if they do."""
        if self.int8 and self.start is None:
            return "--int8 trains a model further: name that model with --from"
        return ""

    def to_json(self) -> str:
        return json.dumps({"task": self.task, **asdict(self)}, indent=2) + "\n"

    @classmethod
    def read(cls, values: Mapping[str, object], where: str) -> Self:
        """Check what a file holds and make settings of it.

        where: the file's name. Raises TrainingError: file, field, found, expected.
        """
        known = {entry.name: entry_of(entry) for entry in fields(cls)}
        if unknown := ", ".join(sorted(values.keys() - known.keys())):
            raise TrainingError(
                f"{where}: {unknown} is no setting of {cls.task}; expected: {', '.join(known)}"
            )
        given = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in values.items()
        }
        try:
            return cls(**given)  # type: ignore[arg-type]
        except TrainingError as error:
            raise TrainingError(f"{where}: {error}") from error

    @classmethod
    def options(cls) -> Iterator[tuple[str, Option, Check]]:
        """Yield every field that has an option, with it and what its values may be."""
        for entry in fields(cls):
            kind = entry_of(entry)
            if kind.option is not None:
                yield entry.name, kind.option, kind.check

    @classmethod
    def own(cls) -> set[str]:
        """Return the names of the fields that the task has and others need not have."""
        return {entry.name for entry in fields(cls)} - {entry.name for entry in fields(Settings)}

    def command(self) -> str:
        """Return the command that starts such a run; folders and files by name only."""
        defaults = {entry.name: entry.default for entry in fields(self)}
        words = ["imgae", "train", self.task]
        for name, option, check in self.options():
            value = getattr(self, name)
            if option.always or value != defaults[name]:
                words += [option.name, *check.written(value)]
        return shlex.join(words)


def entry_of(entry: "Field[Any]") -> Entry:
    found = entry.metadata["entry"]
    assert isinstance(found, Entry)
    return found


def from_text(text: str, where: str) -> dict[str, object]:
    """Parse a configuration. Raises TrainingError if the text is no JSON object."""
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise TrainingError(f"{where}: damaged, or not JSON: {error}") from error
    if not isinstance(values, dict):
        raise TrainingError(f"{where}: found {type(values).__name__}, expected a JSON object")
    return values
