"""Pictures of one hue, such as gray and sepia prints: colour follows from brightness.

A network that fills them in colour leaves traces of other colours. So their brightness is filled
alone, and gets its colour from the whole picture. Single things of another colour are found beside
the holes, and the parts of holes that are near them are filled in colour.
"""

import itertools
from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from imgae.restore.holes import depth_of, distance_to_zero

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]

STEPS: Final = 64
"""Of brightness, for each of which there is a colour."""
SMOOTH: Final = 1.0
"""The Gaussian, in steps, over which colours are averaged, so that rare ones do not follow chance.
"""
SAMPLES: Final = 1 << 17
"""Pixels looked at, about."""
SCATTER: Final = 4 / 255
"""How far, as a root mean square, colours may be from what follows from brightness."""
FAR: Final = 12 / 255
STRANGE: Final = 0.002
"""The share of pixels that may be farther away than this. JPEGs may have more of them, as they
store colours coarsely, but not in the means of blocks."""
BLOCK: Final = 8
OFF: Final = 5 / 255
"""How far from what follows from brightness the mean colour of a thing is that has its own."""
STRANGE_BLOCKS: Final = 0.01
"""The share of blocks, of BLOCK by BLOCK pixels, whose mean may be farther away than that."""
STEEP: Final = 1.0
"""How fast the offset of a channel may change with brightness."""
JUMP: Final = 10 / 255
"""And how much by chance."""
AROUND: Final = 33
"""The side of the square around holes in which things of other colours are looked for."""
WINDOW: Final = 7
"""The side of the square over which a thing's colour is averaged."""
RIM: Final = 5
"""The side of the square around holes in which defects and JPEG spoil colours, so that these count
little."""
RIM_WEIGHT: Final = 0.05
REACH: Final = (2, 4)
"""A pixel in a hole is near a thing up to this many times its own depth, and so many pixels, away.
"""
TOO_STRONG: Final = 1.3
"""How many times as strong as the tint JPEG may make a colour beside a defect."""
SPOILED: Final = 33
"""The side of the square around holes that tells nothing about the tint, where enough is left:
defects of another colour change those near them in the 16 by 16 blocks of a JPEG's colours."""
ENOUGH: Final = 0.25
"""The share of the known pixels that is enough."""
SQUARE: Final = 256
"""The side of the squares, of those that hold holes, in which things are looked for in turn."""


@dataclass(frozen=True)
class Tint:
    """What each brightness has of colour.

    levels: (L,), rising. offsets: (L, 3), what is added to brightness for each channel.
    """

    levels: Floats
    offsets: Floats

    def coloured(self, brightness: Floats) -> Floats:
        """Return colours (N, 3) of brightness (N,)."""
        return np.asarray(brightness[:, None] + self.offsets_at(brightness), np.float32)

    def offsets_at(self, brightness: Floats) -> Floats:
        """Return what is added for each channel, (N, 3), to brightness (N,)."""
        offsets = [np.interp(brightness, self.levels, column) for column in self.offsets.T]
        return np.stack(offsets, 1).astype(np.float32)

    def other_hue(self, colours: Floats) -> Floats:
        """Return what colours (N, 3) have that is of another hue, (N, 3).

        That is the difference from the nearest colour between gray and a little more than the tint:
        in a toned print, gray beside a hole is the rest of a defect.
        """
        brightness = colours.mean(1)
        own, tint = colours - brightness[:, None], self.offsets_at(brightness)
        share = (own * tint).sum(1) / np.maximum(np.square(tint).sum(1), 1e-9)
        return np.asarray(own - share.clip(0, TOO_STRONG)[:, None] * tint, np.float32)

    @property
    def is_smooth(self) -> bool:
        """Return whether no brightness has a hue of its own, as single things of a colour have."""
        rises = np.abs(np.diff(self.offsets, axis=0)).max(1, initial=0)
        return bool((rises <= STEEP * np.diff(self.levels) + JUMP).all())


def tint_of(pixels: Floats, unknown: Mask) -> Tint | None:
    """Return the tint of a picture of one hue, or None for others.

    pixels: (H, W, 3), as a model sees them. unknown: (H, W), all that tells nothing.
    """
    known = ~in_blocks(unknown)
    clean = known & ~in_blocks(widened(unknown, SPOILED))
    if np.count_nonzero(clean) >= ENOUGH * np.count_nonzero(known):
        known = clean
    blocks = in_blocks(pixels)
    colours = blocks[known]
    if not len(colours):
        return None
    tint = tint_from(colours)
    away = np.zeros_like(blocks)
    away[known] = colours - tint.coloured(colours.mean(1))
    return tint if tint.is_smooth and is_little(away, known) else None


