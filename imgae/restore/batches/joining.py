"""Being part of a Ray cluster: one that is found, or one that is started on this machine."""

import contextlib
import os
import shutil
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from imgae.errors import ImgaeError, first_line, needs_extra
from imgae.model.machine import usable_cpus

STORE: Final = 100 << 20
"""Bytes that a cluster of this machine alone keeps for what its processes hand each other."""
ANSWER: Final = 5.0
"""Seconds that a cluster has to answer."""


@contextlib.contextmanager
def joined(
    workers: int | None, threads: int | None, *, debug: bool
) -> Iterator[tuple[Any, int, int]]:
    """Be part of a cluster; yield Ray, how many workers to start, and the threads of each."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # what people denoise is theirs
    with needs_extra("cluster", "--engine ray"):
        import ray
    if ray.is_initialized():
        yield ray, *shares(cpus_of(ray), workers, threads)
        return
    if not debug:
        silence()
    with handlers_kept():
        session = connect(ray, workers, threads, debug=debug)
    try:
        yield ray, *shares(cpus_of(ray), workers, threads)
    finally:
        ray.shutdown()
        if session is not None:
            shutil.rmtree(session, ignore_errors=True)


def connect(ray: Any, workers: int | None, threads: int | None, *, debug: bool) -> Path | None:
    """Join a cluster or start one; return the folder of logs of one that is started here."""
    level = "info" if debug else "critical"
    quiet = {"log_to_driver": debug, "logging_level": level}
    address = known_cluster()
    if address is not None:
        try:
            ray.init(address, **quiet)
        except Exception as error:
            raise ImgaeError(
                f"the Ray cluster at {address} cannot be joined ({first_line(error)}); it needs "
                "the same versions of Python and Ray as this machine has"
            ) from error
        return None
    os.environ.setdefault("RAY_worker_niceness", "0")  # as with --engine local; Ray's own is 15
    cpus = max(usable_cpus(), threads or 1)
    count, each = shares([cpus], workers, threads)
    try:
        context = ray.init(
            "local",
            num_cpus=max(cpus, count * each),
            object_store_memory=STORE,
            include_dashboard=False,
            **quiet,
        )
    except Exception as error:
        raise ImgaeError(
            f"Ray cannot be started on this machine ({first_line(error)}); use --engine local"
        ) from error
    return None if debug else Path(context.address_info["session_dir"])


def known_cluster() -> str | None:
    """Return the address of the cluster that RAY_ADDRESS names, or that `ray start` started here.

    Raises ImgaeError if the named one does not answer; Ray itself would wait for minutes.
    """
    named = os.environ.get("RAY_ADDRESS", "")
    if named == "local":
        return None
    if named:
        if "://" not in named and not answers(named):
            raise ImgaeError(
                f"no Ray cluster answers at {named}, which RAY_ADDRESS names; start it with `ray "
                "start --head`, or unset RAY_ADDRESS"
            )
        return named
    usual = "/tmp" if sys.platform == "linux" else tempfile.gettempdir()  # noqa: S108 - Ray's own
    note = Path(os.environ.get("RAY_TMPDIR") or usual) / "ray" / "ray_current_cluster"
    with contextlib.suppress(OSError, UnicodeDecodeError):
        found = note.read_text().strip()
        return found if answers(found) else None  # what ended without `ray stop` leaves its note
    return None


def answers(address: str) -> bool:
    """Return whether somebody listens at "host:port"."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), ANSWER).close()
    except (OSError, ValueError):
        return False
    return True


def cpus_of(ray: Any) -> list[int]:
    """Return how many CPUs each machine of a cluster gives to it."""
    return [int(node["Resources"].get("CPU", 0)) for node in ray.nodes() if node["Alive"]]


def shares(cpus: Sequence[int], workers: int | None, threads: int | None) -> tuple[int, int]:
    """Return how many workers there are, and the threads of each.

    cpus: of each machine. More workers than there is room for wait until a machine joins. Raises
    ImgaeError if no machine has room for one.
    """
    most = max(cpus, default=0)
    if threads is None:
        threads = 1 if workers is None else max(1, min(most, sum(cpus) // workers))
        while workers is not None and threads > 1 and room(cpus, threads) < workers:
            threads -= 1
    if threads > most:
        raise ImgaeError(
            f"no machine of the Ray cluster has the {threads} CPUs of a worker; the most is {most}"
        )
    return workers or room(cpus, threads), threads


def room(cpus: Sequence[int], threads: int) -> int:
    return sum(count // threads for count in cpus)


def silence() -> None:
    """Keep Ray from printing, on standard output, what befalls its processes.

    It has no setting for that.
    """
    from ray._private import worker

    if hasattr(worker, "print_to_stdstream"):
        worker.print_to_stdstream = lambda *_, **__: None


@contextlib.contextmanager
def handlers_kept() -> Iterator[None]:
    """Set the handlers of signals back to what they are, where Ray sets its own."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = (signal.SIGINT, signal.SIGTERM)
    before: dict[signal.Signals, Any] = {number: signal.getsignal(number) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
