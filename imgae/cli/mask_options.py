"""The options that say what to fill."""

import argparse
import itertools
import os
import re
from collections.abc import Sequence
from pathlib import Path

from imgae.cli.files import Use
from imgae.cli.options import Options, between, whole
from imgae.errors import MaskError
from imgae.model.contract import DEFECTS
from imgae.restore.batches.masks import MaskFolder

SOURCES = ("mask", "box", "polygon", "color", "detect")
TOLERANCE = 16
ALPHA = "alpha"
"""What --mask names instead of a file, for the picture's own transparency."""
FARTHEST = 1_000_000  # pixels
BOXES = ("--box", "--within", "--from-box")
CORNER = re.compile(r"\s*-?\d+\s*,\s*-?\d+\s*", re.ASCII)
CORNERS = ";"
"""Between the corners of one --polygon, once they are put together as one word."""


def add_mask(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(
        "what to fill",
        "Give --mask, --box, --polygon, --color or --detect, or several of them; all\n"
        "that any of them marks is filled.",
    )
    add = group.add_argument
    add(
        "--mask",
        metavar="FILE|FOLDER|alpha",
        help="a picture of the same size, white where to fill, drawn on the picture as viewers "
        "show it; a folder with one for each picture, of the same name or with _mask; or the word "
        "alpha, for what is not opaque",
    )
    add("--invert-mask", action="store_true", help="fill what is black in --mask, not white")
    add(
        "--threshold",
        type=between(0, 255),
        metavar="0..255",
        help="the gray from which pixels of --mask count as white (default: half, 127.5)",
    )
    add(
        "--label",
        type=labels,
        action="extend",
        default=[],
        metavar="N",
        help="fill what --mask gives this number: its place in the palette, or its gray; may be "
        "given several times",
    )
    add_boxes(
        group,
        "--box",
        "a rectangle: left, top, width and height in pixels; may be given several times",
    )
    add(
        "--polygon",
        type=corners,
        action="append",
        default=[],
        metavar="X,Y ...",
        help="the three or more corners of an area; may be given several times",
    )
    add("--color", type=color, metavar="RRGGBB", help="all pixels of this colour")
    add(
        "--tolerance",
        type=whole(0),
        metavar="N",
        help="how much each channel may differ from --color, in 8-bit levels (default: "
        f"{TOLERANCE})",
    )
    add(
        "--detect",
        type=defects,
        action="extend",
        default=[],
        metavar="DEFECT",
        help=f"defects that are found: {', '.join(DEFECTS)}; separate several with commas. "
        "`imgae inpaint` fills a margin around them too: 1 pixel around scratches and dust, 2 "
        "around text, 3 around a stamp; `imgae mask` marks only what is found",
    )
    add(
        "--sensitivity",
        type=between(0, 1),
        metavar="0..1",
        help="how readily --detect marks something: more finds fainter defects, and also makes "
        "more mistakes (default: 0.5)",
    )
    add_boxes(
        group,
        "--within",
        "fill nothing outside of this rectangle, whatever marks it, as for a --color that is "
        "elsewhere too; may be given several times",
    )
    add(
        "--protect",
        metavar="FILE",
        help="a mask to subtract: what is white in it is not filled, whatever marks it",
    )
    add(
        "--dilate",
        type=whole(0),
        default=0,
        metavar="PX",
        help="grow what is marked by so many pixels (default: 0)",
    )


def add_boxes(group: Options, option: str, text: str) -> None:
    """Add an option that takes rectangles."""
    group.add_argument(option, type=box, action="append", default=[], metavar="X,Y,W,H", help=text)


def numbers(text: str, count: int) -> list[int]:
    parts = text.split(",")
    if len(parts) != count or not all(part.strip().lstrip("-").isdigit() for part in parts):
        raise argparse.ArgumentTypeError(f"{text!r} is not {count} whole numbers with commas")
    values = [int(part) for part in parts]
    if max(map(abs, values)) > FARTHEST:
        raise argparse.ArgumentTypeError(f"{text!r} is more than {FARTHEST} pixels away")
    return values


def box(text: str) -> tuple[int, int, int, int]:
    left, top, width, height = numbers(text, 4)
    if width < 1 or height < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is a box without area")
    return left, top, width, height


def corners(text: str) -> list[tuple[int, int]]:
    points = []
    for corner in text.split(CORNERS):
        x, y = numbers(corner, 2)
        points.append((x, y))
    return points


def with_corners_joined(words: Sequence[str]) -> list[str]:
    """Return a command line with the corners after each --polygon in one word, and each box too.

    The first word that is not a corner, such as a picture, is left to stand for itself. In one word
    negative numbers are not taken for options.
    """
    left, joined = list(words), []
    while left:
        joined.append(left.pop(0))
        if joined[-1] in BOXES and left and left[0].startswith("-") and "," in left[0]:
            joined[-1] += f"={left.pop(0)}"
        if joined[-1] != "--polygon":
            continue
        points = list(itertools.takewhile(CORNER.fullmatch, left))
        del left[: len(points)]
        if points:
            joined[-1] = f"--polygon={CORNERS.join(points)}"
    return joined


def color(text: str) -> tuple[int, int, int]:
    digits = text.removeprefix("#")
    try:
        values = bytes.fromhex(digits)
    except ValueError:
        values = b""
    if len(digits) != 6 or len(values) != 3:
        raise argparse.ArgumentTypeError(f"{text!r} is not a colour such as ff8000")
    return values[0], values[1], values[2]


def defects(text: str) -> list[str]:
    names = text.split(",")
    for name in names:
        if name not in DEFECTS:
            raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(DEFECTS)}")
    return names


