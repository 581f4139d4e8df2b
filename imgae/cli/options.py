"""Options that several commands share, and the checks of their values."""

import argparse
import math
import re
import textwrap
from collections.abc import Callable
from typing import TypeAlias

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001
"""What argparse's add_subparsers returns; the type has no public name."""
Options: TypeAlias = "argparse._ActionsContainer"  # noqa: SLF001
"""What options are added to: a parser, or a group of its options."""
SCALES = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9}
BINARY = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


def new_parser(
    commands: Commands, name: str, summary: str, more: str = "", after: str = ""
) -> argparse.ArgumentParser:
    """Add a command.

    summary: what it does, for `imgae --help` and its own. more, after: what its own help says
    before and after the options.
    """
    parser = commands.add_parser(
        name,
        help=summary,
        description=filled(f"{summary}\n\n{more}" if more else summary),
        epilog=filled(after) or None,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--debug", action="store_true", help="print a traceback if something fails")
    return parser


def filled(text: str, width: int = 78) -> str:
    """Break the lines of a help text for a terminal of 80 columns; paragraphs with indented lines,
    which are examples and lists, stay as they are.
    """
    return "\n\n".join(
        part if re.search(r"^ ", part, re.MULTILINE) else textwrap.fill(part, width)
        for part in text.strip().split("\n\n")
    )


def add_device(parser: argparse.ArgumentParser, library: str = "onnxruntime") -> None:
    """Add --device and --threads; library: what decides whether there is CUDA."""
    parser.add_argument(
        "--device",
        choices=("auto", "cpu", "cuda"),
        default="auto",
        help=f"where to run the model; auto uses CUDA if {library} has it (default: auto)",
    )
    parser.add_argument(
        "--threads",
        type=whole(1),
        metavar="N",
        help="how many CPU threads to use (default: one for each usable CPU)",
    )


def whole(least: int) -> Callable[[str], int]:
    """Return what reads a whole number from `least` up, of nine digits at most."""

    def read(text: str) -> int:
        if not (text.isascii() and text.isdigit()) or len(text) > 9 or int(text) < least:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {least} up")
        return int(text)

    return read


def between(low: float, high: float) -> Callable[[str], float]:
    """Return what reads a number from low to high."""

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number from {low:g} to {high:g}")
        return value

    return read


def count(text: str) -> int:
    """Read a number that may end in K, M or G, for a thousand, a million or a milliard."""
    found = re.fullmatch(r"([0-9]{1,12}(?:\.[0-9]{1,6})?)([KMGkmg]?)", text)
    if not found or not (value := round(float(found[1]) * SCALES[found[2].upper()])):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1, as in 500M or 2G")
    return value


def memory(text: str) -> int:
    """Read an amount of memory, as in 800M or 1.5G, in units of 1024."""
    found = re.fullmatch(r"([0-9]{1,6}(?:\.[0-9]{1,6})?)([KMG])(?:i?B)?", text, re.IGNORECASE)
    if not found or not (value := int(float(found[1]) * BINARY[found[2].upper()])):
        raise argparse.ArgumentTypeError(f"{text!r} is not an amount of memory, as in 800M or 2G")
    return value


def auto_or(read: Callable[[str], float]) -> Callable[[str], float | str]:
    """Return what reads "auto", or else what `read` reads."""

    def read_either(text: str) -> float | str:
        if text == "auto":
            return text
        try:
            return read(text)
        except argparse.ArgumentTypeError as error:
            sentence = str(error).replace("is not", "is neither 'auto' nor", 1)
            raise argparse.ArgumentTypeError(sentence) from error

    return read_either
