"""`imgae export`."""

import argparse
from pathlib import Path

from imgae.cli.options import Commands, new_parser
from imgae.cli.output import result
from imgae.errors import needs_extra

MORE = """\
The file is loaded again and compared with the network at odd sizes; if they differ by more than
1e-4, none is left. Kernels stored as fp16 are computed in fp32: half the size, the same speed.
int8 makes a denoiser two to three times faster where the processor has VNNI; its ranges are chosen
on the run's own pictures, and `imgae train denoise --int8` trains it on.
"""


def add_parser(commands: Commands) -> None:
    parser = new_parser(
        commands, "export", "Write a run's averaged weights as one ONNX file with its card.", MORE
    )
    add = parser.add_argument
    add("run_folder", type=Path, metavar="RUN", help="the folder of a run of `imgae train`")
    add("-o", "--output", type=Path, metavar="FILE.onnx", required=True, help="the file")
    add("--name", help="the model's name (default: the file's)")
    add("--licence", default="unstated", help="licence of the weights, for the card")
    add(
        "--training-data",
        nargs="+",
        default=(),
        metavar="TEXT",
        help="what it was trained on, for the card (default: the folders' names)",
    )
    add("--summary", default="", help="what it is for, for the card (default: by its task)")
    add(
        "--mirrored",
        action="store_true",
        help="average over the picture and its three mirrorings: better, four times the work",
    )
    add(
        "--precision",
        choices=("fp32", "fp16", "int8"),
        help="of the convolutions' kernels (default: fp16, or the run's own int8)",
    )
    add("--overwrite", action="store_true", help="replace an existing file")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    with needs_extra("train", "exporting"):
        from imgae.training.export import Provenance, export_run
    path: Path = options.output
    provenance = Provenance(
        options.name or path.stem, options.licence, tuple(options.training_data), options.summary
    )
    card = export_run(
        options.run_folder,
        path,
        provenance,
        options.overwrite,
        options.mirrored,
        options.precision,
    )
    agreement = "within rounding" if card.precision == "int8" else "to 1e-4"
    result(
        f"{path}: {card.precision}, {path.stat().st_size / 2**20:.2f} MiB, "
        f"{card.macs_per_pixel / 1e3:.1f} kMAC/px, stride {card.stride}, halo {card.halo}; "
        f"onnxruntime and torch agree {agreement}"
    )
    return 0
