"""A training run from its settings: pictures, network, objective and loop put together."""

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from imgae.errors import TrainingError
from imgae.model.machine import usable_cpus
from imgae.model.registry import find
from imgae.training.checkpoint import Run
from imgae.training.compiling import wanted
from imgae.training.data import Folders, PictureBank
from imgae.training.loop import Outcome, Remembering, Trainer, Validation
from imgae.training.pace import choose_pace
from imgae.training.processes import ALONE, Team, joined
from imgae.training.quantisation.prepare import example_batches, prepare
from imgae.training.settings import Settings
from imgae.training.tasks import lookup
from imgae.training.tasks.task import Task
from imgae.training.warmstart import start_from
from imgae.training.watch import Watch, followed

Note = Callable[[str], None]
Report = Callable[[dict[str, Any]], None]


def start(
    settings: Settings,
    folder: Path,
    device: str,
    threads: int | None,
    note: Note,
    report: Report,
    watch: Watch | None = None,
) -> Outcome:
    """Begin a run. The minutes of settings that have some count from where its pictures are read.

    Of several processes, as torchrun starts them, the first alone is heard, and writes.
    """
    with joined() as team, told_when_out_of_memory():
        if not team.first:
            note = report = silent
        machine, tell = (device, threads), (note, report)
        return started(settings, Run(folder), machine, team, tell, watch or Watch())


def started(
    settings: Settings,
    run: Run,
    machine: tuple[str, int | None],
    team: Team,
    tell: tuple[Note, Report],
    watch: Watch,
) -> Outcome:
    """machine: device and threads, as asked for. tell: note and report."""
    task, (note, _) = lookup.for_settings(settings), tell
    settings = replace(settings, threads=threads_of(machine[1], team))
    place = torch_device(machine[0], settings.threads, team)
    settings = replace(settings, batch=settings.batch or task.batch_on(place))
    run.check_new()
    watch.check(run.folder, task, settings.threads)
    torch.manual_seed(settings.seed)
    if settings.int8:
        task.check_int8()
    settings = task.settled(settings)
    net = task.network(settings)
    if settings.weights is not None:
        start_from(net, find(settings.weights), settings.variant)
    pictures = read_pictures(settings, note, task)
    watch.count(pictures)
    settings = task.measured(settings, pictures, note)
    if team.first:
        run.create()
    bank = bank_of(task, settings, pictures, place)
    objective = task.objective(settings, place)
    task.prepare(objective, bank, settings)
    read_at = time.monotonic()
    task.begin(net, bank, settings)
    if settings.int8:
        prepare(net, example_batches(task.example, bank, settings))
    settings, pace = team.told(lambda: choose_pace(net, objective, bank, settings, place, note))
    if isinstance(objective, Remembering):
        objective.load_state_dict({})  # what trying out has left
    if team.first:
        run.save_config(settings)
    trainer = Trainer(net, objective, bank, settings, place, team)
    trainer.clock.read_at = read_at
    note(planned(trainer, pace))
    validation = task.validation(settings, pictures.validation, place)
    if team.first and (said := task.at_start(trainer.ema.module, validation)):
        note(said)
    return carried_out(trainer, run, task, validation, watch, tell)


def planned(trainer: Trainer, pace: float) -> str:
    """Say what a run is going to be. pace: the seconds of a step."""
    config, team = trainer.config, trainer.team
    words = [f"{config.variant} on {trainer.device.type}"]
    words.append("bf16" if config.autocast == "bf16" else "fp32")
    words += ["channels last"] if config.channels_last else []
    words += [f"{team.size} processes"] if team.size > 1 else []
    length = f"{config.minutes:g} minutes in" if config.minutes else f"{config.steps}"
    about = f"{length} steps of about {pace * 1000:.0f} ms"
    return f"{', '.join(words)}: {about}{', compiled' if wanted(config, trainer.device) else ''}"


def carried_out(
    trainer: Trainer,
    run: Run,
    task: Task[Any],
    validation: Validation,
    watch: Watch,
    tell: tuple[Note, Report],
) -> Outcome:
    note, report = tell
    if wanted(trainer.config, trainer.device):
        trainer.compile(note)
    return followed(trainer, run, task, validation, watch, note, report)


def resume(
    folder: Path,
    device: str,
    threads: int | None,
    note: Note,
    report: Report,
    task: str | None = None,
    watch: Watch | None = None,
) -> Outcome:
    """Continue a run from its last checkpoint, to the same losses as without the stop.

    task: what it must be of; any by default. The processes may be more or fewer than before.
    """
    with joined() as team, told_when_out_of_memory():
        if not team.first:
            note = report = silent
        machine, tell = (device, threads), (note, report)
        return resumed(Run(folder), machine, team, tell, watch or Watch(log=None), task)


