"""Pictures of ten materials, drawn at random: what inspection sees where nothing is wrong.

Every picture of a material shows another part of it, turned by up to 3 degrees, in light that
varies in strength and direction, with the noise of a camera.
"""

from collections.abc import Callable
from typing import Final

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Field = NDArray[np.float32]
"""(H, W)."""
Pixels = NDArray[np.uint8]
"""(H, W, 3)."""
Colour = tuple[float, float, float]
TURN: Final = np.radians(3)
GROW: Final = 0.03
"""How much larger or smaller a picture may show its material."""
LIGHT: Final = 0.06
"""How much brighter or darker a picture may be, and one side than the other."""
NOISE: Final = 2.5
"""Standard deviation of the camera's noise, in levels of 255."""
LEAST_SIDE: Final = 64


def draw(kind: str, side: int, random: Generator) -> Pixels:
    """Draw a picture of a material of KINDS, (side, side, 3). side: from LEAST_SIDE.

    The picture follows from the generator.
    """
    pixels = KINDS[kind](Place(side, random))
    ramp = np.linspace(-1, 1, side, dtype=np.float32)
    across, down = random.normal(0, LIGHT / 3, 2)
    light = 1 + random.normal(0, LIGHT / 3) + across * ramp + down * ramp[:, None]
    lit = 255 * pixels * light[..., None] + random.normal(0, NOISE, pixels.shape)
    eight: Pixels = lit.clip(0, 255).round().astype(np.uint8)
    return eight


class Place:
    """Where on its material a picture looks. x, y: of each pixel, in pixels, (side, side)."""

    def __init__(self, side: int, random: Generator) -> None:
        self.side, self.random = side, random
        angle, size = random.uniform(-TURN, TURN), 1 + random.uniform(-GROW, GROW)
        down, across = np.mgrid[:side, :side].astype(np.float32) * size
        left, top = random.uniform(0, 4096, 2)
        self.x = (np.cos(angle) * across - np.sin(angle) * down + left).astype(np.float32)
        self.y = (np.sin(angle) * across + np.cos(angle) * down + top).astype(np.float32)

    def noise(self, wide: float, high: float | None = None) -> Field:
        """Return smooth noise of standard deviation 1, whose grains are so wide and high."""
        return smooth(self.random, self.side, wide, high or wide)

    def cells(self, size: float) -> tuple[Field, NDArray[np.int64]]:
        """Return how far each pixel is from the border of its cell, on [0, 1], and its number.

        The cells are those of points scattered about `size` apart (Worley 1996).
        """
        count = int(np.ceil(self.side / size)) + 2
        grid = np.stack(list(np.mgrid[-1 : count - 1, -1 : count - 1]), -1).reshape(-1, 2)
        points = ((grid + self.random.uniform(0.1, 0.9, grid.shape)) * size).astype(np.float32)
        pixels = (
            np.stack(list(np.mgrid[: self.side, : self.side]), -1).reshape(-1, 2).astype(np.float32)
        )
        near = np.full((len(pixels), 2), np.inf, np.float32)
        owner = np.zeros(len(pixels), np.int64)
        for number, point in enumerate(points):
            low = np.maximum((point - 3 * size).astype(int), 0)
            high = np.minimum((point + 3 * size).astype(int), self.side)
            if (high <= low).any():
                continue
            rows, columns = np.mgrid[low[0] : high[0], low[1] : high[1]]
            at = (rows * self.side + columns).ravel()
            far = np.linalg.norm(pixels[at] - point, axis=1)
            first = far < near[at, 0]
            near[at, 1] = np.where(first, near[at, 0], np.minimum(near[at, 1], far))
            near[at, 0] = np.where(first, far, near[at, 0])
            owner[at] = np.where(first, number, owner[at])
        border = ((near[:, 1] - near[:, 0]) / size).clip(0, 1)
        return border.reshape(self.side, -1), owner.reshape(self.side, -1)


def smooth(random: Generator, side: int, wide: float, high: float) -> Field:
    edge = int(3 * max(wide, high)) + 1
    grains = random.normal(0, 1, (side + 2 * edge, side + 2 * edge)).astype(np.float32)
    field = cv2.GaussianBlur(grains, (0, 0), wide, sigmaY=high)[edge:-edge, edge:-edge]
    return np.asarray(field / field.std(), np.float32)


def shade(colour: Colour, value: Field) -> Field:
    """Return a colour, on [0, 1], times each value: (H, W, 3)."""
    return np.asarray(np.array(colour, np.float32) * value[..., None], np.float32)


def between(first: Colour, second: Colour, share: Field) -> Field:
    """Return colours between two, (H, W, 3). share: of the second."""
    part = share.clip(0, 1)[..., None]
    return np.asarray((1 - part) * np.array(first) + part * np.array(second), np.float32)


def fabric(at: Place) -> Field:
    """A plain weave of two threads, 9 pixels apart."""
    x, y = at.x / 9 + 0.06 * at.noise(12), at.y / 9 + 0.06 * at.noise(12)
    warp, weft = np.abs(np.sin(np.pi * x)), np.abs(np.sin(np.pi * y))
    over = (np.floor(x) + np.floor(y)) % 2 == 0
    thread = np.where(over, warp * (0.6 + 0.4 * weft), weft * (0.6 + 0.4 * warp))
    thread += 0.05 * at.noise(0.7, 3) + 0.03 * at.noise(20)
    return np.where(
        over[..., None],
        shade((0.55, 0.6, 0.72), 0.35 + 0.65 * thread),
        shade((0.66, 0.66, 0.7), 0.35 + 0.65 * thread),
    )


