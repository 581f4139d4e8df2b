"""The floors of ARCHITECTURE.md, the public names, and what inference may load."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
import tiny_models

import imgae

ROOT = Path(__file__).resolve().parent.parent
FLOORS = [
    {"errors", "card"},
    {"image", "pixels", "tiling", "noise", "metrics", "holes", "drawings", "steering"},
    {"metadata", "deep", "files", "weights", "onnxfile"},
    {"session", "stitch", "arrays", "masks", "texture", "reach"},
    {"denoise", "inpaint", "detect", "peers", "fills", "verify", "apart"},
    {"evaluate", "evaluate_inpaint", "evaluate_camera"},
    {"figures"},
    {"cli"},
]
FLOOR = {name: level for level, names in enumerate(FLOORS) for name in names}
TRAINING_MAY_IMPORT = {name for level in FLOORS[:3] for name in level} | {"training"}


def imports_of(path):
    """Every imgae module that a file imports, at its top or inside."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "imgae":
            parts = node.module.split(".")
            yield from [parts[1]] if len(parts) > 1 else [alias.name for alias in node.names]
        elif isinstance(node, ast.Import):
            yield from (n.name.split(".")[1] for n in node.names if n.name.startswith("imgae."))


def module_of(path):
    return path.relative_to(ROOT / "imgae").parts[0].removesuffix(".py")


SOURCES = sorted((ROOT / "imgae").rglob("*.py"))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_imports_only_from_its_floor_or_below(path):
    module = module_of(path)
    if module in ("__init__", "__main__"):
        return
    used = {name for name in imports_of(path) if name != "__version__"}
    if module == "training":
        allowed = set(TRAINING_MAY_IMPORT)
        if path.stem in ("export", "runs"):
            allowed.add("session")
        if path.stem == "export":
            allowed.add("verify")
        assert used <= allowed
    elif module == "cli":
        assert used <= FLOOR.keys() | {"training"}
    else:
        assert {name for name in used if FLOOR[name] > FLOOR[module]} == set()
        assert "training" not in used


def test_every_module_has_its_floor():
    assert {module_of(path) for path in SOURCES} - {"__init__", "__main__", "training"} == set(
        FLOOR
    )


def test_onnxruntime_is_imported_in_one_place():
    users = [
        p
        for p in SOURCES
        if re.search(r"^\s*(import|from) onnxruntime", p.read_text(), re.MULTILINE)
    ]
    assert [path.name for path in users] == ["session.py"]


def test_the_public_names_are_these():
    assert set(imgae.__all__) == {
        "Denoiser",
        "Image",
        "ImageError",
        "ImgaeError",
        "ImgaeWarning",
        "Inpainter",
        "MaskError",
        "ModelError",
        "OptionError",
        "TrainingError",
        "TrainingUnavailable",
        "WeightsError",
        "__version__",
        "read_image",
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
imgae.Denoiser({model!r}, threads=1)(np.zeros((9, 9, 3), np.uint8))
print(sorted(set(sys.modules) & {{"torch", "cv2", "onnx", "tifffile", "typer", "rich"}}))
"""


def loaded(program):
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_denoising_loads_no_torch_and_nothing_else_it_does_not_need(tmp_path):
    path = tiny_models.identity(tmp_path / "identity.onnx")
    assert loaded(PROGRAM.format(model=str(path))) == "[]"


def test_the_check_above_would_see_torch(tmp_path):
    pytest.importorskip("torch", reason="torch is not installed")
    path = tiny_models.identity(tmp_path / "identity.onnx")
    assert "torch" in loaded("import torch\n" + PROGRAM.format(model=str(path)))


def test_importing_the_package_loads_nothing_heavy():
    assert loaded("import sys, imgae; print('numpy' in sys.modules)") == "False"
