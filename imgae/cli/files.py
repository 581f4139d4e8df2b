"""What the commands that restore files share: their options, and what is checked first."""

import argparse
import contextlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from imgae.cli.options import Options, auto_or, between, memory, whole
from imgae.cli.pictures import add_reading, add_writing
from imgae.errors import ImageError
from imgae.io.formats.table import listed
from imgae.io.remote import Place, is_remote, key_of

ALL_FAILED, SOME_FAILED = 1, 3
EXIT_CODES = """\
Exit codes:
  0    all done
  1    the one picture failed, or all did, or the work could not start
  2    the command line is wrong
  3    some of several pictures failed
  130  interrupted
"""
SOURCES = {
    "given": "given",
    "estimated": "estimated",
    "removed": "measured from what was removed",
}
"""What the printed line says of a noise level, by `sigma_source`."""


class Use(NamedTuple):
    """A file that a command reads or writes, and as what, as in "the result of a.png"."""

    path: Path
    role: str


def named(text: str) -> str:
    """Read the name of a file."""
    if not text:
        raise argparse.ArgumentTypeError("a file's name is empty")
    return text


def add_inputs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "inputs",
        nargs="+",
        type=named,
        metavar="PICTURE",
        help=f"a {listed('or')} file; a folder of them; a pattern as 'a/**/*.jpg'; @LIST, a file "
        "that names one a line; or -, for bytes on standard input",
    )


def add_places(parser: argparse.ArgumentParser, ending: str) -> None:
    """Add the inputs, and where results go; ending: what follows NAME by default."""
    add_inputs(parser)
    add = parser.add_argument
    add(
        "-o",
        "--output",
        type=named,
        metavar="PATH",
        help="where to write: a folder if PATH is one, ends in / or there are several pictures; "
        "otherwise a file, whose extension sets the format; - is standard output (default: beside "
        f"the picture, as NAME.{ending})",
    )
    add("--overwrite", action="store_true", help="replace files that exist")
    add_batch(parser, ending.split(".", maxsplit=1)[0])


def suffix(text: str) -> str:
    """Read what follows a picture's name in that of its result."""
    if "/" in text or "\\" in text:
        raise argparse.ArgumentTypeError(f"{text!r} names a folder; name one with -o")
    return text


def add_batch(parser: argparse.ArgumentParser, word: str) -> None:
    """Add the options about many pictures. word: what results are called by default."""
    group = parser.add_argument_group("many pictures")
    add = group.add_argument
    add("--recursive", "-r", action="store_true", help="also take folders in folders")
    add(
        "--suffix",
        type=suffix,
        metavar="TEXT",
        help=f"what follows the picture's name in that of its result (default: .{word})",
    )
    add(
        "--resume",
        action="store_true",
        help="skip pictures whose results are there and current, by content, options and model; "
        "make anew what imgae wrote otherwise",
    )
    add("--skip-existing", action="store_true", help="skip pictures whose results are there")
    add(
        "--dry-run",
        action="store_true",
        help="write no results; say what would be done, and about how long it would take",
    )
    add(
        "--max-memory",
        type=auto_or(memory),
        default="auto",
        metavar="auto|SIZE",
        help="the most memory to use in all, as in 1G; pictures that need more are denoised by "
        "rows, where their format allows it (default: a quarter of what is free)",
    )
    add(
        "--engine",
        choices=("local", "ray"),
        default="local",
        help="where to work: on this machine, or on a cluster of Ray (default: local)",
    )
    add(
        "--workers",
        type=whole(1),
        metavar="N",
        help="how many workers --engine ray has (default: one for each CPU of the cluster)",
    )
    add(
        "--report",
        metavar="FILE",
        help="write what became of each picture to a .json or .csv file, which is replaced",
    )


def add_files(parser: argparse.ArgumentParser, word: str) -> None:
    """Add the inputs, and the options about files that are read and written."""
    add_places(parser, f"{word}.EXT")
    add_writing(parser)
    add_reading(parser)
    parser.add_argument(
        "--model",
        metavar="NAME",
        help="the model to use: a name that `imgae models` lists, or an .onnx file",
    )


def add_tile(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--tile",
        type=auto_or(whole(0)),
        default="auto",
        metavar="auto|PX|0",
        help="how to cut large pictures: auto fits them into memory, PX is the side of a tile in "
        "pixels, 0 takes the whole picture at once; the result is the same, but tiles under "
        "128 pixels are slow (default: auto)",
    )


def add_sigma(parser: Options) -> None:
    parser.add_argument(
        "--sigma",
        type=auto_or(between(0, 255)),
        default="auto",
        metavar="auto|LEVEL",
        help="the noise level: its standard deviation in 8-bit levels, from 0 to 255; auto finds "
        "it (default: auto)",
    )


def add_printing(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--json", action="store_true", help="print one JSON object for each picture")
    add("--quiet", action="store_true", help="print no progress and no summary")


def level_of(options: argparse.Namespace) -> float | None:
    """Return the level that --sigma gives, on [0, 1]; None is to be found."""
    return None if options.sigma == "auto" else options.sigma / 255


def noise_level(record: dict[str, Any]) -> str:
    """Return what a summary says of the noise level."""
    caution = f"; {record['caution']}" if record["caution"] else ""
    return f"noise level {record['sigma']:.3g} ({SOURCES[record['sigma_source']]}{caution})"


def size_of(record: dict[str, Any]) -> str:
    """Return what a summary says of the size."""
    frames = f", {record['frames']} pictures" if record["frames"] > 1 else ""
    return f"{record['width']}x{record['height']}{frames}"


def refuse_clashes(
    options: argparse.Namespace, read: Sequence[Use], results: Sequence[Use], also: Sequence[Use]
) -> None:
    """Refuse a file that a command would write over another that it reads or writes.

    read: what it reads. results: what it makes of the first of these, in their order; one may
    replace its own input, if it is named the same. also: what else it writes.
    The same file under another name, through a link or in other letters, is seen as well.
    Ends the program where names alone show it; raises ImageError where the files do.
    """
    taken: dict[object, Use] = {}
    for use in read:
        taken.setdefault(identity(use.path), use)
    own = [use.path for use in read[: len(results)]]
    for number, use in enumerate([*results, *also]):
        same = taken.setdefault(identity(use.path), use)
        if same is use:
            continue
        named_same = same.path.absolute() == use.path.absolute()
        if named_same and number < len(own) and same.path is own[number]:
            continue
        if named_same:
            options.parser.error(
                f"{use.path} would be both {same.role} and {use.role}; name another file for one "
                "of them, or put a pattern in quotes, so that earlier results are left out"
            )
        raise ImageError(
            f"{use.path}: {use.role} would be written over {same.path}, {same.role}, which is the "
            "same file; name another"
        )


def identity(path: Place) -> object:
    """Return what is equal for all names of one file, whether it exists or not."""
    if not is_remote(path):
        with contextlib.suppress(OSError):
            found = path.stat()
            return found.st_dev, found.st_ino
    return os.path.normcase(key_of(path))