def labels(text: str) -> list[int]:
    read = whole(0)
    return [read(part.strip()) for part in text.split(",")]


def check_mask(options: argparse.Namespace, *, drawn: bool = False) -> None:
    """Refuse a command line that marks nothing, or whose options do not go together.

    drawn: whether something is drawn by hand, so that options need mark nothing.
    """
    error = options.parser.error
    if not (drawn or any(getattr(options, name) for name in SOURCES)):
        error("nothing says what to fill: give --mask, --box, --polygon, --color or --detect")
    if options.tolerance is not None and not options.color:
        error("--tolerance is about a --color; name one")
    if options.sensitivity is not None and not options.detect:
        error("--sensitivity is about what --detect finds; name a defect")
    about_a_file = {
        "--invert-mask": options.invert_mask,
        "--threshold": options.threshold is not None,
        "--label": bool(options.label),
    }
    for option, given in about_a_file.items():
        if given and options.mask in (None, ALPHA):
            error(f"{option} is about the picture that --mask names; name one")
    if options.threshold is not None and options.label:
        error("--threshold is about grays, and --label about numbers; leave one out")
    for use in mask_files(options):
        if not os.path.exists(use.path):  # noqa: PTH110 - Path.exists raises for long names
            more = ", or is alpha" if use.role == "--mask" else ""
            raise MaskError(f"{use.path}: no such file; {use.role} names a picture{more}")


MARKING = (
    "invert_mask", "threshold", "label", "box", "polygon", "color", "tolerance", "detect",
    "sensitivity", "within", "dilate",
)  # fmt: skip
"""Options that decide what is marked, besides the content of files."""


def decided_by(options: argparse.Namespace) -> tuple[list[str], dict[str, Path | None]]:
    """Return the models and the files, by their options, that decide what is marked and where
    texture comes from; None for one that differs from picture to picture.
    """
    from imgae.model import registry

    models = [str(registry.DEFAULT_DETECTOR)] if options.detect else []
    files = {use.role: None if os.path.isdir(use.path) else use.path for use in mask_files(options)}
    return models, {**files, **({ALPHA: None} if options.mask == ALPHA else {})}


def masks_of(options: argparse.Namespace) -> MaskFolder | None:
    """Return the folder that --mask names, or None if it names none."""
    if options.mask in (None, ALPHA) or not os.path.isdir(options.mask):
        return None
    return MaskFolder(Path(options.mask))


def mask_files(options: argparse.Namespace) -> list[Use]:
    """Return the files that options name as masks."""
    named = [("--mask", None if options.mask == ALPHA else options.mask)]
    named += [("--protect", options.protect), ("--avoid", getattr(options, "avoid", None))]
    return [Use(Path(path), option) for option, path in named if path]
