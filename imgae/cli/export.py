"""`imgae export`."""

import argparse
from pathlib import Path

from imgae.cli.options import Commands, new_parser
from imgae.cli.output import result
from imgae.errors import needs_extra

MORE = """\
The file is loaded again and compared with the network at odd sizes. If the results differ by more
than 1e-4, no file is written. fp16 stores the weights in half the space; they are computed with as
fp32, at the same speed. int8 computes with 8-bit integers: two to three times faster where the
processor has VNNI. It is for denoise, camera and inpaint, and needs the run's own pictures;
`imgae train denoise --int8 --from MODEL` trains such a model further.
"""


def add_parser(commands: Commands) -> None:
    parser = new_parser(
        commands, "export", "Write a trained network to an ONNX file, with its model card.", MORE
    )
    add = parser.add_argument
    add("run_folder", type=Path, metavar="RUN", help="the folder of a run of `imgae train`")
    add("-o", "--output", type=Path, metavar="FILE.onnx", required=True, help="the file to write")
    add("--name", help="the model's name (default: the file's)")
    add("--licence", default="unstated", help="licence of the weights, for the model card")
    add(
        "--training-data",
        nargs="+",
        default=(),
        metavar="TEXT",
        help="what it was trained on, for the model card (default: the folders' names)",
    )
    add("--summary", default="", help="what it is for, for the model card (default: by its task)")
    add(
        "--flip-ensemble",
        action="store_true",
        help="average over the picture and its three flips: better, but four times the work; for "
        "runs of denoise",
    )
    add(
        "--precision",
        choices=("fp32", "fp16", "int8"),
        help="how the weights are stored (default: fp16; int8 for a run of --int8)",
    )
    add(
        "--image-only",
        action="store_true",
        help="leave out the inputs that are optional, of which some runtimes warn; for runs of "
        "camera",
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
        options.flip_ensemble,
        options.precision,
        options.image_only,
    )
    agreement = "within rounding" if card.precision == "int8" else "to 1e-4"
    result(
        f"{path}: {card.precision}, {path.stat().st_size / 2**20:.2f} MiB, "
        f"{card.macs_per_pixel / 1e3:.1f} kMAC/px, stride {card.stride}, halo {card.halo}; "
        f"onnxruntime and torch agree {agreement}"
    )
    return 0
