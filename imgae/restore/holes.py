"""Where holes are, how deep they are, and what lies around them."""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from imgae.picture.tiling import Box

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]


def depth_of(hole: Mask) -> Floats:
    """Return how far every pixel of a hole is from known ones, in pixels; 0 outside it."""
    depth = np.zeros(hole.shape, np.float32)
    if hole.any():
        area = around(hole, 2).slices
        depth[area] = distance_to_zero(hole[area])
    return depth


def distance_to_zero(marked: Mask) -> Floats:
    return np.asarray(cv2.distanceTransform(marked.astype(np.uint8), cv2.DIST_L2, 5))


def depth_from_border(hole: Mask) -> Floats:
    """Return the same as `depth_of`, as if what lies outside the picture were known."""
    return distance_to_zero(np.pad(hole, 1))[1:-1, 1:-1]


def deep_parts(depth: Floats, hole: Mask, deepest: float) -> Mask:
    """Return the parts of `hole` about points deeper than `deepest`, out to their corners.

    Thin parts that touch a deep one are not among them.
    """
    deep: Mask = depth > deepest
    if deep.any():
        reach = math.ceil(1.5 * deepest)
        area = around(deep, reach).slices
        deep[area] = (distance_to_zero(~deep[area]) <= reach) & hole[area]
    return deep


def parts_of(marked: Mask) -> list[tuple[Box, Mask]]:
    """Return the connected parts of what is marked, each in its own box."""
    if not marked.any():
        return []
    outer = around(marked, 0)
    seen = marked[outer.slices].astype(np.uint8)
    count, labels, boxes, _ = cv2.connectedComponentsWithStats(seen)
    found = []
    for label in range(1, count):
        left, top, width, height = boxes[label, :4].tolist()
        own = labels[top : top + height, left : left + width] == label
        top, left = top + outer.top, left + outer.left
        found.append((Box(top, left, top + height, left + width), own))
    return found


def around(marked: Mask, margin: int) -> Box:
    """Return the box of the marked pixels with a margin, from even coordinates."""
    rows, columns = np.flatnonzero(marked.any(1)), np.flatnonzero(marked.any(0))
    box = Box(int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1)
    return grown(box, margin, marked.shape)


def grown(box: Box, margin: int, shape: tuple[int, ...]) -> Box:
    """Return a box with a margin, from even coordinates, inside a picture of a shape."""
    return Box(
        max(box.top - margin, 0) // 2 * 2,
        max(box.left - margin, 0) // 2 * 2,
        min(box.bottom + margin, shape[0]),
        min(box.right + margin, shape[1]),
    )
