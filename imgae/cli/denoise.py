"""`imgae denoise`."""

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imgae.cli.options import Commands, add_device, between, new_parser
from imgae.cli.output import warnings_as_notes
from imgae.cli.progress import tile_progress
from imgae.cli.restore import (
    add_files,
    add_sigma,
    add_tile,
    check_early,
    check_output,
    level_of,
    plan_outputs,
    restore_each,
)
from imgae.errors import ImgaeError

if TYPE_CHECKING:
    from imgae.denoise import Denoiser

MORE = """\
Sizes, bit depth, transparency, colour profile and camera data stay as they are.

With --json, each file gives: input, output, width, height, sigma (8-bit levels), sigma_source
("given" or "estimated"), caution (what speaks against the level, or null), model, device, tiles,
seconds (reading and writing included, start-up not) and megapixels_per_second.

Exit codes: 0 all done; 1 the one input failed, or all did; 2 the command line is wrong; 3 some of
several inputs failed; 130 interrupted.
"""


def add_parser(commands: Commands) -> None:
    parser = new_parser(commands, "denoise", "Remove noise from pictures.", MORE)
    add_files(parser, "denoised")
    add_sigma(parser)
    add = parser.add_argument
    add(
        "--strength",
        type=between(0, 1),
        default=1.0,
        metavar="0..1",
        help="0 keeps the input, 1 is the full effect",
    )
    add_tile(parser)
    add_device(parser)
    add("--json", action="store_true", help="one JSON object a file on standard output")
    add("--quiet", action="store_true", help="no progress and no summary")
    parser.set_defaults(run=run, parser=parser)


def run(options: argparse.Namespace) -> int:
    outputs = plan_outputs(options, "denoised")
    from imgae.denoise import Denoiser  # onnxruntime loads only for a command line that is right

    check_early(options, outputs)
    denoiser = Denoiser(
        options.model, device=options.device, threads=options.threads, tile=options.tile
    )
    return restore_each(
        options,
        outputs,
        lambda source, target: denoise_file(denoiser, source, target, options),
        summary,
    )


def denoise_file(
    denoiser: "Denoiser",
    source: Path,
    target: Path,
    options: argparse.Namespace,
) -> dict[str, Any]:
    from imgae.files import read_image, write_image

    started = time.monotonic()
    with warnings_as_notes():
        check_output(target, options)
        image = read_image(source)
        with tile_progress(source.name, hidden=options.quiet) as progress:
            try:
                done = denoiser.run(image, level_of(options), options.strength, progress)
            except ImgaeError as error:
                raise type(error)(f"{source}: {error}") from error
        write_image(done.image, target, options.overwrite)
    seconds = time.monotonic() - started
    return {
        "input": str(source),
        "output": str(target),
        "width": image.width,
        "height": image.height,
        "sigma": round(done.sigma * 255, 2),
        "sigma_source": done.sigma_source,
        "caution": done.caution,
        "model": denoiser.model.card.name,
        "device": denoiser.model.device,
        "tiles": done.tiles,
        "seconds": round(seconds, 3),
        "megapixels_per_second": round(image.width * image.height / 1e6 / max(seconds, 1e-9), 3),
    }


def summary(record: dict[str, Any]) -> str:
    caution = f"; {record['caution']}" if record["caution"] else ""
    return (
        f"{record['input']} -> {record['output']}: {record['width']}x{record['height']}, "
        f"level {record['sigma']:.3g} ({record['sigma_source']}{caution}), {record['model']} on "
        f"{record['device']}, {record['seconds']:.2f} s, "
        f"{record['megapixels_per_second']:.2f} MP/s"
    )
