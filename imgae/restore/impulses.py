"""Isolated wrong values: salt and pepper noise, the hot and dead pixels of a sensor.

An impulse differs from its neighbours by far more than they do among themselves (Garnett et al.
2005, "A universal noise removal algorithm with an impulse detector"). So do dots of type, of
dithering, of screentones. What tells impulses from dots is chance: in the calmer half of a picture
impulses are evenly spread, stand side by side as seldom as chance has it, and not on plain paper.
A star is none: its neighbours rise with it (as in L.A.Cosmic, van Dokkum 2001).
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from imgae.picture.bands import both, rolling
from imgae.picture.pixels import from_float, to_float
from imgae.picture.rows import Rows
from imgae.restore.scaling import Scale, in_8_bits

Mask: TypeAlias = NDArray[np.bool_]
Levels: TypeAlias = NDArray[Any]
"""Values in 8 bits, (h, w, C) or (h, w)."""
Counts: TypeAlias = NDArray[np.int64]

USUAL: Final = Scale()
STRIP: Final = 128  # rows worked on at a time: whole tiles
HALO: Final = 4  # rows that are read beyond them; the filters below need 3
TILE: Final = 32

# Evidence. Heights are in levels, above or below the median of what is around.
STANDS_OUT: Final = 48  # the least height, and in ranges of the 16 values two pixels away:
ABOVE_RING: Final = 2.0  # 7 times the level of white noise
ALONE: Final = 0.65  # of its height apart from every neighbour: a star of FWHM 1.8 pixels has 0.58
FEWEST: Final = 25
RAREST: Final = 1.1e-4  # of values; the noise of ISO 12800 has fewer
MANY: Final = 2.5e-3  # no sensor has more: salt and pepper, of both
SPREAD: Final = (0.5, 3.5)  # tiles' squared deviations over their mean: 1 by chance, 0 in a grid
RISE: Final = 0.06  # neighbours' mean height: 0 by chance, 0.10 of stars of FWHM 1.2, 0.3 of 1.8
ENDS: Final = 25  # salt and pepper are so near to the ends of the range
TOGETHER: Final = 1.5  # channels in which they stand out, in the mean: 1, or more than 2
SAMPLE: Final = 500  # impulses of a strip whose neighbours are looked at

# Where there are impulses, weaker ones are found too.
LEAST: Final = 20
HOT_ABOVE_RING: Final = 1.3
HOT_RISE: Final = 0.17
SALT_OUTSIDE: Final = 0.15  # of its cleaned neighbours' range, outside of it

NEAR: Final = np.array([[1, 1, 1], [1, 0, 1], [1, 1, 1]], np.uint8)
RING: Final = np.pad(np.zeros((3, 3), np.uint8), 1, constant_values=1)
WEIGHTS: Final = np.pad(np.array([[1, 3, 1], [3, 0, 3], [1, 3, 1]]), 1) + 1e-4 * RING
"""Of neighbours; those two pixels away count where no other is good."""
APART: Final = np.array([[1, -0.5, -0.5, 128], [-0.5, 1, -0.5, 128], [-0.5, -0.5, 1, 128]])
"""Each channel less the mean of the others: texture is in all of them, and vanishes."""
MEAN: Final = np.full((1, 3), 1 / 3)


@dataclass(frozen=True)
class Kind:
    """What kind of impulses a picture has.

    tolerance: how far from the ends of the range salt and pepper lie; None for hot and dead pixels.
    together: whether these stand out in all channels at once.
    """

    tolerance: int | None
    together: bool

    def find(self, levels: Levels) -> Mask:
        """Find them in some rows; those at an end count where it is the picture's."""
        if self.tolerance is None:
            return hot(levels, together=self.together)
        return salt(levels, self.tolerance)


