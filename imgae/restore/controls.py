"""How much of a denoiser's work to keep: by brightness and colour, with texture and grain."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from imgae.errors import OptionError
from imgae.picture.pixels import from_float, to_float
from imgae.picture.tiling import Box
from imgae.restore.scaling import Scale

LUMA: Final = np.array((0.299, 0.587, 0.114), np.float32)
"""Weights of R, G and B in luma (ITU-R BT.601)."""
FINE, COARSE = 0.8, 1.6
"""Standard deviations, in pixels, of the Gaussians that bound the two bands of texture."""
AROUND: Final = 3.0  # pixels; over which texture is told from noise
GRAIN_LEVEL: Final = 8 / 255
"""Standard deviation of grain 1 at middle gray."""
ROWS: Final = 512
AT_ONCE: Final = 1 << 20  # pixels
REACH: Final = 16  # rows that a strip is read beyond: three AROUNDs and three COARSEs
ALIGNED: Final = 64
"""Columns that OpenCV takes together at most; a part has them in the same groups as the whole."""


USUAL: Final = Scale()
MOST: Final = {"strength": 2, "luma": 2, "chroma": 2, "detail": 1, "grain": 1}
"""The largest value of each control; the least is 0."""


@dataclass(frozen=True)
class Controls:
    """Numbers from 0 up. The defaults change nothing.

    strength: 0 keeps the input, 1 is the full effect. Above 1, to 2, the model is told this many
    times the noise level, and removes more. luma, chroma: the same for brightness and for colour
    alone; strength multiplies both.
    detail, to 1: how much of the fine texture that was removed comes back, where there is some.
    grain, to 1: how much new grain is added; 1 is as strong as level 8 at middle gray.
    Raises OptionError for values out of range.
    """

    strength: float = 1.0
    luma: float = 1.0
    chroma: float = 1.0
    detail: float = 0.0
    grain: float = 0.0

    def __post_init__(self) -> None:
        for entry in fields(self):
            value, most = getattr(self, entry.name), MOST[entry.name]
            if not (isinstance(value, int | float | np.floating) and 0 <= value <= most):  # nor NaN
                raise OptionError(f"{entry.name} is {value!r}; expected a number from 0 to {most}")

    @property
    def keeps_all(self) -> bool:
        """Whether the input comes back as it is, without even running a model."""
        return not any(self.shares(3)) and self.grain == 0

    def shares(self, channels: int) -> tuple[float, float]:
        """Return the strengths for brightness and for colour, of pictures of 1 or 3 channels."""
        luma = float(self.strength * self.luma)
        return luma, float(self.strength * self.chroma) if channels > 1 else luma

    def factors(self, channels: int) -> tuple[float, ...]:
        """Return what to multiply the noise level by: one number, or for luma and for chroma."""
        shares = self.shares(channels)
        factors = {max(1.0, share): None for share in shares if share} or {1.0: None}
        return tuple(factors)

    def blend(self, pixels: NDArray[Any], *restored: NDArray[np.float32]) -> NDArray[np.float32]:
        """Mix (H, W, C) by strength, luma and chroma; pixel by pixel, so tiles do not show.

        pixels: as they came, of any type. restored: for each of the factors. Brightness is taken
        from the first, colour from the last.
        """
        luma, chroma = (np.float32(min(1.0, share)) for share in self.shares(pixels.shape[2]))
        if luma == chroma == 1 and len(restored) == 1:
            return restored[0]
        original = to_float(pixels)
        changes = [each - original for each in restored]
        if luma == chroma and len(changes) == 1:
            return np.asarray(original + luma * changes[0])
        gray, other = (luma_of(change)[:, :, None] for change in (changes[0], changes[-1]))
        return np.asarray(original + luma * gray + chroma * (changes[-1] - other))

    def finish(
        self,
        before: NDArray[Any],
        after: NDArray[Any],
        scale: Scale = USUAL,
        limits: tuple[float, float] = (0.0, 1.0),
    ) -> NDArray[Any]:
        """Give texture back and add grain: (H, W, C) of any type, C 1 or 3, to the same.

        before: the picture as it was; after: without its noise. In strips of rows, each as in the
        whole picture. scale: what counts as black and white. limits: the least and the largest
        value that may come out.
        """
        if self.detail == 0 and self.grain == 0:
            return after
        return np.concatenate([*self.finished([(before, after)], len(after), scale, limits)])

    def finished(
        self,
        bands: Iterable[tuple[NDArray[Any], NDArray[Any]]],
        height: int,
        scale: Scale = USUAL,
        limits: tuple[float, float] = (0.0, 1.0),
    ) -> Iterator[NDArray[Any]]:
        """Do the same for rows that come in bands from the top, `height` in all."""
        top = start = 0  # of the next strip, and of the rows at hand
        before = after = None
        for noisy, clean in bands:
            if self.detail == 0 and self.grain == 0:
                yield clean
                continue
            before, after = joined(before, noisy), joined(after, clean)
            end = start + len(after)
            while top < height and (top + ROWS + REACH <= end or end == height):
                rows = slice(max(0, top - REACH) - start, top + ROWS + REACH - start)
                yield self.strip(before[rows], after[rows], top, scale, limits)
                top += ROWS
            unused = max(0, max(0, top - REACH) - start)
            before, after = before[unused:].copy(), after[unused:].copy()
            start += unused

    def strip(
        self,
        before: NDArray[Any],
        after: NDArray[Any],
        top: int,
        scale: Scale,
        limits: tuple[float, float],
    ) -> NDArray[Any]:
        """Finish the rows from top on, of those and what is around them."""
        above = top - max(0, top - REACH)
        height, width = min(ROWS, len(after) - above), after.shape[1]
        noise = noise_of(top, height, width) if self.grain else None
        out = np.empty((height, *after.shape[1:]), after.dtype)
        step = max(REACH, AT_ONCE // width)
        for first in range(0, height, step):
            end = min(first + step, height)
            read = slice(max(0, above + first - REACH), above + end + REACH)
            inner = slice(above + first - read.start, above + end - read.start)
            values = self.seen(before[read], after[read], scale)[inner]
            here = None if noise is None else noise[first:end]
            out[first:end] = self.grained(values, after[read][inner], here, scale, limits)
        return out

    def part(
        self,
        before: NDArray[Any],
        after: NDArray[Any],
        read: Box,
        keep: Box,
        width: int,
        scale: Scale,
        limits: tuple[float, float],
    ) -> NDArray[Any]:
        """Finish a part of a picture of a width, as the whole picture has it there.

        before, after: what `read` holds, which reaches around what is kept: see `around`.
        """
        if self.detail == 0 and self.grain == 0:
            return after[keep.within(read).slices]
        inner = keep.within(read).slices
        values = self.seen(before, after, scale)[inner]
        noise = noise_in(keep, width) if self.grain else None
        return self.grained(values, after[inner], noise, scale, limits)

    @staticmethod
    def around(box: Box, height: int, width: int) -> Box:
        """Return what `part` has to read for a box of a picture, whatever the controls are."""
        return Box(
            max(box.top - REACH, 0),
            max(box.left - REACH, 0) // ALIGNED * ALIGNED,
            min(box.bottom + REACH, height),
            min(box.right + REACH + ALIGNED, width),
        )

    def seen(self, before: NDArray[Any], after: NDArray[Any], scale: Scale) -> NDArray[np.float32]:
        """Return what is left, as models see it, with its texture."""
        values = scale.seen(to_float(after))
        if not self.detail:
            return values
        return values + self.detail * texture(scale.seen(to_float(before)), values)

    def grained(
        self,
        values: NDArray[np.float32],
        after: NDArray[Any],
        noise: NDArray[np.float32] | None,
        scale: Scale,
        limits: tuple[float, float],
    ) -> NDArray[Any]:
        """Return such values with grain, in the picture's own range and type."""
        if noise is not None:
            values = values + self.grain * grain_over(values, noise)
        return from_float(scale.back(values, to_float(after)).clip(*limits), after.dtype)


