"""The floors inside imgae/training: a module imports only from those below its own."""

import importlib.util
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FLOORS = (
    {"checks", "settings", "tasks.table", "vision", "networks.parts", "objectives.regularisers",
     "corruptions.jpeg", "depth", "alignment", "reading", "logs", "processes", "noise", "report"},
    {"networks.body", "networks.fill", "data", "checkpoint", "corruptions.camera_noise",
     "compiling", "own_scale"},
    {"networks", "optimizers", "mask_bank", "geometry", "pairs"},
    {"corruptions", "quantisation.rounding", "clock"},
    {"quantisation", "objectives", "loop", "parity"},
    {"validate", "trace", "pace"},
    {"tasks.task", "unseen_gain"},
    {"tasks.lookup"},
    {"warmstart"},
    {"tasks", "study", "compare"},
    {"watch"},
    {"runs", "export"},
    {"fit"},
)  # fmt: skip
"""From the lowest; names within imgae.training. A package stands for those of its modules that are
not named, so that a new network, corruption, objective or task has its floor. Modules of a floor
may import each other, but not in a circle, which tests/test_structure.py looks for."""
PACKAGES = {
    "networks", "corruptions", "noise", "objectives", "quantisation", "report", "study", "tasks"
}  # fmt: skip


def structure():
    """What tests/test_structure.py reads imports with."""
    spec = importlib.util.spec_from_file_location("structure", ROOT / "tests/test_structure.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


STRUCTURE = structure()


def floor_of(name):
    """A module's floor: that of its name, else that of its package."""
    inner = name.removeprefix("imgae.training.")
    for entry in (inner, inner.split(".")[0]):
        for number, floor in enumerate(FLOORS):
            if entry in floor:
                return number
    return None


def faults(root):
    """Every import upwards, and every module on no floor."""
    graph = STRUCTURE.graph_of(root)
    own = {name for name in graph if name.startswith("imgae.training.")}
    own -= {f"imgae.training.{package}" for package in PACKAGES}
    found = [f"{name} is on no floor" for name in sorted(own) if floor_of(name) is None]
    return found + [
        f"{name} imports {other}, which is above it"
        for name in sorted(own)
        for other in sorted(graph[name] & own)
        if (floor_of(other) or 0) > (floor_of(name) or 0)
    ]


def test_modules_of_training_import_downwards_only():
    assert faults(ROOT) == []


def test_every_module_on_a_floor_exists():
    known = STRUCTURE.modules_under(ROOT)
    for floor in FLOORS:
        assert all(f"imgae.training.{name}" in known for name in floor)


@pytest.mark.parametrize(
    ("where", "line", "fault"),
    [
        ("settings.py", "from imgae.training.loop import train", "settings imports"),
        ("networks/fill.py", "from imgae.training.tasks.task import Task", "fill imports"),
        ("tasks/denoise.py", "def late():\n    from imgae.training import export\n", "imports"),
        ("objectives/camera.py", "import imgae.training.runs", "camera imports"),
        ("novelty.py", "", "novelty is on no floor"),
    ],
)
def test_an_import_upwards_is_found(where, line, fault, tmp_path):
    shutil.copytree(
        ROOT / "imgae", tmp_path / "imgae", ignore=shutil.ignore_patterns("weights", "__pycache__")
    )
    with (tmp_path / "imgae" / "training" / where).open("a") as file:
        file.write(f"\n{line}\n")
    (found,) = faults(tmp_path)
    assert fault in found


def test_settings_and_the_table_of_tasks_need_no_torch():
    for name in (
        "imgae.training.settings",
        "imgae.training.checks",
        "imgae.training.tasks.table",
        "imgae.cli.train",
    ):
        code = f"import sys, {name}; print('torch' in sys.modules)"
        assert STRUCTURE.loaded(code) == "False"
