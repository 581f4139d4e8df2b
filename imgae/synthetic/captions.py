"""Type laid over pictures: captions, watermarks, titles."""

from typing import Final

import cv2
import numpy as np
import PIL.Image
import PIL.ImageDraw
from numpy.random import Generator

from imgae.synthetic.fonts import Fonts, word
from imgae.synthetic.masks import FONTS, WORDS, Mask
from imgae.synthetic.stamps import FINE, Cover, lay, reduced, turned

USUAL: Final = (
    "SAMPLE", "Preview", "do not copy", "\u00a9 2019", "PROOF", "www.example.com",
    "Happy Birthday!", "Paris, 14 July", "watermark", "For Sale", "Family album", "IMG_2041.JPG",
    "Summer holiday", "NEWS", "LIVE", "Chapter 3", "Photo: private", "@someone", "#sunset",
    "No. 17", "STOCK", "Draft", "All rights reserved", *WORDS,
)  # fmt: skip
SIZES: Final = (8, 120)
"""Pixels."""


def draw_captions(mask: Mask, rng: Generator, fonts: Fonts) -> None:
    """Lay a few lines of type over a sheet: 8 to 120 pixels high, upright or turned."""
    area = mask.size / 512**2
    largest = SIZES[0] * (SIZES[1] / SIZES[0]) ** np.sqrt(rng.random())
    count = max(2, round(area * rng.uniform(8, 40) * min(1, 25 / largest)))
    angle = float(rng.choice((0, rng.normal(0, 4), 45, 30, rng.uniform(-90, 90)),
                             p=(0.55, 0.15, 0.05, 0.05, 0.2)))  # fmt: skip
    for _ in range(count):
        size = SIZES[0] * (largest / SIZES[0]) ** rng.random()
        cover = turned(typed(line_of(rng, fonts), size, rng, fonts), angle)
        left = int(rng.integers(-cover.shape[1] // 2, max(mask.shape[1] - 20, 1)))
        top = int(rng.integers(-cover.shape[0] // 3, max(mask.shape[0] - 8, 1)))
        lay(mask, cover, left, top)


def line_of(rng: Generator, fonts: Fonts) -> str:
    """Return words as captions have them, or words of random letters."""
    if rng.random() < 0.4:
        return str(rng.choice(USUAL))
    face = fonts.face(16, rng)
    return " ".join(word(face, rng) for _ in range(int(rng.integers(1, 5))))


def typed(text: str, size: float, rng: Generator, fonts: Fonts) -> Cover:
    """Set text in a font or in strokes of a plotter; how much of each pixel is covered."""
    if rng.random() < 0.15:
        return plotted(text, size, rng)
    face = fonts.face(max(6, round(size)), rng)
    bold = round(size * rng.uniform(0, 0.05)) if rng.random() < 0.2 else 0
    left, top, right, bottom = face.getbbox(text, stroke_width=bold)
    wide, high = int(right - left) + 4, int(bottom - top) + 4
    sheet = PIL.Image.new("L", (max(wide, 4), max(high, 4)))
    pen = PIL.ImageDraw.Draw(sheet)
    pen.text((2 - left, 2 - top), text, 255, font=face, stroke_width=bold)
    stretch = rng.uniform(0.75, 1.4) if rng.random() < 0.3 else 1.0
    return np.asarray(sheet.resize((max(4, round(wide * stretch)), sheet.height)))


def plotted(text: str, size: float, rng: Generator) -> Cover:
    """Draw the strokes of one of OpenCV's fonts."""
    text = text.encode("ascii", "replace").decode()
    font, scale = int(rng.choice(FONTS)), FINE * size / 30
    thick = max(1, round(FINE * size * rng.uniform(0.04, 0.12)))
    (wide, high), base = cv2.getTextSize(text, font, scale, thick)
    sheet = np.zeros((high + base + 2 * thick, wide + 2 * thick), np.uint8)
    cv2.putText(sheet, text, (thick, high + thick), font, scale, 255, thick, cv2.LINE_AA)
    return reduced(sheet)
