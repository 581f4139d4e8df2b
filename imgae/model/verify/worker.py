"""Checking a model file in a process of its own, which a hostile file may kill or hang.

Only that process loads onnx and onnxruntime. Before each check it sends the table so far: if it
dies, the table names the check that killed it, and keeps what was found before.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Final

from imgae.model.verify.report import RUNNING, Check, printable

MOST_SECONDS: Final = 300.0
MOST_BYTES: Final = 4 << 30
"""Limits of a file's checks: time, and address space. Shipped files take 3 s and 0.5 GiB."""
PROGRAM: Final = "from imgae.model.verify.worker import serve; serve()"


def verify(path: Path) -> list[Check]:
    """Check a model file; returns a row a check. Never raises for what is wrong with the file.

    A file that is not safe, is no valid graph or has no card is not run. If a check kills its
    process or takes too long, the checks after it are not run.
    """
    # The same import path as here; -P leaves out the current folder.
    known = {"PYTHONPATH": os.pathsep.join(sys.path), "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-P", "-c", PROGRAM, os.fspath(path)]
    try:
        done = subprocess.run(  # noqa: S603 - ourselves
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=MOST_SECONDS,
            env=os.environ | known,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        return ended(error.stdout or b"", f"took more than {MOST_SECONDS:g} seconds")
    return ended(done.stdout, cause_of(done.returncode, done.stderr))


def cause_of(code: int, errors: bytes) -> str:
    """Return in words how a process ended."""
    if code < 0:
        names = {number.value: number.name for number in signal.Signals}
        return f"killed by signal {names.get(-code, -code)}"
    last = errors.decode(errors="replace").strip().split("\n")[-1]
    return printable(f"its process ended with code {code}: {last or 'no message'}")


def ended(sent: bytes, cause: str) -> list[Check]:
    """Return the last complete table; the check that was running has failed."""
    tables = sent.split(b"\n")[:-1]
    if not tables:
        return [Check("safe", passed=False, finding=cause)]
    rows = [Check(**row) for row in json.loads(tables[-1])]
    died = (None, RUNNING)
    return [
        replace(row, passed=False, finding=cause) if (row.passed, row.finding) == died else row
        for row in rows
    ]


def serve() -> None:
    """Check the file that the command line names, within limits, and send tables."""
    limit_process()
    pipe = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # so that what libraries print stays out of the tables

    def send(rows: Sequence[Check]) -> None:
        pipe.write(json.dumps([asdict(row) for row in rows]) + "\n")
        pipe.flush()

    from imgae.model.verify.checks import check_file  # within the limits

    send(check_file(Path(sys.argv[1]), send))
    os._exit(0)


def limit_process() -> None:
    """Limit the address space where the system can, and leave no core behind."""
    try:
        import resource
    except ImportError:  # Windows
        return
    for kind, most in ((resource.RLIMIT_AS, MOST_BYTES), (resource.RLIMIT_CORE, 0)):
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(kind, (most, resource.getrlimit(kind)[1]))
