"""Tasks by name, by run and by model card."""

from importlib import import_module
from pathlib import Path
from typing import Any

from imgae.errors import TrainingError
from imgae.model.card import ModelCard
from imgae.training.checkpoint import Run
from imgae.training.settings import Settings
from imgae.training.tasks.table import TASKS
from imgae.training.tasks.task import Task


def load(name: str) -> Task[Any]:
    """Return a task by its name in the table. Raises TrainingError if there is none."""
    if name not in TASKS:
        raise TrainingError(f"no task is called {name!r}; there are: {', '.join(TASKS)}")
    task = import_module(f"imgae.training.tasks.{name}").TASK
    assert isinstance(task, Task)
    return task


def for_settings(settings: Settings) -> Task[Any]:
    """Return what trains by these settings."""
    return load(settings.task).of(settings)


def of_run(folder: Path) -> tuple[Task[Any], Settings]:
    """Return what a run trains, and its settings. Raises TrainingError if they are damaged."""
    run = Run(folder)
    values = run.read_config()
    name = values.pop("task", None)
    if not isinstance(name, str) or name not in TASKS:
        raise TrainingError(
            f"{run.config_path}: task is {name!r}, expected one of {', '.join(TASKS)}"
        )
    task = load(name)
    settings = task.settings.read(values, str(run.config_path))
    return task.of(settings), settings


def of_card(card: ModelCard) -> Task[Any]:
    """Return the task whose training makes such models. Raises TrainingError if none does."""
    for name in TASKS:
        task = load(name)
        for one in (task, *task.others):
            if one.makes(card):
                return one
    raise TrainingError(
        f"{card.name}: no task trains models to {card.task} from {', '.join(card.inputs)}"
    )
