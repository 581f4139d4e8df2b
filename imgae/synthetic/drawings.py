"""Pictures that no camera took: screens with text, charts, drawings, gradients; drawn at random.

A denoiser that has not seen such pictures mistakes fine type and sharp edges for noise. Training
and `imgae evaluate harm` both draw them here, with different seeds.
"""

import string
from collections.abc import Callable
from typing import Any, Final

import numpy as np
import PIL.Image
import PIL.ImageDraw
import PIL.ImageFont
from numpy.random import Generator
from numpy.typing import NDArray

Colour = tuple[int, int, int]
FONT_SIZES: Final = (9, 10, 11, 12, 13, 14, 16, 20, 28, 44)
SMOOTHER: Final = 3  # drawings are drawn this many times larger, and averaged


def draw(kind: str, side: int, generator: Generator) -> NDArray[np.uint8]:
    """Draw a picture of a kind of KINDS, (side, side, 3)."""
    return KINDS[kind](side, generator)


def colour(generator: Generator, low: int = 0, high: int = 255) -> Colour:
    r, g, b = (int(value) for value in generator.integers(low, high + 1, 3))
    return r, g, b


def words(generator: Generator, most: int) -> str:
    letters = string.ascii_letters + string.digits + ".,:;()[]=+-_/"
    found: list[str] = []
    while sum(map(len, found)) < most:
        count = int(generator.integers(1, 11))
        found.append("".join(generator.choice(list(letters), count)))
    return " ".join(found)


def write_lines(
    canvas: PIL.ImageDraw.ImageDraw, box: tuple[int, int, int, int], generator: Generator, ink: Any
) -> None:
    left, top, right, bottom = box
    size = int(generator.choice(FONT_SIZES))
    font = PIL.ImageFont.load_default(size)
    y = top + 4
    while y + size < bottom:
        if generator.random() > 0.12:
            room = int((right - left - 8) / (0.55 * size) * generator.uniform(0.3, 1.0))
            canvas.text((left + 4, y), words(generator, max(1, room)), fill=ink, font=font)
        y += round(1.35 * size)


