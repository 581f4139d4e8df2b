"""`imgae denoise`."""

import argparse
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imgae.cli import pictures
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
from imgae.cli.options import Commands, add_device, between, new_parser
from imgae.cli.output import note, warnings_as_notes
from imgae.cli.progress import tile_progress

if TYPE_CHECKING:
    from imgae.picture.image import Image
    from imgae.restore.controls import Controls
    from imgae.restore.denoise import Denoised, Denoiser

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
    outputs = plan_outputs(options, "denoised")
    pairs = zip(options.inputs, outputs, strict=True)
    results = [Use(target, f"the result of {source}") for source, target in pairs]
    refuse_clashes(options, files_read(options), results, [])
    return restore_each(options, outputs, partial(load, options), summary)


def load(options: argparse.Namespace) -> Restore:
    # onnxruntime loads only for a command line that is right.
    from imgae.restore.controls import Controls
    from imgae.restore.denoise import Denoiser

    denoiser = Denoiser(
        options.model, device=options.device, threads=options.threads, tile=options.tile
    )
    controls = Controls(**{name: getattr(options, name) for name, *_ in CONTROLS})
    return partial(denoise_file, denoiser, controls, options)


def denoise_file(
    denoiser: "Denoiser",
    controls: "Controls",
    options: argparse.Namespace,
    source: Path,
    target: Path,
) -> dict[str, Any]:
    started = time.monotonic()
    done: list[Denoised] = []
    with warnings_as_notes():
        frames = pictures.read(source, target, options)

        common = None
        if frames.kind in ("animation", "stack") and level_of(options) is None:
            common = denoiser.common_to(frames.images)

        def denoise(image: "Image") -> "Image":
            with tile_progress(source.name, hidden=options.quiet) as progress:
                done.append(denoiser.run(image, level_of(options), controls, progress, common))
            return done[-1].image

        pictures.write(pictures.each(frames, denoise, source), target, options)
    notes = tuple(dict.fromkeys(sentence for one in done for sentence in one.notes))
    for sentence in notes:
        note(f"{source}: {sentence}")
    seconds = time.monotonic() - started
    first, pixels = frames[0], sum(image.width * image.height for image in frames)
    return {
        "input": str(source),
        "output": str(target),
        "width": first.width,
        "height": first.height,
        "frames": len(frames),
        "sigma": mean_level([one.sigma for one in done]),
        "sigma_source": source_of(done),
        "caution": next((one.caution for one in done if one.caution), None),
        "notes": notes,
        "model": ", ".join(dict.fromkeys(one.model for one in done)),
        "device": done[0].device,
        "tiles": sum(one.tiles for one in done),
        "seconds": round(seconds, 3),
        "megapixels_per_second": round(pixels / 1e6 / max(seconds, 1e-9), 3),
    }


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
