"""What is drawn by hand, from JSON to a mask at the picture's full size."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from imgae.cli.marking import with_margins
from imgae.cli.mask_options import TOLERANCE, color
from imgae.errors import OptionError
from imgae.model.contract import DEFECTS
from imgae.picture import masks
from imgae.picture.image import Image
from imgae.restore.detect import Detector

Mask = NDArray[np.bool_]
Points = NDArray[np.float64]

MOST_STROKES: Final = 20_000
MOST_POINTS: Final = 1_000_000
"""Of all strokes together."""
FARTHEST: Final = 1e6
"""Pixels from the picture's corner."""
WIDEST: Final = 1e5
SHIFT: Final = 10
"""Bits of the fraction in which OpenCV takes corners."""
EDGES: Final = 1 << 22
"""The most pixels of which distances to one part of a line are computed at once."""


@dataclass(frozen=True)
class Stroke:
    """One thing that is drawn. points: (N, 2), x and y. size: of a brush, its diameter.

    within: left, top, right, bottom of what a colour is looked for in, or None.
    """

    tool: str
    points: Points
    size: float = 0.0
    erases: bool = False
    colour: tuple[int, int, int] = (0, 0, 0)
    tolerance: int = TOLERANCE
    defects: tuple[str, ...] = ()
    sensitivity: float = 0.5


@dataclass(frozen=True)
class Strokes:
    """What is drawn, in order. detector: loads what finds defects."""

    strokes: Sequence[Stroke]
    detector: Callable[[], Detector]

    def __call__(self, image: Image, marked: Mask) -> None:
        """Draw on the mask of a picture, (H, W), in place."""
        for stroke in self.strokes:
            if stroke.tool == "invert":
                np.logical_not(marked, out=marked)
            elif stroke.tool == "clear":
                marked[:] = False
            elif stroke.tool == "color":
                self.mark_colour(stroke, image, marked)
            elif stroke.tool == "detect":
                found = self.detector().find_each(
                    image, stroke.defects, sensitivity=stroke.sensitivity
                )
                marked |= with_margins(found)
            else:
                SHAPES[stroke.tool](stroke, marked)

    def mark_colour(self, stroke: Stroke, image: Image, marked: Mask) -> None:
        area: tuple[slice, slice] | None = (slice(None), slice(None))
        if len(stroke.points):
            area = pixels_between(stroke.points, marked.shape)
        if area is not None:
            pixels = np.ascontiguousarray(image.pixels[area])
            marked[area] |= masks.color(Image(pixels), stroke.colour, stroke.tolerance)
