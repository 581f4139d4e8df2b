"""Date stamps as cameras put them into a corner of a picture: digits of segments, dots or type.

A stamp is an array (h, w) uint8 that says how much of a pixel is covered.
"""

from typing import Final

import cv2
import numpy as np
import PIL.Image
import PIL.ImageDraw
from numpy.random import Generator
from numpy.typing import NDArray

from imgae.synthetic.fonts import Fonts
from imgae.synthetic.masks import Mask

Cover = NDArray[np.uint8]
FINE: Final = 4
SEGMENTS: Final = {
    "0": "abcdef", "1": "bc", "2": "abdeg", "3": "abcdg", "4": "bcfg", "5": "acdfg",
    "6": "acdefg", "7": "abc", "8": "abcdefg", "9": "abcdfg", "-": "g",
}  # fmt: skip
"""The lit segments of a digit: a at the top, then clockwise, g in the middle."""
ENDS: Final = {
    "a": ((0, 0), (1, 0)), "b": ((1, 0), (1, 1)), "c": ((1, 1), (1, 2)), "d": ((0, 2), (1, 2)),
    "e": ((0, 1), (0, 2)), "f": ((0, 0), (0, 1)), "g": ((0, 1), (1, 1)),
}  # fmt: skip
"""Where a segment lies, x and y in widths and half heights of a digit."""
DOTS: Final = {
    "0": "0E11131519110E", "1": "040C040404040E", "2": "0E11010204081F", "3": "1F02040201110E",
    "4": "02060A121F0202", "5": "1F101E0101110E", "6": "0608101E11110E", "7": "1F010204080808",
    "8": "0E11110E11110E", "9": "0E11110F01020C", "-": "0000001F000000", "/": "00010204081000",
    ":": "000C0C000C0C00", ".": "00000000000C0C", "'": "0C040800000000", "A": "0E11111F111111",
    "P": "1E11111E101010", "M": "111B1515111111", " ": "00000000000000",
}  # fmt: skip
"""Rows of 5 dots from the top, each as two hexadecimal digits."""
MONTHS: Final = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")


def date_text(rng: Generator) -> str:
    """Return a date, a time or both, as cameras write them."""
    year, month, day = (
        int(rng.integers(1985, 2016)),
        int(rng.integers(1, 13)),
        int(rng.integers(1, 29)),
    )
    hour, minute, second = int(rng.integers(0, 24)), *(int(v) for v in rng.integers(0, 60, 2))
    short = f"{year % 100:02d}"
    mark = str(rng.choice(("/", ".", "-", " ", ":")))
    dates = (
        f"'{short} {month} {day}", f"'{short} {month:2d} {day:2d}", f"{month} {day} '{short}",
        f"{day} {month} '{short}", f"{month:02d} {day:02d} {short}", f"{short} {month} {day}",
        f"{year}{mark}{month:02d}{mark}{day:02d}", f"{day:02d}{mark}{month:02d}{mark}{year}",
        f"{month}{mark}{day}{mark}{short}", f"{day:02d}{mark}{month:02d}{mark}{short}",
        f"{day} {hour:02d}:{minute:02d}",
    )  # fmt: skip
    date = str(rng.choice(dates))
    kind = rng.random()
    if kind < 0.65:
        return date
    time = f"{hour:02d}:{minute:02d}" + (f":{second:02d}" if rng.random() < 0.3 else "")
    if rng.random() < 0.15:
        time += str(rng.choice((" AM", " PM", "AM", "PM")))
    return time if kind < 0.72 else f"{date} {' ' * int(rng.integers(0, 3))}{time}"


def draw_stamp(height: float, rng: Generator, fonts: Fonts) -> Cover:
    """Draw a stamp whose digits are about `height` pixels high, tilted by some degrees at most."""
    text = date_text(rng)
    kind = rng.random()
    if kind < 0.5:
        fine = segment_text(text, height * FINE, rng)
    elif kind < 0.75:
        fine = dotted_text(text, height * FINE, rng)
    else:
        fine = typed_text(text, height * FINE, rng, fonts)
    tilt = rng.normal(0, 1.5) if rng.random() < 0.4 else 0.0
    return reduced(turned(fine, tilt))


def segment_text(text: str, height: float, rng: Generator) -> Cover:
    """Draw digits of seven segments: slanted, with gaps or without, thick or thin."""
    wide, thick = height * rng.uniform(0.42, 0.65), height * rng.uniform(0.07, 0.19)
    gap, slant = thick * rng.uniform(0, 0.25), rng.choice((0.0, rng.uniform(0.02, 0.22)))
    space = wide * rng.uniform(0.35, 0.7) + thick
    pointed = rng.random() < 0.6
    margin = int(2 * thick + slant * height + 4)
    sheet = np.zeros(
        (int(height + 2 * margin), int(len(text) * (wide + space) + 2 * margin)), np.uint8
    )
    left = float(margin)

    def at(x: float, y: float) -> tuple[float, float]:
        return left + x + slant * (height - y), margin + y

    def fill(points: list[tuple[float, float]]) -> None:
        cv2.fillPoly(sheet, [np.round([at(*point) for point in points]).astype(np.int32)], 255)

    for letter in text:
        if letter in SEGMENTS:
            for name in SEGMENTS[letter]:
                fill(segment(name, wide, height, thick, gap, pointed))
            left += wide + space
        elif letter == " ":
            left += (wide + space) * rng.uniform(0.5, 0.9)
        elif letter in "':.":
            dots = {"'": (0.0,), ":": (0.28, 0.68), ".": (1.0,)}[letter]
            for share in dots:
                y, tall = share * height, thick * (2 if letter == "'" else 0.6)
                fill(
                    [
                        (0, y - 0.6 * thick),
                        (thick, y - 0.6 * thick),
                        (thick, y + tall),
                        (0, y + tall),
                    ]
                )
            left += thick + space
        elif letter == "/":
            fill([(wide - thick, 0), (wide, 0), (thick, height), (0, height)])
            left += wide + space
        else:
            left += wide * 0.5
    return sheet


