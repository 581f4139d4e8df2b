"""A training run from its settings: pictures, network, objective and loop put together."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from imgae.errors import TrainingError
from imgae.model.machine import usable_cpus
from imgae.model.registry import find
from imgae.training.checkpoint import Run
from imgae.training.data import Folders, PictureBank, read_folders
from imgae.training.loop import Outcome, Trainer, choose_pace, train
from imgae.training.quantisation.prepare import example_batches, prepare
from imgae.training.settings import Settings
from imgae.training.tasks import lookup
from imgae.training.tasks.task import Task
from imgae.training.warmstart import start_from

Note = Callable[[str], None]
Report = Callable[[dict[str, Any]], None]


def start(
    settings: Settings,
    minutes: float | None,
    folder: Path,
    device: str,
    threads: int | None,
    note: Note,
    report: Report,
) -> Outcome:
    """Begin a run. With `minutes`, the number of steps is fixed once, from a timed warm-up."""
    task = lookup.for_settings(settings)
    settings = replace(settings, threads=threads or usable_cpus())
    place = torch_device(device, settings.threads)
    run = Run(folder)
    run.check_new()
    torch.manual_seed(settings.seed)
    if settings.int8:
        task.check_int8()
    settings = task.settled(settings)
    net = task.network(settings)
    if settings.weights is not None:
        start_from(net, find(settings.weights), settings.variant)
    pictures = read_pictures(settings, note)
    settings = task.measured(settings, pictures, note)
    run.create()
    bank = bank_of(task, settings, pictures, place)
    objective = task.objective(settings, place)
    task.prepare(objective, bank, settings)
    task.begin(net, bank, settings)
    if settings.int8:
        prepare(net, example_batches(task.example, bank, settings))
    with told_when_out_of_memory():
        settings, pace = choose_pace(net, objective, bank, settings, place)
    if minutes is not None:
        settings = replace(settings, steps=max(1, round(minutes * 60 / pace)))
    note(
        f"{settings.variant} on {place.type}, "
        f"{'bf16' if settings.autocast == 'bf16' else 'fp32'}"
        f"{', channels last' if settings.channels_last else ''}: {settings.steps} steps of "
        f"{pace * 1000:.0f} ms"
    )
    run.save_config(settings)
    trainer = Trainer(net, objective, bank, settings, place)
    validation = task.validation(settings, pictures.validation, place)
    with told_when_out_of_memory():
        return train(trainer, run, validation, report)


def resume(
    folder: Path,
    device: str,
    threads: int | None,
    note: Note,
    report: Report,
    task: str | None = None,
) -> Outcome:
    """Continue a run from its last checkpoint, to the same losses as without the stop.

    task: what it must be of; any by default.
    """
    run = Run(folder)
    found, settings = lookup.of_run(folder)
    if task not in (None, found.name):
        raise TrainingError(
            f"{folder}: a run of {found.name}; continue it with `imgae train {found.name}`, not "
            f"{task}"
        )
    state = run.load_checkpoint()
    run.check_place()
    place = torch_device(device, threads or settings.threads or usable_cpus())
    pictures = read_pictures(settings, note)
    bank = bank_of(found, settings, pictures, place)
    objective = found.objective(settings, place)
    found.prepare(objective, bank, settings)
    trainer = Trainer(found.built(settings), objective, bank, settings, place)
    try:
        trainer.load_state_dict(state)
    except (KeyError, RuntimeError, ValueError) as error:
        raise TrainingError(
            f"{run.checkpoint_path}: does not fit a {settings.variant} network"
        ) from error
    run.rewind_log(trainer.step)
    note(f"continuing from step {trainer.step} of {settings.steps}")
    validation = found.validation(settings, pictures.validation, place)
    with told_when_out_of_memory():
        return train(trainer, run, validation, report)


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


def torch_device(device: str, threads: int) -> torch.device:
    if device not in ("auto", "cpu", "cuda"):
        raise TrainingError(f"no device is called {device!r}; there are: auto, cpu, cuda")
    if device == "cuda" and not torch.cuda.is_available():
        raise TrainingError("CUDA was asked for, but this torch has none; use --device cpu")
    torch.set_num_threads(threads)
    return torch.device("cuda" if device != "cpu" and torch.cuda.is_available() else "cpu")


def read_pictures(settings: Settings, note: Note) -> Folders:
    pictures = read_folders(
        [Path(folder) for folder in settings.folders], settings.crop, settings.memory, settings.seed
    )
    for sentence in pictures.unreadable[:10]:
        note(f"passed over: {sentence}")
    if len(pictures.unreadable) > 10:
        note(f"passed over: {len(pictures.unreadable) - 10} more that cannot be read")
    if pictures.too_small:
        note(f"passed over: {pictures.too_small} pictures under {settings.crop} pixels on a side")
    if pictures.left_out:
        note(
            f"left out: {pictures.left_out} pictures, which do not fit in "
            f"{settings.memory / 2**30:g} GiB when decoded; raise --memory to use them"
        )
    note(f"{len(pictures.training)} pictures to train on, {len(pictures.validation)} to validate")
    return pictures
