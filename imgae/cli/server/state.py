"""What all requests to a server share."""

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

from imgae.cli.server.jobs import Job, Lane, busy, heard
from imgae.cli.server.problems import ProblemError
from imgae.cli.server.store import Item, Store
from imgae.cli.server.work import Works

Found = TypeVar("Found")
ENDING: Final = ProblemError(503, "the server is being ended")
MOST_BODIES: Final = 64
MOST_READERS: Final = 64
LAST: Final = 5.0
"""Seconds for which an end waits for models that run."""


@dataclass
class Server:
    """What all requests share.

    long: the lane of whole pictures. quick: that of live crops and masks, which whole pictures do
    not hold up. reading: held while a picture is decoded to be looked at, so that memory holds one.
    readers: how many hold it or wait. bodies: how many requests are being received.
    """

    works: Works
    store: Store
    long: Lane
    quick: Lane
    reading: asyncio.Lock = field(default_factory=asyncio.Lock)
    readers: int = 0
    bodies: int = 0

    @contextlib.contextmanager
    def receiving(self, kind: str) -> Iterator[Item]:
        """Give a place for what a request sends; on an error nothing of it is left.

        Raises ProblemError, 429, if too many requests send something.
        """
        if self.bodies >= MOST_BODIES:
            raise busy(f"{self.bodies} requests are being received already")
        item = self.store.new(kind)
        self.bodies += 1
        try:
            with self.store.using(item):
                yield item
        except BaseException:
            self.store.remove(item)
            raise
        finally:
            self.bodies -= 1

    def submit(self, job: Job, *, quick: bool, needed: list[Item]) -> Lane:
        """Put work into its lane. Raises ProblemError if too much waits.

        needed: what is kept until the work has ended.
        """
        lane = self.quick if quick else self.long
        lane.submit(job)
        stack = contextlib.ExitStack()
        for item in needed:
            stack.enter_context(self.store.using(item))
        holding = asyncio.get_running_loop().create_task(hold(job, stack))
        holding.add_done_callback(heard)
        return lane

    async def read(self, work: Callable[[], Found]) -> Found:
        """Do something with a picture in a thread, one at a time.

        Raises ProblemError, 429, if too many wait for that.
        """
        if self.readers >= MOST_READERS:
            raise busy(f"{self.readers} pictures are being read already")
        self.readers += 1
        try:
            async with self.reading:
                return await asyncio.to_thread(work)
        finally:
            self.readers -= 1

    def cancel(self, job: Job, why: ProblemError) -> None:
        for lane in (self.long, self.quick):
            if job in lane.jobs:
                lane.cancel(job, why)

    def stop(self) -> None:
        """Have all work stop."""
        for lane in (self.long, self.quick):
            lane.stop(ENDING)

    async def close(self) -> None:
        """Have all work stop, wait a little for what runs, and delete what is kept."""
        lanes = (self.long, self.quick)
        self.stop()
        for lane in lanes:
            lane.thread.shutdown(wait=False, cancel_futures=True)
        ends = [asyncio.create_task(job.ended()) for lane in lanes for job in lane.jobs]
        if ends:
            await asyncio.wait(ends, timeout=LAST)
        self.store.close()


async def hold(job: Job, stack: contextlib.ExitStack) -> None:
    """Keep what a job needs until it has ended."""
    with stack:
        await job.ended()


def view_of(
    server: Server, item: Item, path: Path, like: Path | None
) -> Callable[[], tuple[Path, str]]:
    """Return what makes a file that browsers show of a picture's, once; it returns its type too.

    like: the picture that it is compared with.
    """

    def make() -> tuple[Path, str]:
        place = item.folder / "view.png"
        if place.exists():
            return place, "image/png"
        kind, written = server.works.view(path, place, like)
        return (place if written else path), kind

    return make


def health_of(server: Server) -> dict[str, Any]:
    """Return how much is at work."""
    jobs = [job for lane in (server.long, server.quick) for job in lane.jobs]
    running = sum(job.status == "running" for job in jobs)
    return {"running": running, "waiting": len(jobs) - running}
