"""The range of a picture's values, and what of it models see.

Models know pictures from 0, black, to 1, white. Three kinds of pictures are others:

- They use little of the range, as 12 bits in a 16-bit file do, and floats of any small unit. They
  are multiplied by a power of two, and divided again, which is exact.
- They have a range of their own: floats on 0 to 255, logarithms, heights. What is low in it counts
  as 0, what is high as 1.
- They are bright in parts, as pictures of high dynamic range are. Models go wrong on values above
  white, and near them. So such parts are restored in a view of their own, with white 4 times as
  high, and no view shows what is brighter than it can.
"""

import math
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from imgae.errors import ImageError
from imgae.picture.bands import every, extremes
from imgae.picture.pixels import from_float, scale_of, to_float, to_nchw
from imgae.picture.rows import Rows
from imgae.restore.beyond import Extended, Marked
from imgae.restore.unseen import Mask, extended

Floats = NDArray[np.float32]

BRIGHT: Final = 0.999
"""The quantile of a picture's values that counts as its brightest; single ones may be defects."""
MOST: Final = 256
"""The largest factor for integers: beyond, they have few steps, and all else is noise."""
MOST_OF_FLOATS: Final = 2**100
"""The same for floats, which have as many steps anywhere; what is darker counts as black."""
ROOM: Final = 1.5
"""What integers are seen up to, once multiplied; noise goes beyond white too."""
TOP: Final = 2.0
BOTTOM: Final = -1.0
"""What floats are seen from and up to; strong noise goes so far beyond black and white."""
SAMPLES: Final = 1 << 18
ROWS: Final = 512  # converted at once
USUAL: Final = (-0.5, 4.0)
"""Floats are on [0, 1] unless more than a few are below the first, or a quarter above the second.
"""
VIVID: Final = -0.1
"""Parts below this are no noise, but colours outside sRGB, which models would draw inside."""
OVER_MIDDLE: Final = 8
"""White is at most so many times as far from black as the middle value is."""
NEAR: Final = 0.5
"""How far noise may take values from -1 to 1 beyond these."""
NEAR_BLACK: Final = 0.2
"""How far noise may go below 0 where black is 0, as a share of the high value, and above white."""
BYTES: Final = (128, 300)
"""Between these is the high value of most floats on 0 to 255, noise included."""
STEP: Final = 4
"""How many times as high white is in the view of bright parts. Halving a picture costs 0.15 dB, a
quarter 0.8, an eighth 5 (denoise-fast at level 10). At 16 times, noise is so weak that models may
add more than they remove."""
OVER_WHITE: Final = 1.1
"""The local mean from which a part is too bright for a view."""
PART_OF_IT: Final = 0.75
"""Pixels darker than this are none of a bright part."""
AROUND: Final = 11  # pixels; of the local mean, which noise of level 55 must not shift much
ENOUGH: Final = 0.001
"""The share of pixels for which another view is worth its time."""
LARGEST: Final = 1e37  # of spans; beyond, float32 overflows


@dataclass(frozen=True)
class Scale:
    """Values that models see as 0 and 1.

    low: seen as 0. span: from there to what is seen as 1. unit: the span of which a noise level is
    a share: 1 for pictures on [0, 1], their own span for others.
    """

    low: float = 0.0
    span: float = 1.0
    unit: float = 1.0

    @property
    def usual(self) -> bool:
        """Whether the picture is on [0, 1], so that the span is a power of two, and exact."""
        return self.low == 0 and self.unit == 1

    def seen(self, values: Floats) -> Floats:
        """Return float32 values as models see them."""
        if self == Scale():
            return values
        if self.usual:
            return values * np.float32(1 / self.span)
        shown: Floats = ((values.astype(np.float64) - self.low) / self.span).astype(np.float32)
        return shown

    def planes(self, pixels: NDArray[Any]) -> Floats:
        """Return (1, 3, H, W) for a model, of pixels (H, W, C) of any type."""
        return self.seen(to_nchw(pixels))

    def back(self, shown: Floats, before: NDArray[Any]) -> Floats:
        """Return restored values in the picture's own range; those that did not change exactly.

        before: the values that were shown, floats unless the picture is on [0, 1].
        """
        if self == Scale():
            return shown
        if self.usual:
            return shown * np.float32(self.span)
        change = (shown - self.seen(before)).astype(np.float64) * self.span
        return np.where(change == 0, before, (before + change).astype(np.float32))

    def told(self, level: Any) -> Any:
        """Return a picture's noise level, or a map of levels, as models are told it, at most 1."""
        factor = self.unit / self.span
        if isinstance(level, float):
            return min(1.0, level * factor)
        return np.minimum(level * np.float32(factor), np.float32(1))

    def own(self, level: float) -> float:
        """Return a level that a model found in the picture's own terms."""
        return level * self.span / self.unit


