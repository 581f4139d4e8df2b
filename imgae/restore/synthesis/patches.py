"""Patches of pictures as short vectors: their lowest frequencies, and how rough they are."""

import math
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]

SIDE: Final = 7
"""Of a patch, in pixels."""
HALF: Final = SIDE // 2
LUMA: Final = 4
"""The highest sum of two frequencies of the cosine transform that is kept of brightness."""
CHROMA: Final = 1
"""The same of the two differences of colours."""
ROUGHNESS: Final = 60.0
"""The weight of roughness beside squared colours; Newson et al. take about as much, 50."""


def opponent(pixels: Floats) -> Floats:
    """Turn colours (H, W, 3) into brightness and two differences, lengths kept; gray stays."""
    if pixels.shape[2] == 1:
        return pixels
    return np.asarray(cv2.transform(pixels, OPPONENT), np.float32)


OPPONENT: Final = (np.array([[1, 1, 1], [1, 0, -1], [1, -2, 1]]) / np.sqrt([[3], [2], [6]])).astype(
    np.float32
)


def cosines() -> Floats:
    """Return the orthonormal cosine transform of SIDE values, by frequency."""
    at = (np.arange(SIDE) + 0.5) * math.pi / SIDE
    rows = np.cos(np.arange(SIDE)[:, None] * at) * math.sqrt(2 / SIDE)
    rows[0] /= math.sqrt(2)
    return rows.astype(np.float32)


COSINES: Final = cosines()


def describe(pixels: Floats, rough: Floats) -> Floats:
    """Return a vector for the patch around every pixel, (H, W, D).

    pixels: (H, W, C); rough: (H, W, 2), see `roughness`. Squared distances of vectors are about
    those of patches, summed over SIDE x SIDE pixels and the channels, of the frequencies kept.
    The first C numbers are SIDE times the patch's mean of brightness and of the two differences.
    """
    colours = opponent(pixels)
    bands = [cv2.boxFilter(colours, -1, (SIDE, SIDE), normalize=True).reshape(pixels.shape) * SIDE]
    for channel in range(colours.shape[2]):
        most = LUMA if channel == 0 else CHROMA
        plane = np.ascontiguousarray(colours[:, :, channel])
        bands += [
            cv2.sepFilter2D(plane, -1, COSINES[u], COSINES[v])[:, :, None]
            for u in range(most + 1)
            for v in range(most + 1 - u)
            if u or v
        ]
    bands.append(
        cv2.boxFilter(rough, -1, (SIDE, SIDE)).reshape(rough.shape) * (SIDE * math.sqrt(ROUGHNESS))
    )
    return np.concatenate(bands, 2)


def roughness(pixels: Floats, known: Mask, side: int = 5) -> Floats:
    """Return the mean absolute steps across and down around every pixel, (H, W, 2).

    Only of pairs of known pixels; 0 where there are none.
    """
    light = pixels.mean(2)
    found = np.zeros((*light.shape, 2), np.float32)
    for axis in (0, 1):
        step = np.zeros_like(light)
        pair = np.zeros_like(light)
        inner = (slice(None),) * axis + (slice(1, None),)
        both = np.logical_and(
            np.take(known, range(1, known.shape[axis]), axis),
            np.take(known, range(known.shape[axis] - 1), axis),
        )
        step[inner] = np.abs(np.diff(light, axis=axis)) * both
        pair[inner] = both
        window = (side, side)
        total = cv2.boxFilter(pair, -1, window, normalize=False)
        found[:, :, axis] = cv2.boxFilter(step, -1, window, normalize=False) / np.maximum(total, 1)
    return found