def kind_of(pixels: Rows, scale: Scale = USUAL) -> Kind | None:
    """Return the kind of impulses in a picture (H, W, C), C 1 or 3, of any type.

    None where there are too few to be sure, or where such dots belong to the picture. scale: what
    models see as 0 and 1.
    """
    evidence = look(pixels, scale)
    nearly = evidence.at.sum() > RAREST / 2 * math.prod(pixels.shape)
    if not evidence.convincing() and nearly and pixels.shape[2] == 3:
        evidence = look(pixels, scale, apart=True)
    if not evidence.convincing():
        return None
    return Kind(evidence.tolerance() if evidence.salted() else None, evidence.together)


def find_impulses(pixels: NDArray[Any]) -> Mask | None:
    """Find isolated wrong values in a picture (H, W, C), C 1 or 3: uint8, or float on [0, 1].

    None as for kind_of.
    """
    kind = kind_of(pixels)
    if kind is None:
        return None
    found = np.empty(pixels.shape, np.bool_)
    for levels, own, rows in strips(pixels, USUAL):
        found[rows] = kind.find(levels)[own].reshape(found[rows].shape)
    return found


class Cleaned:
    """Rows of a picture (H, W, C) of which impulses of a kind are replaced. They are Rows.

    count: how many pixels were, of the rows from the top that were read so far.
    """

    def __init__(self, pixels: Rows, scale: Scale, kind: Kind) -> None:
        self.pixels, self.scale, self.kind = rolling(pixels), scale, kind
        self.shape, self.dtype = pixels.shape, pixels.dtype
        self.count = self.counted = 0

    def __getitem__(self, key: slice | tuple[slice, slice], /) -> NDArray[Any]:
        rows, columns = both(key)
        top, bottom, step = rows.indices(self.shape[0])
        tops = range(top, max(top + 1, bottom), STRIP)
        strips = [self.strip(start, min(start + STRIP, bottom)) for start in tops]
        return np.concatenate(strips)[::step, columns]

    def strip(self, top: int, bottom: int) -> NDArray[Any]:
        """Return some rows, with impulses replaced."""
        near = self.part(top - HALO, bottom + HALO)
        far = self.part(near.start - HALO, near.stop + HALO)
        pixels = self.pixels[far]
        here = slice(near.start - far.start, near.stop - far.start)
        found = self.kind.find(levels_of(pixels, self.scale))[here].reshape(pixels[here].shape)
        own = slice(top - near.start, bottom - near.start)
        new = slice(max(top, self.counted) - near.start, bottom - near.start)
        if bottom > self.counted >= top:
            self.count += int(found[new].any(2).sum())
            self.counted = bottom
        return replaced(pixels[here], found)[own]

    def part(self, top: int, bottom: int) -> slice:
        return slice(max(top, 0), min(bottom, self.shape[0]))


def replaced(pixels: NDArray[Any], impulses: Mask) -> NDArray[Any]:
    """Give each impulse of pixels of any type the weighted mean of its neighbours that are none."""
    result = pixels.copy()
    for read, own, rows in cuts(len(pixels)):
        if not impulses[rows].any():
            continue
        good = (~impulses[read]).astype(np.float32)
        total, weight = (
            cv2.filter2D(part, -1, WEIGHTS, borderType=cv2.BORDER_CONSTANT)[own]
            for part in (to_float(pixels[read]) * good, good)
        )
        mean = (total / np.maximum(weight, 1e-9)).reshape(result[rows].shape)
        known = impulses[rows] & (weight.reshape(mean.shape) > 0)
        np.copyto(result[rows], from_float(mean, pixels.dtype), where=known)
    return result


def cuts(height: int) -> Iterator[tuple[slice, slice, slice]]:
    """Cut rows into strips: the rows that are read, a strip's own among these, its own rows."""
    for top in range(0, height, STRIP):
        bottom, above = min(top + STRIP, height), max(top - HALO, 0)
        own = slice(top - above, bottom - above)
        yield slice(above, bottom + HALO), own, slice(top, bottom)


def strips(pixels: Rows, scale: Scale) -> Iterator[tuple[Levels, slice, slice]]:
    held = rolling(pixels)
    for read, own, rows in cuts(pixels.shape[0]):
        yield levels_of(held[read], scale), own, rows


