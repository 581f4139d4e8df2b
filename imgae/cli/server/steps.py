"""How far work is, through all pictures of a file."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from imgae.model.stitch import Progress

MOST_TOLD: Final = 1000
"""The steps of progress."""


class Steps:
    """Tells of progress through a file's frames, from 0 to MOST_TOLD and never backwards."""

    def __init__(self, progress: Progress, frames: int) -> None:
        self.progress, self.frames = progress, max(1, frames)
        self.frame, self.most = 0, 0

    @contextmanager
    def __call__(self, _: str) -> Iterator[Progress]:
        """Yield what is told of the tiles of the next frame."""

        def step(done: int, count: int) -> None:
            share = min(1.0, (self.frame + done / max(1, count)) / self.frames)
            self.most = max(self.most, int(share * MOST_TOLD))
            self.progress(self.most, MOST_TOLD)

        yield step
        self.frame += 1
