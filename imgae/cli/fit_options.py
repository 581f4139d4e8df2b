"""The options of `imgae denoise --fit`, which trains a model on one file."""

import argparse
from pathlib import Path

from imgae.cli.options import between
from imgae.restore.batches.inputs import may_name_several

MINUTES = 2.0


def add_fitting(parser: argparse.ArgumentParser) -> None:
    """Add --fit and what goes with it."""
    group = parser.add_argument_group("a model for one file")
    group.add_argument(
        "--fit",
        action="store_true",
        help="first train a model on this file alone, all its pages, without any clean picture; "
        "its result is kept if it gained more than the usual one",
    )
    group.add_argument(
        "--minutes",
        type=between(0.01, 1e5),
        metavar="M",
        help=f"with --fit: how long to train (default: {MINUTES:g})",
    )
    group.add_argument(
        "--save-model",
        type=Path,
        metavar="FILE.onnx",
        help="with --fit: keep the model, for more pictures of the same source",
    )


def check_fitting(options: argparse.Namespace) -> None:
    """Refuse what does not go with --fit, or needs it."""
    refuse = options.parser.error
    if not options.fit:
        for name in ("minutes", "save_model"):
            if getattr(options, name) is not None:
                refuse(f"--{name.replace('_', '-')} goes with --fit")
        return
    given = {
        "--model": options.model is not None,
        "--sigma": options.sigma != "auto",
        "--dry-run": options.dry_run,
        "--engine ray": options.engine == "ray",
    }
    if beside := [name for name, is_given in given.items() if is_given]:
        refuse(f"--fit trains a model of its own on the file; leave out {', '.join(beside)}")
    if len(options.inputs) != 1 or may_name_several(options.inputs[0]):
        refuse(
            "--fit trains on one file; name one, or train on a folder of them with "
            "`imgae train denoise --noisy FOLDER/ -o RUN/`"
        )
    if options.save_model is not None and options.save_model.suffix != ".onnx":
        refuse(f"{options.save_model}: a model file's name ends in .onnx")
