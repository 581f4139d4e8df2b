"""Frames of animations: of one kind, drawn over those before them, and where they differ."""

import itertools
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from imgae.errors import ImageError, warn
from imgae.picture.image import Frames, Image
from imgae.picture.pixels import scale_of

Place = tuple[slice, slice]
"""Rows and columns of a canvas."""


class Canvas:
    """Pixels and alpha, empty at first, on which frames are drawn one after another."""

    def __init__(self, height: int, width: int, channels: int, dtype: Any) -> None:
        self.pixels = np.zeros((height, width, channels), dtype)
        self.alpha = np.zeros((height, width), dtype)
        self.shown = 0

    def under(self, place: Place) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return what is at a place: pixels and alpha."""
        return self.pixels[place].copy(), self.alpha[place].copy()

    def show(self, place: Place, pixels: Any, alpha: Any) -> tuple[NDArray[Any], NDArray[Any]]:
        """Put a frame in place of what is there, and return the whole canvas."""
        self.pixels[place], self.alpha[place] = pixels, alpha
        self.shown += 1
        return self.pixels.copy(), self.alpha.copy()

    def dispose(
        self,
        place: Place,
        how: Literal["leave", "clear", "back"],
        before: tuple[NDArray[Any], NDArray[Any]],
    ) -> None:
        """Make a place what the next frame is drawn on; nothing was before the first frame."""
        if how == "clear" or (how == "back" and self.shown == 1):
            self.pixels[place], self.alpha[place] = 0, 0
        elif how == "back":
            self.pixels[place], self.alpha[place] = before


def bounds(mask: NDArray[np.bool_]) -> Place:
    """Return the rows and columns that hold what is true; the first pixel if nothing is."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not rows.size:
        return slice(0, 1), slice(0, 1)
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def with_alpha(image: Image) -> Image:
    """Return a picture with alpha: opaque if it has none."""
    if image.alpha is not None:
        return image
    dtype: Any = image.pixels.dtype
    return replace(image, alpha=np.full(image.pixels.shape[:2], scale_of(dtype), dtype))


def check_one_size(frames: Frames, kind: str, name: str) -> None:
    """Raise ImageError for frames of different sizes."""
    if len({(image.width, image.height) for image in frames}) > 1:
        raise ImageError(f"{name}: the frames are of different sizes, which {kind} cannot hold")


def warn_of_different(frames: Frames, fields: Sequence[str], kind: str, name: str) -> None:
    """Warn of frames with other profiles or metadata than the first, where files hold one."""
    first, *others = ([getattr(image, field) for field in fields] for image in frames)
    if any(other != first for other in others):
        warn(f"{name}: {kind} holds one profile and metadata for all frames; those of the first")


def whole_counts(times: Sequence[float]) -> list[int]:
    """Round how long frames are shown to whole counts, so that no error adds up."""
    ends = [round(value) for value in np.cumsum([0.0, *times]).tolist()]
    return [after - before for before, after in itertools.pairwise(ends)]
