"""Progress bars, on a terminal only, for what takes longer than a second."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID

    from imgae.stitch import Progress

PATIENCE = 1.0  # seconds


@contextmanager
def tile_progress(name: str, hidden: bool) -> "Iterator[Progress | None]":
    """Yield what tells a bar on standard error about tiles done, or None where there is none."""
    if hidden or not sys.stderr.isatty():
        yield None
        return
    started = time.monotonic()
    bar: Bar | None = None
    task: TaskID | None = None

    def advance(done: int, total: int) -> None:
        nonlocal bar, task
        if bar is None:
            if done == total or time.monotonic() - started < PATIENCE:
                return
            from rich.console import Console  # only now: it takes longer to import than a picture
            from rich.progress import Progress as Bar

            bar = Bar(console=Console(stderr=True), transient=True)
            task = bar.add_task(name, total=total)
            bar.start()
        assert task is not None
        bar.update(task, completed=done)

    try:
        yield advance
    finally:
        if bar is not None:
            bar.stop()
