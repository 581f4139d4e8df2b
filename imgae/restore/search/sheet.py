"""Contact sheets: pictures in rows on white ground, with words under each."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import PIL.Image
import PIL.ImageDraw
import PIL.ImageFont

from imgae.errors import ImgaeError
from imgae.io import files
from imgae.io.remote import place_of
from imgae.picture.image import Image
from imgae.picture.pixels import to_float, to_uint8_rgb
from imgae.restore.search.describe import on_unit_range, resized

CELL: Final = 220
"""Pixels on the side of the square that holds a picture."""
GAP: Final = 20
COLUMNS: Final = 5
TEXT: Final = 15
LINE: Final = 20
MOST: Final = 500
"""Pictures on one sheet."""
INK: Final = (32, 32, 32)
SOFT: Final = (110, 110, 110)
FRAME: Final = (200, 200, 200)
MARK: Final = (31, 95, 175)
FONTS: Final = ("DejaVuSans.ttf", "NotoSans-Regular.ttf", "Arial Unicode.ttf", "arial.ttf")
"""For names in letters that Pillow's own font does not have."""
MORE: Final = "\u2026"


class Entry(NamedTuple):
    """A picture on a sheet.

    source: its path, or the picture. title: the line under it, as its score. name: the line below,
    which is shortened to fit. marked: whether it has a frame of colour, as what was searched for.
    """

    source: str | Image
    title: str
    name: str
    marked: bool = False


def drawn(rows: Sequence[Sequence[Entry]]) -> Image:
    """Return a sheet of groups of pictures; each begins a new line."""
    lines = [group[at : at + COLUMNS] for group in rows for at in range(0, len(group), COLUMNS)]
    starts = {id(group[0]) for group in rows[1:]}
    columns = max(len(line) for line in lines)
    step = CELL + 2 * LINE + 2 * GAP
    breaks = sum(1 for line in lines if id(line[0]) in starts)
    size = (columns * (CELL + GAP) + GAP, len(lines) * step + breaks * GAP + GAP)
    sheet = PIL.Image.new("RGB", size, "white")
    draw = PIL.ImageDraw.Draw(sheet)
    top = GAP
    for line in lines:
        if id(line[0]) in starts:
            draw.line((GAP, top - GAP // 2, size[0] - GAP, top - GAP // 2), FRAME)
            top += GAP
        for column, entry in enumerate(line):
            place(sheet, draw, entry, GAP + column * (CELL + GAP), top)
        top += step
    return Image(np.asarray(sheet))


def place(
    sheet: PIL.Image.Image, draw: PIL.ImageDraw.ImageDraw, entry: Entry, left: int, top: int
) -> None:
    """Draw a picture in the middle of its square, and its words below."""
    found = thumbnail(entry.source)
    if isinstance(found, str):
        draw.rectangle((left, top, left + CELL - 1, top + CELL - 1), outline=FRAME)
        middle = left + CELL // 2, top + CELL // 2
        draw.text(middle, found, SOFT, font_for(found), anchor="mm")
    else:
        x = left + (CELL - found.width) // 2
        y = top + CELL - found.height if found.height < CELL else top
        y = top + (CELL - found.height) // 2
        sheet.paste(found, (x, y))
        if not entry.marked:
            draw.rectangle((x - 1, y - 1, x + found.width, y + found.height), outline=FRAME)
    if entry.marked:
        draw.rectangle((left - 5, top - 5, left + CELL + 4, top + CELL + 4), outline=MARK, width=3)
    below = top + CELL + 8
    draw.text((left, below), fitted(entry.title), MARK if entry.marked else INK, bold(TEXT))
    draw.text((left, below + LINE), fitted(entry.name), SOFT, font_for(entry.name))


def thumbnail(source: str | Image) -> PIL.Image.Image | str:
    """Return a picture that fits into a square, or a word that says why there is none."""
    try:
        image = source if isinstance(source, Image) else first_of(source)
        pixels = on_unit_range(image.pixels)
        if image.alpha is not None:
            alpha = to_float(image.alpha)[:, :, None]
            pixels = to_float(pixels) * alpha + (1 - alpha)
        scale = min(CELL / max(pixels.shape[:2]), 1 if max(pixels.shape[:2]) > CELL // 4 else 4)
        height, width = (max(1, round(side * scale)) for side in pixels.shape[:2])
        return PIL.Image.fromarray(to_uint8_rgb(resized(pixels, height, width)))
    except (ImgaeError, MemoryError):
        gone = isinstance(source, str) and not os.path.lexists(source)
        return "missing" if gone else "cannot be read"


def first_of(path: str) -> Image:
    return files.read_frames(place_of(path))[0]


def font_for(text: str) -> PIL.ImageFont.FreeTypeFont | PIL.ImageFont.ImageFont:
    """Return a font that has the letters of a text, where there is one."""
    if any(ord(sign) > 0x24F and sign != MORE for sign in text):
        for name in FONTS:
            try:
                return PIL.ImageFont.truetype(name, TEXT)
            except OSError:
                continue
    return PIL.ImageFont.load_default(TEXT)


def bold(size: int) -> PIL.ImageFont.FreeTypeFont | PIL.ImageFont.ImageFont:
    return PIL.ImageFont.load_default(size)


def fitted(text: str) -> str:
    """Return a text of one line, shortened in the middle until it is as wide as a square."""
    text = "".join(sign if sign.isprintable() else "?" for sign in text)
    font = font_for(text)
    if font.getlength(text) <= CELL:
        return text
    low, high = 0, len(text)
    while low < high:  # the most letters that fit
        kept = (low + high + 1) // 2
        if font.getlength(shortened(text, kept)) <= CELL:
            low = kept
        else:
            high = kept - 1
    return shortened(text, low)


def shortened(text: str, kept: int) -> str:
    """Return a text of so many of its letters, with a sign for those that lack in the middle."""
    head = kept // 2
    return text[:head] + MORE + text[len(text) - (kept - head) :]


def name_of(path: str) -> str:
    return Path(path).name
