"""What all requests to a server share."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

from imgae.cli.server.jobs import Job, Lane
from imgae.cli.server.problems import ProblemError
from imgae.cli.server.store import Item, Store
from imgae.cli.server.work import Works

Found = TypeVar("Found")
ENDING: Final = ProblemError(503, "the server is being ended")
LAST: Final = 5.0
"""Seconds for which an end waits for models that run."""


@dataclass
class Server:
    """What all requests share.

    long: the lane of whole pictures. quick: that of live crops, which whole pictures do not hold
    up. reading: held while a picture is decoded to be looked at, so that memory holds one.
    """

    works: Works
    store: Store
    long: Lane
    quick: Lane
    reading: asyncio.Lock = field(default_factory=asyncio.Lock)

    def submit(self, job: Job, *, quick: bool, needed: list[Item]) -> Lane:
        """Put work into its lane. Raises ProblemError if too much waits.

        needed: what is kept until the work has ended.
        """
        lane = self.quick if quick else self.long
        lane.submit(job)
        holding = asyncio.get_running_loop().create_task(self.hold(job, needed))
        holding.add_done_callback(lambda task: task.cancelled() or task.exception())
        return lane

    async def hold(self, job: Job, needed: list[Item]) -> None:
        with contextlib.ExitStack() as stack:
            for item in needed:
                stack.enter_context(self.store.using(item))
            await job.ended()

    async def read(self, work: Callable[[], Found]) -> Found:
        """Do something with a picture in a thread, one at a time."""
        async with self.reading:
            return await asyncio.to_thread(work)

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
