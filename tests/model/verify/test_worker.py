"""Files are checked in a process of their own, whatever becomes of it."""

import json
import platform
import sys

import numpy as np
import onnx
import pytest
from damaged import change_card, constant

from imgae.cli import main
from imgae.model import onnxfile, registry
from imgae.model.verify import worker
from imgae.model.verify.report import Check

SHIPPED = sorted(registry.available())
KNOWN = {"denoise-camera-int8": {"levels"}}
"""It shifts noisy flat pictures by 0.63 levels; docs/limits.md says so."""


@pytest.mark.parametrize("name", SHIPPED)
def test_what_ships_passes(name):
    checks = worker.verify(registry.find(name))
    failed = {check.name for check in checks if not check.passed}
    assert failed == KNOWN.get(name, set())
    names = [check.name for check in checks]
    assert names[:6] == ["safe", "checker", "card", "hash", "claims", "loads"]
    assert ("thin halo" in names) == name.startswith("inpaint")
    assert names[-1] == "reference"
    (halo,) = [check for check in checks if check.name == "halo"]
    assert "by the graph; " in halo.finding


def dead_division(model):
    """What nobody reads, but onnxruntime computes when it loads the file."""
    constant(model, "least", np.int32([-(2**31)]))
    constant(model, "minus", np.int32([-1]))
    model.graph.node.add(op_type="Div", input=["least", "minus"], output=["x"])


@pytest.mark.skipif(
    platform.machine() not in ("x86_64", "AMD64") or sys.platform != "linux",
    reason="such a division raises a signal on x86 under Linux",
)
def test_a_file_that_kills_its_process_fails_and_the_next_is_checked(small, tmp_path, capfd):
    model = onnx.load(small)
    dead_division(model)
    hostile = tmp_path / "hostile.onnx"
    onnx.save(model, hostile)
    change_card(hostile, sha256=onnxfile.weights_hash(model))
    assert main(["verify", "--json", str(hostile), str(small)]) == 1
    first, second = map(json.loads, capfd.readouterr().out.splitlines())
    assert (first["passed"], second["passed"]) == (False, True)
    rows = {row["name"]: (row["passed"], row["finding"]) for row in first["checks"]}
    assert list(rows) == [row["name"] for row in second["checks"]]
    assert rows["claims"][0]
    assert rows["loads"] == (False, "killed by signal SIGFPE")
    assert rows["runs"] == rows["reference"] == (None, "not run")


SENT = """
import json, os, signal, time
rows = [("safe", True, "fine"), ("loads", None, "running"), ("runs", None, "not run")]
print(json.dumps([dict(zip(("name", "passed", "finding"), row)) for row in rows]), flush=True)
print("[", end="", flush=True)
"""


@pytest.mark.parametrize(
    ("end", "finding"),
    [
        ("time.sleep(60)", "took more than 2 seconds"),
        ("os._exit(3)", "its process ended with code 3: no message"),
        ("raise SystemExit('a\\x1b[2J')", "its process ended with code 1: a\\x1b[2J"),
    ],
)
def test_a_process_that_ends_early_fails_the_check_it_was_at(monkeypatch, tmp_path, end, finding):
    monkeypatch.setattr(worker, "PROGRAM", SENT + end)
    monkeypatch.setattr(worker, "MOST_SECONDS", 2)
    assert worker.verify(tmp_path) == [
        Check("safe", passed=True, finding="fine"),
        Check("loads", passed=False, finding=finding),
        Check("runs", None, "not run"),
    ]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not limit address space")
def test_the_process_has_little_memory(monkeypatch, tmp_path):
    program = (
        "from imgae.model.verify.worker import limit_process; limit_process(); bytearray(5 << 30)"
    )
    monkeypatch.setattr(worker, "PROGRAM", program)
    (row,) = worker.verify(tmp_path)
    assert row.finding == "its process ended with code 1: MemoryError"
