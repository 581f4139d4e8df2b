"""Screens, charts, and screens that show photographs."""

import string
from typing import Any

import numpy as np
import PIL.Image
import PIL.ImageDraw

from imgae.synthetic.kit import SMOOTHER, Box, Canvas, Kit, Pixels

FONT_SIZES = (9, 10, 11, 12, 13, 14, 16, 20, 28, 44)


def words(kit: Kit, most: int) -> str:
    letters = string.ascii_letters + string.digits + ".,:;()[]=+-_/"
    found: list[str] = []
    while sum(map(len, found)) < most:
        count = int(kit.random.integers(1, 11))
        found.append("".join(kit.random.choice(list(letters), count)))
    return " ".join(found)


def write_lines(kit: Kit, canvas: Canvas, box: Box, ink: Any) -> None:
    left, top, right, bottom = box
    size = int(kit.random.choice(FONT_SIZES))
    font = kit.fonts.face(size, kit.random)
    y = top + 4
    while y + size < bottom:
        if kit.random.random() > 0.12:
            room = int((right - left - 8) / (0.55 * size) * kit.between(0.3, 1.0))
            canvas.text((left + 4, y), words(kit, max(1, room)), fill=ink, font=font)
        y += round(1.35 * size)


def screen(kit: Kit, side: int) -> Pixels:
    """1 to 6 windows over each other: bars, panes, buttons, text, dark on light or the reverse."""
    random, colour = kit.random, kit.colour
    picture = PIL.Image.new("RGB", (side, side), colour())
    canvas = PIL.ImageDraw.Draw(picture)
    for number in range(int(random.integers(2, 7))):
        dark = random.random() < 0.35
        paper = colour(15, 60) if dark else colour(225, 255)
        if random.random() < 0.4:
            paper = (30, 30, 30) if dark else (255, 255, 255)
        ink = colour(170, 255) if dark else colour(0, 90)
        first = number == 0
        left, top = (0, 0) if first else (int(v) for v in random.integers(0, side * 3 // 4, 2))
        right, bottom = (
            (side, side)
            if first
            else (min(side, v + int(random.integers(side // 6, side))) for v in (left, top))
        )
        canvas.rectangle((left, top, right, bottom), fill=paper, outline=ink)
        canvas.rectangle((left, top, right, min(bottom, top + 22)), fill=colour())
        canvas.text((left + 6, top + 4), words(kit, 20), fill=(255, 255, 255))
        column = left
        while column < right - 40:
            width = int(random.integers(60, max(61, side // 2)))
            pane = (column, top + 24, min(right, column + width), bottom)
            write_lines(kit, canvas, pane, ink if random.random() < 0.8 else colour())
            column += width
            canvas.line((column, top + 24, column, bottom), fill=ink)
        for _ in range(int(random.integers(0, 6))):
            x, y = (int(v) for v in random.integers(0, side, 2))
            canvas.rounded_rectangle((x, y, x + 70, y + 24), 6, fill=colour(), outline=ink)
            canvas.text((x + 8, y + 6), words(kit, 6), fill=(255, 255, 255))
    return np.asarray(picture)


def desktop(kit: Kit, side: int) -> Pixels:
    """A screen with 2 to 7 panes over it: photographs, or type of 8 to 40 pixels in any font."""
    picture = PIL.Image.fromarray(screen(kit, side))
    canvas = PIL.ImageDraw.Draw(picture)
    canvas.fontmode = "1" if kit.chance(0.3) else "L"
    for _ in range(kit.integer(2, 7)):
        part = kit.integer(side // 6, side // 2)
        left, top = kit.place(side, part)
        if kit.chance(0.45):
            picture.paste(PIL.Image.fromarray(kit.photograph(part)), (left, top))
        else:
            paper, ink = kit.inks()
            canvas.rectangle((left, top, left + part, top + part), fill=paper)
            kit.write(canvas, (left + 3, top + 3, left + part, top + part), ink)
    return np.asarray(picture)


def chart(kit: Kit, side: int) -> Pixels:
    """Axes, a grid of 4 to 11 steps, 1 to 5 curves or rows of bars, and labels."""
    random = kit.random
    paper = (255, 255, 255) if random.random() < 0.7 else kit.colour(0, 50)
    ink = (0, 0, 0) if paper[0] > 127 else (220, 220, 220)
    large = side * SMOOTHER
    picture = PIL.Image.new("RGB", (large, large), paper)
    canvas = PIL.ImageDraw.Draw(picture)
    edge, steps = large // 10, int(random.integers(4, 12))
    for step in range(steps + 1):
        at = edge + (large - 2 * edge) * step // steps
        canvas.line((edge, at, large - edge, at), fill=(128, 128, 128), width=SMOOTHER)
        canvas.line((at, edge, at, large - edge), fill=(200, 200, 200), width=SMOOTHER)
    for _ in range(int(random.integers(1, 6))):
        heights = large / 2 + np.cumsum(random.normal(0, large / 40, 80))
        heights = np.clip(heights, edge, large - edge)
        across = np.linspace(edge, large - edge, 80)
        fill = kit.colour()
        if random.random() < 0.3:
            for x, y in zip(across[::4], heights[::4], strict=True):
                canvas.rectangle((x, y, x + large // 40, large - edge), fill=fill)
        else:
            points = [(float(x), float(y)) for x, y in zip(across, heights, strict=True)]
            canvas.line(points, fill=fill, width=int(random.integers(1, 3 * SMOOTHER + 1)))
    picture = picture.reduce(SMOOTHER)
    canvas = PIL.ImageDraw.Draw(picture)
    for step in range(steps + 1):
        at = (edge + (large - 2 * edge) * step // steps) // SMOOTHER
        canvas.text((2, at - 6), f"{step / steps:.2f}", fill=ink)
        canvas.text((at - 8, side - edge // SMOOTHER + 4), str(step), fill=ink)
    return np.asarray(picture)
