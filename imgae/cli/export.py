"""`imgae export`."""

import argparse
from pathlib import Path

from imgae.cli.options import Commands, new_parser
from imgae.cli.output import result
from imgae.errors import TrainingUnavailable

MORE = """\
The file is loaded again and compared with the network at odd sizes; if they differ by more than
1e-4, none is left.
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
    add(
        "--mirrored",
        action="store_true",
        help="average over the picture and its three mirrorings: better, four times the work",
    )
    add("--overwrite", action="store_true", help="replace an existing file")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    try:
        from imgae.training.export import Provenance, export_run
    except ImportError as error:
        raise TrainingUnavailable(
            f"exporting needs {error.name}; install it with: pip install '.[train]'"
        ) from error
    path: Path = options.output
    provenance = Provenance(
        options.name or path.stem, options.licence, tuple(options.training_data)
    )
    card = export_run(options.run_folder, path, provenance, options.overwrite, options.mirrored)
    result(
        f"{path}: {path.stat().st_size / 2**20:.2f} MiB, {card.macs_per_pixel / 1e3:.1f} kMAC/px, "
        f"stride {card.stride}, halo {card.halo}; onnxruntime and torch agree to 1e-4"
    )
    return 0
