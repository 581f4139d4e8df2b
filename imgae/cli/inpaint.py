"""`imgae inpaint`."""

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
from imgae.cli.mask_options import add_mask, check_mask, load_detector, make_mask, write_mask
from imgae.cli.options import Commands, add_device, new_parser, whole
from imgae.cli.output import note, warnings_as_notes
from imgae.cli.progress import tile_progress
from imgae.errors import ImgaeError

if TYPE_CHECKING:
    from imgae.restore.denoise import Denoiser
    from imgae.restore.detect import Detector
    from imgae.restore.inpaint import Inpainter

MORE = """\
Pixels that are not marked stay exactly as they are, in the file's own precision, unless --denoise
is given, or the output is a JPEG, which stores every pixel anew.

With --json, each file gives: input, output, width, height, filled (pixels), sigma (8-bit levels, of
--denoise, else null), sigma_source ("given", "estimated" or null), caution (what speaks against
the level, or null), model, device, seconds (reading and writing included, start-up not) and
megapixels_per_second.

Exit codes: 0 all done; 1 the one input failed, or all did; 2 the command line is wrong; 3 some of
several inputs failed; 130 interrupted.
"""


def add_parser(commands: Commands) -> None:
    parser = new_parser(commands, "inpaint", "Fill what a mask marks.", MORE)
    add_files(parser, "inpainted")
    add_mask(parser)
    add = parser.add_argument
    add(
        "--feather",
        type=whole(0),
        default=0,
        metavar="PX",
        help="blend over so many pixels inside the hole (default: 0)",
    )
    add(
        "--no-texture",
        action="store_true",
        help="leave holes wider than about 48 pixels smooth, without the texture around them",
    )
    add(
        "--denoise",
        action="store_true",
        help="also remove noise from the whole picture, by the default model; see --sigma",
    )
    add_sigma(parser)
    add("--save-mask", type=Path, metavar="FILE", help="write the mask that was used")
    add("--preview", type=Path, metavar="FILE", help="write the picture with the mask over it")
    add_tile(parser)
    add_device(parser)
    add("--json", action="store_true", help="one JSON object a file on standard output")
    add("--quiet", action="store_true", help="no progress and no summary")
    parser.set_defaults(run=run, parser=parser)


def run(options: argparse.Namespace) -> int:
    check_mask(options)
    if options.sigma != "auto" and not options.denoise:
        options.parser.error("--sigma is the level that --denoise removes; add --denoise")
    outputs = plan_outputs(options, "inpainted")
    check_places(options, outputs)
    from imgae.restore.inpaint import Inpainter

    check_early(options, outputs)
    place = {"device": options.device, "threads": options.threads, "tile": options.tile}
    inpainter = Inpainter(options.model, **place)
    detector = load_detector(options)
    denoiser = None
    if options.denoise:
        from imgae.restore.denoise import Denoiser

        denoiser = Denoiser(**place)
    return restore_each(
        options,
        outputs,
        lambda source, target: inpaint_file(inpainter, denoiser, detector, source, target, options),
        summary,
    )


def check_places(options: argparse.Namespace, outputs: list[Path]) -> None:
    """Refuse a mask or preview that would be written over another file of this run."""
    if len(options.inputs) > 1 and (options.save_mask or options.preview):
        options.parser.error("--save-mask and --preview write one file, and take one picture")
    mask = Path(options.mask) if options.mask and options.mask != "alpha" else None
    named = [*options.inputs, *outputs, mask, options.save_mask, options.preview]
    places = [path.resolve() for path in named if path]
    for path in (options.save_mask, options.preview):
        if path and places.count(path.resolve()) > 1:
            options.parser.error(f"{path} is named twice")


def inpaint_file(
    inpainter: "Inpainter",
    denoiser: "Denoiser | None",
    detector: "Detector | None",
    source: Path,
    target: Path,
    options: argparse.Namespace,
) -> dict[str, Any]:
    from imgae.io import files
    from imgae.picture.image import Image
    from imgae.picture.masks import drawn_over
    from imgae.restore.inpaint import as_hole

    started = time.monotonic()
    with warnings_as_notes():
        for path in (options.save_mask, options.preview):
            if path:
                files.check_writable(path, options.overwrite)
        check_output(target, options)
        image = files.read_image(source)
        denoised, done = None, image
        with tile_progress(source.name, hidden=options.quiet) as progress:
            try:
                hole = as_hole(make_mask(options, image, detector), image)
                if denoiser:
                    # Holes are filled first, so that they do not show in what is around them; and
                    # once more below, from what is clean.
                    draft = inpainter.run(image, hole, texture=False) if hole.any() else image
                    denoised = denoiser.run(draft, level_of(options))
                    done = denoised.image
                if hole.any():
                    done = inpainter.run(
                        done, hole, options.feather, not options.no_texture, progress, before=image
                    )
            except ImgaeError as error:
                raise type(error)(f"{source}: {error}") from error
        if done is image and files.format_of(source) == files.format_of(target):
            files.write_file(target, files.read_bytes(source), options.overwrite)
        else:
            files.write_image(done, target, options.overwrite)
        if options.save_mask:
            write_mask(hole, image, options.save_mask, options.overwrite)
        if options.preview:
            preview = Image(drawn_over(image, hole))
            files.write_image(preview, options.preview, options.overwrite)
    filled = int(hole.sum())
    if not filled:
        rest = "only noise was removed" if denoised else "the picture is written as it was"
        note(f"{source}: the mask marks nothing; {rest}")
    seconds = time.monotonic() - started
    return {
        "input": str(source),
        "output": str(target),
        "width": image.width,
        "height": image.height,
        "filled": filled,
        "sigma": round(denoised.sigma * 255, 2) if denoised else None,
        "sigma_source": denoised.sigma_source if denoised else None,
        "caution": denoised.caution if denoised else None,
        "model": inpainter.model.card.name,
        "device": inpainter.model.device,
        "seconds": round(seconds, 3),
        "megapixels_per_second": round(image.width * image.height / 1e6 / max(seconds, 1e-9), 3),
    }


def summary(record: dict[str, Any]) -> str:
    share = record["filled"] / (record["width"] * record["height"])
    noise = ""
    if record["sigma"] is not None:
        caution = f"; {record['caution']}" if record["caution"] else ""
        noise = (
            f"noise of level {record['sigma']:.3g} ({record['sigma_source']}{caution}) removed, "
        )
    return (
        f"{record['input']} -> {record['output']}: {record['width']}x{record['height']}, "
        f"{record['filled']} pixels filled ({share:.1%}), {noise}{record['model']} on "
        f"{record['device']}, {record['seconds']:.2f} s"
    )
