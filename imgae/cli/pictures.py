"""The options about picture files, and reading and writing by them."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from imgae.cli.options import count, whole
from imgae.errors import OptionError
from imgae.io.formats import table

if TYPE_CHECKING:
    from imgae.restore.batches.work import Writing

DEFAULT_MOST = 10**9


def add_reading(parser: argparse.ArgumentParser) -> None:
    """Add what says which pictures are read."""
    parser.add_argument(
        "--max-pixels",
        type=count,
        default=DEFAULT_MOST,
        metavar="N",
        help="the most pixels that a file may have, all its pages together, as in 500M or 2G "
        "(default: 1G)",
    )


def add_writing(parser: argparse.ArgumentParser) -> None:
    """Add what says how results are written."""
    add = parser.add_argument
    add(
        "--format",
        type=ending,
        metavar="EXT",
        help="the format of results, as the ending of a name: png, jpg, tif, ... (default: that of "
        "each picture)",
    )
    add(
        "--quality",
        type=percent,
        metavar="1..100",
        help="the quality of JPEG, WebP and other lossy formats (default: a JPEG as the one read, "
        "or 95; other formats keep every pixel where they can)",
    )
    add(
        "--cmyk",
        action="store_true",
        help="write pictures that came as CMYK back as CMYK, by their profile (default: as RGB)",
    )
    add(
        "--strip-metadata",
        action="store_true",
        help="leave out camera data, place, captions and comments; the colour profile stays",
    )


def ending(text: str) -> str:
    """Read the ending of a name, with or without its dot."""
    try:
        return table.written_ending(text)
    except OptionError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def percent(text: str) -> int:
    value = whole(1)(text)
    if value > 100:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 to 100")
    return value


def check_format(options: argparse.Namespace) -> None:
    """End the program if --format and -o name different formats."""
    if not options.format or not options.output:
        return
    named, asked = table.of_name(Path(options.output)), table.of_name(Path("a" + options.format))
    if named is not None and named is not asked and not options.output.endswith("/"):
        options.parser.error(
            f"-o {options.output} and --format {options.format[1:]} name different formats; leave "
            "one out"
        )


def writing_of(options: argparse.Namespace) -> "Writing":
    """Return how the options say that results are written."""
    from imgae.io.format import Encoding
    from imgae.restore.batches.work import Writing

    return Writing(options.format, Encoding(options.quality, options.cmyk), options.strip_metadata)
