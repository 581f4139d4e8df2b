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
        found["stamp"] = typed & stamp_groups(typed, dated)
        found["text"] = typed & ~found["stamp"]
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
    reach = SPACE * shorter
    groups, _, boxes = components(grown(dates, reach))
    chosen = [False, *(in_corner(box, typed.shape, reach) for box in boxes[1:])]
    return np.asarray(
        np.array(chosen)[groups] & (like >= DATED * both)[words] & (words > 0), np.bool_
    )


def in_corner(box: NDArray[Any], shape: tuple[int, ...], reach: float) -> bool:
    """Tell whether a group is where stamps are, and no larger. reach: by which it was grown."""
    left, top, wide, high = (int(value) for value in box)
    height, width = shape
    edge_y = min(top, height - top - high) < MARGIN * height
    edge_x = min(left, width - left - wide) < MARGIN * width
    return edge_y and edge_x and min(wide, high) - 2 * reach < TALLEST * min(shape)


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
