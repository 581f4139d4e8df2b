"""`imgae denoise`."""

import json
import math
import os
import sys
import time
import warnings
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imgae.cli.progress import tile_progress
from imgae.errors import ImageError, ImgaeError, ImgaeWarning

if TYPE_CHECKING:
    from imgae.denoise import Denoiser

ALL_FAILED, SOME_FAILED = 1, 3


def parse_sigma(text: str) -> str:
    if text != "auto":
        try:
            level = float(text)
        except ValueError:
            raise typer.BadParameter(
                f"{text!r} is neither 'auto' nor a level from 0 to 255"
            ) from None
        if not (math.isfinite(level) and 0 <= level <= 255):
            raise typer.BadParameter(f"{text} is no noise level; expected 'auto' or 0 to 255")
    return text


def parse_tile(text: str) -> str:
    if text != "auto" and not (text.isascii() and text.isdigit()):
        raise typer.BadParameter(f"{text!r} is neither 'auto' nor a number of pixels from 0")
    return text


def parse_strength(value: float) -> float:
    if not 0 <= value <= 1:
        raise typer.BadParameter(f"{value:g} is out of range; expected 0 to 1")
    return value


def parse_device(text: str) -> str:
    if text not in ("auto", "cpu", "cuda"):
        raise typer.BadParameter(f"{text!r} is no device; expected auto, cpu or cuda")
    return text


def denoise(
    inputs: Annotated[list[Path], typer.Argument(help="Pictures: PNG, JPEG, TIFF or WebP.")],
    output: Annotated[
        str | None,
        typer.Option(
            "-o",
            "--output",
            metavar="PATH",
            help="A folder if it is one, ends in /, or there are several inputs; else a file. "
            "Default: NAME.denoised.EXT beside the input.",
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace existing output.")
    ] = False,
    model: Annotated[
        str | None, typer.Option(help="A name that `imgae models` lists, or an .onnx file.")
    ] = None,
    sigma: Annotated[
        str,
        typer.Option(
            metavar="auto|LEVEL",
            callback=parse_sigma,
            help="Noise level in 8-bit levels; auto estimates it.",
        ),
    ] = "auto",
    strength: Annotated[
        float,
        typer.Option(metavar="0..1", callback=parse_strength, help="0 keeps the input, 1 is full."),
    ] = 1.0,
    tile: Annotated[
        str,
        typer.Option(
            metavar="auto|PX|0",
            callback=parse_tile,
            help="Pixels a tile keeps on a side; 0 is the whole picture at once. "
            "The result is the same.",
        ),
    ] = "auto",
    device: Annotated[
        str, typer.Option(metavar="auto|cpu|cuda", callback=parse_device, help="Where to run.")
    ] = "auto",
    threads: Annotated[
        int | None, typer.Option(min=1, help="CPU threads.", show_default="all usable CPUs")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object a file on standard output.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress and no summary.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Tracebacks, for a bug report.")] = False,
) -> int:
    """Remove noise from pictures.

    Sizes, bit depth, transparency, colour profile and camera data stay as they are. With --json,
    each file gives: input, output, width, height, sigma (8-bit levels), sigma_source ("given" or
    "estimated"), caution (or null), model, device, tiles, seconds (reading and writing included,
    start-up not) and megapixels_per_second.
    """
    outputs = plan_outputs(inputs, output)
    from imgae.denoise import Denoiser  # onnxruntime loads only for a command line that is right

    if len(inputs) == 1:  # what can fail early does, before a model is loaded
        from imgae.files import check_writable

        check_writable(outputs[0], overwrite)
    denoiser = Denoiser(
        model, device=device, threads=threads, tile="auto" if tile == "auto" else int(tile)
    )
    raise_pixel_limit()
    failed = 0
    for source, target in zip(inputs, outputs, strict=True):
        try:
            record = denoise_file(denoiser, source, target, sigma, strength, overwrite, quiet)
        except ImgaeError as error:
            if debug or len(inputs) == 1:
                raise
            print(f"imgae: {error}", file=sys.stderr)
            failed += 1
            continue
        if as_json:
            print(json.dumps(record), flush=True)
        elif not quiet:
            print(summary(record), flush=True)
    if failed:
        return ALL_FAILED if failed == len(inputs) else SOME_FAILED
    return 0


def plan_outputs(inputs: list[Path], output: str | None) -> list[Path]:
    """Return where each input's result goes, making the folder that -o names if need be."""
    folders = [path for path in inputs if path.is_dir()]
    if folders:
        raise ImageError(
            f"{folders[0]}: a folder; name the pictures in it, for instance {folders[0]}/*.png"
        )
    names = [f"{path.stem}.denoised{path.suffix}" for path in inputs]
    if output is None:
        outputs = [path.with_name(name) for path, name in zip(inputs, names, strict=True)]
    elif len(inputs) > 1 or output.endswith(("/", os.sep)) or Path(output).is_dir():
        outputs = [Path(output, name) for name in names]
    else:
        outputs = [Path(output)]
    twice = [path for path, count in Counter(outputs).items() if count > 1]
    if twice:
        raise typer.BadParameter(f"several inputs would be written to {twice[0]}")
    if output is not None and outputs != [Path(output)]:
        try:
            Path(output).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ImageError(f"{output}: cannot be made a folder: {error.strerror}") from error
    return outputs


def denoise_file(
    denoiser: "Denoiser",
    source: Path,
    target: Path,
    sigma: str,
    strength: float,
    overwrite: bool,
    quiet: bool,
) -> dict[str, Any]:
    from imgae.files import check_writable, read_image, write_image

    started = time.monotonic()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ImgaeWarning)
        check_writable(target, overwrite)
        image = read_image(source)
        level = None if sigma == "auto" else float(sigma) / 255
        with tile_progress(source.name, hidden=quiet) as progress:
            result = denoiser.run(image, level, strength, progress)
        write_image(result.image, target, overwrite)
    for warning in caught:
        if issubclass(warning.category, ImgaeWarning):
            print(f"imgae: note: {warning.message}", file=sys.stderr)
    seconds = time.monotonic() - started
    return {
        "input": str(source),
        "output": str(target),
        "width": image.width,
        "height": image.height,
        "sigma": round(result.sigma * 255, 2),
        "sigma_source": result.sigma_source,
        "caution": result.caution,
        "model": denoiser.model.card.name,
        "device": denoiser.model.device,
        "tiles": result.tiles,
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


def raise_pixel_limit() -> None:
    """Let this program open pictures up to a gigapixel; Pillow's own limit is 0.18."""
    import PIL.Image

    PIL.Image.MAX_IMAGE_PIXELS = 1 << 29  # an error from twice that