def resumed(
    run: Run,
    machine: tuple[str, int | None],
    team: Team,
    tell: tuple[Note, Report],
    watch: Watch,
    wanted_task: str | None,
) -> Outcome:
    """machine, tell: as for `started`."""
    task, settings = lookup.of_run(run.folder)
    if wanted_task not in (None, task.name):
        raise TrainingError(
            f"{run.folder}: a run of {task.name}; continue it with `imgae train {task.name}`, not "
            f"{wanted_task}"
        )
    state, (note, _) = run.load_checkpoint(), tell
    run.check_place()
    threads = settings.threads if team.size == 1 else min(settings.threads, threads_of(None, team))
    place = torch_device(machine[0], threads_of(machine[1] or threads, team), team)
    watch.check(run.folder, task, torch.get_num_threads())
    pictures = read_pictures(settings, note, task)
    watch.count(pictures)
    settings = task.measured(settings, pictures, note)
    bank = bank_of(task, settings, pictures, place)
    objective = task.objective(settings, place)
    task.prepare(objective, bank, settings)
    trainer = Trainer(task.built(settings), objective, bank, settings, place, team)
    try:
        trainer.load_state_dict(state)
    except (KeyError, RuntimeError, ValueError) as error:
        raise TrainingError(
            f"{run.checkpoint_path}: does not fit a {settings.variant} network"
        ) from error
    if team.first:
        run.rewind_log(trainer.step)
    note(f"continuing from {trainer.clock.said(trainer.step)}")
    validation = task.validation(settings, pictures.validation, place)
    return carried_out(trainer, run, task, validation, watch, tell)


def bank_of(
    task: Task[Any], settings: Settings, pictures: Folders, device: torch.device
) -> PictureBank:
    """Return the pictures to train on, with the task's synthetic ones among them."""
    pictures.training.extend(task.more_pictures(settings, pictures.training))
    return PictureBank.of(pictures.training, device)


@contextlib.contextmanager
def told_when_out_of_memory() -> Iterator[None]:
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        text = str(error).lower()
        if isinstance(error, MemoryError) or "memory" in text or "alloc" in text:
            raise TrainingError(
                "out of memory; lower --batch or --crop, or --memory for the pictures"
            ) from error
        raise


def threads_of(asked: int | None, team: Team) -> int:
    """Return how many threads a process computes with, by default its share of the CPUs."""
    return asked or max(1, usable_cpus() // team.beside)


def torch_device(device: str, threads: int, team: Team = ALONE) -> torch.device:
    """Return where to train, set up for it; each process of a machine has a GPU of its own."""
    if device not in ("auto", "cpu", "cuda"):
        raise TrainingError(f"no device is called {device!r}; there are: auto, cpu, cuda")
    if device == "cuda" and not torch.cuda.is_available():
        raise TrainingError("CUDA was asked for, but this torch has none; use --device cpu")
    torch.set_num_threads(threads)
    if device == "cpu" or not torch.cuda.is_available():
        return torch.device("cpu")
    if team.beside > (count := torch.cuda.device_count()):
        raise TrainingError(
            f"{team.beside} processes on a machine where torch finds {count} GPUs; start one for "
            "each GPU, or use --device cpu"
        )
    torch.cuda.set_device(team.local)
    torch.backends.cudnn.benchmark = True  # all batches have one size
    torch.set_float32_matmul_precision("high")
    return torch.device("cuda", team.local)


def silent(_: Any) -> None:
    """Say nothing: what processes other than the first do."""


def read_pictures(settings: Settings, note: Note, task: Task[Any]) -> Folders:
    pictures = task.read(settings)
    for sentence in pictures.unreadable[:10]:
        note(f"passed over: {sentence}")
    if len(pictures.unreadable) > 10:
        note(f"passed over: {len(pictures.unreadable) - 10} more that cannot be read")
    if pictures.too_small:
        note(f"passed over: {pictures.too_small} pictures under {settings.crop} pixels on a side")
    if pictures.left_out:
        one = pictures.left_out == 1
        files, do = ("1 file", "does") if one else (f"{pictures.left_out} files", "do")
        note(
            f"left out: {files}, all or part of which {do} not fit in "
            f"{settings.memory / 2**30:g} GiB when decoded; raise --memory to use them"
        )
    note(f"{len(pictures.training)} pictures to train on, {len(pictures.validation)} to validate")
    return pictures
