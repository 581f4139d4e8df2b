"""The pixels of a hole from the patches that stand for those that touch it.

Source: Wexler, Shechtman and Irani 2007, Space-Time Completion of Video (weights of votes).
"""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from imgae.restore.holes import depth_from_border
from imgae.restore.synthesis.field import Field
from imgae.restore.synthesis.patches import HALF

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]
Places = NDArray[np.int32]

FAITH: Final = 1.3
"""How much less a patch counts for each pixel that it lies deeper in the hole."""
SHARPNESS: Final = 4.0
"""How much more the patches count that fit well: the mean of unlike patches is a blur."""


def vote(field: Field, hole: Places, planes: Floats, weight: Floats) -> Floats:
    """Return the weighted means (K, C) of what the patches over each place of a hole have there.

    hole: flat places (K,); planes: (H * W, C); weight: (N,), of the targets.
    """
    height, width = field.shape
    total = np.zeros((len(hole), planes.shape[1]), np.float32)
    weights = np.zeros(len(hole), np.float32)
    row, column = np.divmod(hole, np.int32(width))
    order = field.order.ravel()
    for down in range(-HALF, HALF + 1):
        for right in range(-HALF, HALF + 1):
            y, x = row + np.int32(down), column + np.int32(right)
            inside = (y >= 0) & (y < height) & (x >= 0) & (x < width)
            number = order[np.where(inside, y * np.int32(width) + x, 0)]
            fits = inside & (number >= 0)
            at = field.source[number] - np.int32(down * width + right)
            own = weight[number] * fits
            total += planes.take(np.where(fits, at, 0), 0) * own[:, None]
            weights += own
    total /= np.maximum(weights, np.float32(1e-30))[:, None]
    return total


def weights_of(field: Field, hole: Mask) -> Floats:
    """Return how much each target counts: more near the rim, and where its source fits well."""
    inner = depth_from_border(hole).ravel()
    faith: Floats = np.exp(-math.log(FAITH) * inner[field.targets], dtype=np.float32)
    if np.isfinite(field.cost).all():
        scale = 2 * max(float(np.quantile(field.cost, 0.75)), 1e-12) / SHARPNESS
        faith *= np.exp(-np.minimum(field.cost / scale, 30)).astype(np.float32)
    return faith


def pick(field: Field, hole: Places, planes: Floats) -> Floats:
    """Return what each place of a hole (K,) has at its own source, (K, C): sharp, with seams."""
    found: Floats = planes.take(field.source[field.order.ravel()[hole]], 0)
    return found


def agree(field: Field) -> None:
    """Give every target the shift that is most common among it and its eight neighbours."""
    shift = field.source - field.targets
    near = [field.neighbours(down, right) for down in (-1, 0, 1) for right in (-1, 0, 1)]
    shifts = np.stack([np.where(other >= 0, shift[other], shift) for other in near])
    count = sum((shifts == one).astype(np.int8) for one in shifts)
    # Of two that are equally common, the one it has.
    count[len(near) // 2] += 1
    best = shifts[np.argmax(count, 0), np.arange(len(shift))]
    at = field.targets + best
    fits = (at >= 0) & (at < len(field.whole))
    fits &= field.whole[np.where(fits, at, 0)]
    field.source[fits] = at[fits]
