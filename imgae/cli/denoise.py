"""`imgae denoise`."""

import argparse
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from imgae.cli.batch import restore_all
from imgae.cli.files import (
    EXIT_CODES,
    add_files,
    add_printing,
    add_sigma,
    add_tile,
    noise_level,
    size_of,
)
from imgae.cli.fit_options import add_fitting, check_fitting
from imgae.cli.options import Commands, add_device, between, new_parser
from imgae.cli.planning import Command
from imgae.cli.tasks import WRITING, OptionsTask, denoising_models, key_of, values_of
from imgae.restore.batches.engine import Worker

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
  status        "done"; of several pictures also "skipped" or "failed", with a
                message
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


def add_parser(commands: Commands) -> argparse.ArgumentParser:
    parser = new_parser(commands, "denoise", "Remove noise from pictures.", MORE, AFTER)
    add_files(parser, "denoised")
    add_sigma(parser)
    for name, default, most, text in CONTROLS:
        parser.add_argument(
            f"--{name}", type=between(0, most), default=default, metavar=f"0..{most}", help=text
        )
    add_tile(parser)
    add_device(parser)
    add_fitting(parser)
    add_printing(parser)
    parser.set_defaults(run=run, parser=parser)
    return parser


def run(options: argparse.Namespace) -> int:
    check_fitting(options)
    return restore_all(options, command_of(options))


def command_of(options: argparse.Namespace) -> Command:
    return Command("denoised", "denoise", Denoising(values_of(options)), summary)


@dataclass(frozen=True)
class Denoising(OptionsTask):
    """What `imgae denoise` does with pictures, by its options."""

    @cached_property
    def key(self) -> str:
        names = ("sigma", "fit", "minutes", *(name for name, *_ in CONTROLS), *WRITING)
        return key_of(self.options, names, denoising_models(self.options, self.options.model), {})

    def load(self) -> Worker:
        from imgae.cli.denoising import worker_of  # onnxruntime, for a command line that is right

        if getattr(self.options, "fit", False):
            from imgae.cli.fitting import fitting_worker

            return fitting_worker(self.options)
        return worker_of(self.options)


def summary(record: dict[str, Any]) -> str:
    return (
        f"{record['input']} -> {record['output']}: {size_of(record)}, "
        f"{noise_level(record)}, {record['model']} on {record['device']}, "
        f"{record['seconds']:.2f} s, {record['megapixels_per_second']:.2f} MP/s"
    )
