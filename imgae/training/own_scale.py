"""One scale for all pictures of a source: what of their values a network sees as 0 and 1.

Elsewhere each picture gets the scale that its own brightness suggests. Where a network is to know
the noise of a source, that would be wrong: the noise of a value is the same in dark pictures and in
bright ones.
"""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from imgae.errors import TrainingError
from imgae.picture.pixels import to_float
from imgae.training.depth import FULL, Pixels, in_colour

ENDS: Final = (0.001, 0.999)
"""Quantiles that count as the darkest and the brightest value; fewer may be defects."""
MOST: Final = 256
"""The largest factor for integers."""
USUAL: Final = (-0.5, 4.0)
"""Floats between these are on [0, 1], lamps and noise apart."""
NEAR_BLACK: Final = 0.2
"""How far noise may go below 0 where black is 0, as a share of the brightest value, and above 1
where white is 1.
"""
SAMPLES: Final = 1 << 20


@dataclass(frozen=True)
class OwnScale:
    """A network sees (value - low) / span, of values with white at 1.

    pixels: the type of the pictures' values, by numpy's name.
    """

    pixels: str
    low: float = 0.0
    span: float = 1.0

    @property
    def ends(self) -> tuple[float, float]:
        """What the values of files end at, as a network sees it; floats have no ends."""
        if self.pixels.startswith("float"):
            return -math.inf, math.inf
        return -self.low / self.span, (1 - self.low) / self.span

    def kept(self, picture: Pixels) -> Pixels:
        """Return a picture (H, W, C) as training keeps it: (H, W, 3), white as a network sees it;
        of a pair, (H, W, 6).

        Integers stay integers, multiplied by a power of two; the few above white become white. So
        do integers that are held as floats, since the other half of a pair is of floats.
        """
        if picture.shape[2] == 3 and picture.strides[2] == 0:  # gray, held once
            return in_colour(self.kept(picture[:, :, :1]))
        colour = picture if picture.shape[2] in (1, 6) else in_colour(picture)
        if picture.dtype.kind == "f":
            values = (colour.astype(np.float64) - self.low) / self.span
            whole = self.pixels.startswith("float")
            return np.asarray(values if whole else np.minimum(values, 1), np.float32)
        factor = round(1 / self.span)
        if factor == 1:
            return colour
        return np.minimum(colour, FULL // factor) * np.uint16(factor)


def type_of(pictures: Sequence[Pixels], kinds: Collection[str] = ()) -> str:
    """Return the type of pictures of one source, by numpy's name.

    kinds: the types of their files, where the arrays may be of others.
    Raises TrainingError if there is more than one.
    """
    types = sorted(kinds or {picture.dtype.name for picture in pictures})
    if len(types) > 1:
        raise TrainingError(
            f"the pictures are of different kinds, {' and '.join(types)}; pictures of one source "
            "are of one kind"
        )
    return types[0]


def scale_of(pictures: Sequence[Pixels], pixels: str) -> OwnScale:
    """Return the scale of pictures of one source, (H, W, C) each, from their first three channels.

    pixels: the type of the source's files. Pictures that use little of their range are seen
    brighter, by a power of two. Floats in a range of their own are seen from black, if that may be
    0, or else from their darkest value.
    """
    low, high = ends_of(pictures)
    if pixels == "uint8":
        return OwnScale(pixels)
    if pixels == "uint16":
        return OwnScale(pixels, span=max(1 / MOST, min(1.0, power_of_two(high))))
    if USUAL[0] <= low and high <= USUAL[1]:
        white = 1 < high <= 1 + NEAR_BLACK  # with noise
        return OwnScale(pixels, span=1.0 if white else power_of_two(high))
    if low >= -NEAR_BLACK * high:
        return OwnScale(pixels, span=power_of_two(high))
    return OwnScale(pixels, low, high - low or 1.0)


def ends_of(pictures: Sequence[Pixels]) -> tuple[float, float]:
    """Return the darkest and the brightest value of all, without a few."""
    step = math.ceil(math.sqrt(sum(picture.size for picture in pictures) / SAMPLES))
    values = [to_float(picture[::step, ::step, :3]).ravel() for picture in pictures]
    low, high = np.quantile(np.concatenate(values).astype(np.float64), ENDS)
    return float(low), float(high)


def power_of_two(value: float) -> float:
    """Return the least power of two that is as large as a value."""
    return 2.0 ** math.ceil(math.log2(max(value, 2.0**-100)))
