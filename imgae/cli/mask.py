"""`imgae mask`."""

import argparse
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imgae.cli.files import (
    EXIT_CODES,
    Restore,
    Use,
    add_places,
    add_printing,
    plan_outputs,
    refuse_clashes,
    restore_each,
)
from imgae.cli.mask_options import add_mask, check_mask, mask_files
from imgae.cli.options import Commands, add_device, new_parser
from imgae.cli.output import note, warnings_as_notes
from imgae.cli.pictures import add_reading, of_each, single

if TYPE_CHECKING:
    from imgae.cli.marking import Marker

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
  width, height
  pixels        how many pixels the picture has
  marked        how many of them are white in the mask
  seconds       with reading and writing, without loading the model

{EXIT_CODES}"""


def add_parser(commands: Commands) -> None:
    parser = new_parser(commands, "mask", "Make masks for `imgae inpaint`.", MORE, AFTER)
    add_places(parser, "mask.png")
    add_reading(parser)
    add_mask(parser)
    add_device(parser)
    add_printing(parser)
    parser.set_defaults(run=run, parser=parser, format=None)


def run(options: argparse.Namespace) -> int:
    check_mask(options)
    outputs = plan_outputs(options, "mask", ".png")
    inputs = [Use(path, "an input") for path in options.inputs]
    pairs = zip(options.inputs, outputs, strict=True)
    results = [Use(target, f"the mask of {source}") for source, target in pairs]
    refuse_clashes(options, [*inputs, *mask_files(options)], [], results)
    return restore_each(options, outputs, partial(load, options), summary)


def load(options: argparse.Namespace) -> Restore:
    from imgae.cli.marking import Marker

    return partial(mask_file, Marker(options, margins=False), options)


def mask_file(
    marker: "Marker", options: argparse.Namespace, source: Path, target: Path
) -> dict[str, Any]:
    from imgae.cli.marking import write_mask
    from imgae.io.files import read_frames

    started = time.monotonic()
    with warnings_as_notes():
        frames = read_frames(source, max_pixels=options.max_pixels)
        image = single(frames, source, "imgae mask")
        (marks,) = of_each(frames, marker, source)
        write_mask(marks.mask, target, options.overwrite)
    marked = int(marks.mask.sum())
    if not marked:
        note(f"{source}: {marks.why_nothing()}; the mask is black")
    else:
        for sentence in marks.notes():
            note(f"{source}: {sentence}")
    return {
        "input": str(source),
        "output": str(target),
        "width": image.width,
        "height": image.height,
        "pixels": image.width * image.height,
        "marked": marked,
        "seconds": round(time.monotonic() - started, 3),
    }


def summary(record: dict[str, Any]) -> str:
    return (
        f"{record['input']} -> {record['output']}: {record['width']}x{record['height']}, "
        f"{record['marked']} pixels marked ({record['marked'] / record['pixels']:.2%})"
    )
