"""What the folder of a run tells of it, also while it goes on or after it was damaged."""

import json
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import median
from typing import Any, Final

from imgae.errors import TrainingError
from imgae.training import logs
from imgae.training.settings import from_text

CONFIG: Final = "config.json"
CHECKPOINT: Final = "checkpoint.pt"
ABOUT: Final = "about.json"
FOLDERS: Final = ("data", "noisy", "pairs")
"""Settings that name folders of pictures."""
FORMS: Final = {
    "psnr": "{:.2f} dB",
    "dice": "Dice {:.3f}",
    "gain": "{:+.2f} dB",
    "found": "{:.3f} found",
    "right": "{:.3f} of pairs",
}
"""Scores of validations by their name in the log, where about.json does not say it."""
PLAIN: Final = "{:.4g}"
SILENT: Final = 600.0
"""Seconds without a line after which a run is not taken to go on, unless its lines come slower."""


@dataclass(frozen=True)
class RunSeen:
    """A run as its folder shows it.

    name: what tells it from other runs. config: its settings, as config.json has them.
    about: what about.json holds; empty if it is missing or damaged. records: whole lines of its
    log by step. damaged: lines that are not. age: seconds since the last line.
    """

    folder: Path
    name: str
    config: dict[str, Any]
    about: dict[str, Any]
    records: list[logs.Record]
    damaged: int
    previews: list[tuple[int, Path]]
    age: float
    has_checkpoint: bool

    @property
    def task(self) -> str:
        return str(self.config.get("task", "?"))

    @property
    def variant(self) -> str:
        return str(self.config.get("variant", "?"))

    @property
    def folders(self) -> list[str]:
        """The names of the folders of pictures."""
        lists = [self.config.get(name) for name in FOLDERS]
        return [Path(str(one)).name for some in lists if isinstance(some, list) for one in some]

    @property
    def validates_on(self) -> Any:
        """What is the same for all runs of a task whose scores compare."""
        settings = [self.config.get(name) for name in (*FOLDERS, "crop", "seed", "memory")]
        return self.about.get("validation", settings)

    @property
    def command(self) -> str:
        return str(self.about.get("command", ""))

    @cached_property
    def measure(self) -> tuple[str, str]:
        """The name of the validation's score in the log, and how it is shown."""
        told = self.about.get("measure")
        if isinstance(told, dict) and re.fullmatch(r"\w{1,40}", str(told.get("name"))):
            form = str(told.get("form"))
            fits = re.fullmatch(r"[^{}]{0,40}\{:\+?\.[0-9][fg]\}[^{}]{0,40}", form)
            return str(told["name"]), form if fits else PLAIN
        known = (name for record in self.records for name in FORMS if name in record)
        name = next(known, "psnr")
        return name, FORMS[name]

    def shown(self, score: float | None) -> str:
        return "-" if score is None else self.measure[1].format(score)

    def curve(self, name: str) -> list[tuple[int, float]]:
        """Return (step, value) of all lines that have a value of that name."""
        return [
            (record["step"], float(record[name]))
            for record in self.records
            if not isinstance(record.get(name, ""), str)
        ]

    @property
    def terms(self) -> list[str]:
        """The names of the loss and its terms."""
        others = (*logs.OF_THE_MOMENT, "images_per_second", "rate", "seconds", "compare")
        names = dict.fromkeys(name for record in self.records for name in record)
        left_out = {*others, "compare_model", self.measure[0]}
        numbers = [name for name in names if name not in left_out and self.curve(name)]
        return sorted(numbers, key=lambda name: name != "loss")

    @property
    def step(self) -> int:
        """The last step that is known of."""
        ended = self.about.get("ended")
        told = ended.get("step") if isinstance(ended, dict) else 0
        last = self.records[-1]["step"] if self.records else 0
        return max(last, told if isinstance(told, int) else 0)

    @property
    def steps(self) -> int:
        """The number of steps that are to be done; 0 if it is not known, as of a run by time."""
        told = self.records[-1].get("steps", 0) if self.records else self.config.get("steps", 0)
        return int(told) if logs.real(told) else 0

    @property
    def minutes(self) -> float | None:
        seconds = self.curve("seconds")
        return seconds[-1][1] / 60 if seconds else None

    @property
    def scores(self) -> list[tuple[int, float]]:
        return self.curve(self.measure[0])

    @property
    def last(self) -> float | None:
        return self.scores[-1][1] if self.scores else None

    @property
    def best(self) -> tuple[int, float] | None:
        return max(self.scores, key=lambda pair: pair[1], default=None)

    @property
    def rival(self) -> tuple[str, float] | None:
        """The model that the run is compared with, and its score."""
        found = [r for r in self.records if logs.real(r.get("compare"))]
        return (str(found[-1].get("compare_model", "?")), found[-1]["compare"]) if found else None

    @property
    def pace(self) -> float | None:
        """Images a second, in the middle of the run."""
        values = [value for _, value in self.curve("images_per_second")]
        return median(values) if values else None

    @property
    def state(self) -> str:
        """One word or two: finished, stopped, failed, going on, silent or not begun."""
        ended = self.about.get("ended")
        if isinstance(ended, dict):
            return "failed" if "error" in ended else "finished" if self.finished else "stopped"
        if self.finished:
            return "finished"
        if not self.records and not self.has_checkpoint:
            return "not begun"
        return "going on" if self.age < max(SILENT, 5 * self.interval) else "silent"

    @property
    def finished(self) -> bool:
        ended = self.about.get("ended")
        if isinstance(ended, dict) and ended.get("finished") is True:
            return True
        return 0 < self.steps <= self.step

    @property
    def interval(self) -> float:
        """Seconds between the last two lines, if the log has them."""
        seconds = self.curve("seconds")
        return seconds[-1][1] - seconds[-2][1] if len(seconds) > 1 else 0.0

    @property
    def sentence(self) -> str:
        """What has become of the run."""
        at = f"step {self.step}{self.share}"
        saved = "; a checkpoint is there to continue from" if self.has_checkpoint else ""
        ended = self.about.get("ended")
        error = ended.get("error") if isinstance(ended, dict) else None
        seconds = self.records[-1].get("seconds_left") if self.records else None
        left = f"; about {span(seconds)} left" if logs.real(seconds) else ""
        return {
            "finished": f"Finished at {at}.",
            "stopped": f"Stopped and saved at {at}{saved}.",
            "failed": f"Failed at {at}: {error}",
            "going on": f"Going on: {at}, {span(self.age)} ago{left}.",
            "silent": f"Killed, or stuck: last heard of at {at}, {span(self.age)} ago{saved}.",
            "not begun": "Not begun: there is no line in its log yet.",
        }[self.state]

    @property
    def share(self) -> str:
        """What the last step is a part of: the steps, or the minutes of a run by the clock."""
        whole = self.config.get("minutes")
        if logs.real(whole) and whole and self.minutes is not None:
            return f", after {self.minutes:.1f} of {whole:g} minutes"
        return f" of {self.steps}" if self.steps else ""

    @property
    def lost(self) -> str:
        """What of its log cannot be read, or ""."""
        are = "line of log.jsonl is" if self.damaged == 1 else "lines of log.jsonl are"
        return f"{self.damaged} damaged {are} left out" if self.damaged else ""

    def as_json(self) -> dict[str, Any]:
        """Return the run in numbers, for `--json`."""
        pictures = self.about.get("pictures")
        losses = self.curve("loss")
        best_step, best = self.best or (None, None)
        name, score = self.rival or (None, None)
        return {
            "run": str(self.folder),
            "task": self.task,
            "variant": self.variant,
            "state": self.state,
            "step": self.step,
            "steps": self.steps,
            "minutes": None if self.minutes is None else round(self.minutes, 3),
            "measure": self.measure[0],
            "last": self.last,
            "best": best,
            "best_step": best_step,
            "compare_model": name,
            "compare": score,
            "loss": losses[-1][1] if losses else None,
            "images_per_second": self.pace,
            "pictures": pictures if isinstance(pictures, dict) else None,
            "command": self.command or None,
            "damaged_lines": self.damaged,
        }