def segment(
    name: str, wide: float, height: float, thick: float, gap: float, pointed: bool
) -> list[tuple[float, float]]:
    """Return the outline of one segment of a digit."""
    (x0, y0), (x1, y1) = ENDS[name]
    begin, end = (np.array([x * wide, y * height / 2]) for x, y in ((x0, y0), (x1, y1)))
    along = (end - begin) / np.linalg.norm(end - begin)
    side = np.array([-along[1], along[0]]) * thick / 2
    begin, end = begin + along * gap, end - along * gap
    if not pointed:
        outline = [begin + side, end + side, end - side, begin - side]
    else:
        tip = along * thick / 2
        outline = [
            begin,
            begin + tip + side,
            end - tip + side,
            end,
            end - tip - side,
            begin + tip - side,
        ]
    return [(float(x), float(y)) for x, y in outline]


def dotted_text(text: str, height: float, rng: Generator) -> Cover:
    """Draw letters of 5x7 dots, round or square, that touch or do not."""
    pitch = height / 7
    size = pitch * rng.uniform(0.6, 1.05)
    round_dots, spread = rng.random() < 0.6, rng.uniform(0.85, 1.15)
    sheet = np.zeros((int(height + 2 * pitch), int((6 * len(text) + 2) * pitch * spread)), np.uint8)
    for number, letter in enumerate(text):
        rows = bytes.fromhex(DOTS.get(letter, DOTS[" "]))
        for y, row in enumerate(rows):
            for x in range(5):
                if not row >> (4 - x) & 1:
                    continue
                middle = np.array([(6 * number + x + 1.5) * pitch * spread, (y + 1.5) * pitch])
                low, high = np.round(middle - size / 2), np.round(middle + size / 2)
                if round_dots:
                    radius = max(1, round(size / 2))
                    cv2.circle(sheet, middle.round().astype(int).tolist(), radius, 255, -1)
                else:
                    cv2.rectangle(
                        sheet, low.astype(int).tolist(), high.astype(int).tolist(), 255, -1
                    )
    return sheet


def typed_text(text: str, height: float, rng: Generator, fonts: Fonts) -> Cover:
    """Set a date in a font: most in one of fixed width, as later cameras do."""
    if rng.random() < 0.1:
        text += " " + str(rng.choice(MONTHS))
    scale = 1.35 * height
    face = fonts.face(max(8, round(scale)), rng)
    bold = round(height * rng.uniform(0, 0.06))
    left, top, right, bottom = face.getbbox(text, stroke_width=bold)
    sheet = PIL.Image.new("L", (int(right - left) + 8, int(bottom - top) + 8))
    pen = PIL.ImageDraw.Draw(sheet)
    pen.text((4 - left, 4 - top), text, 255, font=face, stroke_width=bold)
    found = np.asarray(sheet)
    return found if found.size else np.zeros((8, 8), np.uint8)


def turned(fine: Cover, degrees: float) -> Cover:
    if not degrees:
        return fine
    picture = PIL.Image.fromarray(fine)
    return np.asarray(picture.rotate(degrees, PIL.Image.Resampling.BILINEAR, expand=True))


def reduced(fine: Cover, times: int = FINE) -> Cover:
    """Average blocks of times x times pixels."""
    height, width = (max(1, side // times) for side in fine.shape)
    return np.asarray(cv2.resize(fine, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def lay(mask: Mask, cover: Cover, left: int, top: int) -> None:
    """Lay a cover into a mask; what is outside is cut off."""
    height, width = mask.shape
    y0, x0 = max(top, 0), max(left, 0)
    y1, x1 = min(top + cover.shape[0], height), min(left + cover.shape[1], width)
    if y1 > y0 and x1 > x0:
        part = mask[y0:y1, x0:x1]
        np.maximum(part, cover[y0 - top : y1 - top, x0 - left : x1 - left], out=part)


def draw_stamps(mask: Mask, rng: Generator, fonts: Fonts) -> None:
    """Fill a sheet with stamps of digits 8 to 90 pixels high, apart from each other."""
    y = int(rng.integers(0, 40))
    while y < mask.shape[0]:
        height = 8 * (90 / 8) ** rng.random()
        cover = draw_stamp(height, rng, fonts)
        lay(mask, cover, int(rng.integers(-cover.shape[1] // 2, mask.shape[1] - 40)), y)
        y += cover.shape[0] + int(rng.integers(10, 90))
