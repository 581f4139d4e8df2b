"""`imgae mask`."""

import argparse
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imgae.cli.batch import restore_all
from imgae.cli.files import EXIT_CODES, add_places, add_printing
from imgae.cli.loaded import Loaded
from imgae.cli.mask_options import MARKING, add_mask, check_mask, decided_by, mask_files, masks_of
from imgae.cli.options import Commands, add_device, new_parser
from imgae.cli.pictures import add_reading
from imgae.cli.planning import Command
from imgae.cli.tasks import OptionsTask, key_of, limit_of, values_of
from imgae.errors import warn
from imgae.model.machine import limit_memory
from imgae.restore.batches.engine import STANDARD, Job

if TYPE_CHECKING:
    from imgae.cli.marking import Drawing, Mask
    from imgae.picture.image import Frames

MORE = """\
The mask is a black picture of the same size, white where `imgae inpaint --mask`
would fill. It is written beside its picture: photo.mask.png for photo.jpg. Use
-o for another place.

With --detect it holds what was found, to be checked and corrected by hand.
`imgae inpaint --detect` fills a margin around that as well; --dilate 1 adds one.

Examples:
  imgae mask photo.png --box 40,60,200,30 -o mask.png
  imgae mask scan.png --detect scratches,dust --dilate 1
  imgae mask scans/*.tif --detect dust --sensitivity 0.7 -o masks/
"""
AFTER = f"""\
Keys of --json:
  input, output
  status        "done"; of several pictures also "skipped" or "failed", with a
                message
  width, height
  frames        1, since a mask is of a single picture
  pixels        how many pixels the picture has
  marked        how many of them are white in the mask
  seconds       with reading and writing, without loading the model

{EXIT_CODES}"""


def add_parser(commands: Commands) -> argparse.ArgumentParser:
    parser = new_parser(commands, "mask", "Make masks for `imgae inpaint`.", MORE, AFTER)
    add_places(parser, "mask.png")
    add_reading(parser)
    add_mask(parser)
    add_device(parser)
    add_printing(parser)
    parser.set_defaults(run=run, parser=parser, format=None)
    return parser


def run(options: argparse.Namespace) -> int:
    return restore_all(options, command_of(options))


def command_of(options: argparse.Namespace) -> Command:
    check_mask(options)
    return Command(
        "mask",
        "mask",
        Masking(values_of(options)),
        summary,
        ending=".png",
        role="the mask",
        replaces=False,
        reads=mask_files(options),
        masks=masks_of(options),
    )


@dataclass(frozen=True)
class Masking(OptionsTask):
    """What `imgae mask` does with pictures, by its options."""

    @cached_property
    def key(self) -> str:
        return key_of(self.options, MARKING, *decided_by(self.options))

    def load(self) -> "Worker":
        return Worker(self.options)


class Worker:
    """Makes masks of files, one after another. loaded, drawing: as for Marker."""

    def __init__(
        self,
        options: argparse.Namespace,
        loaded: Loaded | None = None,
        drawing: "Drawing | None" = None,
    ) -> None:
        from imgae.cli.marking import Marker

        limit_memory(limit_of(options))
        self.options = options
        self.marker = Marker(options, loaded or Loaded(), margins=False, drawing=drawing)

    def read(self, job: Job) -> tuple["Frames", str]:
        from imgae.restore.batches import work

        found = work.read(job.source, "mask", self.options.max_pixels)
        work.single(found.frames, job.source, "imgae mask")
        return found.frames, found.input_hash

    def restore(self, job: Job, work: tuple["Frames", str]) -> tuple["Frames", str, "Mask"]:
        from imgae.restore.batches.work import of_each

        frames, input_hash = work
        (marks,) = of_each(frames, partial(self.marker, of=job), job.source)
        if marks.mask.any():
            for sentence in marks.notes():
                warn(f"{job.source}: {sentence}")
        else:
            warn(f"{job.source}: {marks.why_nothing()}; the mask is black")
        return frames, input_hash, marks.mask

    def write(self, job: Job, work: tuple["Frames", str, "Mask"]) -> dict[str, Any]:
        from imgae.cli.marking import picture_of
        from imgae.picture.image import Frames
        from imgae.restore.batches.work import recorded, write

        frames, input_hash, mask = work
        (place,) = job.places
        target = Path("standard output.png") if place == STANDARD else place
        written = write(job, place, Frames((picture_of(mask),)), target)
        return {**recorded(frames, input_hash, [written]), "marked": int(mask.sum())}


def summary(record: dict[str, Any]) -> str:
    return (
        f"{record['input']} -> {record['output']}: {record['width']}x{record['height']}, "
        f"{record['marked']} pixels marked ({record['marked'] / record['pixels']:.2%})"
    )
