"""What pictures are drawn with: random numbers, colours, smooth fields, type, photographs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
import PIL.Image
import PIL.ImageDraw
from numpy.random import Generator
from numpy.typing import NDArray

from imgae.synthetic.fonts import ANY, Face, Fonts, word

Pixels = NDArray[np.uint8]
"""(H, W, 3)."""
Colour = tuple[int, int, int]
Box = tuple[int, int, int, int]
"""Left, top, right, bottom."""
Canvas = PIL.ImageDraw.ImageDraw
SIZES: Final = (8, 40)
"""Pixels, of type in a page."""
SMOOTHER: Final = 3
"""Drawings are drawn this many times larger, and averaged."""


@dataclass(frozen=True, eq=False)
class Kit:
    """Draws at random, from one generator.

    photographs: parts of them are pasted and dithered; without any, drawn scenes are.
    """

    random: Generator
    fonts: Fonts = ANY
    photographs: Sequence[Pixels] = ()

    def chance(self, share: float) -> bool:
        return bool(self.random.random() < share)

    def integer(self, low: int, high: int) -> int:
        """Draw from low to high, both possible; low if high is less."""
        return int(self.random.integers(low, max(low, high) + 1))

    def between(self, low: float, high: float) -> float:
        return float(self.random.uniform(low, high))

    def log_between(self, low: float, high: float) -> float:
        """Draw so that each doubling is as likely as the next."""
        return float(low * (high / low) ** self.random.random())

    def colour(self, low: int = 0, high: int = 255) -> Colour:
        r, g, b = (int(value) for value in self.random.integers(low, high + 1, 3))
        return r, g, b

    def inks(self) -> tuple[Colour, Colour]:
        """Return paper and ink: 40 % black on white, 15 % light on dark, the rest coloured."""
        kind = self.random.random()
        if kind < 0.4:
            return (255, 255, 255), (0, 0, 0) if self.chance(0.6) else (10, 10, 10)
        if kind < 0.55:
            gray = 0 if self.chance(0.4) else self.integer(0, 60)
            return (gray, gray, gray), self.colour(170, 255)
        if kind < 0.8:
            return self.colour(215, 255), self.colour(0, 110)
        return self.colour(), self.colour()

    def place(self, side: int, part: int) -> tuple[int, int]:
        """Return left and top of a square part inside a square."""
        return self.integer(0, side - part), self.integer(0, side - part)

    def path(self, side: int, count: int, step: float) -> list[tuple[float, float]]:
        """Return the points of a random walk that begins inside a square."""
        points = np.cumsum(self.random.normal(0, step, (count, 2)), 0)
        points += self.random.uniform(0, side, 2)
        return [(float(x), float(y)) for x, y in points]

    def field(self, side: int, width: float) -> NDArray[np.float32]:
        """Draw a smooth field (side, side) of standard deviation 1, its hills `width` pixels."""
        count = max(4, round(side / width))
        coarse = self.random.normal(0, 1, (count, count)).astype(np.float32)
        fine = cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC)
        return np.asarray(fine / max(float(fine.std()), 1e-6), np.float32)

    def area(self, side: int, low: float, high: float) -> NDArray[np.bool_]:
        """Draw areas 1/8 to 1/2 of the side wide, where a field is above a level."""
        return self.field(side, side / self.between(2, 8)) > self.between(low, high)

    def photograph(self, side: int) -> Pixels:
        """Return a part of a photograph, (side, side, 3): enlarged to 1.7 times or reduced to 0.4.

        Without photographs, draw a scene.
        """
        if not self.photographs:
            return self.scene(side)
        picture = self.photographs[self.integer(0, len(self.photographs) - 1)]
        part = min(*picture.shape[:2], round(side * self.between(0.6, 2.5)))
        top, left = (self.integer(0, size - part) for size in picture.shape[:2])
        way = cv2.INTER_AREA if part > side else cv2.INTER_CUBIC
        cut = picture[top : top + part, left : left + part]
        return np.asarray(cv2.resize(cut, (side, side), interpolation=way), np.uint8)

    def scene(self, side: int) -> Pixels:
        """Draw 3 to 9 shaded areas over each other, with soft or sharp edges."""
        sheet = self.surface(side)
        for _ in range(self.integer(2, 8)):
            cover = self.area(side, 0, 1.2).astype(np.float32)
            cover = cv2.GaussianBlur(cover, (0, 0), self.log_between(0.5, 6)).astype(np.float32)
            sheet = sheet + (self.surface(side) - sheet) * cover[..., None]
        return picture_of(sheet)

    def surface(self, side: int) -> NDArray[Any]:
        """Draw a shaded colour on 0 to 255, (side, side, 3); 40 % have waves of 4 to 12 pixels."""
        shade: NDArray[Any] = 0.6 * self.field(side, side / self.between(1, 5))
        if self.chance(0.4):
            shade = shade + self.between(0.05, 0.3) * self.field(side, self.between(4, 12))
        colour = self.random.uniform(20, 235, 3)
        return np.asarray(colour * (1 + 0.4 * shade[..., None]))

    def write(self, canvas: Canvas, box: Box, ink: Any, sizes: tuple[int, int] = SIZES) -> None:
        """Fill a box with lines of words of one font and size, small sizes more often."""
        left, top, right, bottom = box
        face = self.fonts.face(round(self.log_between(*sizes)), self.random)
        step = max(4, round(face.size * self.between(1.05, 1.7)))
        ragged = 0.0 if self.chance(0.6) else self.between(0.02, 0.5)
        wide = max(1.0, canvas.textlength("mean word ", face)) / 10
        for y in range(top, round(bottom - face.size) + 1, step):
            if self.chance(0.06):
                continue
            room = max(1, int((right - left) * (1 - ragged * self.random.random()) / wide))
            canvas.text((left, y), self.line(face, room), ink, face)

    def line(self, face: Face, count: int) -> str:
        """Draw words of so many letters together; the last may be cut."""
        text = ""
        while len(text) < count:
            text += word(face, self.random) + " "
        return text[:count]


def new(side: int, paper: Any, mode: str = "RGB") -> tuple[PIL.Image.Image, Canvas]:
    picture = PIL.Image.new(mode, (side, side), paper)
    return picture, PIL.ImageDraw.Draw(picture)


def picture_of(values: NDArray[Any]) -> Pixels:
    """Round values on 0 to 255 to pixels."""
    rounded: Pixels = np.rint(np.clip(values, 0, 255)).astype(np.uint8)
    return rounded
