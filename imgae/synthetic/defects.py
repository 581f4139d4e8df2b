"""Scratches and dust of film and paper, and lines of architecture that look like them.

Masks are uint8 (H, W); values say how much of a pixel is covered. Everything is drawn FINE times
larger and averaged; every function draws into a mask from a seeded generator.
"""

from typing import Final

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from imgae.synthetic.masks import FINE, Mask, finer, lay_over, many

STEP: Final = 6
"""Pixels between the points of a path."""
Points = NDArray[np.float64]
"""(N, 2), x and y in pixels."""


def draw_all_scratches(mask: Mask, rng: Generator) -> None:
    """Scratches of many kinds: 0.6 to 7 pixels wide, straight, bent, broken, parallel, crossing.

    One kind in a third of the masks, all of them mixed in the rest.
    """
    fine = finer(mask)
    kinds = (ruled_line, one_scratch, tram_lines, broken_scratch, scuff)
    only = int(rng.integers(0, 3 * len(kinds)))
    for _ in range(1 + many(mask, rng, 3, 24)):
        kind = (
            kinds[only]
            if only < len(kinds)
            else kinds[int(rng.choice(5, p=(0.35, 0.35, 0.08, 0.14, 0.08)))]
        )
        kind(fine, rng)
    lay_over(mask, fine)


