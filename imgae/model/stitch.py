"""Running a model over a picture tile by tile."""

from collections.abc import Callable, Sequence
from numbers import Integral
from typing import Final

import numpy as np
from numpy.typing import NDArray

from imgae.errors import ModelError, OptionError
from imgae.model.card import ModelCard
from imgae.model.machine import free_memory, limited_memory, trim_memory
from imgae.model.session import OnnxModel, ShortOfMemoryError
from imgae.picture.pixels import from_nchw
from imgae.picture.tiling import Tile, TilePlan, least_side, plan_within, round_up

Progress = Callable[[int, int], None]
"""Called with tiles done and tiles in all."""

MOST_MEMORY: Final = 1 << 30
MOST_PIXELS: Final = 4_000_000  # larger tiles were slower: fresh memory costs more than halos
MOST_THREADS: Final = 1024
LEAST_MEMORY: Final = 64 << 20
HALF: Final = 1 / 2
"""Of the free memory, for a tile; the result, and its file, take memory besides,"""
BY_ROWS: Final = 0.6
"""and less where they go by rows."""
HELD: Final[dict[tuple[object, ...], int]] = {}
"""By the model, under a limit: the pixels of its largest tile, whose memory it still has."""
SHORTAGES: Final = (MemoryError, ShortOfMemoryError)


def check_settings(tile: str | int, threads: int | None) -> None:
    """Raise OptionError if tile or threads are out of range."""
    if tile != "auto" and (not isinstance(tile, Integral) or tile < 0):
        raise OptionError(f"tile is {tile!r}; expected 'auto' or pixels from 0")
    if threads is not None and not (isinstance(threads, Integral) and 1 <= threads <= MOST_THREADS):
        raise OptionError(
            f"threads is {threads!r}; expected a whole number from 1 to {MOST_THREADS}"
        )


def plan_for(
    card: ModelCard, height: int, width: int, tile: str | int, row_bytes: int = 0
) -> TilePlan:
    """Plan the tiles of a picture.

    tile: pixels a tile keeps on a side, 0 for the whole picture at once, or "auto": what costs
    least in half the free memory, 1 GiB at most.
    row_bytes: what each row that a band of tiles reads takes besides, where rows lie in memory
    only while they are needed; they get a quarter of the free memory, and a tile more than half.
    """
    if tile == "auto":
        rows, share = None, HALF
        if row_bytes:
            free = max(1, free_memory())
            least = least_side(card.halo, card.stride) + 2 * round_up(card.halo, card.stride)
            rows = max(least, free // 4 // row_bytes)
            share = min(BY_ROWS, 1 - rows * row_bytes / free)
        most = most_pixels(card, share)
        plan = plan_within(height, width, card.halo, card.stride, most, rows)
        if limited_memory() is not None:
            taken = max(tile.read.area for tile in plan)
            HELD[key_of(card)] = max(taken, HELD.get(key_of(card), 0))
        return plan
    size = int(tile)
    return TilePlan(height, width, size, size, card.halo, card.stride)


def most_pixels(card: ModelCard, share: float = HALF) -> int:
    """Return how many pixels a model should be given at once. share: of the free memory.

    Even where memory is short, enough for a tile that is not mostly halo: running out of memory
    ends with a sentence, while tiles of a few pixels would take hours.
    """
    budget = min(MOST_MEMORY, max(LEAST_MEMORY, int(free_memory() * share)))
    least = least_side(card.halo, card.stride) + 2 * card.halo
    most = max(least**2, min(MOST_PIXELS, budget // card.bytes_per_pixel))
    return max(most, HELD.get(key_of(card), 0))


def key_of(card: ModelCard) -> tuple[object, ...]:
    return card.name, card.bytes_per_pixel, limited_memory()


class Patient:
    """Does a work tile by tile; from where memory runs out, with tiles half as large.

    plan: of the tiles. models: those that work, whose memory is given back first.
    """

    def __init__(self, plan: TilePlan, models: Sequence[OnnxModel]) -> None:
        self.plan, self.models = plan, models
        self.most: int | None = None

    def __call__(self, tile: Tile, work: Callable[[Tile], object]) -> None:
        """Call `work` for a tile, or for parts of it.

        Raises ShortOfMemoryError if parts of the least size are too large too, and what `work`
        raises else.
        """
        waiting = [tile]
        while waiting:
            part = waiting.pop()
            halves = self.plan.halves(part)
            if self.most is None or part.keep.area <= self.most or not halves:
                if done(work, part):
                    continue
                release(self.models)
                if not halves:
                    raise ShortOfMemoryError(
                        f"too little memory for as few as {part.read.area} pixels at once; end "
                        "other programs, or use fewer threads (--threads 1)"
                    )
                self.most = max(half.keep.area for half in halves)
            waiting += reversed(halves)


def done(work: Callable[[Tile], object], tile: Tile) -> bool:
    """Call `work` for a tile. Returns False if memory ran out, and lets go of the error."""
    try:
        work(tile)
    except SHORTAGES:
        return False
    return True


def release(models: Sequence[OnnxModel]) -> None:
    """Have models give back the memory that they hold for their next tiles."""
    for model in models:
        model.release()
    HELD.clear()
    trim_memory()


def kept(
    restored: NDArray[np.float32], planes: NDArray[np.float32], tile: Tile, channels: int
) -> NDArray[np.float32]:
    """Return what a tile keeps of a model's output, (h, w, channels).

    Raises ModelError if the output has another shape than the input, or holds NaN or infinity.
    """
    if restored.shape != planes.shape:
        raise ModelError(f"the model gave {restored.shape} for {planes.shape}")
    inner = (slice(None), slice(None), *tile.keep.within(tile.read).slices)
    return finite(from_nchw(restored[inner], channels))


def finite(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return a model's values as they are. Raises ModelError if one is NaN or infinite."""
    if not np.isfinite(values).all():
        raise ModelError("the model gave NaN or infinity; are the picture's values on [0, 1]?")
    return values