def in_blocks(pixels: NDArray[Any]) -> NDArray[Any]:
    """Return about SAMPLES pixels of (H, W, ...) as blocks, (N, BLOCK * BLOCK, ...), copied.

    In pictures smaller than a block, blocks are smaller too.
    """
    height, width, *rest = pixels.shape
    side = min(BLOCK, height, width)
    step = max(1, round((height * width / SAMPLES) ** 0.5)) * side
    rows, columns = (
        (np.arange(0, size - side + 1, step)[:, None] + np.arange(side)).reshape(-1)
        for size in (height, width)
    )
    chosen = pixels[np.ix_(rows, columns)]
    cut = chosen.reshape(len(rows) // side, side, len(columns) // side, side, *rest)
    return np.asarray(cut.swapaxes(1, 2).reshape(-1, side * side, *rest))


def tint_from(colours: Floats) -> Tint:
    """Return the mean colour (N, 3) of each brightness."""
    brightness = colours.mean(1)
    bins = (brightness * STEPS).astype(int).clip(0, STEPS - 1)
    columns = (np.ones_like(brightness), brightness, *colours.T)
    sums = np.stack([np.bincount(bins, values, STEPS) for values in columns])
    used = sums[0] > 0
    count, *means = cv2.GaussianBlur(sums, (0, 0), sigmaX=SMOOTH, sigmaY=1e-3)[:, used]
    levels, *channels = (values / count for values in means)
    offsets = np.stack([channel - levels for channel in channels], 1)
    return Tint(levels.astype(np.float32), offsets.astype(np.float32))


def is_little(away: Floats, known: Mask) -> bool:
    """Return whether colours are where they are expected, but for noise and few small things.

    away: (N, P, 3), how far blocks of P pixels are from that, 0 where they are not known, (N, P).
    """
    most = np.abs(away).max(2)[known]
    if float(np.square(np.minimum(most, FAR)).mean()) > SCATTER**2:
        return False
    if np.count_nonzero(most > FAR) <= STRANGE * len(most):
        return True
    count = known.sum(1)
    seen = 2 * count > known.shape[1]
    means = np.abs(away[seen].sum(1) / count[seen][:, None]).max(1)
    return len(means) > 0 and int(np.count_nonzero(means > OFF)) <= STRANGE_BLOCKS * len(means)


def other_colours(pixels: Floats, hole: Mask, unknown: Mask, tint: Tint) -> Mask:
    """Return the parts of a hole (H, W) that are near things of a colour of their own.

    For the other arguments see tint_of.
    """
    things = np.zeros_like(hole)
    margin = AROUND // 2 + WINDOW
    tops, lefts = (range(0, size, SQUARE) for size in hole.shape)
    for top, left in itertools.product(tops, lefts):
        rows, columns = (
            slice(max(start - margin, 0), start + SQUARE + margin) for start in (top, left)
        )
        area = (rows, columns)
        if hole[area].any():
            found = things_beside(pixels[area], hole[area], unknown[area], tint)
            own = found[top - rows.start :, left - columns.start :][:SQUARE, :SQUARE]
            things[top : top + SQUARE, left : left + SQUARE] = own
    if not things.any():
        return things
    times, more = REACH
    near: Mask = distance_to_zero(~things) <= times * depth_of(hole) + more
    return near & hole


def things_beside(pixels: Floats, hole: Mask, unknown: Mask, tint: Tint) -> Mask:
    """Return the known pixels (H, W) beside a hole whose colour does not follow from brightness."""
    known = widened(hole, AROUND) & ~unknown
    away = np.zeros(pixels.shape, np.float32)
    away[known] = tint.other_hue(pixels[known])
    weights = np.where(widened(hole, RIM), np.float32(RIM_WEIGHT), np.float32(1)) * known
    total, *sums = (
        cv2.boxFilter(plane, -1, (WINDOW, WINDOW), normalize=False, borderType=cv2.BORDER_CONSTANT)
        for plane in (weights, *cv2.split(away * weights[:, :, None]))
    )
    most = np.max([np.abs(plane) for plane in sums], axis=0)
    things: Mask = known & (most > OFF * np.maximum(total, 1e-6))
    return things


def widened(marked: Mask, side: int) -> Mask:
    """Return where anything is marked in a square of a side around."""
    wide: Mask = cv2.dilate(marked.astype(np.uint8), np.ones((side, side), np.uint8)) > 0
    return wide