def ruled_line(fine: Mask, rng: Generator) -> None:
    """One straight line of one width between any two points."""
    height, width = (side // FINE for side in fine.shape)
    ends = rng.uniform(-0.1, 1.1, (2, 2)) * (width, height)
    stroke(fine, ends, between(rng, 0.7, 5), rng)


def one_scratch(fine: Mask, rng: Generator) -> None:
    """One line, nearly straight or bent, which may thin out towards its ends."""
    height, width = (side // FINE for side in fine.shape)
    length = between(rng, 15, 1.2 * max(height, width))
    bend = rng.choice((0.0, 0.01, 0.04, 0.12), p=(0.3, 0.3, 0.25, 0.15))
    line = walk(rng, length, float(bend), (height, width))
    stroke(fine, line, line_width(rng), rng, tapered=rng.random() < 0.4)


def tram_lines(fine: Mask, rng: Generator) -> None:
    """Two to five parallel lines along the film, at irregular distances."""
    height, width = (side // FINE for side in fine.shape)
    angle = rng.choice((0, np.pi / 2)) + rng.normal(0, 0.01)
    along = np.array([np.cos(angle), np.sin(angle)])
    across = np.array([-along[1], along[0]])
    middle = rng.uniform(0, (width, height))
    for _ in range(int(rng.integers(2, 6))):
        begin, end = np.sort(rng.uniform(-1, 1, 2)) * max(height, width)
        where = middle + across * rng.normal(0, 25)
        line = where + np.linspace(begin, end, 40)[:, None] * along
        stroke(fine, line, between(rng, 0.6, 2.5), rng)


def broken_scratch(fine: Mask, rng: Generator) -> None:
    """A line of pieces: the tool left the surface now and then."""
    height, width = (side // FINE for side in fine.shape)
    line = walk(rng, between(rng, 40, max(height, width)), 0.02, (height, width))
    thick = line_width(rng)
    begin = 0
    while begin < len(line) - 1:
        end = begin + int(rng.integers(2, 10))
        if rng.random() < 0.65:
            stroke(fine, line[begin : end + 1], thick * between(rng, 0.7, 1.3), rng)
        begin = end


def scuff(fine: Mask, rng: Generator) -> None:
    """A bundle of short thin lines of about one direction."""
    height, width = (side // FINE for side in fine.shape)
    angle = rng.uniform(0, np.pi)
    middle = rng.uniform(0, (width, height))
    for _ in range(int(rng.integers(3, 12))):
        turn = angle + rng.normal(0, 0.12)
        half = between(rng, 8, 50) * np.array([np.cos(turn), np.sin(turn)])
        where = middle + rng.normal(0, 15, 2)
        stroke(fine, np.stack([where - half, where + half]), between(rng, 0.6, 2), rng)


def draw_all_dust(mask: Mask, rng: Generator) -> None:
    """Specks of 2 to 16 pixels, round or ragged, crumbs in clouds, hairs and curled fibres."""
    fine = finer(mask)
    height, width = mask.shape
    largest = between(rng, 4, 16)
    for _ in range(1 + many(mask, rng, 4, 90)):
        size = between(rng, 2, largest)
        speck(fine, rng.uniform(0, (width, height)), size, rng)
    if rng.random() < 0.3:
        middle, spread = rng.uniform(0, (width, height)), between(rng, 10, 60)
        for _ in range(int(rng.integers(5, 40))):
            speck(fine, middle + rng.normal(0, spread, 2), between(rng, 1.5, 4), rng)
    for _ in range(many(mask, rng, 0, 12)):
        bend = float(rng.choice((0.1, 0.3, 0.7)))
        line = walk(rng, between(rng, 8, 90), bend, (height, width), step=3)
        stroke(fine, line, between(rng, 0.7, 2.5), rng, tapered=rng.random() < 0.3)
    lay_over(mask, fine)


def speck(fine: Mask, where: Points, size: float, rng: Generator) -> None:
    """Fill an outline of about `size` pixels across: an ellipse, or a ragged one."""
    turns = np.linspace(0, 2 * np.pi, 14, endpoint=False)
    rough = between(rng, 0.05, 0.5) if rng.random() < 0.5 else 0.0
    radii = size / 2 * np.exp(rng.normal(0, rough, len(turns)))
    flat = between(rng, 0.4, 1)
    outline = np.stack([radii * np.cos(turns), flat * radii * np.sin(turns)], 1)
    angle = rng.uniform(0, np.pi)
    turned = outline @ np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    cv2.fillPoly(fine, [np.round(FINE * (turned + where)).astype(np.int32)], 255)


def draw_architecture(mask: Mask, rng: Generator) -> None:
    """Lines that belong to the picture, which their regular order shows: grids, railings, wires.

    At least five lines are parallel, or one does not know a bar from a scratch.
    """
    fine = finer(mask)
    height, width = mask.shape
    for _ in range(int(rng.integers(1, 4))):
        size = np.array([between(rng, 60, 400), between(rng, 60, 400)])
        corner = rng.uniform(-0.3, 0.7, 2) * (width, height)
        square = corner + size * np.array([(0, 0), (1, 0), (1, 1), (0, 1)])
        corners = square + rng.normal(0, 0.08 * size.min(), (4, 2))
        columns = int(rng.integers(5, 16))
        rows = int(rng.integers(2, 12))
        thick = min(between(rng, 0.8, 7), 0.3 * size[0] / columns)
        for share in np.linspace(0, 1, columns):
            between_sides(fine, corners[[0, 1]], corners[[3, 2]], share, thick)
        for share in np.linspace(0, 1, rows):
            between_sides(fine, corners[[0, 3]], corners[[1, 2]], share, thick)
    lay_over(mask, fine)


def between_sides(fine: Mask, first: Points, second: Points, share: float, thick: float) -> None:
    """Draw the line that lies at a share of the way along two sides."""
    ends = np.stack([side[0] + share * (side[1] - side[0]) for side in (first, second)])
    points = np.round(FINE * ends).astype(np.int32)
    cv2.polylines(fine, [points], False, 255, max(1, round(FINE * thick)))


def walk(
    rng: Generator, length: float, bend: float, shape: tuple[int, int], step: int = STEP
) -> Points:
    """Return a path that changes its direction by about `bend` radians every `step` pixels."""
    count = max(2, round(length / step))
    angles = rng.uniform(0, 2 * np.pi) + np.cumsum(rng.normal(0, bend, count))
    steps = step * np.stack([np.cos(angles), np.sin(angles)], 1)
    return np.asarray(np.cumsum(steps, 0) + rng.uniform(0, shape[::-1]))


def stroke(fine: Mask, line: Points, width: float, rng: Generator, tapered: bool = False) -> None:
    """Draw a path whose width varies by a tenth; a tapered one ends at a third of it."""
    points = np.round(FINE * line).astype(np.int32)
    if not tapered:
        cv2.polylines(fine, [points], False, 255, max(1, round(FINE * width)))
        return
    shares = 1 - 0.7 * np.abs(np.linspace(-1, 1, len(points) - 1)) ** 2
    shares *= 1 + rng.normal(0, 0.1, len(shares))
    for begin, end, share in zip(points[:-1], points[1:], shares, strict=True):
        thick = max(1, round(FINE * width * share))
        cv2.line(fine, begin.tolist(), end.tolist(), 255, thick)


def line_width(rng: Generator) -> float:
    return between(rng, 0.6, 3) if rng.random() < 0.8 else between(rng, 2.5, 7)


def between(rng: Generator, low: float, high: float) -> float:
    """Draw so that each doubling is as likely as the next."""
    return float(low * (high / low) ** rng.random())
