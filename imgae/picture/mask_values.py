"""What the values of a mask's picture mean: which are white, and whether they look like a mask."""

import math
from dataclasses import replace
from functools import reduce
from typing import Any, Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from imgae.errors import MaskError
from imgae.picture.image import Image
from imgae.picture.pixels import scale_of, to_float

Mask = NDArray[np.bool_]
Grays = NDArray[np.float32]

HALF: Final = 127.5
"""The darkest gray, of 255, that fills by default."""
JPEG: Final = "JPEG"
NEARLY_BLACK: Final = 32
"""In a JPEG, grays below it are black: the compression leaves such values beside white."""
BETWEEN: Final = (64, 191)
"""Grays between black and white. JPEG leaves values outside of them around what it stores."""
COLOURLESS: Final = 32
"""How much the channels of a gray may differ."""
EDGE: Final = 2
"""As many pixels about it, the edge of something may be gray without being soft."""
JPEG_EDGE: Final = 8
"""The same in a JPEG for what has a colour, which is stored in blocks of 16 pixels."""
FAR_FROM_BOTH: Final = (24, 231)
"""Grays that are clearly neither black nor white, of which a photograph is full."""
MANY_GRAYS: Final = (0.2, 64)
"""What share of a photograph's pixels is such a gray at least, and how many different ones."""
MANY_COLOURS: Final = 24
"""More different colours, of 8 steps a channel, than masks and maps of labels have."""
LOOKED_AT: Final = 1 << 18
"""Pixels that are looked at to see that, at least, if there are so many."""
RARE: Final = 5e-4
"""A colour of a smaller share of the pixels does not count."""
HIGHEST: Final = 2
"""Floats up to about 1 are on 0 to 1; scaling a picture makes some of them larger, up to this."""
ABOUT_THE_BRIGHTEST: Final = 0.9
"""Pixels from this share of the largest value on show what colour something was drawn in."""
OTHER_HUE: Final = 0.35
"""How far, over its brightest channel, a colour is from the nearest multiple of another hue."""
SHADES: Final = (0.25, 0.75)
"""Shares of a colour's brightness between which its pixels are only at edges."""
FEW: Final = 0.05
"""What share of something's pixels may be unlike the others."""


class Reading(NamedTuple):
    """What a mask marks, bool (H, W), and how it was read, if that is not plain; or ""."""

    marked: Mask
    remark: str = ""


def white_of(mask: Image, threshold: float | None = None) -> Reading:
    """Mark what is white, from one half up; what is transparent counts as black.

    Values of 0 and 1 are black and white. Floats may also be on 0 to 255, and 16 bits may hold
    values of 8 bits. Where all is black except for one colour, with smooth edges or in a JPEG, that
    colour fills from half its brightness on. Where nothing is white, the one other gray fills, and
    of two grays the brighter; and where all colours are black, what is opaque.
    threshold: the gray, from 0 to 255, from which pixels fill, instead of all this; black never
    does.
    Raises MaskError if there are other colours, but no white.
    """
    values = eight_bits(mask)
    opaque = opacity(mask)
    grays = brightness(values) * opaque
    if threshold is not None:
        return Reading((grays >= threshold) & (grays > 0))
    seen = values if mask.alpha is None else values * opaque[:, :, None]
    if (drawn := of_one_hue(seen, is_jpeg(mask))) is not None:
        return Reading(drawn)
    marked: Mask = grays >= HALF
    if marked.any():
        return brighter_of_two(values, grays) if marked.all() else Reading(marked)
    shown: Mask = opaque >= 0.5
    coloured: Mask = (brightest(values) > 0) & shown
    if not coloured.any():
        return Reading(marked if shown.all() else shown)
    colours = values[coloured]
    if not coloured.all() and (colours == colours[0]).all():
        return Reading(coloured)
    two = brighter_of_two(values, grays)
    if two.remark:
        return two
    raise MaskError(
        f"nothing in the mask is white, and white is what is filled; its brightest gray is "
        f"{colours.mean(1).max():.3g} of 255; draw what to fill in white, and the rest in black"
    )


def of_one_hue(values: Grays, jpeg: bool) -> Mask | None:
    """Mark what was drawn in one colour on black, from half its brightness on.

    values: (H, W, C). jpeg: whether they come from one, which changes colours at edges.
    Returns None if there is no colour, or there are several, or areas of several shades of one.
    """
    if values.shape[2] == 1:
        return None
    top = brightest(values)
    highest = top.max()
    brightest_ones = values[top >= ABOUT_THE_BRIGHTEST * highest]
    colour = np.quantile(brightest_ones, 0.5, axis=0, method="lower")
    if np.ptp(colour) <= COLOURLESS:
        return None
    marked: Mask = top >= highest / 2
    off = off_hue(values[top > 0], colour, highest if jpeg else NEARLY_BLACK)
    if marked.all() or off.sum() > (FEW * marked.sum() if jpeg else 0):
        return None
    low, high = (share * highest for share in SHADES)
    if between_edges(top, low, high, JPEG_EDGE if jpeg else EDGE).sum() > FEW * marked.sum():
        return None
    return marked


def off_hue(values: Grays, colour: Grays, least: float) -> Mask:
    """Return which of (N, C) differ in hue from a colour (C,).

    least: pixels whose brightest channel is less are judged as if it were that.
    """
    nearest = (values @ (colour / (colour @ colour)))[:, None] * colour
    off: Mask = np.abs(values - nearest).max(1) > OTHER_HUE * np.maximum(values.max(1), least)
    return off


