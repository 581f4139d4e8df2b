"""Boxes around what was found in a map of anomalies."""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

MARGIN: Final = 8
"""Pixels that a box goes beyond the values above the threshold."""


class Box(NamedTuple):
    """A part of a picture that holds something unusual.

    x, y: the column and the row of its first pixel, from 0. width, height: in pixels.
    score: the largest value of the map inside.
    """

    x: int
    y: int
    width: int
    height: int
    score: float


def boxes_of(found: NDArray[np.float32], threshold: float) -> tuple[Box, ...]:
    """Return boxes around the parts of a map (H, W) above a threshold, the largest score first.

    Each has a margin; boxes that touch or overlap are one.
    """
    import cv2  # loads only where it is used

    mask = (found > threshold).astype(np.uint8)
    if not mask.any():
        return ()
    margin = MARGIN
    while True:
        count, _, parts, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
        boxes = [grown(part, margin, found.shape) for part in parts[1:count]]
        mask[:] = 0
        for x, y, width, height in boxes:
            mask[y : y + height, x : x + width] = 1
        if cv2.connectedComponents(mask, connectivity=8)[0] == count:
            break
        margin = 0
    scored = [
        Box(x, y, width, height, float(found[y : y + height, x : x + width].max()))
        for x, y, width, height in boxes
    ]
    return tuple(sorted(scored, key=lambda box: (-box.score, box.y, box.x)))


def grown(part: NDArray[np.int32], margin: int, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return a component's x, y, width and height with a margin, within a picture."""
    x, y, width, height = (int(value) for value in part[:4])
    left, top = max(0, x - margin), max(0, y - margin)
    right, bottom = min(shape[1], x + width + margin), min(shape[0], y + height + margin)
    return left, top, right - left, bottom - top
