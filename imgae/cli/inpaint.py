"""`imgae inpaint`."""

import argparse
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imgae.cli import pictures
from imgae.cli.denoise import source_of
from imgae.cli.files import (
    EXIT_CODES,
    Restore,
    Use,
    add_files,
    add_printing,
    add_sigma,
    add_tile,
    files_read,
    level_of,
    mean_level,
    noise_level,
    plan_outputs,
    refuse_clashes,
    restore_each,
    size_of,
)
from imgae.cli.mask_options import (
    add_mask,
    check_mask,
    load_detector,
    make_mask,
    mask_file,
    write_mask,
)
from imgae.cli.options import Commands, add_device, new_parser, whole
from imgae.cli.output import note, warnings_as_notes
from imgae.cli.progress import tile_progress
from imgae.errors import warn

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from imgae.picture.image import Image
    from imgae.restore.denoise import Denoised, Denoiser
    from imgae.restore.detect import Detector
    from imgae.restore.inpaint import Inpainter

MORE = """\
Say what to fill with at least one of --mask, --box, --polygon, --color and
--detect. You can give several; imgae fills everything that any of them marks.
`imgae mask` makes the mask alone.

Each result is written beside its picture: photo.inpainted.png for photo.png.
Use -o for another place. Pixels that are not marked stay exactly as they are,
unless you give --denoise, or write a JPEG, which stores every pixel anew.

Examples:
  imgae inpaint photo.png --mask mask.png
  imgae inpaint photos/*.png --box 20,500,120,30 -o clean/
  imgae inpaint scan.png --detect scratches,dust --dilate 2 --denoise
"""
AFTER = f"""\
Keys of --json:
  input, output
  width, height of the picture, or the first one
  frames        how many pictures the file holds
  pixels        how many pixels they have
  filled        how many pixels were filled
  sigma         with --denoise the noise level, in 8-bit levels; else null
  sigma_source  "given"; "estimated" from the picture; "removed": there is no
                one level, and sigma is measured from what was removed; or null
  caution       a reason to doubt the level, or null
  notes         what else was done to remove noise, a list of sentences
  model, device
  seconds       with reading and writing, without loading the model
  megapixels_per_second

{EXIT_CODES}"""

EXTRA_STAYS = "its further samples, such as infrared, are not filled and show what was there"


def add_parser(commands: Commands) -> None:
    parser = new_parser(
        commands, "inpaint", "Fill the parts of a picture that a mask marks.", MORE, AFTER
    )
    add_files(parser, "inpainted")
    add_mask(parser)
    add = parser.add_argument
    add(
        "--feather",
        type=whole(0),
        default=0,
        metavar="PX",
        help="over how many pixels, inside a hole, to blend with what was there (default: 0)",
    )
    add(
        "--no-texture",
        action="store_true",
        help="leave holes wider than about 48 pixels smooth, without the texture around them",
    )
    add(
        "--denoise",
        action="store_true",
        help="also remove noise from the whole picture, with the default model",
    )
    add_sigma(parser)
    add("--save-mask", type=Path, metavar="FILE", help="also write the mask that was used")
    add("--preview", type=Path, metavar="FILE", help="also write the picture with the mask in red")
    add_tile(parser)
    add_device(parser)
    add_printing(parser)
    parser.set_defaults(run=run, parser=parser)


def run(options: argparse.Namespace) -> int:
    check_mask(options)
    if options.sigma != "auto" and not options.denoise:
        options.parser.error("--sigma is the level that --denoise removes; add --denoise")
    if len(options.inputs) > 1 and (options.save_mask or options.preview):
        options.parser.error("--save-mask and --preview write one file, and take one picture")
    outputs = plan_outputs(options, "inpainted")
    read = [*files_read(options), *mask_file(options)]
    pairs = zip(options.inputs, outputs, strict=True)
    results = [Use(target, f"the result of {source}") for source, target in pairs]
    named = [("--save-mask", options.save_mask), ("--preview", options.preview)]
    also = [Use(path, role) for role, path in named if path]
    refuse_clashes(options, read, results, also)
    places = [use.path for use in also]
    return restore_each(options, outputs, partial(load, options), summary, places)


