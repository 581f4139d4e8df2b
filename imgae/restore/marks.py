"""From the odds of defects to masks: thresholds, what a kind of defect never is, and groups.

Odds are logarithms, int8 (H, W), in steps of 1 / STEPS; above 0 a defect is likelier than not.
"""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from imgae.model.contract import SURE

Mask = NDArray[np.bool_]
Odds = NDArray[np.int8]

STEPS: Final = 10
LEAST: Final = 1e-6
"""Probabilities nearer to 0 or 1 than this are taken as this near."""
SPAN: Final = 8.0
"""By how much the threshold on the odds falls from sensitivity 0 to 1."""
FEWEST: Final = {"scratches": 8, "dust": 3, "dead-pixels": 1, "stamp": 12, "text": 8}
"""Pixels that connected marks need to count."""
MOST: Final = {"dead-pixels": 9}
"""Pixels that connected marks have at most."""
GAP: Final = 0.02
"""Half of the distance, of the picture's shorter side, within which marks of type are one word."""
SPACE: Final = 0.05
"""The same, within which words are one date."""
LEAST_GAP: Final = 6
"""Pixels."""
MARGIN: Final = 0.22
"""A stamp begins so near to a corner, of the picture's height and width."""
TALLEST: Final = 0.2
"""Of the picture's shorter side: a stamp is not higher (upright pictures: wider) than that."""
CLOSE: Final = 0.12
"""Type that begins so near to a corner may be a stamp whatever it looks like, if it is one line:"""
LINE: Final = 0.08
"""of the picture's shorter side, it is not higher (upright pictures: wider) than that."""
DATED: Final = 0.35
"""The share of a word's marks that look like a stamp's more than other type's, at least."""


def odds_of(probabilities: NDArray[np.float32]) -> Odds:
    """Return the logarithms of the odds of probabilities (...): above 0 only above SURE."""
    p = np.clip(probabilities, LEAST, 1 - LEAST)
    shift = np.log(SURE / (1 - SURE))
    return np.asarray(np.clip(np.ceil(STEPS * (np.log(p / (1 - p)) - shift)), -127, 127), np.int8)


def threshold(sensitivity: float) -> int:
    """Return the odds from which on a pixel is marked: lower, the higher the sensitivity."""
    return round(STEPS * SPAN * (0.5 - sensitivity))


def marks_of(odds: Mapping[str, Odds], sensitivity: float) -> dict[str, Mask]:
    """Return the mask of each defect; `odds` has stamp and text both or none."""
    least = threshold(sensitivity)
    found = {name: values > least for name, values in odds.items()}
    if "stamp" in found:
        typed = found["stamp"] | found["text"]
        dated = odds["stamp"] > odds["text"]
        sure = typed & stamp_groups(typed, dated)
        # A line of type in a corner is what people mean by either name.
        found["stamp"] = sure | (typed & corner_groups(typed & ~sure, CLOSE, LINE))
        found["text"] = typed & ~sure
    return {name: sized(mask, FEWEST[name], MOST.get(name)) for name, mask in found.items()}


def sized(mask: Mask, fewest: int, most: int | None = None) -> Mask:
    """Keep connected marks of `fewest` to `most` pixels."""
    if fewest <= 1 and most is None:
        return mask
    labels, areas = components(mask)[:2]
    kept = areas >= fewest if most is None else (areas >= fewest) & (areas <= most)
    kept[0] = False
    return np.asarray(kept[labels], np.bool_)


def stamp_groups(typed: Mask, dated: Mask) -> Mask:
    """Return the areas around words of date stamps: those dated, in a small group in a corner.

    typed: where type is. dated: where it looks like a stamp's more than like other type's.
    """
    shorter = min(typed.shape)
    words, _, _ = components(grown(typed, GAP * shorter))
    both = np.bincount(words[typed], minlength=int(words.max()) + 1)
    like = np.bincount(words[typed & dated], minlength=len(both))
    dates = (like >= DATED * both)[words] & typed
    chosen = corner_groups(dates, MARGIN, TALLEST)
    return np.asarray(chosen & (like >= DATED * both)[words] & (words > 0), np.bool_)


def corner_groups(typed: Mask, margin: float, tallest: float) -> Mask:
    """Return the areas around groups of type that begin near a corner and are no larger than dates.

    margin: how near, of the picture's height and width; tallest: of its shorter side.
    """
    height, width = typed.shape
    groups, _, boxes = components(grown(typed, SPACE * min(typed.shape)))
    chosen = np.zeros(len(boxes), bool)
    for number, (left, top, wide, high) in enumerate(boxes.tolist()):
        part = (slice(top, top + high), slice(left, left + wide))
        own = typed[part] & (groups[part] == number)
        if number == 0 or not own.any():
            continue
        rows, columns = np.flatnonzero(own.any(1)) + top, np.flatnonzero(own.any(0)) + left
        near_y = min(rows[0], height - 1 - rows[-1]) < margin * height
        near_x = min(columns[0], width - 1 - columns[-1]) < margin * width
        low = min(np.ptp(rows), np.ptp(columns)) + 1 < tallest * min(typed.shape)
        chosen[number] = near_y and near_x and low
    return np.asarray(chosen[groups], np.bool_)


def grown(mask: Mask, pixels: float) -> Mask:
    """Grow a mask by so many pixels, LEAST_GAP at least, to all sides."""
    import cv2  # loads only where it is used

    side = 2 * max(LEAST_GAP, round(pixels)) + 1
    return np.asarray(cv2.dilate(mask.astype(np.uint8), np.ones((side, side), np.uint8)) > 0)


def components(mask: Mask) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Return labels (H, W) of what is connected, 0 beside, and areas and boxes of each label.

    A box is left, top, width, height.
    """
    import cv2  # loads only where it is used

    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    return labels, stats[:, cv2.CC_STAT_AREA], stats[:, :4]
