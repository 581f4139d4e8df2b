"""Running a model over a picture tile by tile."""

from collections.abc import Callable
from numbers import Integral
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from imgae.errors import ModelError, OptionError
from imgae.model.card import ModelCard
from imgae.model.machine import free_memory
from imgae.picture.pixels import from_float, from_nchw, to_float, to_nchw
from imgae.picture.tiling import Tile, TilePlan, least_side, plan_within

Progress = Callable[[int, int], None]
"""Called with tiles done and tiles in all."""

Blend = Callable[[NDArray[np.float32], NDArray[np.float32]], NDArray[np.float32]]

MOST_MEMORY: Final = 1 << 30
MOST_PIXELS: Final = 4_000_000  # larger tiles were slower: fresh memory costs more than halos
MOST_THREADS: Final = 1024
LEAST_MEMORY: Final = 64 << 20


def check_settings(tile: str | int, threads: int | None) -> None:
    """Raise OptionError if tile or threads are out of range."""
    if tile != "auto" and (not isinstance(tile, Integral) or tile < 0):
        raise OptionError(f"tile is {tile!r}; expected 'auto' or pixels from 0")
    if threads is not None and not (isinstance(threads, Integral) and 1 <= threads <= MOST_THREADS):
        raise OptionError(
            f"threads is {threads!r}; expected a whole number from 1 to {MOST_THREADS}"
        )


def plan_for(card: ModelCard, height: int, width: int, tile: str | int) -> TilePlan:
    """Plan the tiles of a picture.

    tile: pixels a tile keeps on a side, 0 for the whole picture at once, or "auto": what costs
    least in half the free memory, 1 GiB at most.
    """
    if tile == "auto":
        return plan_within(height, width, card.halo, card.stride, most_pixels(card))
    size = int(tile)
    return TilePlan(height, width, size, size, card.halo, card.stride)


def most_pixels(card: ModelCard) -> int:
    """Return how many pixels a model should be given at once.

    Even where memory is short, enough for a tile that is not mostly halo: running out of memory
    ends with a sentence, while tiles of a few pixels would take hours.
    """
    budget = min(MOST_MEMORY, max(LEAST_MEMORY, free_memory() // 2))
    least = least_side(card.halo, card.stride) + 2 * card.halo
    return max(least**2, min(MOST_PIXELS, budget // card.bytes_per_pixel))


def run_tiles(
    restore: Callable[[NDArray[np.float32]], NDArray[np.float32]],
    pixels: NDArray[Any],
    plan: TilePlan,
    blend: Blend | None = None,
    progress: Progress | None = None,
) -> NDArray[Any]:
    """Restore pixels (H, W, C) of any type, C 1 or 3; returns the same shape and type.

    restore: maps (1, 3, h, w) float32 to the same. Only a tile at a time is converted to float.
    blend: makes what is kept of the original (h, w, C) and the restored pixels, both float32.
    """
    out = np.empty_like(pixels)
    for done, tile in enumerate(plan, 1):
        source = pixels[tile.read.slices]
        planes = to_nchw(source)
        values = kept(restore(planes), planes, tile, pixels.shape[2])
        if blend:
            values = blend(to_float(pixels[tile.keep.slices]), values)
        out[tile.keep.slices] = from_float(values, pixels.dtype)
        if progress:
            progress(done, len(plan))
    return out


def kept(
    restored: NDArray[np.float32], planes: NDArray[np.float32], tile: Tile, channels: int
) -> NDArray[np.float32]:
    """Return what a tile keeps of a model's output, (h, w, channels).

    Raises ModelError if the output has another shape than the input, or holds NaN or infinity.
    """
    if restored.shape != planes.shape:
        raise ModelError(f"the model gave {restored.shape} for {planes.shape}")
    inner = (slice(None), slice(None), *tile.keep.within(tile.read).slices)
    values = from_nchw(restored[inner], channels)
    if not np.isfinite(values).all():
        raise ModelError("the model gave NaN or infinity; are the picture's values on [0, 1]?")
    return values