def brighter_of_two(values: Grays, grays: Grays) -> Reading:
    """Mark the brighter of two colours that are all there are; else what is white.

    values: the colours (H, W, C); grays: their brightness, 0 where they are transparent.
    """
    dark, bright = grays.min(), grays.max()
    lighter: Mask = grays == bright
    only_two = dark < bright and bool((lighter | (grays == dark)).all())
    for one in (lighter, ~lighter & (grays > 0)):
        only_two = only_two and bool((values[one] == values[one][:1]).all())
    if not only_two:
        return Reading(grays >= HALF)
    remark = f"its two grays are {dark:.4g} and {bright:.4g} of 255; the brighter is what is filled"
    return Reading(lighter, remark)


def eight_bits(mask: Image) -> Grays:
    """Return a mask's values as floats (H, W, C) from 0 to 255; C is 1 if its colours are grays.

    NaN counts as 0, integers of 0 and 1 as black and white, and what is nearly black in a JPEG as
    black. Floats below 0, and above 1 or 255, are clipped.
    """
    pixels = mask.pixels[:, :, :1] if is_gray(mask.pixels) else mask.pixels
    values: Grays = pixels.astype(np.float32)
    if pixels.dtype == np.float32:
        values = np.nan_to_num(values, copy=False)
        scale = 255 if values.max() <= HIGHEST else 1
        clipped: Grays = np.clip(values * np.float32(scale), 0, 255)
        return clipped
    largest = values.max()
    if largest == 1:
        return values * np.float32(255)
    if pixels.dtype != np.uint8 and largest > 255:
        values = values * np.float32(255 / scale_of(pixels.dtype))
    if is_jpeg(mask):
        values[brightest(values) < NEARLY_BLACK] = 0
    return values


def is_jpeg(mask: Image) -> bool:
    """Return whether a mask comes from a JPEG file."""
    return mask.stored is not None and mask.stored.format == JPEG


def is_gray(pixels: NDArray[Any]) -> bool:
    """Return whether pixels (H, W, C) have the same value in all channels."""
    first = pixels[:, :, 0]
    others = range(1, pixels.shape[2])
    return all(np.array_equal(first, pixels[:, :, channel]) for channel in others)


def brightness(values: Grays) -> Grays:
    """Return the mean of the channels, (H, W)."""
    total = values[:, :, 0]  # NumPy's mean over a last axis of 3 takes ten times as long
    for channel in range(1, values.shape[2]):
        total = total + values[:, :, channel]
    return total / np.float32(values.shape[2])


def brightest(values: Grays) -> Grays:
    """Return the largest of the channels, (H, W)."""
    return reduce(np.maximum, (values[:, :, channel] for channel in range(values.shape[2])))


def opacity(mask: Image) -> Grays:
    """Return how opaque each pixel is, (H, W) from 0 to 1."""
    if mask.alpha is None:
        return np.ones(mask.pixels.shape[:2], np.float32)
    return to_float(mask.alpha)


def labels_of(mask: Image) -> NDArray[Any]:
    """Return the numbers (H, W) that a gray picture holds, as its file stores them.

    Those of 1 to 7 and of 9 to 15 bits are not spread over 8 or 16. Raises MaskError if the
    picture has colours.
    """
    pixels = mask.pixels
    values = pixels[:, :, 0]
    if not is_gray(pixels):
        raise MaskError("its pixels are colours, and not the numbers of labels")
    bits = mask.stored.bits if mask.stored is not None else 0
    if pixels.dtype == np.float32 or not 0 < bits < mask.bits:
        return values
    largest = (1 << bits) - 1
    labels: NDArray[Any] = np.rint(values * (largest / scale_of(pixels.dtype)))
    return labels.astype(pixels.dtype)


def soft_pixels(mask: Image) -> int:
    """Count the grays between black and white that are no edge of something white on black.

    An edge has black and white within EDGE pixels.
    """
    values = eight_bits(mask)
    between = between_edges(brightness(values) * opacity(mask), *BETWEEN)
    return int((np.ptp(values[between], 1) <= COLOURLESS).sum())


def between_edges(grays: Grays, low: float, high: float, reach: int = EDGE) -> Mask:
    """Return which grays from `low` to `high` are no edge, with darker and brighter ones about it.

    reach: how near both are to an edge, in pixels.
    """
    between: Mask = (grays >= low) & (grays <= high)
    if not between.any():
        return between
    near = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
    by_white = np.asarray(cv2.dilate((grays > high).astype(np.uint8), near)) > 0
    by_black = np.asarray(cv2.dilate((grays < low).astype(np.uint8), near)) > 0
    return between & ~(by_white & by_black)


def looks_like_photograph(mask: Image) -> bool:
    """Return whether a mask has many grays, or many colours, all over."""
    step = max(1, math.isqrt(mask.height * mask.width // LOOKED_AT))
    alpha = None if mask.alpha is None else mask.alpha[::step, ::step]
    some = replace(mask, pixels=mask.pixels[::step, ::step], alpha=alpha, extra=None)
    values = eight_bits(some)
    grays = brightness(values) * opacity(some)
    low, high = FAR_FROM_BOTH
    share, many = MANY_GRAYS
    far = grays[(grays > low) & (grays < high)]
    counts = np.bincount(far.astype(np.int64))
    different = np.count_nonzero(counts > RARE * far.size)
    if far.size >= share * grays.size and different >= many:
        return True
    steps = (values / 32).astype(np.int64)
    keys = steps @ np.array([64, 8, 1][: values.shape[2]])
    found = np.bincount(keys.ravel())
    return bool(np.count_nonzero(found > RARE * keys.size) > MANY_COLOURS)