def knit(at: Place) -> Field:
    """Rows of V-shaped stitches, 16 by 12 pixels."""
    x, y = at.x / 16 + 0.04 * at.noise(14), at.y / 12 + 0.05 * at.noise(14)
    within = np.abs(x - np.floor(x) - 0.5)
    leg = np.abs(((y + 1.1 * within) % 1) - 0.5)
    value = 0.45 + 0.55 * np.cos(np.pi * leg) * np.sqrt(np.sin(2 * np.pi * within).clip(0, 1))
    return shade((0.72, 0.3, 0.28), value + 0.05 * at.noise(1) + 0.03 * at.noise(16))


def wood(at: Place) -> Field:
    """Rings that run along the picture, and short pores."""
    bent = at.y / 22 + 0.5 * at.noise(60, 25) + 0.12 * at.noise(40, 4)
    rings = 0.5 + 0.5 * np.sin(2 * np.pi * bent)
    pores = (at.noise(9, 0.8) > 1.9).astype(np.float32)
    value = 0.25 + 0.5 * rings**2 + 0.1 * at.noise(14, 0.9) - 0.35 * pores
    return between((0.72, 0.52, 0.32), (0.45, 0.28, 0.15), value)


def metal(at: Place) -> Field:
    """Brushed along one direction."""
    grain = 0.55 * at.noise(45, 0.7) + 0.45 * at.noise(15, 1.2) + 0.3 * at.noise(80, 6)
    return shade((0.62, 0.63, 0.65), 1 + 0.09 * grain)


def granite(at: Place) -> Field:
    """Grains of three minerals and some mica."""
    _, cell = at.cells(7)
    colours = np.array([(0.62, 0.58, 0.56), (0.78, 0.72, 0.68), (0.36, 0.36, 0.38)], np.float32)
    table = colours[at.random.choice(3, int(cell.max()) + 1, p=(0.45, 0.35, 0.2))]
    mica = (at.noise(1.1) > 2.3).astype(np.float32)
    soft = cv2.GaussianBlur(table[cell], (0, 0), 0.7)
    value = 1 + 0.05 * at.noise(2) - 0.6 * mica
    return np.asarray(soft * value[..., None], np.float32)


def tiles(at: Place) -> Field:
    """Square tiles of 44 pixels, each a little different, with grout between them."""
    x, y = at.x / 44, at.y / 44
    edge = 44 * np.minimum(np.minimum(x % 1, 1 - x % 1), np.minimum(y % 1, 1 - y % 1))
    number = (np.floor(x) * 31 + np.floor(y) * 17).astype(int)
    own = at.random.normal(0, 0.035, 997)[number % 997].astype(np.float32)
    glaze = shade((0.3, 0.52, 0.5), 1 + own + 0.02 * at.noise(3) + 0.03 * at.noise(12))
    grout = shade((0.7, 0.68, 0.64), 1 + 0.08 * at.noise(1))
    share = np.clip(2.6 - edge, 0, 1)[..., None]
    return np.asarray((1 - share) * glaze + share * grout, np.float32)


def leather(at: Place) -> Field:
    """Cells of irregular size with dark creases between them."""
    border, _ = at.cells(11)
    crease = np.exp(-((border / 0.16) ** 2))
    value = 1 - 0.55 * crease + 0.05 * at.noise(1.2) + 0.07 * at.noise(20)
    return shade((0.42, 0.24, 0.15), value)


def asphalt(at: Place) -> Field:
    """Fine dark grains with light stones."""
    stones = np.clip(at.noise(2.2) - 1.1, 0, 1)
    value = 0.3 + 0.07 * at.noise(0.8) + 0.05 * at.noise(4) + 0.28 * stones
    return shade((1.0, 0.99, 0.96), value)


def carpet(at: Place) -> Field:
    """Tufts of two colours."""
    tufts = at.noise(2.5) + 0.5 * at.noise(1)
    colour = between((0.2, 0.3, 0.45), (0.5, 0.5, 0.42), 0.5 + 0.9 * at.noise(6))
    return np.asarray(colour * (0.85 + 0.16 * tufts)[..., None], np.float32)


def marble(at: Place) -> Field:
    """Veins through a light stone."""
    bent = at.x / 70 + at.y / 90 + 0.45 * at.noise(40) + 0.2 * at.noise(14) + 0.07 * at.noise(5)
    vein = np.exp(-np.abs(np.sin(np.pi * bent)) / 0.12)
    value = vein * (0.5 + 0.3 * at.noise(30)) + 0.12 * at.noise(25)
    return (
        between((0.9, 0.89, 0.87), (0.45, 0.47, 0.5), value) * (1 + 0.01 * at.noise(1))[..., None]
    )


KINDS: Final[dict[str, Callable[[Place], Field]]] = {
    "fabric": fabric,
    "knit": knit,
    "wood": wood,
    "metal": metal,
    "granite": granite,
    "tiles": tiles,
    "leather": leather,
    "asphalt": asphalt,
    "carpet": carpet,
    "marble": marble,
}
