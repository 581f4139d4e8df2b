"""The floors of ARCHITECTURE.md, the public names, and what inference may load."""

import ast
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
import tiny_models

import imgae
from imgae.io.formats import table as formats
from imgae.training.tasks import table as tasks

ROOT = Path(__file__).resolve().parent.parent
MAY_IMPORT = {
    "errors": set(),
    "picture": {"errors"},
    "io": {"errors", "picture"},
    "synthetic": {"errors", "picture"},
    "model": {"errors", "picture", "io"},
    "model.verify": {"errors", "picture", "io", "model"},
    "restore": {"errors", "picture", "io", "model"},
    "restore.anomaly": {"errors", "picture", "io", "model", "model.verify", "restore"},
    "restore.batches": {"errors", "picture", "io", "model", "restore"},
    "restore.search": {"errors", "picture", "io", "model", "restore", "restore.batches"},
    "evaluate": {
        "errors", "picture", "io", "synthetic", "model", "restore", "restore.anomaly",
        "restore.search",
    },
    "training": {
        "errors", "picture", "io", "synthetic", "model", "model.verify", "restore",
    },
    "cli": {
        "errors", "picture", "io", "model", "model.verify", "restore", "restore.anomaly",
        "restore.batches", "restore.search", "evaluate", "training", "cli.server",
    },
    "cli.server": {"cli", "errors", "picture", "io", "model", "restore", "restore.batches"},
}  # fmt: skip
"""What the modules of a package may import besides their own package's."""
MOST_ENTRIES = 12


def modules_under(root):
    """Every module of a package folder by its dotted name; a package by its folder's."""
    found = {}
    for path in sorted((root / "imgae").rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@cache
def import_nodes(text):
    """Every import in a module's text, at its top or inside."""
    return [n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Import | ast.ImportFrom)]


def imports_of(name, path, known):
    """Every imgae module that a module imports, itself left out."""
    found = set()
    for node in import_nodes(path.read_text()):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name in known}
        elif (node.module or "").split(".")[0] == "imgae":
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                found.add(whole if whole in known else node.module)
    return found - {name, "imgae"}


def package_of(name):
    """The entry of MAY_IMPORT that a module belongs to."""
    inner = name.removeprefix("imgae.")
    fitting = [package for package in MAY_IMPORT if f"{inner}.".startswith(f"{package}.")]
    return max(fitting, key=len)


def circle_in(graph):
    """A list of modules that import each other in a circle, or None."""
    done, path = set(), []

    def visit(name):
        if name in path:
            return path[path.index(name) :]
        if name in done:
            return None
        path.append(name)
        for other in sorted(graph[name]):
            if found := visit(other):
                return found
        done.add(path.pop())
        return None

    return next((found for name in sorted(graph) if (found := visit(name))), None)


def graph_of(root):
    known = modules_under(root)
    return {
        name: {other for other in imports_of(name, path, known) if other in known}
        for name, path in known.items()
        if name not in ("imgae", "imgae.__main__")
    }


MODULES = modules_under(ROOT)
GRAPH = graph_of(ROOT)
SOURCES = list(MODULES.values())


@pytest.mark.parametrize("name", GRAPH)
def test_a_module_imports_only_what_its_package_may(name):
    package = package_of(name)
    used = {package_of(other) for other in GRAPH[name]}
    assert used - {package} <= MAY_IMPORT[package]


def test_no_modules_import_each_other_in_a_circle():
    assert circle_in(GRAPH) is None


@pytest.mark.parametrize(
    ("where", "line"),
    [
        ("picture/image.py", "from imgae.picture.arrays import from_picture"),
        ("model/card.py", "from imgae.model.session import load"),
        ("errors.py", "def late():\n    from imgae.picture import image\n"),
    ],
)
def test_a_circle_that_is_added_is_found(where, line, tmp_path):
    copy = tmp_path / "imgae"
    for path in SOURCES:
        target = copy / path.relative_to(ROOT / "imgae")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(path.read_text())
    assert circle_in(graph_of(tmp_path)) is None
    with (copy / where).open("a") as file:
        file.write(f"\n{line}\n")
    assert circle_in(graph_of(tmp_path))


def test_the_package_has_few_entries():
    entries = [entry for entry in (ROOT / "imgae").iterdir() if entry.name != "__pycache__"]
    assert len(entries) <= MOST_ENTRIES


