"""`imgae denoise`."""

import argparse
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imgae.cli import pictures
from imgae.cli.batch import Command, restore_all
from imgae.cli.files import (
    EXIT_CODES,
    add_files,
    add_printing,
    add_sigma,
    add_tile,
    level_of,
    mean_level,
    noise_level,
    size_of,
)
from imgae.cli.options import Commands, add_device, between, new_parser
from imgae.cli.progress import tile_progress
from imgae.cli.tasks import WRITING, denoising_models, key_of, values_of
from imgae.errors import warn
from imgae.restore.batches.engine import Job

if TYPE_CHECKING:
    from imgae.picture.image import Frames, Image
    from imgae.restore.denoise import Denoised

STRENGTH = (
    "how much of the effect: 0 keeps the picture, 1 is all of it; above 1, the noise is taken for "
    "so many times as strong (default: 1)"
)
DETAIL = "how much of the fine texture to give back, where there is some (default: 0)"
CONTROLS = (
    ("strength", 1.0, 2, STRENGTH),
    ("luma", 1.0, 2, "the same for noise in brightness alone (default: 1)"),
    ("chroma", 1.0, 2, "the same for noise in colour alone (default: 1)"),
    ("detail", 0.0, 1, DETAIL),
    ("grain", 0.0, 1, "how much new grain to add; 1 is as strong as noise of level 8 (default: 0)"),
)
"""Name, default, most, and what --help says."""
MORE = """\
Each result is written beside its picture: photo.denoised.png for photo.png.
Use -o for another place. Size, bit depth, transparency, colour profile and
camera data stay as they are.

Without --sigma, imgae looks at each picture. If it finds white noise, it
estimates the noise level, and tells it to the model. Otherwise a model for
cameras first removes camera noise and JPEG artefacts, where there are some, and
the model is told how much noise is left, and where. The printed line names the
models and the noise level. A level that --sigma gives is always obeyed.

Examples:
  imgae denoise photo.jpg
  imgae denoise photos/*.jpg -o clean/
  imgae denoise scan.tif --sigma 25 --strength 0.8
"""
AFTER = f"""\
Keys of --json:
  input, output
  width, height of the picture, or the first one
  frames        how many pictures the file holds
  pixels        how many pixels they have
  sigma         the noise level, in 8-bit levels; of several frames, the mean
  sigma_source  "given"; "estimated" from the picture; or "removed": there is no
                one level, and sigma is measured from what was removed
  caution       a reason to doubt the level, or null
  notes         what else was done to the picture, a list of sentences
  model         its name; of two that worked in turn, both, joined by " + "
  device, tiles
  seconds       with reading and writing, without loading the model
  megapixels_per_second

{EXIT_CODES}"""


def add_parser(commands: Commands) -> None:
    parser = new_parser(commands, "denoise", "Remove noise from pictures.", MORE, AFTER)
    add_files(parser, "denoised")
    add_sigma(parser)
    for name, default, most, text in CONTROLS:
        parser.add_argument(
            f"--{name}", type=between(0, most), default=default, metavar=f"0..{most}", help=text
        )
    add_tile(parser)
    add_device(parser)
    add_printing(parser)
    parser.set_defaults(run=run, parser=parser)


def run(options: argparse.Namespace) -> int:
    command = Command("denoised", Denoising(values_of(options)), summary)
    return restore_all(options, command)


@dataclass(frozen=True)
class Denoising:
    """What `imgae denoise` does with pictures, by its options."""

    options: argparse.Namespace

    @cached_property
    def key(self) -> str:
        names = ("sigma", *(name for name, *_ in CONTROLS), *WRITING)
        return key_of(self.options, names, denoising_models(self.options, self.options.model), ())

    def load(self) -> "Worker":
        return Worker(self.options)


@dataclass
class Work:
    """A picture at work. target: what its result is encoded for."""

    frames: "Frames"
    target: Path
    input_hash: str
    done: "list[Denoised]" = field(default_factory=list)


class Worker:
    """Denoises files, one after another."""

    def __init__(self, options: argparse.Namespace) -> None:
        # onnxruntime loads only for a command line that is right.
        from imgae.restore.controls import Controls
        from imgae.restore.denoise import Denoiser

        self.options = options
        self.writing = pictures.writing_of(options)
        self.denoiser = Denoiser(
            options.model, device=options.device, threads=options.threads, tile=options.tile
        )
        self.controls = Controls(**{name: getattr(options, name) for name, *_ in CONTROLS})

    def read(self, job: Job) -> Work:
        from imgae.restore.batches import work

        return Work(*work.read(job, self.writing, self.options.max_pixels))

    def restore(self, job: Job, work: Work) -> Work:
        level, common = level_of(self.options), None
        if work.frames.kind in ("animation", "stack") and level is None:
            common = self.denoiser.common_to(work.frames.images)

        def denoise(image: "Image") -> "Image":
            with tile_progress(job.source.name, hidden=self.options.quiet) as progress:
                work.done.append(self.denoiser.run(image, level, self.controls, progress, common))
            return work.done[-1].image

        frames = pictures.each(work.frames, denoise, job.source)
        for sentence in notes_of(work.done):
            warn(f"{job.source}: {sentence}")
        return Work(frames, work.target, work.input_hash, work.done)

    def write(self, job: Job, work: Work) -> dict[str, Any]:
        from imgae.restore.batches.work import write

        (place,) = job.places
        written = write(job, place, work.frames, work.target, self.writing)
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


def summary(record: dict[str, Any]) -> str:
    return (
        f"{record['input']} -> {record['output']}: {size_of(record)}, "
        f"{noise_level(record)}, {record['model']} on {record['device']}, "
        f"{record['seconds']:.2f} s, {record['megapixels_per_second']:.2f} MP/s"
    )
