"""imgae imports and works where what only POSIX has is missing."""

import subprocess
import sys
from pathlib import Path

import pytest
import tiny_models

PROGRAM = """
import importlib, importlib.util, pkgutil, signal, sys

MISSING = {{"resource", "fcntl", "pwd", "grp", "termios", "tty", "pty"}}


class Missing:
    def find_spec(self, name, path=None, target=None):
        if name in MISSING:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)


for name in MISSING:
    sys.modules.pop(name, None)
sys.meta_path.insert(0, Missing())
for name in ("SIGALRM", "SIGHUP", "SIGKILL", "SIGPIPE", "SIGQUIT", "SIGUSR1", "SIGUSR2"):
    if hasattr(signal, name):
        delattr(signal, name)

{more}
import imgae

failed = []
for module in pkgutil.walk_packages(imgae.__path__, "imgae."):
    if module.name == "imgae.__main__":  # runs the program
        continue
    try:
        importlib.import_module(module.name)
    except Exception as error:
        failed.append(f"{{module.name}}: {{error!r}}")
print("\\n".join(failed) or "all imported")

import numpy

out = imgae.Denoiser({model!r}, threads=1)(numpy.full((9, 9, 3), 100, "u1"), 10 / 255)
print(set(out.ravel().tolist()))
"""


def run(model, more=""):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(model=str(model), more=more)],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parent,
    )
    return done.stdout, done.stderr


@pytest.fixture
def model(tmp_path):
    return tiny_models.darken(tmp_path / "darken.onnx")


def test_everything_imports_and_denoises_without_what_only_posix_has(model):
    pytest.importorskip("torch", reason="torch is not installed")
    out, err = run(model)
    assert out == "all imported\n{90}\n", out + err


def test_the_check_above_would_see_a_module_that_only_posix_has(model):
    for name in ("resource", "fcntl"):
        out, err = run(model, f"import {name}")
        assert out == ""
        assert f"No module named '{name}'" in err