def joined(rows: NDArray[Any] | None, more: NDArray[Any]) -> NDArray[Any]:
    return more if rows is None or not len(rows) else np.concatenate([rows, more])


def texture(before: NDArray[np.float32], after: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return what was removed of fine texture, (H, W, 1), in two bands of brightness.

    Of each band as large a share as the picture that is left has structure there, by Wiener's
    rule: from flat parts, where what was removed was noise, nothing comes back.
    """
    kept, removed = brightness(after), brightness(before) - brightness(after)
    total = np.zeros_like(kept)
    for narrow, wide in ((0.0, FINE), (FINE, COARSE)):
        structure = blurred(band(kept, narrow, wide) ** 2, AROUND)
        piece = band(removed, narrow, wide)
        noise = blurred(piece**2, AROUND)
        total += structure / (structure + noise + 1e-8) * piece
    return total[:, :, None]


def brightness(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    return pixels[:, :, 0] if pixels.shape[2] == 1 else luma_of(pixels)


def luma_of(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the luma of (H, W, 3).

    Channel by channel: what a product of matrices gives for a pixel depends on where it lies.
    """
    red, green, blue = (pixels[:, :, channel] * LUMA[channel] for channel in range(3))
    return np.asarray(red + green + blue)


def band(x: NDArray[np.float32], narrow: float, wide: float) -> NDArray[np.float32]:
    return (blurred(x, narrow) if narrow else x) - blurred(x, wide)


def blurred(x: NDArray[np.float32], width: float) -> NDArray[np.float32]:
    import cv2  # loads only where it is used

    size = 2 * math.ceil(3 * width) + 1
    out = cv2.GaussianBlur(x, (size, size), width, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(out, np.float32)


def noise_of(top: int, height: int, width: int) -> NDArray[np.float32]:
    """Return noise for rows from `top` on, the same for the same place, so that two runs agree."""
    return np.random.default_rng(top).standard_normal((height, width), np.float32)


def noise_in(box: Box, width: int) -> NDArray[np.float32]:
    """Return the noise of a box in a picture of a width."""
    tops = range(box.top // ROWS * ROWS, box.bottom, ROWS)
    noise = [noise_of(top, min(ROWS, box.bottom - top), width) for top in tops]
    rows = [
        part[max(0, box.top - top) :, box.left : box.right]
        for top, part in zip(tops, noise, strict=True)
    ]
    return np.concatenate(rows)


def grain_over(values: NDArray[np.float32], noise: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return grain, (H, W, 1), of noise (H, W): most at middle gray, none in black and white."""
    gray = np.clip(brightness(values), 0, 1)
    strength = np.float32(GRAIN_LEVEL) * np.sqrt(4 * gray * (1 - gray))
    return np.asarray((strength * noise)[:, :, None])