@dataclass(frozen=True)
class View:
    """What is restored at once: pixels (H, W, C) with nothing beyond the scale.

    unseen: (H, W), where other pixels stand for what is beyond; None for nowhere.
    own: (H, W), the pixels to be taken from what comes out; None for all.
    """

    scale: Scale
    pixels: Rows
    unseen: Rows | None = None
    own: Rows | None = None


def scale_for(pixels: Rows) -> Scale:
    """Return the scale of a picture (H, W, C) of any type. Looks at some 262,144 places at most.

    Floats have to be an array. Raises ImageError if the range is too wide for float32.
    """
    if pixels.dtype == np.uint8:
        return Scale()
    sample = sample_of(pixels)
    if pixels.dtype.kind == "f":
        assert isinstance(pixels, np.ndarray)
        low, _, _ = quantiles(sample)
        if low < USUAL[0]:  # by noise, or by itself
            low, _, _ = quantiles(sample_of(smooth(pixels, 3)))
        if has_own_range(sample, low):
            return own_range(*quantiles(sample_of(smooth(pixels, 3))))
        if low < VIVID:
            low, _, _ = quantiles(sample_of(smooth(pixels, AROUND)))
            if low < VIVID:
                return Scale(low, 1 - low)
    return Scale(span=1 / factor_for(sample))


def has_own_range(sample: Floats, low: float) -> bool:
    """Return whether floats, of this low value, are not on [0, 1]."""
    return bool(low < USUAL[0] or np.count_nonzero(sample > USUAL[1]) * 4 > sample.size)


def own_range(low: float, middle: float, high: float) -> Scale:
    """Return the scale of a picture whose values are not on [0, 1], from its quantiles.

    Values from -1 to 1 are taken for that range. If black may be 0, it is, and white is a power of
    two; levels are shares of 256 or more, since most such pictures are on 0 to 255. Values below
    64 may be light in units of white, so that levels are as for [0, 1]. Other ranges go from the
    low to the high value.
    """
    if low > -1 - NEAR and high < 1 + NEAR and high - low > 1:
        return Scale(-1.0, 2.0, 2.0)
    from_black = low >= -NEAR_BLACK * high and (low < high / 4 or BYTES[0] < high < BYTES[1])
    low = 0.0 if from_black else low
    span = min(high - low, max(OVER_MIDDLE * (middle - low), (high - low) / 64))
    if not span < LARGEST:
        raise ImageError(
            f"the picture's values reach from {low:.4g} to {high:.4g}, which is too wide for "
            "32-bit floats; divide them"
        )
    if span <= 0:
        return Scale(low)
    if from_black:
        noise = 1 + NEAR_BLACK
        unit = 1.0 if high < BYTES[0] / 2 else max(256.0, power_of_two(high / noise))
        return Scale(low, power_of_two(span / noise), unit)
    return Scale(low, span, span)


def power_of_two(value: float) -> float:
    """Return the least power of two that is as large as a value."""
    return 2.0 ** math.ceil(math.log2(value))


