"""What is drawn by hand, from JSON to a mask at the picture's full size."""

import argparse
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from imgae.cli import mask_options
from imgae.cli.server.quoting import quoted
from imgae.cli.server.spans import fill_line, fill_polygon, pixels_in
from imgae.errors import OptionError
from imgae.model.contract import DEFECTS
from imgae.model.machine import check_stopped
from imgae.picture.image import Image

if TYPE_CHECKING:
    from imgae.restore.detect import Detector

Mask = NDArray[np.bool_]
Floats = NDArray[np.float64]
Given = Mapping[str, Any]

MOST_STROKES: Final = 20_000
MOST_POINTS: Final = 1_000_000
"""Of all strokes together."""
MOST_LOOKS: Final = {"color": 50, "detect": 20}
"""Strokes of those kinds, each of which goes through the whole picture."""
FARTHEST: Final = 1e6
"""Pixels from the picture's corner."""
KEYS: Final = {
    "brush": ("size", "points"),
    "eraser": ("size", "points"),
    "box": ("box", "erase"),
    "polygon": ("points", "erase"),
    "color": ("color", "tolerance", "within"),
    "detect": ("defects", "sensitivity"),
    "invert": (),
    "clear": (),
}
"""What each tool takes; besides its name."""


@dataclass(frozen=True)
class Stroke:
    """One thing that is drawn.

    points: (N, 2), x and y. size: of a brush, its diameter. box: left, top, width and height.
    value: what pixels become. colour and so on: of pixels that are marked by what they are.
    """

    tool: str
    points: Floats = field(default_factory=lambda: np.zeros((0, 2)))
    size: float = 0.0
    box: Floats | None = None
    value: bool = True
    colour: tuple[int, int, int] = (0, 0, 0)
    tolerance: int = mask_options.TOLERANCE
    defects: tuple[str, ...] = ()
    sensitivity: float = 0.5


@dataclass(frozen=True)
class Strokes:
    """What is drawn, in order. detector: returns what finds defects."""

    strokes: Sequence[Stroke]
    detector: "Callable[[], Detector]"

    def __call__(self, image: Image, marked: Mask) -> None:
        """Draw on the mask of a picture, bool (H, W), in place."""
        for stroke in self.strokes:
            check_stopped()
            self.draw(stroke, image, marked)

    def draw(self, stroke: Stroke, image: Image, marked: Mask) -> None:
        tool, value = stroke.tool, stroke.value
        area = ... if stroke.box is None else pixels_in(stroke.box)
        if tool == "box":
            marked[area] = value
        elif tool == "polygon":
            fill_polygon(marked, stroke.points, value)
        elif tool == "invert":
            np.logical_not(marked, out=marked)
        elif tool == "clear":
            marked[:] = False
        elif tool == "detect":
            marked |= self.found(stroke, image)
        elif tool == "color":
            from imgae.picture import masks  # OpenCV, where it is used

            if marked[area].size:
                part = replace(image, pixels=image.pixels[area], alpha=None, extra=None)
                marked[area] |= masks.color(part, stroke.colour, stroke.tolerance)
        else:
            fill_line(marked, stroke.points, stroke.size / 2, value)

    def found(self, stroke: Stroke, image: Image) -> Mask:
        from imgae.cli.marking import with_margins

        found = self.detector().find_each(image, stroke.defects, sensitivity=stroke.sensitivity)
        return with_margins(found)


def strokes_of(text: str) -> list[Stroke]:
    """Read strokes. Raises OptionError, which says which of them is wrong, and how."""
    try:
        given = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise OptionError("strokes: is no JSON") from error
    if not isinstance(given, list):
        raise OptionError("strokes: is no list")
    if len(given) > MOST_STROKES:
        raise OptionError(f"strokes: are {len(given)}; they may be {MOST_STROKES}")
    found, count, looks = [], 0, dict.fromkeys(MOST_LOOKS, 0)
    for number, each in enumerate(given, 1):
        try:
            found.append(stroke_of(each))
        except OptionError as error:
            raise OptionError(f"strokes: stroke {number}: {error}") from error
        if (tool := found[-1].tool) in looks:
            looks[tool] += 1
            if looks[tool] > (most := MOST_LOOKS[tool]):
                raise OptionError(f"strokes: have more than {most} of the tool {tool}")
        count += len(found[-1].points)
        if count > MOST_POINTS:
            raise OptionError(f"strokes: have more than {MOST_POINTS} points")
    return found


