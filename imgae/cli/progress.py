"""Progress bars, on a terminal only, for what takes longer than a second."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Timer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

    from imgae.model.stitch import Progress

PATIENCE = 1.0  # seconds


@contextmanager
def tile_progress(name: str, hidden: bool) -> "Iterator[Progress | None]":
    """Yield what tells a bar on standard error about tiles done, or None where there is none.

    The bar comes after a second, also while the first tile is at work.
    """
    if hidden or sys.stderr is None or not sys.stderr.isatty():
        yield None
        return
    state = [0, 1]  # tiles done, tiles in all
    bars: list[Bar] = []

    def show() -> None:
        from rich.console import Console  # only now: it takes longer to import than a picture
        from rich.progress import Progress as Bar

        bar = Bar(console=Console(stderr=True), transient=True)
        bar.add_task(name, completed=state[0], total=state[1])
        bars.append(bar)
        bar.start()

    def advance(done: int, total: int) -> None:
        state[:] = [done, total]
        for bar in bars:
            bar.update(bar.task_ids[0], completed=done, total=total)

    timer = Timer(PATIENCE, show)
    timer.daemon = True
    timer.start()
    try:
        yield advance
    finally:
        timer.cancel()
        timer.join()
        for bar in bars:
            bar.stop()