def quantiles(sample: Floats) -> tuple[float, float, float]:
    """Return a low, the middle and a high value, without a few that may be defects."""
    low, middle, high = np.quantile(sample.astype(np.float64), (1 - BRIGHT, 0.5, BRIGHT))
    return float(low), float(middle), float(high)


def smooth(pixels: Floats, side: int) -> Floats:
    """Return means over squares of pixels, so that noise does not widen a range much."""
    import cv2  # loads only where it is used

    mean = cv2.blur(pixels, (side, side), borderType=cv2.BORDER_REPLICATE)
    return np.asarray(mean, np.float32).reshape(pixels.shape)


def sample_of(pixels: Rows) -> NDArray[Any]:
    return every(pixels, math.ceil(math.sqrt(pixels.shape[0] * pixels.shape[1] / SAMPLES)))


def in_8_bits(pixels: NDArray[Any], scale: Scale) -> NDArray[np.uint8]:
    """Return pixels (H, W, C) of any type as models see them, rounded to 8 bits."""
    if pixels.dtype == np.uint8:
        return pixels
    levels = np.empty(pixels.shape, np.uint8)
    for top in range(0, len(pixels), ROWS):
        values = scale.seen(to_float(pixels[top : top + ROWS]))
        levels[top : top + ROWS] = from_float(values, levels.dtype)
    return levels


def factor_for(sample: NDArray[Any]) -> int:
    """Return the power of two by which values of any shape use their range; 1 if they do."""
    floats = sample.dtype.kind == "f"
    sample = np.abs(sample) if floats else sample  # there may be noise about black
    half = scale_of(sample.dtype) / 2
    if np.count_nonzero(sample > half) > (1 - BRIGHT) * sample.size:
        return 1
    brightest = float(np.quantile(sample, BRIGHT)) / scale_of(sample.dtype)
    if brightest < 1 / MOST_OF_FLOATS:
        return 1
    factor = int(2 ** max(0, math.floor(math.log2(1 / brightest))))
    return factor if floats else min(MOST, factor)


def views_of(pixels: Rows, scale: Scale, alone: bool = False) -> list[View]:
    """Return the views in which a picture (H, W, C) is restored, the darkest first.

    What no view shows stays as it is. Most pictures have one view, of all their pixels. Where the
    darker of two would show less than a third, too little to judge the noise by, the brighter
    one shows all. alone: the scale is the only one that a model knows, and there is one view.
    """
    floats = pixels.dtype.kind == "f"
    if scale == Scale() and not floats:
        return [View(scale, pixels)]
    least, most = (float(scale.seen(to_float(end)[None])[0]) for end in extremes(pixels))
    top = TOP if floats else ROOM
    if least >= BOTTOM and most <= (OVER_WHITE if floats else top):
        return [View(scale, pixels)]
    if not floats:
        return [view_of_rows(pixels, scale)]
    assert isinstance(pixels, np.ndarray)
    shown = scale.seen(to_float(pixels))
    dark, bright = shown.min(2), shown.max(2)
    beyond = (dark < BOTTOM) | (bright > top)
    if alone or not needs_more(shown, bright):
        return [view_of(pixels, scale, beyond, ~beyond)]
    brighter = replace(scale, span=scale.span * STEP)
    first = beyond | too_bright(shown, bright)
    second = (dark < BOTTOM) | (bright > top * STEP)
    if np.count_nonzero(first) * 3 > first.size * 2:
        return [view_of(pixels, brighter, second, ~second)]
    return [
        view_of(pixels, scale, first, ~first),
        view_of(pixels, brighter, second, first & ~second),
    ]


def view_of(pixels: NDArray[Any], scale: Scale, unseen: Mask, own: Mask) -> View:
    """Return a view without its unseen pixels; if all are, it shows them, and owns none."""
    if not unseen.any():
        return View(scale, pixels, None, None if own.all() else own)
    if unseen.all():
        return View(scale, pixels, None, own)
    return View(scale, extended(pixels, unseen), unseen, own)


