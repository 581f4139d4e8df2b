"""`imgae denoise`."""

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imgae.cli.files import (
    add_files,
    add_sigma,
    add_tile,
    check_early,
    check_output,
    level_of,
    plan_outputs,
    restore_each,
)
from imgae.cli.options import Commands, add_device, between, new_parser
from imgae.cli.output import warnings_as_notes
from imgae.cli.progress import tile_progress
from imgae.errors import ImgaeError

if TYPE_CHECKING:
    from imgae.restore.controls import Controls
    from imgae.restore.denoise import Denoiser

CONTROLS = (
    ("strength", 1.0, "0 keeps the input, 1 is the full effect"),
    ("luma", 1.0, "the same, of the noise in brightness alone"),
    ("chroma", 1.0, "the same, of the noise in colour alone"),
    ("detail", 0.0, "fine texture that is given back where there is some (default: 0)"),
    ("grain", 0.0, "new grain over all, 1 as strong as noise of level 8 (default: 0)"),
)
MORE = """\
Without --model and --sigma, white noise is removed at its level by one model, and everything else,
camera noise and JPEG's traces, by another that sees for itself how much to do. The printed line
says which it was.

Sizes, bit depth, transparency, colour profile and camera data stay as they are.

With --json, each file gives: input, output, width, height, sigma (8-bit levels), sigma_source
("given", "estimated" or "removed": how
much that model took away), caution (what speaks against the level, or null), model, device, tiles,
seconds (reading and writing included, start-up not) and megapixels_per_second.

Exit codes: 0 all done; 1 the one input failed, or all did; 2 the command line is wrong; 3 some of
several inputs failed; 130 interrupted.
"""


def add_parser(commands: Commands) -> None:
    parser = new_parser(commands, "denoise", "Remove noise from pictures.", MORE)
    add_files(parser, "denoised")
    add_sigma(parser)
    add = parser.add_argument
    for name, default, text in CONTROLS:
        add(f"--{name}", type=between(0, 1), default=default, metavar="0..1", help=text)
    add_tile(parser)
    add_device(parser)
    add("--json", action="store_true", help="one JSON object a file on standard output")
    add("--quiet", action="store_true", help="no progress and no summary")
    parser.set_defaults(run=run, parser=parser)


def run(options: argparse.Namespace) -> int:
    outputs = plan_outputs(options, "denoised")
    from imgae.restore.controls import Controls
    from imgae.restore.denoise import (
        Denoiser,  # onnxruntime loads only for a command line that is right
    )

    check_early(options, outputs)
    denoiser = Denoiser(
        options.model, device=options.device, threads=options.threads, tile=options.tile
    )
    controls = Controls(**{name: getattr(options, name) for name, *_ in CONTROLS})
    return restore_each(
        options,
        outputs,
        lambda source, target: denoise_file(denoiser, controls, source, target, options),
        summary,
    )


def denoise_file(
    denoiser: "Denoiser",
    controls: "Controls",
    source: Path,
    target: Path,
    options: argparse.Namespace,
) -> dict[str, Any]:
    from imgae.io.files import read_image, write_image

    started = time.monotonic()
    with warnings_as_notes():
        check_output(target, options)
        image = read_image(source)
        with tile_progress(source.name, hidden=options.quiet) as progress:
            try:
                done = denoiser.run(image, level_of(options), controls, progress)
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
        "model": done.model,
        "device": done.device,
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
