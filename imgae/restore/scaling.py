"""Pictures that use a small part of their range: 12 bits in 16, dark linear pictures.

They are multiplied by a power of two, so that models see them as they see others, and divided
again, which is exact.
"""

import math
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from imgae.picture.pixels import scale_of, to_float, to_nchw

Floats = NDArray[np.float32]

BRIGHT: Final = 0.999
"""The quantile of a picture's values that counts as its brightest; single ones may be defects."""
MOST: Final = 256
ROOM: Final = 1.5
"""Values up to this, once multiplied, are restored as others are; noise goes beyond white too."""
SAMPLES: Final = 1 << 18


def factor_for(pixels: NDArray[Any]) -> int:
    """Return the power of two by which a picture's values use its range; 1 for 8 bits.

    pixels: (H, W, C) of any type. Looks at some 262,144 places at most, spread evenly.
    """
    if pixels.dtype == np.uint8:
        return 1
    step = math.ceil(math.sqrt(pixels.shape[0] * pixels.shape[1] / SAMPLES))
    sample = pixels[::step, ::step]
    half = scale_of(pixels.dtype) / 2
    if np.count_nonzero(sample > half) > (1 - BRIGHT) * sample.size:
        return 1
    brightest = float(np.quantile(sample, BRIGHT)) / scale_of(pixels.dtype)
    if brightest <= 0:
        return 1
    return int(min(MOST, 2 ** max(0, math.floor(math.log2(1 / brightest)))))


def scaled_planes(pixels: NDArray[Any], factor: int) -> Floats:
    """Return (1, 3, H, W) for a model, of pixels (H, W, C); multiplied, and cut at ROOM."""
    planes = to_nchw(pixels)
    if factor > 1:
        planes = np.minimum(planes * np.float32(factor), np.float32(ROOM))
    return planes


def scaled_back(values: Floats, before: NDArray[Any], factor: int, most: float) -> Floats:
    """Divide restored (H, W, C), and keep what was above ROOM when it was multiplied.

    before: the pixels before they were multiplied. most: the largest value that may come out.
    """
    original = to_float(before)
    divided = np.minimum(values / np.float32(factor), np.float32(most))
    return np.where(original * np.float32(factor) > ROOM, original, divided)
