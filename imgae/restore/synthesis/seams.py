"""Pieces of pictures joined so that no step is seen where they meet.

Source: Perez, Gangnet and Blake 2003, Poisson Image Editing; solved on several grids.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from imgae.restore.holes import around
from imgae.restore.synthesis.scales import double, halve_all, sum_of_blocks

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]
Places = NDArray[np.int32]

HOLD: Final = 0.002
"""How strongly the colours of pieces are held beside their steps: corrections reach over
1 / sqrt(HOLD) pixels."""
CYCLES: Final = 8


def join(pixels: Floats, hole: Mask, source: Places) -> None:
    """Change the hole of a picture (H, W, C), in place, so that its pieces meet without steps.

    source: (H, W), the flat place that each pixel of the hole was copied from. The steps between
    neighbours of one piece stay as they are; between pieces they become the mean of what each has
    there; across the rim, what the piece inside has.
    """
    own = np.arange(hole.size, dtype=np.int32).reshape(hole.shape)
    source = np.where(hole, source, own)
    flat = pixels.copy().reshape(hole.size, -1)
    right = np.zeros_like(pixels)
    for axis, stride in ((0, hole.shape[1]), (1, 1)):
        first = (slice(None),) * axis + (slice(0, -1),)
        second = (slice(None),) * axis + (slice(1, None),)
        meet = (hole[first] | hole[second]) & (source[second] - source[first] != stride)
        here, there = source[first][meet], source[second][meet]
        after = flat[np.minimum(here + stride, hole.size - 1)] - flat[here]
        before = flat[there] - flat[np.maximum(there - stride, 0)]
        share = (hole[first][meet].astype(np.float32) - hole[second][meet] + 1)[:, None] / 2
        wanted = share * after + (1 - share) * before
        missing = wanted - (pixels[second][meet] - pixels[first][meet])
        right[second][meet] += missing
        right[first][meet] -= missing
    area = around(hole, 1).slices
    pixels[area] += solve(right[area], hole[area])


def solve(right: Floats, free: Mask, hold: float = HOLD, cycles: int = CYCLES) -> Floats:
    """Solve (4 + hold) x - (sum of the four neighbours of x) = right where free; x is 0 elsewhere.

    right: (H, W, C); free: (H, W); what lies beyond the border counts as 0.
    """
    x = np.zeros_like(right)
    for _ in range(cycles):
        cycle(x, right, free, hold)
    return x


def cycle(x: Floats, right: Floats, free: Mask, hold: float) -> None:
    """Improve x, in place, here and on all coarser grids."""
    weight: Floats = free.astype(np.float32)[:, :, None]
    relax(x, right, weight, hold, 2)
    if min(free.shape) >= 4 and free.any():
        rest = (right + neighbours(x) - (4 + hold) * x) * weight
        pad = ((0, free.shape[0] % 2), (0, free.shape[1] % 2))
        coarse = sum_of_blocks(np.pad(rest, (*pad, (0, 0))))
        inner = halve_all(free)
        small = np.zeros_like(coarse)
        cycle(small, coarse, inner, 4 * hold)
        x += double(small, *free.shape) * weight
    relax(x, right, weight, hold, 2)


def relax(x: Floats, right: Floats, weight: Floats, hold: float, times: int) -> None:
    """Improve x, in place, by damped Jacobi steps."""
    for _ in range(times):
        change = (neighbours(x) + right) / np.float32(4 + hold) - x
        x += change * (weight * np.float32(0.8))


def neighbours(x: Floats) -> Floats:
    """Return the sums of the four neighbours."""
    total = np.zeros_like(x)
    total[1:] += x[:-1]
    total[:-1] += x[1:]
    total[:, 1:] += x[:, :-1]
    total[:, :-1] += x[:, 1:]
    return total
