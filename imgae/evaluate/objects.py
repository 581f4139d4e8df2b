"""Fills of holes as large as objects, and of small ones in texture, beside other fills.

The holes are listed in objects.json: outlines of objects that people would remove, where the aim is
what surrounds them, and ellipses on places, where the aim is what was there. Pictures are named by
their paths below one folder.
"""

import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from imgae.errors import ImageError, OptionError, warn
from imgae.evaluate.folders import usable
from imgae.evaluate.inpaint import TRUTH, score_texture
from imgae.evaluate.protocol import Figures, Method, Sample, finite, mean_of
from imgae.evaluate.report import cell, markdown
from imgae.picture import masks
from imgae.picture.image import Image
from imgae.picture.metrics import psnr
from imgae.picture.pixels import to_uint8, to_uint8_rgb

LIST: Final = Path(__file__).with_suffix(".json")
OBJECT: Final = "object"
"""The kind of hole that covers what is to go."""
PLACE: Final = "place"
"""The kind of hole that covers what should come back."""
SMALL: Final = (24, 36, 47)
"""Across, in pixels: holes that are smaller than objects, and large enough to show texture."""
MEANS: Final = (
    ("patch distance", "patch_distance", ".2f"),
    ("detail", "detail_ratio", ".2f"),
    ("seam", "seam_ratio", ".2f"),
    ("seam off", "seam_off", ".2f"),
    ("PSNR of places", "hole_psnr", ".2f"),
    ("s", "seconds", ".2f"),
)
"""Of the table of means: head, figure, format."""
SINGLE: Final = MEANS[:3]
"""Of the tables of single holes."""


