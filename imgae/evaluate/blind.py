"""Sheets for readers who do not know which fill is whose, with the key apart.

Each row shows a hole, and its fills under letters, in an order of its own that follows from a seed.
"""

from collections.abc import Sequence
from pathlib import Path
from string import ascii_uppercase
from typing import Final

import cv2
import numpy as np
import PIL.Image
import PIL.ImageDraw
import PIL.ImageFont
from numpy.typing import NDArray

from imgae.evaluate.objects import Case, Outcome
from imgae.io.atomic import write_whole
from imgae.io.files import write_image
from imgae.picture.image import Image

CELL: Final = 320
"""The longer side of a crop on a sheet, in pixels."""
GAP: Final = 6
LABEL: Final = 18
ROWS: Final = 4
"""On a page."""
KEY: Final = "key.txt"

Row = tuple[str, list[NDArray[np.uint8]]]


def write_sheets(
    cases: Sequence[Case], outcomes: Sequence[Outcome], methods: Sequence[str], folder: Path,
    seed: int,
) -> list[Path]:  # fmt: skip
    """Write pages of rows, page-1.png and so on, and key.txt, into a folder that is made.

    methods: whose fills are shown. Returns the pages' paths.
    """
    folder.mkdir(parents=True, exist_ok=True)
    fills = {(outcome.case.hole.name, outcome.method): outcome.pixels for outcome in outcomes}
    rows: list[Row] = []
    key = []
    for number, case in enumerate(cases):
        order = np.random.default_rng((seed, number)).permutation(len(methods))
        shown = [methods[place] for place in order]
        where = crop_of(case)
        pictures = [with_gray_hole(case), *(fills[case.hole.name, name] for name in shown)]
        rows.append((case.hole.name, [scaled(pixels[where]) for pixels in pictures]))
        letters = ", ".join(
            f"{letter} {name}" for letter, name in zip(ascii_uppercase, shown, strict=False)
        )
        key.append(f"{case.hole.name}: {letters}\n")
    pages = []
    for first in range(0, len(rows), ROWS):
        pages.append(folder / f"page-{first // ROWS + 1}.png")
        page = Image(np.asarray(drawn(rows[first : first + ROWS])))
        write_image(page, pages[-1], overwrite=True)
    write_whole(folder / KEY, "".join(key).encode())
    return pages


def crop_of(case: Case) -> tuple[slice, slice]:
    """Return where a hole is, with half its size around it on every side."""
    assert case.sample.mask is not None
    found = []
    for axis in (1, 0):
        marked = np.flatnonzero(case.sample.mask.any(axis))
        first, last = int(marked[0]), int(marked[-1]) + 1
        margin = max((last - first) // 2, 24)
        found.append(slice(max(first - margin, 0), last + margin))
    return found[0], found[1]


def with_gray_hole(case: Case) -> NDArray[np.uint8]:
    pixels = case.sample.reference.copy()
    pixels[case.sample.mask] = 128
    return np.asarray(pixels, np.uint8)


def scaled(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a crop (H, W, 3) at CELL pixels on its longer side."""
    scale = CELL / max(pixels.shape[:2])
    size = (round(pixels.shape[1] * scale), round(pixels.shape[0] * scale))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(pixels, size, interpolation=how), np.uint8)


def drawn(rows: Sequence[Row]) -> PIL.Image.Image:
    """Draw rows of crops, the first of each without a letter."""
    heights = [max(crop.shape[0] for crop in crops) + LABEL + GAP for _, crops in rows]
    width = max(len(crops) for _, crops in rows) * (CELL + GAP)
    page = PIL.Image.new("RGB", (width, sum(heights)), "white")
    draw = PIL.ImageDraw.Draw(page)
    top = 0
    for (name, crops), height in zip(rows, heights, strict=True):
        for column, crop in enumerate(crops):
            label = f"{name} {ascii_uppercase[column - 1]}" if column else name
            draw.text((column * (CELL + GAP) + 2, top + 2), label, "black")
            page.paste(PIL.Image.fromarray(crop), (column * (CELL + GAP), top + LABEL))
        top += height
    return page
