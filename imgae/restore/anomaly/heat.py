"""A map of anomalies, shown over its picture."""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from imgae.picture.image import Image
from imgae.picture.pixels import to_uint8_rgb
from imgae.restore.anomaly.boxes import Box
from imgae.restore.anomaly.scorer import Anomaly

Bytes = NDArray[np.uint8]

STOPS: Final = (
    (0.00, (60, 0, 160)),
    (0.20, (140, 5, 170)),
    (0.40, (215, 40, 120)),
    (0.60, (245, 110, 40)),
    (0.80, (251, 180, 26)),
    (1.00, (252, 255, 164)),
)
"""Colours from the least to the most unusual; ever lighter, so that they are told apart without
seeing colours, and in gray print."""
SHADES: Final = 256
SHOWN_FROM: Final = 0.5
"""Share of the threshold below which nothing is shown."""
FULL_AT: Final = 8.0
"""Times the threshold from which on the last colour is shown."""
AT_THRESHOLD: Final = 0.4
"""Where on the ramp the threshold lies,"""
OPACITY: Final = (0.06, 0.28, 0.45, 0.7)
"""and how much the colour covers at SHOWN_FROM, at the threshold, just above it, and at FULL_AT."""
DARK: Final = (0, 0, 0)
LIGHT: Final = (255, 255, 255)
LEAST_HEIGHT: Final = 9
"""Pixels of digits that can be read."""
MOST_SCORES: Final = 50
"""Scores that are written."""
ROWS: Final = 256
"""Blended at once."""


def heat_map(image: Image, anomaly: Anomaly) -> Image:
    """Return a picture of the same size with what is unusual in colours over it.

    image: of any kind that imgae reads, levels on [0, 1] or those of its whole numbers; of the size
    of the map. Where the map is below half the threshold, the picture stays as it is; from there
    on it is tinted, ever stronger. Above the threshold, the colours are clearly stronger, and a
    line runs along it. Boxes have their scores, where there is room. The result is RGB of 8 bits.
    """
    shown = to_uint8_rgb(image.pixels).copy()
    for top in range(0, image.height, ROWS):
        rows = slice(top, top + ROWS)
        shown[rows] = blended(shown[rows], anomaly.map[rows] / anomaly.threshold)
    width = line_width(image.height, image.width)
    outline(shown, anomaly.map > anomaly.threshold, width)
    for box in reversed(anomaly.boxes):  # the largest score on top
        draw_box(shown, box, width)
    write_scores(shown, anomaly.boxes, width)
    return Image(shown, icc=image.icc if image.pixels.shape[2] == 3 else None)


def ramp() -> NDArray[np.float32]:
    """Return the colours, (SHADES, 3)."""
    at, colours = zip(*STOPS, strict=True)
    steps = np.linspace(0, 1, SHADES)
    channels = [np.interp(steps, at, channel) for channel in zip(*colours, strict=True)]
    return np.stack(channels, 1).astype(np.float32)


def blended(pixels: Bytes, ratio: NDArray[np.float32]) -> Bytes:
    """Lay the colours of a map, in thresholds, over pixels (h, w, 3)."""
    hot = ratio > SHOWN_FROM
    if not hot.any():
        return pixels
    values = ratio[hot]
    below = (values - SHOWN_FROM) / (1 - SHOWN_FROM)
    above = np.log(np.maximum(values, 1)) / math.log(FULL_AT)
    place = np.where(values <= 1, below * AT_THRESHOLD, AT_THRESHOLD + (1 - AT_THRESHOLD) * above)
    least, at, beyond, most = OPACITY
    cover = np.where(values <= 1, least + (at - least) * below, beyond + (most - beyond) * above)
    cover = np.minimum(cover, most)[:, None]
    colours = ramp()[(place.clip(0, 1) * (SHADES - 1)).astype(np.intp)]
    mixed = pixels.copy()
    mixed[hot] = np.rint(pixels[hot] * (1 - cover) + colours * cover)
    return mixed


def line_width(height: int, width: int) -> int:
    """Return how wide lines are drawn: a pixel on small pictures, more on large ones."""
    return max(1, round(min(height, width) / 400))


def outline(pixels: Bytes, found: NDArray[np.bool_], width: int) -> None:
    """Draw a dark line with a light rim where a mask ends, which is seen on any ground."""
    import cv2  # loads only where it is used

    parts, _ = cv2.findContours(found.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    for colour, extent in ((LIGHT, width + 2 * max(1, width // 2)), (DARK, width)):
        cv2.drawContours(pixels, parts, -1, colour, extent)


def draw_box(pixels: Bytes, box: Box, width: int) -> None:
    """Draw a box in a line that is seen on dark and light, with its score."""
    import cv2  # loads only where it is used

    corners = (box.x, box.y), (box.x + box.width - 1, box.y + box.height - 1)
    cv2.rectangle(pixels, *corners, DARK, width + 2 * max(1, width // 2))
    cv2.rectangle(pixels, *corners, LIGHT, width)


def write_scores(pixels: Bytes, boxes: Sequence[Box], width: int) -> None:
    """Write the scores of boxes, the first ones first, where none covers another or its box."""
    taken = np.zeros(pixels.shape[:2], np.bool_)
    for box in boxes[:MOST_SCORES]:
        label(pixels, box, width, taken)
        taken[box.y : box.y + box.height, box.x : box.x + box.width] = True


def label(pixels: Bytes, box: Box, width: int, taken: NDArray[np.bool_]) -> None:
    """Write a box's score above it, or else inside, if there is room that is not taken."""
    import cv2  # loads only where it is used

    text = f"{box.score:.3g}"
    height = max(LEAST_HEIGHT, round(min(pixels.shape[:2]) / 60))
    font, stroke = cv2.FONT_HERSHEY_SIMPLEX, max(1, round(height / 10))
    scale = cv2.getFontScaleFromHeight(font, height, stroke)
    (text_width, text_height), _ = cv2.getTextSize(text, font, scale, stroke)
    margin = max(2, height // 4)
    across, down = text_width + 2 * margin, text_height + 2 * margin
    if across > pixels.shape[1] or 2 * down > pixels.shape[0]:
        return
    left = min(box.x, pixels.shape[1] - across)
    top = box.y - down if box.y >= down else min(box.y + width, pixels.shape[0] - down)
    place = slice(top, top + down), slice(left, left + across)
    if taken[place].any():
        return
    taken[place] = True
    cv2.rectangle(pixels, (left, top), (left + across - 1, top + down - 1), DARK, cv2.FILLED)
    corner = left + margin, top + margin + text_height
    cv2.putText(pixels, text, corner, font, scale, LIGHT, stroke, cv2.LINE_AA)