@pytest.mark.parametrize(
    "path",
    [path for path in SOURCES if path.name == "__init__.py" and path.parent.name != "imgae"],
    ids=lambda path: str(path.parent.relative_to(ROOT)),
)
def test_a_package_begins_with_one_sentence_and_its_public_names(path):
    """Its modules, which loading the package does not load; of a command, what it exports."""
    tree = ast.parse(path.read_text())
    sentence, *imports, names = tree.body
    assert "\n" not in ast.literal_eval(sentence.value)
    public = ast.literal_eval(names.value)
    if imports:
        assert "cli" in path.parts
        assert public == [alias.name for node in imports for alias in node.names]
    else:
        modules = {other.stem for other in path.parent.glob("*.py")} - {"__init__"}
        packages = {other.parent.name for other in path.parent.glob("*/__init__.py")}
        rows = {row.module.split(".")[0] for row in formats.FORMATS}
        listed = rows | set(tasks.TASKS)  # by their tables
        hidden = listed if "table" in modules else set()
        assert public == sorted((modules | packages) - hidden)


LATE_IMPORTS = {
    "imgae/__init__.py": "the public names",
    "imgae/evaluate/baselines.py": "to see whether another library is there",
    "imgae/io/formats/table.py": "formats",
    "imgae/model/machine.py": "libraries that are loaded anyway, before memory is scarce",
    "imgae/training/tasks/lookup.py": "tasks",
}
"""What imports by name, and for what."""


def test_every_other_import_can_be_read():
    """Neither relative nor by name, which the tests above would not see."""
    for path in SOURCES:
        text = path.read_text()
        levels = [n.level for n in import_nodes(text) if isinstance(n, ast.ImportFrom)]
        assert not any(levels), path
        by_name = "import_module" in text or "__import__" in text
        assert by_name == (str(path.relative_to(ROOT)) in LATE_IMPORTS), path


def test_onnxruntime_is_imported_in_one_place():
    users = [
        p
        for p in SOURCES
        if re.search(r"^\s*(import|from) onnxruntime", p.read_text(), re.MULTILINE)
    ]
    assert [path.name for path in users] == ["session.py"]


def test_tests_lie_where_what_they_test_lies():
    packages = {path.parent for path in SOURCES} - {ROOT / "imgae"}
    for folder in {path.parent for path in (ROOT / "tests").rglob("test_*.py")}:
        inner = folder.relative_to(ROOT / "tests")
        assert inner == Path() or ROOT / "imgae" / inner in packages


NEED_WEB = re.compile(
    r"(?m)^(?:import|from) (?:contract|served|schemathesis|uvicorn|"
    r"imgae\.cli\.server\.(?:app|endpoints|guard|jobs|problems|running|state|uploads))\b"
)


def test_tests_of_the_server_are_skipped_without_its_extra():
    """In each module that needs it; an error in conftest.py would end all tests."""
    folder = Path(__file__).parent / "cli" / "server"
    needing = {path.name for path in folder.glob("*.py") if NEED_WEB.search(path.read_text())}
    skip = 'pytest.importorskip("uvicorn"'
    assert len(needing) > 5
    assert needing == {path.name for path in folder.glob("*.py") if skip in path.read_text()}


def test_the_public_names_are_these():
    assert set(imgae.__all__) == {
        "AnomalyScorer",
        "Denoiser",
        "Detector",
        "Encoder",
        "Frames",
        "Image",
        "ImageError",
        "ImageNotFoundError",
        "ImageTooLargeError",
        "ImgaeError",
        "ImgaeWarning",
        "Index",
        "Inpainter",
        "MaskError",
        "MissingExtraError",
        "ModelError",
        "OptionError",
        "SearchError",
        "TrainingError",
        "WeightsError",
        "__version__",
        "batch",
        "read_frames",
        "read_image",
        "write_frames",
        "write_image",
    }
    for name in imgae.__all__:
        assert getattr(imgae, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        imgae.Nothing  # noqa: B018


PROGRAM = """
import sys
import numpy as np
import imgae
imgae.Denoiser({model!r}, threads=1)(np.zeros((9, 9, 3), np.uint8), {sigma})
print(sorted(set(sys.modules) & {{"torch", "cv2", "onnx", "tifffile", "typer", "rich"}}))
"""


def loaded(program):
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.mark.parametrize(("sigma", "needed"), [(0.1, "[]"), (None, "['cv2']")])
def test_denoising_loads_no_torch_and_nothing_else_it_does_not_need(
    tmp_path, monkeypatch, sigma, needed
):
    """Only to look for impulses, where no level is given, OpenCV."""
    path = tiny_models.identity(tmp_path / "identity.onnx")
    tiny_models.estimate(tmp_path / "estimate.onnx", white=-1.0, share=1.0, rest=0.1)
    monkeypatch.setenv("IMGAE_MODELS", str(tmp_path))
    assert loaded(PROGRAM.format(model=str(path), sigma=sigma)) == needed


def test_the_check_above_would_see_torch(tmp_path):
    pytest.importorskip("torch", reason="torch is not installed")
    path = tiny_models.identity(tmp_path / "identity.onnx")
    assert "torch" in loaded("import torch\n" + PROGRAM.format(model=str(path), sigma=0.1))


def test_importing_the_package_loads_nothing_heavy():
    assert loaded("import sys, imgae; print('numpy' in sys.modules)") == "False"