def levels_of(pixels: NDArray[Any], scale: Scale) -> Levels:
    """Return pixels (H, W, C) as a model sees them, in 8 bits; (H, W) if C is 1."""
    levels = in_8_bits(pixels, scale)
    return np.ascontiguousarray(levels if levels.shape[2] > 1 else levels[:, :, 0])


@dataclass(frozen=True)
class Evidence:
    """What stands out of a picture; counts of values by tiles, (n, C), or of the whole."""

    size: Counts
    outlying: Counts
    calm: Counts  # outlying, in calm surroundings
    alone: Counts  # of these, without another beside
    at: Counts  # these, by their level
    even: float  # share of values in surroundings of one value
    even_alone: float  # and of those that are alone
    dark: float  # shares of values near the ends
    bright: float
    rise: float  # mean height of neighbours, a height being 1
    together: bool  # in all channels at once

    def convincing(self) -> bool:
        half = np.argsort((self.outlying - self.alone).sum(1), kind="stable")
        half = half[: (len(half) + 1) // 2]
        size, alone = self.size[half], self.alone[half]
        count, calm = int(alone.sum()), int(self.calm[half].sum())
        share = count / size.sum()
        by_chance = 4 * share * count  # pairs, if half are dark
        expected = size * (alone.sum(0) / size.sum(0))
        spread = np.square(alone - expected).sum() / max(count, 1)
        black_and_white = self.dark + self.bright > 0.9 and min(self.dark, self.bright) > 0.02
        return bool(
            count >= FEWEST
            and share >= RAREST
            and count >= max(0.5, 0.92 - 100 * share) * calm
            and (by_chance < 40 or calm - count > 0.3 * by_chance)
            and SPREAD[0] < spread < SPREAD[1] + count / len(size) / 6  # fewer in texture
            and self.rise < RISE
            and max(self.even, self.even_alone) < 0.5
            and (share < MANY or self.salted())
            and not black_and_white
        )

    def salted(self) -> bool:
        pepper, salt, every = self.at[: ENDS + 1].sum(), self.at[-ENDS - 1 :].sum(), self.at.sum()
        return bool(pepper + salt > 0.75 * every and min(pepper, salt) > 0.01 * every)

    def tolerance(self) -> int:
        """How far from the ends salt and pepper lie: 0, or more where noise was added later."""
        near = (self.at + self.at[::-1])[:64].cumsum()
        exact = near[0] > 0.75 * near[-1]
        return 0 if exact else int(np.searchsorted(near, 0.97 * near[-1]))


def look(pixels: Rows, scale: Scale = USUAL, *, apart: bool = False) -> Evidence:
    """Count what stands out of a picture, or of its channels less the others."""
    height, width, channels = pixels.shape
    at, whole, tiles, rises = np.zeros(256, np.int64), np.zeros(5), [], [np.zeros(0)]
    for levels, own, _ in strips(pixels, scale):
        shown = cv2.transform(levels, APART) if apart else levels
        high = cv2.absdiff(shown, cv2.medianBlur(shown, 3))
        ring = cv2.subtract(cv2.dilate(shown, RING), cv2.erode(shown, RING))
        far = (high > STANDS_OUT)[own]
        clear = far & (high > cv2.convertScaleAbs(ring, alpha=ABOVE_RING))[own]
        lone = clear & (outside(shown, shown) > cv2.convertScaleAbs(high, alpha=ALONE))[own]
        tiles.append(np.stack([tiled(mask, channels) for mask in (far, clear, lone)]))
        found, values, even = np.flatnonzero(lone), levels[own], ring[own] == 0
        at += np.bincount(values.reshape(-1)[found], minlength=256)
        in_all = far.reshape(-1, channels)[found // channels]
        parts = (even, values < 32, values > 223, even.reshape(-1)[found], in_all)
        whole += [np.count_nonzero(part) for part in parts]
        some = found[:: len(found) // SAMPLE + 1] + own.start * width * channels
        rises.append(rise(shown, some, channels))
    sides = [np.minimum(TILE, side - np.arange(0, side, TILE)) for side in (height, width)]
    size = np.outer(*sides).reshape(-1, 1).repeat(channels, 1)
    outlying, calm, alone = np.concatenate(tiles, 1).reshape(3, -1, channels)
    count, sampled = max(1, int(at.sum())), np.concatenate(rises)
    even, dark, bright = whole[:3] / math.prod(pixels.shape)
    even_alone, in_all = whole[3:] / count
    mean_rise = float(sampled.sum()) / max(1, len(sampled))
    return Evidence(
        size, outlying, calm, alone, at,
        even, even_alone, dark, bright, mean_rise, not apart and bool(in_all > TOGETHER),
    )  # fmt: skip


def outside(levels: Levels, others: Levels) -> Levels:
    """Return how far values are outside the range of their neighbours in others."""
    high, low = cv2.dilate(others, NEAR), cv2.erode(others, NEAR)
    return cv2.max(cv2.subtract(levels, high), cv2.subtract(low, levels))


def tiled(mask: Mask, channels: int) -> Counts:
    """Count a strip's mask by tiles: (tiles down, tiles across, C)."""
    rows = mask.reshape(len(mask), -1).view(np.uint8)
    sums = np.add.reduceat(rows, np.arange(0, len(rows), TILE), 0, np.uint8)
    sums = sums.reshape(len(sums), -1, channels)
    return np.add.reduceat(sums, np.arange(0, sums.shape[1], TILE), 1, np.int64)


def rise(levels: Levels, at: NDArray[np.intp], channels: int) -> NDArray[np.float64]:
    """Return the mean height of values' neighbours, over the values' own, above the ring.

    1 where a value is no higher than its ring.
    """
    width, means = levels.shape[1], []
    for kernel in (NEAR, RING):
        y, x = np.nonzero(kernel)
        steps = ((y - len(kernel) // 2) * width + x - len(kernel) // 2) * channels
        means.append(levels.reshape(-1).take(at[:, None] + steps, mode="clip").mean(1))
    height = levels.reshape(-1)[at] - means[1]
    share: NDArray[np.float64] = np.ones(len(height))
    np.divide(means[0] - means[1], height, out=share, where=height != 0)
    return share


def salt(levels: Levels, tolerance: int) -> Mask:
    """Find values near the ends of the range, outside the range of their cleaned neighbours."""
    middle = cv2.medianBlur(levels, 3)
    ends = (levels <= tolerance) | (levels >= 255 - tolerance)
    suspect = ends & (cv2.absdiff(levels, middle) > LEAST // 2)
    clean = np.where(suspect, middle, levels)
    extent = cv2.subtract(cv2.dilate(clean, NEAR), cv2.erode(clean, NEAR))
    margin = cv2.convertScaleAbs(extent, None, SALT_OUTSIDE, 4 + tolerance / 2)
    return suspect & (outside(levels, clean) > margin)


def hot(levels: Levels, *, together: bool) -> Mask:
    """Find values far from their surroundings, whose neighbours do not rise with them."""
    own = cv2.absdiff(levels, cv2.medianBlur(levels, 3)) > LEAST // 2
    shown = levels if levels.ndim == 2 else cv2.transform(levels, MEAN if together else APART)
    middle, around = cv2.medianBlur(shown, 3), cv2.medianBlur(shown, 5)
    height = cv2.absdiff(shown, around)
    suspect = (height > LEAST) & (cv2.absdiff(shown, middle) > LEAST)
    clean = np.where(suspect, middle, shown)
    ring = cv2.subtract(cv2.dilate(clean, RING), cv2.erode(clean, RING))
    near = cv2.absdiff(cv2.filter2D(shown, -1, NEAR / np.float32(8)), around)
    found = suspect & (height > cv2.convertScaleAbs(ring, alpha=HOT_ABOVE_RING))
    found &= near < cv2.convertScaleAbs(height, alpha=HOT_RISE)
    return own & (found if found.ndim == own.ndim else found[:, :, None])