def view_of_rows(pixels: Rows, scale: Scale) -> View:
    """Return the view of rows of integers of which some are too bright for it."""

    def beyond(part: NDArray[Any]) -> Mask:
        mask: Mask = scale.seen(to_float(part)).max(2) > ROOM
        return mask

    return View(
        scale,
        Extended(pixels, beyond),
        Marked(pixels, beyond, kept=True),
        Marked(pixels, beyond, kept=False),
    )


def first_view(pixels: NDArray[Any]) -> View:
    """Return the view of (H, W, C) for models that only look; integers are as they are."""
    if pixels.dtype.kind != "f":
        return View(Scale(), pixels)
    return views_of(pixels, scale_for(pixels))[0]


def needs_more(shown: Floats, bright: Floats) -> bool:
    """Return whether enough of a picture is too bright for its first view, but not for another.

    shown, bright: as for too_bright.
    """
    part = too_bright(shown, bright) & (bright <= TOP * STEP)
    return bool(np.count_nonzero(part) > ENOUGH * part.size)


def too_bright(shown: Floats, bright: Floats) -> Mask:
    """Return which pixels belong to parts brighter than white, (H, W).

    Means are of each channel by itself: the largest of noisy channels is brighter than their noise
    allows. shown: (H, W, C), as seen. bright: the largest channel of each pixel, (H, W).
    """
    import cv2  # loads only where it is used

    side = (AROUND, AROUND)
    mean = cv2.blur(np.minimum(shown, TOP), side, borderType=cv2.BORDER_REPLICATE)
    mean = np.asarray(mean).reshape(shown.shape).max(2)
    part: Mask = (mean > OVER_WHITE) & (bright > PART_OF_IT)
    return part


@dataclass(frozen=True)
class Tone:
    """How a picture is shown to a model that fills holes, and back; there is no noise to keep.

    What is above white is drawn together, so that lamps and sky keep their brightness, and the rest
    its place. limits: the least and the largest value, as seen. largest: the value that is seen as
    1.5, in the scale's terms, if it is above that.
    """

    scale: Scale
    limits: tuple[float, float]
    largest: float

    @property
    def slope(self) -> float:
        """Seen above white for each factor of e."""
        return (ROOM - 1) / math.log(self.largest) if self.largest > ROOM else 0.0

    def seen(self, values: Floats) -> Floats:
        """Return float32 values as the model sees them."""
        shown = self.scale.seen(values)
        if self.limits[0] <= BOTTOM:
            shown = np.maximum(shown, np.float32(BOTTOM))
        if not self.slope:
            return shown
        above = 1 + np.float32(self.slope) * np.log(np.maximum(shown, 1))
        return np.where(shown > 1, above, shown).astype(np.float32)

    def back(self, shown: Floats) -> Floats:
        """Return filled values in the picture's own range."""
        if self.slope:
            above = np.exp((np.maximum(shown, 1) - 1) / np.float32(self.slope))
            shown = np.where(shown > 1, above, shown)
        if self.scale == Scale():
            return shown
        own: Floats = (shown.astype(np.float64) * self.scale.span + self.scale.low).astype("f4")
        return own


def tone_of(pixels: NDArray[Any], known: Mask) -> Tone:
    """Return the tone for the known pixels of (H, W, C) of any type; integers need none."""
    if pixels.dtype.kind != "f":
        return Tone(Scale(), (0.0, 1.0), 1.0)
    values = pixels[known]
    sample = values[:: len(values) // SAMPLES + 1]
    low, middle, high = quantiles(sample)
    if has_own_range(sample, low):
        scale = own_range(low, middle, high)
    else:
        scale = Scale(span=1 / factor_for(sample))
    ends = np.array([values.min(), values.max()])
    tone = Tone(scale, (BOTTOM, 1.0), float(scale.seen(ends)[1]))
    least, most = (float(end) for end in tone.seen(ends))
    return replace(tone, limits=(min(least, 0.0), max(most, 1.0)))
