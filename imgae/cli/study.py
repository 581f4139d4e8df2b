"""`imgae study`."""

import argparse
import io
import json
import time
from pathlib import Path

from imgae.cli.options import Commands, new_parser, whole
from imgae.cli.output import result
from imgae.errors import ImageError, ImgaeError, needs_extra

MORE = """\
Trains small autoencoders of every kind and writes, of each case, CASE.png and CASE.json: PCA beside
linear and deep bottlenecks, sparse codes and their filters, the KL term, the vector field of a
denoising autoencoder, the singular values of a contractive one, and the error near to and far from
what was seen. Two cores take some minutes. weights/FAMILY.md explains the figures.
"""


def add_parser(commands: Commands) -> None:
    parser = new_parser(commands, "study", "Show what autoencoders learn, on small cases.", MORE)
    add = parser.add_argument
    add("-o", "--output", type=Path, metavar="DIR/", required=True, help="where figures go")
    add(
        "--data",
        type=Path,
        metavar="DIR",
        help="a folder of pictures to cut patches from (default: drawn ones)",
    )
    add("--seed", type=whole(0), default=0, metavar="N", help="of everything random (default: 0)")
    add("--threads", type=whole(1), metavar="N", help="CPU threads (default: all usable CPUs)")
    add("--overwrite", action="store_true", help="replace figures that are there")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    with needs_extra("train", "the study"):
        import torch
    with needs_extra("bench", "the study"):
        import matplotlib  # noqa: F401, ICN001 - told before the work

    from imgae.io.files import write_file
    from imgae.model.machine import usable_cpus
    from imgae.training import study
    from imgae.training.data import read_folders

    torch.set_num_threads(options.threads or usable_cpus())
    folder: Path = options.output
    files = [folder / f"{name}.{kind}" for name in study.CASES for kind in ("json", "png")]
    there = [path for path in files if path.exists()]
    if there and not options.overwrite:
        raise ImgaeError(f"{there[0]}: exists already; add --overwrite")
    if options.data is None:
        pictures = study.drawn_pictures(options.seed)
    else:
        folders = read_folders([options.data], study.SIDE, 1 << 30, options.seed)
        pictures = folders.training + folders.validation
    patches = study.patches_from(pictures, options.seed)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ImageError(f"{folder}: cannot be created: {error.strerror}") from error
    for name, case in study.CASES.items():
        started = time.monotonic()
        found, figure = case(patches, options.seed)
        drawing = io.BytesIO()
        figure.savefig(drawing, dpi=110)
        numbers = f"{json.dumps(found, indent=2)}\n".encode()
        write_file(folder / f"{name}.json", numbers, options.overwrite)
        write_file(folder / f"{name}.png", drawing.getvalue(), options.overwrite)
        result(f"{name}: {folder / name}.png  {time.monotonic() - started:.0f} s")
    return 0
