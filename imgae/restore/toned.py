"""Pictures of one hue, such as gray and sepia prints: colour follows from brightness.

A network that fills them in colour leaves traces of other colours. So their brightness is filled
alone, and gets its colour from the pixels around.
"""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]

STEPS: Final = 64
"""Of brightness, for each of which there is a colour."""
SMOOTH: Final = 1.0
"""The Gaussian, in steps, over which colours are averaged, so that rare ones do not follow chance.
"""
SAMPLES: Final = 1 << 17
"""Pixels looked at, about."""
SCATTER: Final = 3 / 255
"""How far, as a root mean square, colours may be from what follows from brightness."""
FAR: Final = 12 / 255
STRANGE: Final = 0.002
"""The share of pixels that may be farther away than this."""
STEEP: Final = 1.0
"""How fast the offset of a channel may change with brightness."""
JUMP: Final = 10 / 255
"""And how much by chance."""
AROUND: Final = 33
"""The side of the square around holes in which that must hold too."""


@dataclass(frozen=True)
class Tint:
    """What each brightness has of colour.

    levels: (L,), rising. offsets: (L, 3), what is added to brightness for each channel.
    """

    levels: Floats
    offsets: Floats

    def coloured(self, brightness: Floats) -> Floats:
        """Return colours (N, 3) of brightness (N,)."""
        offsets = [np.interp(brightness, self.levels, column) for column in self.offsets.T]
        return np.asarray(brightness[:, None] + np.stack(offsets, 1), np.float32)

    @property
    def is_smooth(self) -> bool:
        """Return whether no brightness has a hue of its own, as single things of a colour have."""
        rises = np.abs(np.diff(self.offsets, axis=0)).max(1, initial=0)
        return bool((rises <= STEEP * np.diff(self.levels) + JUMP).all())

    def fits(self, colours: Floats) -> bool:
        """Return whether colours (N, 3) follow from their brightness."""
        away = np.abs(colours - self.coloured(colours.mean(1))).max(1)
        near = float(np.square(np.minimum(away, FAR)).mean()) <= SCATTER**2
        return near and int(np.count_nonzero(away > FAR)) <= STRANGE * len(away)


def tint_of(pixels: Floats, hole: Mask, unknown: Mask) -> Tint | None:
    """Return the tint of a picture of one hue, or None for others.

    pixels: (H, W, 3), as a model sees them. hole: (H, W), what is to be filled; unknown: all that
    tells nothing.
    """
    step = max(1, round((unknown.size / SAMPLES) ** 0.5))
    colours = pixels[::step, ::step][~unknown[::step, ::step]]
    if not len(colours):
        return None
    brightness = colours.mean(1)
    bins = (brightness * STEPS).astype(int).clip(0, STEPS - 1)
    columns = (np.ones_like(brightness), brightness, *colours.T)
    sums = np.stack([np.bincount(bins, values, STEPS) for values in columns])
    used = sums[0] > 0
    count, *means = cv2.GaussianBlur(sums, (0, 0), sigmaX=SMOOTH, sigmaY=1e-3)[:, used]
    levels, *channels = (values / count for values in means)
    offsets = np.stack([channel - levels for channel in channels], 1)
    tint = Tint(levels.astype(np.float32), offsets.astype(np.float32))
    if not (tint.is_smooth and tint.fits(colours)):
        return None
    near = cv2.dilate(hole.astype(np.uint8), np.ones((AROUND, AROUND), np.uint8)) > 0
    around = pixels[near & ~unknown]
    return tint if not len(around) or tint.fits(around) else None
