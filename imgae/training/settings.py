"""The settings of a run, and their checks. Nothing here needs torch.

Each task has a dataclass of its own, a subclass of Settings. A field says what its values may be
and, if people set it, which option of `imgae train TASK` does so. The command line, the check of
config.json and the recipe in a model's card are all made from these fields.
"""

import json
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar, Final, Self

from imgae.errors import TrainingError
from imgae.training.checks import (
    Check,
    Choice,
    Flag,
    Folders,
    Model,
    Number,
    Option,
    Text,
    Whole,
    entry_of,
    listed,
    setting,
)

AUTOCAST: Final = ("auto", "bf16", "none")
COMPILE: Final = ("auto", "on", "off")
GIB: Final = 1 << 30
NOTHING: Final = "none"
"""What `--from` says for random weights."""


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
    sources: ClassVar[tuple[str, ...]] = ("data",)
    """The fields that say where pictures are; a run has one of them."""
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
            "deep (fast, but it sees farther, for large holes); wide (deep with 4 times the work); "
            "tiny (for tests) (default: fast)",
            always=True,
        ),
    )
    steps: int = setting(
        0,
        Whole(),
        Option("--steps", "train for N steps; give this or --minutes", "N"),
    )
    minutes: float | None = setting(
        None,
        Number(0.01, 1e5),
        Option(
            "--minutes",
            "train for M minutes by the clock, from when the pictures are read; the learning rate "
            "follows the time; give this or --steps",
            "M",
        ),
        optional=True,
    )
    start: str | None = setting(
        None,
        Model(),
        Option(
            "--from",
            "start from the weights of a shipped model (a name that `imgae models` lists) or of "
            "an .onnx file that imgae exported, of the same variant or a smaller one; or none, to "
            "start from nothing",
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
    compile: str = setting(
        "auto",
        Choice(COMPILE),
        Option(
            "--compile",
            "compile the network before training, which takes up to a minute and makes steps "
            "faster: on, off, or auto, which does so for longer runs on a GPU (default: auto)",
        ),
    )
    batch: int = setting(
        0,
        Whole(),
        Option(
            "--batch",
            "number of crops in a step (default: 12; on a GPU more, as its memory allows)",
            "N",
        ),
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

    @property
    def folders(self) -> tuple[str, ...]:
        """The folders of pictures that the network is to learn from."""
        return next((tuple(found) for name in self.sources if (found := getattr(self, name))), ())

    @property
    def weights(self) -> str | None:
        """The model whose weights training starts from, or None."""
        return None if self.start == NOTHING else self.start

    def conflict(self) -> str:
        """Return a sentence if settings do not go together, "" if they do."""
        if self.steps and self.minutes:
            return "--steps and --minutes exclude each other; give one of them"
        if self.int8 and self.weights is None:
            return "--int8 trains a model further: name that model with --from"
        return ""

    def to_json(self) -> str:
        return json.dumps({"task": self.task, **asdict(self)}, indent=2) + "\n"

    @classmethod
    def read(cls, values: Mapping[str, object], where: str) -> Self:
        """Check what a file holds and make settings of it.

        where: the file's name. Raises TrainingError: file, field, found, expected; or fields that
        the task does not have, and what to do with such a run.
        """
        if unknown := sorted(values.keys() - {entry.name for entry in fields(cls)}):
            are = "is not a setting" if len(unknown) == 1 else "are not settings"
            raise TrainingError(
                f"{where}: {listed(unknown)} {are} of {cls.task}; the run was written by another "
                "version of imgae: finish or export it with that version, or start again"
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

    @classmethod
    def completed(cls, given: dict[str, Any]) -> dict[str, Any]:
        """Return what a command line gives, with defaults that depend on it."""
        return given

    def command(self) -> str:
        """Return the command that starts such a run; folders and files by name only."""
        defaults = {entry.name: entry.default for entry in fields(self)}
        words = ["imgae", "train", self.task]
        for name, option, check in self.options():
            value = getattr(self, name)
            if value != defaults[name] or (option.always and name not in self.sources):
                words += [option.name, *check.written(value)]
        return shlex.join(words)


def from_text(text: str, where: str) -> dict[str, object]:
    """Parse a configuration. Raises TrainingError if the text is no JSON object."""
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise TrainingError(f"{where}: damaged, or not JSON: {error}") from error
    if not isinstance(values, dict):
        raise TrainingError(f"{where}: found {type(values).__name__}, expected a JSON object")
    return values
