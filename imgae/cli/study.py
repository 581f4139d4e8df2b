"""`imgae study`."""

import argparse
import io
import json
import time
from pathlib import Path

from imgae.cli.options import Commands, new_parser, whole
from imgae.cli.output import note, result
from imgae.errors import ImageError, needs_extra

MORE = """\
This trains small autoencoders of every kind. It writes a figure, CASE.png, and its numbers,
CASE.json, for each case: PCA compared with linear and deep bottlenecks; sparse codes and their
filters; the KL term; the vector field of a denoising autoencoder; the singular values of a
contractive autoencoder; and the error near the data and far from it. It takes some minutes on two
cores. docs/family.md explains the figures.
"""


def add_parser(commands: Commands) -> None:
    parser = new_parser(
        commands, "study", "Train small autoencoders and draw what they learn.", MORE
    )
    add = parser.add_argument
    add(
        "-o",
        "--output",
        type=Path,
        metavar="DIR/",
        required=True,
        help="the folder for the figures",
    )
    add(
        "--data",
        type=Path,
        metavar="DIR",
        help="a folder of pictures to cut patches from (default: synthetic pictures)",
    )
    add(
        "--seed",
        type=whole(0),
        default=0,
        metavar="N",
        help="seed of everything random (default: 0)",
    )
    add("--threads", type=whole(1), metavar="N", help="CPU threads (default: all usable CPUs)")
    add("--overwrite", action="store_true", help="replace existing figures")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    with needs_extra("train", "the study"):
        import torch
    with needs_extra("bench", "the study"):
        import matplotlib  # noqa: F401, ICN001 - told before the work

    from imgae.io.files import write_file
    from imgae.io.places import check_files_in
    from imgae.model.machine import usable_cpus
    from imgae.training.data import read_folders
    from imgae.training.study import cases
    from imgae.training.study.patches import SIDE, drawn_pictures, patches_from

    torch.set_num_threads(options.threads or usable_cpus())
    folder: Path = options.output
    names = [f"{name}.{kind}" for name in cases.CASES for kind in ("json", "png")]
    check_files_in(folder, names, options.overwrite)
    if options.data is None:
        pictures = drawn_pictures(options.seed)
    else:
        folders = read_folders([options.data], SIDE, 1 << 30, options.seed, values="eight")
        pictures = folders.training + folders.validation
        for sentence in folders.unreadable:
            note(f"passed over: {sentence}")
    patches = patches_from(pictures, options.seed)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ImageError(f"{folder}: cannot be created: {error.strerror}") from error
    for name, case in cases.CASES.items():
        started = time.monotonic()
        found, figure = case(patches, options.seed)
        drawing = io.BytesIO()
        figure.savefig(drawing, dpi=110)
        numbers = f"{json.dumps(found, indent=2)}\n".encode()
        write_file(folder / f"{name}.json", numbers, options.overwrite)
        write_file(folder / f"{name}.png", drawing.getvalue(), options.overwrite)
        result(f"{name}: {folder / name}.png  {time.monotonic() - started:.0f} s")
    return 0