@dataclass(frozen=True)
class Hole:
    """A hole in a picture.

    picture: its path below the folder. kind: OBJECT or PLACE, or the texture of a small hole.
    outline: corners (x, y) of a polygon; or an ellipse: centre x and y, both half axes, and the
    angle in degrees by which it is turned clockwise.
    """

    name: str
    picture: str
    kind: str
    outline: tuple[tuple[int, int], ...] | tuple[int, int, int, int, int]

    def mask(self, clean: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Return the hole in a picture (H, W, C) as bool (H, W)."""
        if isinstance(self.outline[0], tuple):
            return masks.polygon(Image(clean), self.outline)
        x, y, across, down, angle = self.outline
        drawn = np.zeros(clean.shape[:2], np.uint8)
        cv2.ellipse(drawn, (x, y), (across, down), angle, 0, 360, 255, -1)
        return drawn > 0


@dataclass(frozen=True, eq=False)
class Case:
    """A hole, and the sample that it makes of its picture."""

    hole: Hole
    sample: Sample


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a method made of a case: pixels (H, W, 3) uint8, and the figures of its hole."""

    method: str
    case: Case
    pixels: NDArray[np.uint8]
    figures: Figures


def holes_of(path: Path = LIST) -> list[Hole]:
    """Read the holes as large as objects from a list. Raises OptionError if it is none."""
    found = []
    for row in rows_of(path, "holes"):
        outline = row["ellipse"] if "ellipse" in row else map(tuple, row["polygon"])
        found.append(Hole(row["name"], row["picture"], row["kind"], tuple(outline)))
    return found


def small_holes_of(path: Path = LIST) -> list[Hole]:
    """Read the places of small holes, and return a round hole of every width in SMALL at each.

    Raises OptionError if the file is no such list.
    """
    found = []
    for row in rows_of(path, "small"):
        x, y = row["at"]
        for width in SMALL:
            radius = width // 2  # an ellipse of this half axis is 2 * radius + 1 pixels wide
            name = f"{row['name']} {width}"
            found.append(Hole(name, row["picture"], row["texture"], (x, y, radius, radius, 0)))
    return found


def rows_of(path: Path, key: str) -> list[dict[str, Any]]:
    needed = {"holes": ("name", "picture", "kind"), "small": ("name", "picture", "texture", "at")}
    try:
        rows = json.loads(path.read_text("utf-8"))[key]
        good = all(name in row for row in rows for name in needed[key])
        good = good and (key == "small" or all("ellipse" in r or "polygon" in r for r in rows))
    except OSError as error:
        raise OptionError(f"{path}: cannot be read: {error.strerror}") from error
    except (KeyError, TypeError, ValueError):
        good = False
    if not good:
        raise OptionError(f"{path}: not a list of holes; write one like {LIST.name} of imgae")
    return list(rows)


def cases_of(holes: Sequence[Hole], folder: Path) -> list[Case]:
    """Cut holes into the pictures below a folder; they are black in the holes.

    Holes whose pictures cannot be read are left out, with an ImgaeWarning. Raises ImageError if
    none is left.
    """
    found = []
    for hole in holes:
        path = folder / hole.picture
        try:
            clean = to_uint8_rgb(to_uint8(usable(path).pixels))
        except ImageError as error:
            warn(f"{hole.name}: left out: {error}")
            continue
        mask = hole.mask(clean)
        holed = np.where(mask[:, :, None], np.uint8(0), clean)
        found.append(Case(hole, Sample(hole.name, holed, clean, mask=mask)))
    if not found:
        raise ImageError(
            f"{folder}: none of the pictures with holes can be read; expected for example "
            f"{folder / holes[0].picture}"
        )
    return found


def run(
    methods: Sequence[Method],
    cases: Sequence[Case],
    score: Callable[[Case, NDArray[np.uint8]], Figures],
    tell: Callable[[str], None] = lambda _: None,
) -> list[Outcome]:
    """Fill all cases by all methods, and measure; the truth is measured last, as a method.

    score: the figures of a case; seconds are added. Every method runs once more before, for what
    loads late. tell: called with the name of each hole before its fills.
    """
    for method in methods:
        method.run(cases[0].sample)
    found = []
    for case in cases:
        tell(case.hole.name)
        for method in methods:
            started = time.perf_counter()
            pixels = method.run(case.sample)
            seconds = time.perf_counter() - started
            figures = score(case, pixels) | {"seconds": seconds}
            found.append(Outcome(method.name, case, pixels, figures))
        truth = case.sample.reference
        figures = score(case, truth) | {"seconds": None}
        if case.hole.kind == OBJECT:  # inside is what is to go
            figures |= {"patch_distance": None, "detail_ratio": None}
        found.append(Outcome(TRUTH, case, truth, figures))
    return found


def stored_fills(folder: Path) -> Method:
    """Return a method that reads a fill of each hole, HOLE.png, from a folder.

    Raises OptionError if there is no such folder; ImageError, as it runs, for a fill that is
    missing or of another size.
    """
    if not folder.is_dir():
        raise OptionError(f"{folder}: not a folder of stored fills")

    def read(sample: Sample) -> NDArray[np.uint8]:
        path = folder / f"{sample.name}.png"
        pixels = to_uint8_rgb(to_uint8(usable(path).pixels))
        if pixels.shape != sample.reference.shape:
            raise ImageError(f"{path}: is not of its picture's size")
        return pixels

    return Method(folder.resolve().name, read)


def score_object(case: Case, pixels: NDArray[np.uint8]) -> Figures:
    """Return patch_distance, detail_ratio and seam_ratio (see `metrics`), seam_off and hole_psnr.

    seam_off: how far the seam is from the truth's, as the absolute logarithm of their ratio. What
    was there has no seam, so its value is what steps a hole's rim has of itself; outlines of
    objects leave a few pixels around them, so this holds for these too. 1 is only what it would be
    if the rim lay in surroundings that are alike everywhere. hole_psnr: for places only.
    """
    sample = case.sample
    figures = score_texture(sample, pixels)
    seam, right = figures["seam_ratio"], score_texture(sample, sample.reference)["seam_ratio"]
    assert seam is not None
    assert right is not None
    figures["seam_off"] = abs(math.log(max(seam, 1e-9) / max(right, 1e-9)))
    figures["hole_psnr"] = None
    if case.hole.kind == PLACE and pixels is not sample.reference:
        figures["hole_psnr"] = psnr(pixels[sample.mask], sample.reference[sample.mask], 255)
    return figures


def score_small(case: Case, pixels: NDArray[np.uint8]) -> Figures:
    """Return detail_of_truth: the energy of the gradient in the hole over the truth's."""
    sample = case.sample
    assert sample.mask is not None
    made, right = (gradient_energy(x, sample.mask) for x in (pixels, sample.reference))
    return {"detail_of_truth": made / max(right, 1e-9)}


def gradient_energy(pixels: NDArray[np.uint8], mask: NDArray[np.bool_]) -> float:
    """Return the mean squared step to the right and down between pixels that are both marked.

    pixels: (H, W, C); mask: (H, W). In squared 8-bit levels, over all channels.
    """
    values = pixels.astype(np.float32)
    across = np.square(np.diff(values, axis=1)).mean(2)[mask[:, 1:] & mask[:, :-1]]
    down = np.square(np.diff(values, axis=0)).mean(2)[mask[1:] & mask[:-1]]
    return float(across.mean() + down.mean())


def table(outcomes: Sequence[Outcome]) -> str:
    """Lay means out as a Markdown table, and figures of single holes as three."""
    methods = list(dict.fromkeys(outcome.method for outcome in outcomes))
    rows = []
    for method in methods:
        own = [outcome.figures for outcome in outcomes if outcome.method == method]
        means = (cell(mean_of(f[name] for f in own), form) for _, name, form in MEANS)
        rows.append([method, *means])
    count = len(outcomes) // len(methods)
    tables = [markdown([f"mean of {count} holes", *(head for head, _, _ in MEANS)], rows)]
    for head, name, form in SINGLE:
        tables.append(markdown([head, *methods], single_rows(outcomes, name, form)))
    return "\n\n".join(tables)


def single_rows(outcomes: Sequence[Outcome], name: str, form: str) -> list[list[str]]:
    """Return a row for each hole: its name, and one figure of every method."""
    rows: dict[str, list[str]] = {}
    for outcome in outcomes:
        hole = outcome.case.hole.name
        rows.setdefault(hole, [hole]).append(cell(outcome.figures[name], form))
    return list(rows.values())


def small_table(outcomes: Sequence[Outcome]) -> str:
    """Lay the detail of small holes out as a Markdown table: of each hole, and means."""
    methods = list(dict.fromkeys(outcome.method for outcome in outcomes))
    methods.remove(TRUTH)
    outcomes = [outcome for outcome in outcomes if outcome.method != TRUTH]
    rows = single_rows(outcomes, "detail_of_truth", ".2f")
    for texture in [*dict.fromkeys(outcome.case.hole.kind for outcome in outcomes), None]:
        row = [f"mean of {texture or 'all'}"]
        for method in methods:
            own = [
                outcome.figures["detail_of_truth"]
                for outcome in outcomes
                if outcome.method == method and texture in (None, outcome.case.hole.kind)
            ]
            row.append(cell(mean_of(own), ".2f"))
        rows.append(row)
    return markdown(["detail, of the truth's", *methods], rows)


def wins(outcomes: Sequence[Outcome], ours: str, other: str) -> str:
    """Say in how many holes one method is nearer than another in patches and in seam."""
    by_hole: dict[str, dict[str, Figures]] = {}
    for outcome in outcomes:
        by_hole.setdefault(outcome.case.hole.name, {})[outcome.method] = outcome.figures
    pairs = [(figures[ours], figures[other]) for figures in by_hole.values()]
    patches, seam, one = (
        sum(far(a) < far(b) for a, b in pairs) for far in (patches_off, seam_off, seam_from_one)
    )
    return (
        f"{ours} is nearer than {other} in patches: {patches} of {len(pairs)}, in seam: {seam} of "
        f"{len(pairs)} (to 1 instead of to the truth's: {one})"
    )


def patches_off(figures: Figures) -> float:
    return finite_of(figures["patch_distance"])


def seam_off(figures: Figures) -> float:
    return finite_of(figures["seam_off"])


def seam_from_one(figures: Figures) -> float:
    return abs(math.log(max(finite_of(figures["seam_ratio"]), 1e-9)))


def finite_of(value: float | None) -> float:
    """Return a figure; infinity where it could not be measured."""
    found = finite(value)
    return math.inf if found is None else found


def to_json(outcomes: Sequence[Outcome], about: dict[str, Any]) -> str:
    rows = [
        {
            "hole": outcome.case.hole.name,
            "kind": outcome.case.hole.kind,
            "method": outcome.method,
            **{name: finite(value) for name, value in outcome.figures.items()},
        }
        for outcome in outcomes
    ]
    return json.dumps({**about, "results": rows}, indent=1, allow_nan=False)