def load(options: argparse.Namespace) -> Restore:
    # onnxruntime loads only for a command line that is right.
    from imgae.restore.inpaint import Inpainter

    settings = {"device": options.device, "threads": options.threads, "tile": options.tile}
    inpainter = Inpainter(options.model, **settings)
    detector = load_detector(options)
    denoiser = None
    if options.denoise:
        from imgae.restore.denoise import Denoiser

        denoiser = Denoiser(**settings)
    return partial(inpaint_file, inpainter, denoiser, detector, options)


def inpaint_file(
    inpainter: "Inpainter",
    denoiser: "Denoiser | None",
    detector: "Detector | None",
    options: argparse.Namespace,
    source: Path,
    target: Path,
) -> dict[str, Any]:
    from imgae.restore.clean_and_fill import clean_and_fill
    from imgae.restore.inpaint import as_hole

    started = time.monotonic()
    denoised: list[Denoised] = []
    filled = 0
    with warnings_as_notes():
        frames = pictures.read(source, target, options)
        if options.save_mask or options.preview:
            pictures.single(frames, source, "--save-mask or --preview")

        def fill(image: "Image") -> "Image":
            nonlocal filled
            hole = as_hole(make_mask(options, image, detector), image)
            filled += int(hole.sum())
            if image.extra is not None and hole.any():
                warn(f"{source}: {EXTRA_STAYS}")
            feather, texture = options.feather, not options.no_texture
            save_masks(options, image, hole)
            with tile_progress(source.name, hidden=options.quiet) as progress:
                if denoiser:
                    denoised.append(
                        clean_and_fill(
                            inpainter,
                            denoiser,
                            image,
                            hole,
                            sigma=level_of(options),
                            feather=feather,
                            texture=texture,
                            progress=progress,
                        )
                    )
                    return denoised[-1].image
                if hole.any():
                    return inpainter.run(image, hole, feather, texture, progress)
            return image

        done = pictures.each(frames, fill, source)
        changed = denoised or filled or options.strip_metadata or options.quality
        if changed or not same_format(source, target):
            pictures.write(done, target, options)
        else:
            copy(source, target, options)
    if not filled:
        rest = "only noise was removed" if denoised else "the picture is written as it was"
        note(f"{source}: the mask marks nothing; {rest}")
    notes = tuple(dict.fromkeys(sentence for one in denoised for sentence in one.notes))
    for sentence in notes:
        note(f"{source}: {sentence}")
    seconds = time.monotonic() - started
    first, pixels = frames[0], sum(image.width * image.height for image in frames)
    sigmas = [one.sigma for one in denoised]
    return {
        "input": str(source),
        "output": str(target),
        "width": first.width,
        "height": first.height,
        "frames": len(frames),
        "pixels": pixels,
        "filled": filled,
        "sigma": mean_level(sigmas) if denoised else None,
        "sigma_source": source_of(denoised) if denoised else None,
        "caution": next((one.caution for one in denoised if one.caution), None),
        "notes": notes,
        "model": inpainter.model.card.name,
        "device": inpainter.model.device,
        "seconds": round(seconds, 3),
        "megapixels_per_second": round(pixels / 1e6 / max(seconds, 1e-9), 3),
    }


def save_masks(options: argparse.Namespace, image: "Image", hole: "NDArray[np.bool_]") -> None:
    """Write what --save-mask and --preview ask for."""
    from imgae.io.files import write_image
    from imgae.picture.image import Image
    from imgae.picture.masks import drawn_over

    if options.save_mask:
        write_mask(hole, options.save_mask, options.overwrite)
    if options.preview:
        write_image(Image(drawn_over(image, hole)), options.preview, options.overwrite)


def same_format(source: Path, target: Path) -> bool:
    from imgae.io.files import format_of

    return format_of(source) == format_of(target)


def copy(source: Path, target: Path, options: argparse.Namespace) -> None:
    """Write a file as it was."""
    from imgae.io import files

    files.write_file(target, files.read_bytes(source), options.overwrite)


def summary(record: dict[str, Any]) -> str:
    share = record["filled"] / record["pixels"]
    noise = "" if record["sigma"] is None else f"{noise_level(record)}, "
    return (
        f"{record['input']} -> {record['output']}: {size_of(record)}, "
        f"{record['filled']} pixels filled ({share:.1%}), {noise}{record['model']} on "
        f"{record['device']}, {record['seconds']:.2f} s"
    )