def span(seconds: float) -> str:
    """Say a length of time in its largest unit."""
    if seconds < 90:
        return f"{max(seconds, 0):.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} minutes"
    return f"{seconds / 3600:.0f} hours" if seconds < 172800 else f"{seconds / 86400:.0f} days"


def incomparable(runs: Sequence[RunSeen]) -> str:
    """Say whose scores are of other pictures than those of the first run of their task, or ""."""
    first: dict[str, RunSeen] = {}
    others = [
        one for one in runs if first.setdefault(one.task, one).validates_on != one.validates_on
    ]
    if not others:
        return ""
    names = ", ".join(one.name for one in others)
    alike = ", ".join(dict.fromkeys(first[one.task].name for one in others))
    return f"Not validated on the same pictures as {alike}, so scores do not compare: {names}."


def seen(folders: Sequence[Path]) -> list[RunSeen]:
    """Read the folders of runs; each has a name of its own.

    Raises TrainingError, which names the folder, where there is no run or config.json is damaged.
    """
    names = [folder.resolve().name for folder in folders]
    if len(set(names)) < len(names):
        names = [str(folder) for folder in folders]
    return [read(folder, name) for folder, name in zip(folders, names, strict=True)]


def read(folder: Path, name: str) -> RunSeen:
    """Read the folder of a run. Raises TrainingError."""
    path = folder / CONFIG
    try:
        config = from_text(path.read_text(), str(path))
    except (OSError, UnicodeError):
        raise TrainingError(f"{folder}: no run here; it has no config.json") from None
    log = folder / logs.LOG
    records, damaged = logs.read_records(log)
    written = (log if log.exists() else path).stat().st_mtime
    return RunSeen(
        folder,
        name,
        config,
        about_of(folder),
        records,
        damaged,
        logs.previews_in(folder),
        time.time() - written,
        (folder / CHECKPOINT).exists(),
    )


def about_of(folder: Path) -> dict[str, Any]:
    try:
        values = json.loads((folder / ABOUT).read_text())
    except (OSError, ValueError, RecursionError):
        return {}
    return values if isinstance(values, dict) else {}
