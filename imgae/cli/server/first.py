"""Masks of pictures that are shown by their first frame."""

from typing import Any

from imgae.cli import mask
from imgae.cli.marking import Mask
from imgae.picture.image import Frames
from imgae.restore.batches import work
from imgae.restore.batches.engine import Job


class FirstMask(mask.Worker):
    """Makes a mask of the first picture of a file, where `imgae mask` takes single ones alone."""

    frames = 1

    def read(self, job: Job) -> tuple[Frames, str]:
        found = work.read(job.source, "mask", self.options.max_pixels)
        self.frames = len(found.frames)
        return Frames(found.frames.images[:1]), found.input_hash

    def write(self, job: Job, work: tuple[Frames, str, Mask]) -> dict[str, Any]:
        told = super().write(job, work)
        if self.frames == 1:
            return told
        note = f"the mask is of the first of {self.frames} pictures; all are filled alike"
        return {**told, "notes": [note]}