def screen(side: int, generator: Generator) -> NDArray[np.uint8]:
    """Windows over each other: bars, panes, buttons, text, dark on light or light on dark."""
    picture = PIL.Image.new("RGB", (side, side), colour(generator))
    canvas = PIL.ImageDraw.Draw(picture)
    for number in range(int(generator.integers(2, 7))):
        dark = generator.random() < 0.35
        paper = colour(generator, 15, 60) if dark else colour(generator, 225, 255)
        if generator.random() < 0.4:
            paper = (30, 30, 30) if dark else (255, 255, 255)
        ink = colour(generator, 170, 255) if dark else colour(generator, 0, 90)
        first = number == 0
        left, top = (0, 0) if first else (int(v) for v in generator.integers(0, side * 3 // 4, 2))
        right, bottom = (
            (side, side)
            if first
            else (min(side, v + int(generator.integers(side // 6, side))) for v in (left, top))
        )
        canvas.rectangle((left, top, right, bottom), fill=paper, outline=ink)
        canvas.rectangle((left, top, right, min(bottom, top + 22)), fill=colour(generator))
        canvas.text((left + 6, top + 4), words(generator, 20), fill=(255, 255, 255))
        column = left
        while column < right - 40:
            width = int(generator.integers(60, max(61, side // 2)))
            pane = (column, top + 24, min(right, column + width), bottom)
            write_lines(canvas, pane, generator, ink if generator.random() < 0.8 else
                        colour(generator))  # fmt: skip
            column += width
            canvas.line((column, top + 24, column, bottom), fill=ink)
        for _ in range(int(generator.integers(0, 6))):
            x, y = (int(v) for v in generator.integers(0, side, 2))
            canvas.rounded_rectangle((x, y, x + 70, y + 24), 6, fill=colour(generator), outline=ink)
            canvas.text((x + 8, y + 6), words(generator, 6), fill=(255, 255, 255))
    return np.asarray(picture)


def drawing(side: int, generator: Generator) -> NDArray[np.uint8]:
    """Shapes and strokes of flat colours, with smooth edges."""
    large = side * SMOOTHER
    picture = PIL.Image.new("RGB", (large, large), colour(generator))
    canvas = PIL.ImageDraw.Draw(picture)
    for _ in range(int(generator.integers(10, 60))):
        kind, fill = generator.integers(0, 5), colour(generator)
        x, y = (int(v) for v in generator.integers(-large // 8, large, 2))
        w, h = (int(v) for v in generator.integers(SMOOTHER * 3, large // 2, 2))
        outline = colour(generator) if generator.random() < 0.5 else None
        stroke = int(generator.integers(1, 6 * SMOOTHER))
        if kind == 0:
            canvas.ellipse((x, y, x + w, y + h), fill=fill, outline=outline, width=stroke)
        elif kind == 1:
            canvas.rectangle((x, y, x + w, y + h), fill=fill, outline=outline, width=stroke)
        elif kind == 2:
            points = [(int(px), int(py)) for px, py in generator.integers(0, large, (5, 2))]
            canvas.polygon(points, fill=fill, outline=outline)
        elif kind == 3:
            points = [(int(px), int(py)) for px, py in generator.integers(0, large, (4, 2))]
            canvas.line(points, fill=fill, width=stroke, joint="curve")
        else:
            canvas.arc((x, y, x + w, y + h), 0, int(generator.integers(30, 360)), fill, stroke)
    return np.asarray(picture.reduce(SMOOTHER))


def chart(side: int, generator: Generator) -> NDArray[np.uint8]:
    """Axes, grid, curves, bars and labels."""
    paper = (255, 255, 255) if generator.random() < 0.7 else colour(generator, 0, 50)
    ink = (0, 0, 0) if paper[0] > 127 else (220, 220, 220)
    large = side * SMOOTHER
    picture = PIL.Image.new("RGB", (large, large), paper)
    canvas = PIL.ImageDraw.Draw(picture)
    edge, steps = large // 10, int(generator.integers(4, 12))
    for step in range(steps + 1):
        at = edge + (large - 2 * edge) * step // steps
        canvas.line((edge, at, large - edge, at), fill=(128, 128, 128), width=SMOOTHER)
        canvas.line((at, edge, at, large - edge), fill=(200, 200, 200), width=SMOOTHER)
    for _ in range(int(generator.integers(1, 6))):
        heights = large / 2 + np.cumsum(generator.normal(0, large / 40, 80))
        heights = np.clip(heights, edge, large - edge)
        across = np.linspace(edge, large - edge, 80)
        fill = colour(generator)
        if generator.random() < 0.3:
            for x, y in zip(across[::4], heights[::4], strict=True):
                canvas.rectangle((x, y, x + large // 40, large - edge), fill=fill)
        else:
            points = [(float(x), float(y)) for x, y in zip(across, heights, strict=True)]
            canvas.line(points, fill=fill, width=int(generator.integers(1, 3 * SMOOTHER + 1)))
    picture = picture.reduce(SMOOTHER)
    canvas = PIL.ImageDraw.Draw(picture)
    for step in range(steps + 1):
        at = (edge + (large - 2 * edge) * step // steps) // SMOOTHER
        canvas.text((2, at - 6), f"{step / steps:.2f}", fill=ink)
        canvas.text((at - 8, side - edge // SMOOTHER + 4), str(step), fill=ink)
    return np.asarray(picture)


def gradient(side: int, generator: Generator) -> NDArray[np.uint8]:
    """Two to four smooth fields, side by side: flat, linear or round."""
    y, x = np.mgrid[0:side, 0:side] / side
    picture = np.empty((side, side, 3))
    cuts = np.sort(generator.integers(0, side, int(generator.integers(0, 4))))
    for left, right in zip([0, *cuts], [*cuts, side], strict=True):
        a, b = generator.uniform(0, 255, (2, 3))
        kind = generator.integers(0, 3)
        if kind == 0:
            b = a
        slope = generator.normal(0, 1, 2)
        field = slope[0] * x + slope[1] * y
        if kind == 2:
            field = np.hypot(x - generator.random(), y - generator.random())
        field = (field - field.min()) / max(np.ptp(field), 1e-6)
        picture[:, left:right] = (a + (b - a) * field[..., None])[:, left:right]
    return np.rint(picture).astype(np.uint8)


KINDS: Final[dict[str, Callable[[int, Generator], NDArray[np.uint8]]]] = {
    "screen": screen,
    "drawing": drawing,
    "chart": chart,
    "gradient": gradient,
}
