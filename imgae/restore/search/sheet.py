"""Contact sheets: pictures in rows on white ground, with words under each."""

import os
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import PIL.Image
import PIL.ImageDraw
import PIL.ImageFont

from imgae.errors import ImgaeError, caught_warnings
from imgae.io import files
from imgae.io.remote import place_of
from imgae.picture.image import Image
from imgae.picture.pixels import to_float, to_uint8_rgb
from imgae.restore.search.describe import on_unit_range, resized

CELL: Final = 220
"""Pixels on the side of the square that holds a picture."""
EMPTY: Final = 150
"""The height of the frame for a picture that is missing."""
GAP: Final = 20
MARGIN: Final = 4
"""Above a line of pictures, and the width of a frame of colour."""
COLUMNS: Final = 5
TEXT: Final = 15
LINE: Final = 20
MOST_ENLARGED: Final = 4
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

    source: its path, or the bytes of its file. title: the line under it, as its score. name: the
    line below, which is shortened to fit. marked: whether it has a frame of colour, as what was
    searched for.
    """

    source: str | bytes
    title: str
    name: str
    marked: bool = False


def drawn(groups: Sequence[Sequence[Entry]]) -> Image:
    """Return a sheet of groups of pictures; each begins a new line, below a rule."""
    columns = min(COLUMNS, max(map(len, groups)))
    width = columns * (CELL + GAP) + GAP
    parts: list[PIL.Image.Image] = []
    for group in groups:
        if parts:
            parts.append(rule(width))
        parts += [line_of(group[at : at + columns], width) for at in range(0, len(group), columns)]
    sheet = PIL.Image.new("RGB", (width, sum(part.height for part in parts) + GAP), "white")
    top = GAP
    for part in parts:
        sheet.paste(part, (0, top))
        top += part.height
    return Image(np.asarray(sheet))


def rule(width: int) -> PIL.Image.Image:
    part = PIL.Image.new("RGB", (width, GAP), "white")
    PIL.ImageDraw.Draw(part).line((GAP, 0, width - GAP, 0), FRAME)
    return part


def line_of(entries: Sequence[Entry], width: int) -> PIL.Image.Image:
    """Return pictures beside each other, as high as the highest, with their words below."""
    found = [thumbnail(entry.source) for entry in entries]
    high = max(EMPTY if isinstance(each, str) else each.height for each in found)
    part = PIL.Image.new("RGB", (width, MARGIN + high + 2 * LINE + 2 * GAP), "white")
    draw = PIL.ImageDraw.Draw(part)
    below = MARGIN + high + 10
    for column, (entry, picture) in enumerate(zip(entries, found, strict=True)):
        left = GAP + column * (CELL + GAP)
        if isinstance(picture, str):
            box = (left, MARGIN + high - EMPTY, left + CELL - 1, MARGIN + high - 1)
            draw.rectangle(box, outline=FRAME)
            middle = left + CELL // 2, MARGIN + high - EMPTY // 2
            draw.text(middle, picture, SOFT, font_for(picture), anchor="mm")
        else:
            top = MARGIN + high - picture.height
            part.paste(picture, (left, top))
            box = (left, top, left + picture.width - 1, top + picture.height - 1)
            draw.rectangle(box, outline=FRAME)
        if entry.marked:
            around = (box[0] - MARGIN, box[1] - MARGIN, box[2] + MARGIN, box[3] + MARGIN)
            draw.rectangle(around, outline=MARK, width=MARGIN)
        colour = MARK if entry.marked else INK
        draw.text((left, below), fitted(entry.title), colour, font_for(entry.title))
        name = fitted(entry.name)
        draw.text((left, below + LINE), name, SOFT, font_for(name))
    return part


def thumbnail(source: str | bytes) -> PIL.Image.Image | str:
    """Return a picture that fits into a square, or a word that says why there is none."""
    try:
        with caught_warnings():
            image = files.read_frames(source if isinstance(source, bytes) else place_of(source))[0]
        pixels = on_unit_range(image.pixels)
        if image.alpha is not None:
            alpha = to_float(image.alpha)[:, :, None]
            pixels = to_float(pixels) * alpha + (1 - alpha)
        scale = min(MOST_ENLARGED, CELL / max(pixels.shape[:2]))
        height, width = (max(1, round(side * scale)) for side in pixels.shape[:2])
        return PIL.Image.fromarray(to_uint8_rgb(resized(pixels, height, width)))
    except (ImgaeError, MemoryError):
        gone = isinstance(source, str) and not os.path.lexists(source)
        return "missing" if gone else "cannot be read"


def font_for(text: str) -> PIL.ImageFont.FreeTypeFont | PIL.ImageFont.ImageFont:
    """Return a font that has the letters of a text, where there is one."""
    if any(ord(sign) > 0x24F and sign != MORE for sign in text):
        for name in FONTS:
            try:
                return PIL.ImageFont.truetype(name, TEXT)
            except OSError:
                continue
    return PIL.ImageFont.load_default(TEXT)


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
