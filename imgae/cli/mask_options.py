"""The options that say what to fill, and the mask that they make."""

import argparse
import itertools
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from imgae.cli.files import Use
from imgae.cli.options import whole
from imgae.errors import MaskError, warn
from imgae.model.contract import DEFECTS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from imgae.picture.image import Image
    from imgae.restore.detect import Detector

SOURCES = ("mask", "box", "polygon", "color", "detect")
TOLERANCE = 16
FARTHEST = 1_000_000  # pixels
CORNER = re.compile(r"\s*-?\d+\s*,\s*-?\d+\s*", re.ASCII)
CORNERS = ";"
"""Between the corners of one --polygon, once they are put together as one word."""


def add_mask(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(
        "what to fill",
        "Give one or more. Everything that any of them marks is filled.",
    )
    add = group.add_argument
    add(
        "--mask",
        metavar="FILE|alpha",
        help="a picture of the same size, white where to fill, drawn on the picture as viewers "
        "show it; or the word alpha, for what is not opaque",
    )
    add(
        "--box",
        type=box,
        action="append",
        default=[],
        metavar="X,Y,W,H",
        help="a rectangle: left, top, width and height in pixels; may be given several times; "
        "write --box=-5,0,9,9 if X is negative",
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
        metavar="|".join(DEFECTS),
        help="the defects that a model finds; separate several with commas",
    )
    add(
        "--dilate",
        type=whole(0),
        default=0,
        metavar="PX",
        help="grow the mask by so many pixels (default: 0)",
    )


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
    """Return a command line with the corners after each --polygon in one word, and each --box too.

    The first word that is not a corner, such as a picture, is left to stand for itself. In one word
    negative numbers are not taken for options.
    """
    left, joined = list(words), []
    while left:
        joined.append(left.pop(0))
        if joined[-1] == "--box" and left and left[0].startswith("-") and "," in left[0]:
            joined[-1] = f"--box={left.pop(0)}"
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


def check_mask(options: argparse.Namespace) -> None:
    """Refuse a command line that marks nothing."""
    if not any(getattr(options, name) for name in SOURCES):
        options.parser.error(
            "nothing says what to fill: give --mask, --box, --polygon, --color or --detect"
        )
    if options.tolerance is not None and not options.color:
        options.parser.error("--tolerance is about a --color; name one")
    for use in mask_file(options):
        if not os.path.exists(use.path):  # noqa: PTH110 - Path.exists raises for long names
            raise MaskError(f"{use.path}: no such file; --mask names a picture, or is alpha")


def mask_file(options: argparse.Namespace) -> list[Use]:
    """Return the file that --mask names, if it names one."""
    return [Use(Path(options.mask), "--mask")] if options.mask not in (None, "alpha") else []


def load_detector(options: argparse.Namespace) -> "Detector | None":
    """Load the model that --detect needs; None without it."""
    if not options.detect:
        return None
    from imgae.restore.detect import Detector

    return Detector(device=options.device, threads=options.threads)


def make_mask(
    options: argparse.Namespace, image: "Image", detector: "Detector | None"
) -> "NDArray[np.bool_]":
    """Build the mask of a picture. Raises MaskError if a part of it does not fit."""
    import numpy as np

    from imgae.io import files
    from imgae.picture import masks

    marked = np.zeros((image.height, image.width), bool)
    if options.mask == "alpha":
        marked |= masks.from_alpha(image)
    elif options.mask:
        try:
            drawn = masks.from_picture(files.read_image(Path(options.mask)), image, options.mask)
        except MaskError as error:
            raise MaskError(f"{options.mask}: {error}") from error
        if not drawn.any():
            warn(
                f"{options.mask}: all of it is black, so it marks nothing; white is what is filled"
            )
        marked |= drawn
    for left, top, width, height in options.box:
        marked |= masks.box(image, left, top, width, height)
    for points in options.polygon:
        marked |= masks.polygon(image, points)
    if options.color:
        tolerance = TOLERANCE if options.tolerance is None else options.tolerance
        marked |= masks.color(image, options.color, tolerance)
    if detector:
        marked |= detector(image, options.detect)
    return masks.dilate(marked, options.dilate)


def write_mask(mask: "NDArray[np.bool_]", path: Path, overwrite: bool) -> None:
    """Write a mask as it lies on the upright picture."""
    import numpy as np

    from imgae.io.files import write_image
    from imgae.picture.image import Image

    write_image(Image(np.where(mask[:, :, None], 255, 0).astype(np.uint8)), path, overwrite)
