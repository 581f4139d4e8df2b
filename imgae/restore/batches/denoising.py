"""Denoising of picture files: what `imgae denoise` and imgae.batch do with each."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from imgae.errors import caught_warnings, named, warn
from imgae.io.format import MOST_PIXELS
from imgae.io.large import Large, can_write_rows, open_large, write_large
from imgae.io.measure import size_of
from imgae.io.places import make_folder
from imgae.model.stitch import Progress
from imgae.picture.image import Frames, Image
from imgae.restore.batches.engine import STANDARD, Job
from imgae.restore.batches.work import (
    AS_IT_IS,
    Writing,
    each,
    is_too_large,
    read,
    recorded,
    target_of,
    write,
)
from imgae.restore.controls import Controls
from imgae.restore.denoise import Denoiser
from imgae.restore.large import denoise_large
from imgae.restore.work import Denoised


@dataclass
class Work:
    """A picture at work. target: what its result is encoded for. written: its hash, if it is."""

    frames: Frames
    target: Path
    input_hash: str
    done: list[Denoised] = field(default_factory=list)
    written: str | None = None


def unseen(_: str) -> AbstractContextManager[Progress | None]:
    return nullcontext()


@dataclass
class Denoising:
    """Denoises files, one after another.

    level: on [0, 1], or None to find it. progress: yields what is told of tiles, by a file's name.
    """

    denoiser: Denoiser
    writing: Writing = AS_IT_IS
    level: float | None = None
    controls: Controls = field(default_factory=Controls)
    max_pixels: int = MOST_PIXELS
    progress: Callable[[str], AbstractContextManager[Progress | None]] = unseen

    def read(self, job: Job) -> Work | Large:
        return self.opened(job) or self.read_whole(job)

    def opened(self, job: Job) -> Large | None:
        """Return a picture to be read by rows, or None for one that may be taken whole, or must."""
        if STANDARD in (job.source, job.target) or self.denoiser.tile == 0:
            return None
        size = size_of(job.source) if can_write_rows(job.target) else None
        if size is None or not is_too_large(size, "denoise"):
            return None
        with caught_warnings() as notes:
            large = open_large(job.source, self.max_pixels)
        if large and can_write_rows(job.target, large.header):
            for sentence in notes:
                warn(sentence)
            return large
        if large:
            large.close()
        return None

    def read_whole(self, job: Job) -> Work:
        tiled = self.denoiser.tile != 0
        found = read(job.source, "denoise", self.max_pixels, tiled=tiled)
        return Work(found.frames, target_of(job, found, self.writing), found.input_hash)

    def restore(self, job: Job, work: Work | Large) -> Work:
        done = self.by_rows(job, work) if isinstance(work, Large) else self.whole(job, work)
        for sentence in notes_of(done.done):
            warn(f"{job.source}: {sentence}")
        return done

    def whole(self, job: Job, work: Work) -> Work:
        level, common = self.level, None
        if work.frames.kind in ("animation", "stack") and level is None:
            common = self.denoiser.common_to(work.frames.images)

        def denoise(image: Image) -> Image:
            with self.progress(job.source.name) as progress:
                found = self.denoiser.run(image, level, self.controls, progress, common)
            work.done.append(found)
            return found.image

        work.frames = each(work.frames, denoise, job.source)
        return work

    def by_rows(self, job: Job, large: Large) -> Work:
        """Restore a picture that is too large for the memory, and write it at once, by rows.

        One that has no place is not written.
        """
        with large, named(job.source), self.progress(job.source.name) as progress:
            input_hash = large.digest()
            bands, report = denoise_large(self.denoiser, large, self.level, self.controls, progress)
            header = self.writing.of(Frames((report.header,)))[0]
            written = ""
            for place in job.places:
                if job.makes:
                    make_folder(place.parent)
                written = write_large(place, header, bands, self.writing.encoding, job.overwrite)
            for _ in bands:  # what was not written
                pass
        return Work(Frames((header,)), job.target, input_hash, [report.denoised()], written)

    def write(self, job: Job, work: Work) -> dict[str, Any]:
        (place,) = job.places
        written = work.written or write(job, place, work.frames, work.target, self.writing)
        done = work.done
        return {
            **recorded(work.frames, work.input_hash, [written]),
            **levels_of(done),
            "model": ", ".join(dict.fromkeys(one.model for one in done)),
            "device": done[0].device,
            "tiles": sum(one.tiles for one in done),
        }


def levels_of(done: Sequence[Denoised]) -> dict[str, Any]:
    """Return what a record says of the noise of frames."""
    return {
        "sigma": mean_level([one.sigma for one in done]),
        "sigma_source": source_of(done),
        "caution": next((one.caution for one in done if one.caution), None),
        "notes": notes_of(done),
    }


def mean_level(sigmas: Sequence[float]) -> float:
    """Return the mean of levels on [0, 1] in 8-bit levels, without figures that say nothing."""
    level = sum(sigmas) / len(sigmas) * 255
    return round(level, 2) if level >= 1 else float(f"{level:.3g}")


def notes_of(done: Sequence[Denoised]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(sentence for one in done for sentence in one.notes))


def source_of(done: Sequence[Denoised]) -> str:
    """Return where the level of several frames comes from: "removed" if that of one does."""
    sources = [one.sigma_source for one in done]
    return "removed" if "removed" in sources else sources[0]
