"""Progress bars, on a terminal only, for what takes longer than a second."""

import sys
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from threading import Timer
from typing import TYPE_CHECKING

from imgae.cli.output import one_line

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

    from imgae.model.stitch import Progress
    from imgae.restore.batches.record import Record

PATIENCE = 1.0  # seconds
Shows = Callable[[str], "AbstractContextManager[Progress | None]"]
"""From a file's name to what yields what is told of the tiles that are done of it."""


def shown_by(options: Namespace) -> Shows:
    """Return what shows progress as the options of a command ask for."""
    return lambda name: tile_progress(name, hidden=options.quiet)


class Shown:
    """Whether there is a bar for many pictures, beside which there is none for tiles."""

    bar = False


@contextmanager
def tile_progress(name: str, hidden: bool) -> "Iterator[Progress | None]":
    """Yield what tells a bar on standard error about tiles done, or None where there is none.

    The bar comes after a second, also while the first tile is at work.
    """
    if hidden or Shown.bar or sys.stderr is None or not sys.stderr.isatty():
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


@contextmanager
def batch_progress(count: int, hidden: bool) -> "Iterator[Callable[[Record], None]]":
    """Yield what tells a bar on standard error about pictures, of so many, that are settled."""
    if hidden or count < 2 or sys.stderr is None or not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[speed]}"),
        TimeRemainingColumn(),
        TextColumn("{task.description}"),
    )
    console = Console(stderr=True)
    to_terminal = sys.stdout is not None and sys.stdout.isatty()
    with Bar(*columns, console=console, transient=True, redirect_stdout=to_terminal) as bar:
        Shown.bar = True
        row = bar.add_task("", total=count, speed="")
        started, pixels = time.monotonic(), 0

        def advance(record: "Record") -> None:
            nonlocal pixels
            pixels += record.details.get("pixels", 0)
            speed = pixels / 1e6 / max(time.monotonic() - started, 1e-9)
            name = escape(one_line(Path(record.input).name))
            bar.update(row, advance=1, speed=f"{speed:.1f} MP/s", description=name)

        try:
            yield advance
        finally:
            Shown.bar = False
