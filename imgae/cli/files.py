"""What the commands that restore files share: where output goes, and one file after another."""

import argparse
import contextlib
import json
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from imgae.cli.options import auto_or, between, whole
from imgae.cli.output import result, say
from imgae.errors import ImageError, ImgaeError

ALL_FAILED, SOME_FAILED = 1, 3


def add_files(parser: argparse.ArgumentParser, word: str) -> None:
    """Add the inputs, and the options that say where output goes."""
    add = parser.add_argument
    add("inputs", nargs="+", type=Path, metavar="PICTURE", help="PNG, JPEG, TIFF or WebP")
    add(
        "-o",
        "--output",
        metavar="PATH",
        help="a folder if it is one, ends in /, or there are several inputs; else a file, whose "
        f"extension sets the format (default: NAME.{word}.EXT beside the input)",
    )
    add("--overwrite", action="store_true", help="replace existing output")
    add("--model", metavar="NAME", help="a name that `imgae models` lists, or an .onnx file")


def add_tile(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--tile",
        type=auto_or(whole(0)),
        default="auto",
        metavar="auto|PX|0",
        help="pixels a tile keeps on a side, 0 for the whole picture at once; the result is the "
        "same",
    )


def add_sigma(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--sigma",
        type=auto_or(between(0, 255)),
        default="auto",
        metavar="auto|LEVEL",
        help="noise level in 8-bit levels; auto estimates it",
    )


def level_of(options: argparse.Namespace) -> float | None:
    """Return the level that --sigma gives, on [0, 1]; None is to be estimated."""
    return None if options.sigma == "auto" else options.sigma / 255


def restore_each(
    options: argparse.Namespace,
    outputs: list[Path],
    restore: Callable[[Path, Path], dict[str, Any]],
    summary: Callable[[dict[str, Any]], str],
) -> int:
    """Restore one input after another, and return the exit code.

    restore: from an input to its output; returns the record that --json prints.
    """
    from imgae.io.libraries import prepare_libraries

    prepare_libraries()
    inputs: list[Path] = options.inputs
    failed = 0
    with output_folder(options.output, outputs):
        for source, target in zip(inputs, outputs, strict=True):
            try:
                record = restore(source, target)
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


def check_early(options: argparse.Namespace, outputs: list[Path]) -> None:
    """Fail on what can be seen before a model loads."""
    if len(outputs) == 1 and outputs[0].parent.exists():
        check_output(outputs[0], options)


def check_output(path: Path, options: argparse.Namespace) -> None:
    from imgae.io.files import EXTENSIONS, check_writable

    if options.output is None and path.suffix.lower() not in EXTENSIONS:
        raise ImageError(
            f"{path}: by its name no PNG, JPEG, TIFF or WebP, which imgae reads and writes; "
            "name the output with -o if the input is one"
        )
    check_writable(path, options.overwrite)


def plan_outputs(options: argparse.Namespace, word: str) -> list[Path]:
    """Return where each input's result goes, and refuse one place for two.

    word: what stands before the extension by default, as in photo.denoised.png.
    """
    inputs: list[Path] = options.inputs
    outputs = places(inputs, options.output, word)
    twice = [path for path, count in Counter(outputs).items() if count > 1]
    if twice:
        options.parser.error(f"several inputs would be written to {twice[0]}")
    return outputs


def places(inputs: list[Path], output: str | None, word: str) -> list[Path]:
    folders = [path for path in inputs if os.path.isdir(path)]
    if folders:
        raise ImageError(
            f"{folders[0]}: a folder; name the pictures in it, for instance {folders[0]}/*.png"
        )
    names = [f"{path.stem}.{word}{path.suffix}" for path in inputs]
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
