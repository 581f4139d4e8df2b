"""What `imgae denoise` does with one file."""

import argparse
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from imgae.cli import pictures
from imgae.cli.files import level_of, mean_level
from imgae.cli.progress import tile_progress
from imgae.cli.tasks import limit_of
from imgae.errors import caught_warnings, named, warn
from imgae.io.large import Large, can_write_rows, open_large, write_large
from imgae.io.places import make_folder
from imgae.model.machine import limit_memory
from imgae.picture.image import Frames, Image
from imgae.restore.batches.engine import STANDARD, Job
from imgae.restore.batches.journal import hash_of_file
from imgae.restore.batches.work import read, too_large, write
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


class Denoise:
    """Denoises files, one after another."""

    def __init__(self, options: argparse.Namespace) -> None:
        limit_memory(limit_of(options))
        self.options = options
        self.writing = pictures.writing_of(options)
        self.denoiser = Denoiser(
            options.model, device=options.device, threads=options.threads, tile=options.tile
        )
        self.controls = Controls(
            **{each.name: getattr(options, each.name) for each in fields(Controls)}
        )

    def read(self, job: Job) -> Work | Large:
        by_rows = job.places != (STANDARD,) and can_write_rows(job.target)
        if by_rows and too_large(job.source, "denoise"):
            with caught_warnings() as notes:
                large = open_large(job.source, self.options.max_pixels)
            if large and can_write_rows(job.target, large.header):
                for sentence in notes:
                    warn(sentence)
                return large
            if large:
                large.close()
        return Work(*read(job, self.writing, "denoise", self.options.max_pixels))

    def restore(self, job: Job, work: Work | Large) -> Work:
        done = self.by_rows(job, work) if isinstance(work, Large) else self.whole(job, work)
        for sentence in notes_of(done.done):
            warn(f"{job.source}: {sentence}")
        return done

    def whole(self, job: Job, work: Work) -> Work:
        level, common = level_of(self.options), None
        if work.frames.kind in ("animation", "stack") and level is None:
            common = self.denoiser.common_to(work.frames.images)

        def denoise(image: Image) -> Image:
            with tile_progress(job.source.name, hidden=self.options.quiet) as progress:
                work.done.append(self.denoiser.run(image, level, self.controls, progress, common))
            return work.done[-1].image

        frames = pictures.each(work.frames, denoise, job.source)
        return Work(frames, work.target, work.input_hash, work.done)

    def by_rows(self, job: Job, large: Large) -> Work:
        """Restore a picture that is too large for the memory, and write it at once, by rows."""
        (place,) = job.places
        name, level = job.source.name, level_of(self.options)
        with (
            large,
            named(job.source),
            tile_progress(name, hidden=self.options.quiet) as progress,
        ):
            bands, report = denoise_large(self.denoiser, large, level, self.controls, progress)
            header = self.writing.of(Frames((report.header,)))[0]
            if job.makes:
                make_folder(place.parent)
            written = write_large(place, header, bands, self.writing.encoding, job.overwrite)
        frames = Frames((header,))
        return Work(frames, place, hash_of_file(job.source), [report.denoised()], written)

    def write(self, job: Job, work: Work) -> dict[str, Any]:
        (place,) = job.places
        written = work.written or write(job, place, work.frames, work.target, self.writing)
        first, done = work.frames[0], work.done
        return {
            "width": first.width,
            "height": first.height,
            "frames": len(work.frames),
            "pixels": sum(image.width * image.height for image in work.frames),
            "sigma": mean_level([one.sigma for one in done]),
            "sigma_source": source_of(done),
            "caution": next((one.caution for one in done if one.caution), None),
            "notes": notes_of(done),
            "model": ", ".join(dict.fromkeys(one.model for one in done)),
            "device": done[0].device,
            "tiles": sum(one.tiles for one in done),
            "input_hash": work.input_hash,
            "output_hashes": [written],
        }


def notes_of(done: "list[Denoised]") -> tuple[str, ...]:
    return tuple(dict.fromkeys(sentence for one in done for sentence in one.notes))


def source_of(done: "list[Denoised]") -> str:
    """Return where the level of several frames comes from: "removed" if that of one does."""
    sources = [one.sigma_source for one in done]
    return "removed" if "removed" in sources else sources[0]