def stroke_of(given: Any) -> Stroke:
    """Read one stroke. Raises OptionError."""
    if not isinstance(given, Mapping):
        raise OptionError("is no object")
    tool = given.get("tool")
    if not isinstance(tool, str) or tool not in KEYS:
        raise OptionError(f"tool is {quoted(tool)}; there are: {', '.join(KEYS)}")
    if strange := given.keys() - {"tool", *KEYS[tool]}:
        takes = ", ".join(KEYS[tool]) or "nothing else"
        raise OptionError(f"a {tool} has no {quoted(min(strange))}; it takes {takes}")
    return READERS[tool](given)


def brush_of(given: Given) -> Stroke:
    return Stroke(
        given["tool"],
        points_of(given.get("points"), 1),
        number_of(given, "size", 0, FARTHEST),
        value=given["tool"] == "brush",
    )


def area_of(given: Given) -> Stroke:
    erases = given.get("erase", False)
    if not isinstance(erases, bool):
        raise OptionError(f"erase is {quoted(erases)}; it is true or false")
    if given["tool"] == "box":
        return Stroke("box", box=box_of(given, "box"), value=not erases)
    return Stroke("polygon", points_of(given.get("points"), 3), value=not erases)


def colour_stroke_of(given: Given) -> Stroke:
    within = None if given.get("within") is None else box_of(given, "within")
    tolerance = number_of(given, "tolerance", 0, 255, mask_options.TOLERANCE)
    colour = colour_of(given.get("color"))
    return Stroke("color", box=within, colour=colour, tolerance=int(tolerance))


def detected_of(given: Given) -> Stroke:
    sensitivity = number_of(given, "sensitivity", 0, 1, 0.5)
    return Stroke("detect", defects=defects_of(given.get("defects")), sensitivity=sensitivity)


def plain_of(given: Given) -> Stroke:
    return Stroke(given["tool"])


READERS: Final[dict[str, Callable[[Given], Stroke]]] = {
    "brush": brush_of,
    "eraser": brush_of,
    "box": area_of,
    "polygon": area_of,
    "color": colour_stroke_of,
    "detect": detected_of,
    "invert": plain_of,
    "clear": plain_of,
}


def points_of(given: Any, fewest: int) -> Floats:
    """Read points. Raises OptionError."""
    expected = f"points has to be {fewest} or more pairs of numbers, as [[x, y], ...]"
    if not isinstance(given, list) or len(given) < fewest:
        raise OptionError(expected)
    try:
        found = np.array(given)
    except (ValueError, OverflowError) as error:  # not all of one length
        raise OptionError(expected) from error
    if found.shape != (len(given), 2) or found.dtype.kind not in "iuf":
        raise OptionError(expected)
    return checked(found.astype(np.float64), "points")


def box_of(given: Given, name: str) -> Floats:
    """Read a box. Raises OptionError."""
    try:
        found = np.array(given.get(name))
    except (ValueError, OverflowError):
        found = np.zeros(0)
    if found.shape != (4,) or found.dtype.kind not in "iuf":
        raise OptionError(f"{name} has to be 4 numbers: left, top, width and height")
    found = checked(found.astype(np.float64), name)
    if found[2:].min() < 0:
        raise OptionError(f"{name} has a width or height below 0")
    return found


def checked(numbers: Floats, name: str) -> Floats:
    if not (np.abs(numbers) <= FARTHEST).all():  # nor NaN
        raise OptionError(f"{name} has a number that is not within {FARTHEST:.0f} of 0")
    return numbers


def number_of(
    given: Given, name: str, low: float, high: float, default: float | None = None
) -> float:
    """Read a number. Raises OptionError."""
    value = given.get(name, default)
    usable = isinstance(value, int | float) and not isinstance(value, bool)
    if not usable or not math.isfinite(value) or not low <= value <= high:
        raise OptionError(f"{name} is {quoted(value)}; it is a number from {low:g} to {high:.0f}")
    return float(value)


def colour_of(given: Any) -> tuple[int, int, int]:
    try:
        return mask_options.color(given if isinstance(given, str) else "")
    except argparse.ArgumentTypeError as error:
        raise OptionError(f"color is {quoted(given)}; it is one such as ff8000") from error


def defects_of(given: Any) -> tuple[str, ...]:
    names = given if isinstance(given, list) else []
    if not names or not all(isinstance(name, str) and name in DEFECTS for name in names):
        raise OptionError(f"defects has to be a list of some of {', '.join(DEFECTS)}")
    return tuple(dict.fromkeys(names))
