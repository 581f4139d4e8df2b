"""`imgae denoise`."""

import argparse
import contextlib
import json
import os
import sys
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imgae.cli.options import Commands, add_device, auto_or, between, new_parser, whole
from imgae.cli.output import note, result, say
from imgae.cli.progress import tile_progress
from imgae.errors import ImageError, ImgaeError, ImgaeWarning

if TYPE_CHECKING:
    from imgae.denoise import Denoiser

ALL_FAILED, SOME_FAILED = 1, 3

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
    add = parser.add_argument
    add("inputs", nargs="+", type=Path, metavar="PICTURE", help="PNG, JPEG, TIFF or WebP")
    add(
        "-o",
        "--output",
        metavar="PATH",
        help="a folder if it is one, ends in /, or there are several inputs; else a file, whose "
        "extension sets the format (default: NAME.denoised.EXT beside the input)",
    )
    add("--overwrite", action="store_true", help="replace existing output")
    add("--model", metavar="NAME", help="a name that `imgae models` lists, or an .onnx file")
    add(
        "--sigma",
        type=auto_or(between(0, 255)),
        default="auto",
        metavar="auto|LEVEL",
        help="noise level in 8-bit levels; auto estimates it",
    )
    add(
        "--strength",
        type=between(0, 1),
        default=1.0,
        metavar="0..1",
        help="0 keeps the input, 1 is the full effect",
    )
    add(
        "--tile",
        type=auto_or(whole(0)),
        default="auto",
        metavar="auto|PX|0",
        help="pixels a tile keeps on a side, 0 for the whole picture at once; the result is the "
        "same",
    )
    add_device(parser)
    add("--json", action="store_true", help="one JSON object a file on standard output")
    add("--quiet", action="store_true", help="no progress and no summary")
    parser.set_defaults(run=run, parser=parser)


def run(options: argparse.Namespace) -> int:
    inputs: list[Path] = options.inputs
    outputs = plan_outputs(inputs, options.output)
    twice = [path for path, count in Counter(outputs).items() if count > 1]
    if twice:
        options.parser.error(f"several inputs would be written to {twice[0]}")
    from imgae.denoise import Denoiser  # onnxruntime loads only for a command line that is right

    if len(inputs) == 1 and outputs[0].parent.exists():  # what can fail early does
        check_output(outputs[0], options)
    prepare_libraries()
    denoiser = Denoiser(
        options.model, device=options.device, threads=options.threads, tile=options.tile
    )
    failed = 0
    with output_folder(options.output, outputs):
        for source, target in zip(inputs, outputs, strict=True):
            try:
                record = denoise_file(denoiser, source, target, options)
            except Exception as error:
                if options.debug or len(inputs) == 1:
                    raise
                kind = "" if isinstance(error, ImgaeError) else f"{source}: unexpected error: "
                say(f"imgae: {kind}{error}", sys.stderr)
                failed += 1
                continue
            if options.json:
                result(json.dumps(record))
            elif not options.quiet:
                result(summary(record))
    if failed:
        return ALL_FAILED if failed == len(inputs) else SOME_FAILED
    return 0


def check_output(path: Path, options: argparse.Namespace) -> None:
    from imgae.files import EXTENSIONS, check_writable

    if options.output is None and path.suffix.lower() not in EXTENSIONS:
        raise ImageError(
            f"{path}: by its name no PNG, JPEG, TIFF or WebP, which imgae reads and writes; "
            "name the output with -o if the input is one"
        )
    check_writable(path, options.overwrite)


def plan_outputs(inputs: list[Path], output: str | None) -> list[Path]:
    """Return where each input's result goes."""
    folders = [path for path in inputs if os.path.isdir(path)]
    if folders:
        raise ImageError(
            f"{folders[0]}: a folder; name the pictures in it, for instance {folders[0]}/*.png"
        )
    names = [f"{path.stem}.denoised{path.suffix}" for path in inputs]
    if output is None:
        return [path.with_name(name) for path, name in zip(inputs, names, strict=True)]
    if len(inputs) > 1 or output.endswith(("/", os.sep)) or os.path.isdir(output):
        return [Path(output, name) for name in names]
    return [Path(output)]


@contextlib.contextmanager
def output_folder(output: str | None, outputs: list[Path]) -> Iterator[None]:
    """Make the folder that -o names, if it names one; take it away again if it stays empty."""
    if output is None or outputs == [Path(output)] or os.path.isdir(output):
        yield
        return
    folder = Path(output)
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise ImageError(f"{output}: cannot be made a folder: {error.strerror}") from error
    try:
        yield
    finally:
        with contextlib.suppress(OSError):  # it holds something
            folder.rmdir()


def denoise_file(
    denoiser: "Denoiser",
    source: Path,
    target: Path,
    options: argparse.Namespace,
) -> dict[str, Any]:
    from imgae.files import read_image, write_image

    started = time.monotonic()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ImgaeWarning)
        check_output(target, options)
        image = read_image(source)
        level = None if options.sigma == "auto" else options.sigma / 255
        with tile_progress(source.name, hidden=options.quiet) as progress:
            try:
                done = denoiser.run(image, level, options.strength, progress)
            except ImgaeError as error:
                raise type(error)(f"{source}: {error}") from error
        write_image(done.image, target, options.overwrite)
    for warning in caught:
        if issubclass(warning.category, ImgaeWarning):
            note(str(warning.message))
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


def prepare_libraries() -> None:
    """Set what a library must not: Pillow's limit of pixels, and tifffile's own messages."""
    import logging

    import PIL.Image

    PIL.Image.MAX_IMAGE_PIXELS = 1 << 29  # half a gigapixel is read, twice that is an error
    logging.getLogger("tifffile").setLevel(logging.CRITICAL + 1)
