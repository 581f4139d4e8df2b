"""Palettes: pictures as numbers of a few colours, exactly or as nearly as can be.

A colour is a row of a palette, (N, 3) or with alpha (N, 4), uint8.
"""

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from imgae.errors import warn

MOST: Final = 256
GLANCE: Final = 4096
"""Pixels that are looked at first, since most pictures do not fit."""
MOST_LOOKED_AT: Final = 1 << 15
"""Pixels from which colours are chosen."""
MOST_PATTERN: Final = 8.0
"""Levels between the extremes of the pattern that stands for colours a palette lacks."""


def bayer() -> NDArray[np.float32]:
    """Return the thresholds of ordered dithering, 8x8 on -0.5 to 0.5."""
    table = np.zeros((1, 1))
    for _ in range(3):
        table = np.block([[4 * table, 4 * table + 2], [4 * table + 3, 4 * table + 1]])
    return ((table + 0.5) / 64 - 0.5).astype(np.float32)


BAYER: Final = bayer()


def keys_of(colours: NDArray[Any]) -> NDArray[Any]:
    """Return each colour (..., up to 4) of 8 or 16 bits as one number."""
    dtype: Any = np.uint32 if colours.dtype == np.uint8 else np.uint64
    keys = np.zeros(colours.shape[:-1], dtype)
    for channel in range(colours.shape[-1]):
        keys <<= dtype(8 * colours.dtype.itemsize)
        keys |= colours[..., channel]
    return keys


def colours_of(keys: NDArray[np.uint32], channels: int) -> NDArray[np.uint8]:
    """Return the colours that keys_of made numbers of."""
    shifts = np.arange(8 * (channels - 1), -1, -8, dtype=np.uint32)
    return (keys[..., None] >> shifts).astype(np.uint8)


def filled(
    palette: NDArray[np.uint8],
    numbers: NDArray[Any],
    name: str,
    say: Callable[[str], None] = warn,
) -> NDArray[np.uint8]:
    """Return a palette with black, opaque, for all numbers that it lacks, (256, 3 or 4).

    Says if the numbers of a picture are among these.
    """
    if len(palette) < MOST and numbers.size and numbers.max() >= len(palette):
        say(f"{name}: some pixels have colours that its palette lacks; they become black")
    table = np.zeros((MOST, palette.shape[1]), np.uint8)
    table[:, 3:] = 255
    table[: len(palette)] = palette
    return table


def few_colours(colours: NDArray[np.uint8], most: int = MOST) -> NDArray[np.uint8] | None:
    """Return the different colours of a picture (H, W, C) in their order, or None if many."""
    keys = keys_of(colours).ravel()
    step = max(1, keys.size // GLANCE)
    if np.unique(keys[::step]).size > most:
        return None
    found: NDArray[np.uint32] = np.zeros(0, np.uint32)
    for at in range(0, keys.size, 1 << 20):
        found = np.union1d(found, keys[at : at + (1 << 20)])
        if found.size > most:
            return None
    return colours_of(found, colours.shape[-1])


def numbers_in(colours: NDArray[Any], palette: NDArray[Any]) -> Any:
    """Return each pixel's number in a palette (H, W), or None if the palette lacks a colour.

    Of equal colours the first counts.
    """
    known, places = np.unique(keys_of(palette), return_index=True)
    keys = keys_of(colours)
    flat = keys.ravel()
    for part in (flat[:: max(1, flat.size // GLANCE)], flat):
        where = np.minimum(np.searchsorted(known, part), known.size - 1)
        if (known[where] != part).any():
            return None
    dtype = np.uint8 if len(palette) <= MOST else np.uint16
    return places[where].astype(dtype).reshape(keys.shape)


def nearest(colours: NDArray[np.uint8], palette: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return for each colour (N, 3) the number of the nearest in a palette of up to 256.

    Colours are told apart by their six highest bits.
    """
    table = np.resize(palette, (MOST, 3))  # what is too much repeats the first colours
    swatches = PIL.Image.new("P", (1, 1))
    swatches.putpalette(table.tobytes())
    picture = PIL.Image.fromarray(np.ascontiguousarray(colours).reshape(1, -1, 3))
    found = np.asarray(picture.quantize(palette=swatches, dither=PIL.Image.Dither.NONE)).ravel()
    return found if len(palette) == MOST else found % np.uint8(len(palette))


def step_of(colours: NDArray[np.uint8]) -> int:
    """Return how many pixels to go on from one that is looked at; odd, so that columns change."""
    step = len(colours) // MOST_LOOKED_AT
    return step | 1 if step else 1


def error_of(colours: NDArray[np.uint8], palette: NDArray[np.uint8]) -> float:
    """Return the root of the mean square by which the nearest colours differ, in levels."""
    some = colours[:: step_of(colours)]
    apart = palette[nearest(some, palette)].astype(np.float32) - some
    return float(np.sqrt(np.square(apart).mean()))


def dithered(
    picture: NDArray[np.uint8], wanted: NDArray[np.bool_], palette: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    """Return the numbers of colours for the wanted pixels of a picture (H, W, 3), in their order.

    Colours between two of the palette become a fixed pattern of both: it hides the edges that
    slopes would have, and stands still in an animation. It is as strong as the palette is coarse.
    """
    strength = min(2 * error_of(picture[wanted], palette), MOST_PATTERN)
    height, width = wanted.shape
    pattern = np.tile(BAYER, (-(-height // 8), -(-width // 8)))[:height, :width]
    shifted = picture[wanted] + pattern[wanted][:, None] * np.float32(strength)
    return nearest(np.clip(np.rint(shifted), 0, 255).astype(np.uint8), palette)


def chosen(colours: NDArray[np.uint8], most: int) -> NDArray[np.uint8]:
    """Return up to so many colours that stand for those of a picture (N, 3) with little error."""
    some = np.ascontiguousarray(colours[:: step_of(colours)])
    picture = PIL.Image.fromarray(some.reshape(1, -1, 3))
    found = picture.quantize(most, PIL.Image.Quantize.MAXCOVERAGE, kmeans=1)
    palette = np.array(found.getpalette(), np.uint8).reshape(-1, 3)
    return palette[: int(np.asarray(found).max()) + 1]
