"""A run that is looked at: its logs, a model beside it, and about.json, which says what it is."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch

import imgae
from imgae.errors import ImgaeError, TrainingError
from imgae.model import session
from imgae.training import compare, logs
from imgae.training.checkpoint import Run, replace_whole
from imgae.training.data import Folders
from imgae.training.loop import Outcome, Trainer, Validation, train
from imgae.training.tasks.task import Task
from imgae.training.validate import Restoration

Facts = dict[str, Any]


@dataclass
class Watch:
    """How a run is looked at. Its losses depend on nothing of it.

    log: what is written beside log.jsonl; None: what the run has already.
    compare: the name or file of a model that is scored on the same validation, or "".
    """

    log: Sequence[str] | None = ()
    compare: str = ""
    pictures: dict[str, int] = field(default_factory=dict)
    """How many there are, by what becomes of them."""
    mark: str = ""
    """Of the pictures of the validation."""
    rival: session.OnnxModel | None = None

    def check(self, folder: Path, task: Task[Any], threads: int) -> None:
        """Raise an ImgaeError, before pictures are read, if what is asked for cannot be had."""
        if self.log is None:
            self.log = logs.kinds_of(folder)
        logs.check(folder, self.log)
        if self.compare:
            self.rival = compare.opened(task, self.compare, threads)

    def count(self, pictures: Folders) -> None:
        """Take down what was read, before it is made a bank of."""
        digest = hashlib.blake2b(digest_size=8)
        for picture in pictures.validation:
            digest.update(f"{picture.shape}{picture.dtype}".encode())
            digest.update(np.ascontiguousarray(picture).data)
        self.pictures = {
            "training": len(pictures.training),
            "validation": len(pictures.validation),
            "passed_over": pictures.passed_over,
        }
        self.mark = digest.hexdigest()


def followed(
    trainer: Trainer,
    run: Run,
    task: Task[Any],
    validation: Validation,
    watch: Watch,
    note: Callable[[str], None],
    report: Callable[[dict[str, Any]], None],
) -> Outcome:
    """Train as `loop.train` does, with all that a Watch asks for; of several processes, the first
    alone does more.
    """
    if not trainer.team.first:
        return train(trainer, run, validation, report)
    measure = validation.measure
    beside = beside_of(trainer, run, task, validation, watch)
    if watch.rival is not None:
        note(f"{beside['compare_model']}: {measure.shown(beside['compare'])} on the same pictures")
    keeper = logs.Logs(run.folder, watch.log or (), measure.name, note)
    keeper.begin(trainer.step)
    facts = {
        "version": imgae.__version__,
        "task": task.name,
        "variant": trainer.config.variant,
        "command": trainer.config.command(),
        "measure": {"name": measure.name, "form": measure.form},
        "pictures": watch.pictures,
        "validation": mark_of(watch, trainer, validation),
        "sessions": [*sessions_of(run), session_of(trainer)],
    }
    save(run, facts)

    def tell(record: dict[str, Any]) -> None:
        keeper(record)
        report(record)

    try:
        outcome = train(trainer, run, validation, tell, beside)
    except TrainingError as error:
        save(run, facts | {"ended": {"step": trainer.step, "error": str(error)}})
        raise
    finally:
        keeper.close()
    save(run, facts | {"ended": {"step": outcome.step, "finished": outcome.finished}})
    return outcome


def beside_of(
    trainer: Trainer, run: Run, task: Task[Any], validation: Validation, watch: Watch
) -> Facts:
    """Return what each validation's line says of another model: of the one that is asked for, or
    else of the one that the run was compared with before. Files are named without their folders.
    """
    if watch.rival is not None:
        score = compare.scored(validation, watch.rival, trainer, task)
        return {"compare": score, "compare_model": Path(watch.compare).name}
    records, _ = logs.read_records(run.log_path)
    names = ("compare", "compare_model")
    found = [record for record in records if all(name in record for name in names)]
    return {name: found[-1][name] for name in names} if found else {}


def mark_of(watch: Watch, trainer: Trainer, validation: Validation) -> str:
    """Return what is the same for all runs of a task whose scores compare.

    Only a Restoration is known to be the same for all sizes of crops.
    """
    crop = 0 if isinstance(validation, Restoration) else trainer.config.crop
    return f"{watch.mark}-{crop}"


def session_of(trainer: Trainer) -> Facts:
    """Return when, from where and on what training goes on."""
    config, place = trainer.config, trainer.device
    on_gpu, size = place.type == "cuda", trainer.team.size
    device = torch.cuda.get_device_name(place) if on_gpu else "CPU"
    return {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "step": trainer.step,
        "device": f"{device}, {size} processes" if size > 1 else device,
        "threads": torch.get_num_threads(),
        "format": "bf16" if config.autocast == "bf16" else "fp32",
        "torch": torch.__version__,
    }


def sessions_of(run: Run) -> list[Facts]:
    """Return what about.json holds of the run until now; nothing of a file that is damaged."""
    try:
        values = json.loads(run.about_path.read_text())
        found = values["sessions"]
    except (OSError, ValueError, KeyError, TypeError):
        return []
    return found if isinstance(found, list) else []


def save(run: Run, facts: Facts) -> None:
    """Write about.json; a full disk costs the page of the run, not the run."""
    try:
        replace_whole(run.about_path, (json.dumps(facts, indent=2) + "\n").encode())
    except ImgaeError:
        return
