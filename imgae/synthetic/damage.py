"""Damaged pictures and where the damage is: what film suffers, and spots and lines."""

from typing import Any, Final

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from imgae.picture.pixels import from_float, to_float
from imgae.synthetic.masks import COVERED, draw_dust, draw_film_scratches

SOFTNESS: Final = 0.5
"""Pixels of blur: in a scan, the edge of what lies on film is not sharp."""
DEAD_SHARES: Final = (1e-4, 5e-3)
LEAST_SIDE: Final = 61
"""Pixels that the longer side of a picture needs for scratches of film."""
MARKS: Final = 24
CONTRAST: Final = 85.0
"""How far spots and lines are from the pixels below, in 8-bit levels: a third of white."""


def damage_film(
    clean: NDArray[np.uint8], generator: Generator
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Return clean (H, W, 3) scratched, dusty and with dead pixels, and masks (H, W, 3).

    The masks are of scratches, dust and dead pixels, in this order. The longer side has at least
    LEAST_SIDE pixels.
    """
    pixels: NDArray[Any] = to_float(clean)
    masks = []
    for draw in (draw_film_scratches, draw_dust):
        mask = np.zeros(clean.shape[:2], np.uint8)
        draw(mask, generator)
        light = generator.random() < 0.6
        shade = generator.uniform(0, 0.15)
        colour = (1 - shade if light else shade) + generator.uniform(-0.02, 0.02, 3)
        cover = cv2.GaussianBlur(mask / 255, (0, 0), SOFTNESS) * generator.uniform(0.6, 1)
        pixels = pixels + cover[:, :, None] * (colour - pixels)
        masks.append(mask > COVERED * 255)
    dead = generator.random(clean.shape[:2]) < np.exp(generator.uniform(*np.log(DEAD_SHARES)))
    extreme, end = generator.random((2, *dead.shape, 1))
    stuck = np.where(extreme < 0.7, end.round(), generator.random(clean.shape))
    pixels = np.where(dead[:, :, None], stuck, pixels)
    return from_float(pixels.astype(np.float32), np.uint8), np.stack([*masks, dead], 2)


def mark_picture(
    clean: NDArray[np.uint8], generator: Generator
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Return clean (H, W, C) with spots and lines on it, all lighter or all darker, and their mask.

    Spots are of 4 to 22 pixels, lines 2 to 4 wide.
    """
    mask = np.zeros(clean.shape[:2], np.uint8)
    for number in range(MARKS):
        where, other = (
            tuple(int(v) for v in generator.integers(0, clean.shape[1::-1])) for _ in range(2)
        )
        if number % 2:
            axes = tuple(int(v) for v in generator.integers(2, 12, 2))
            cv2.ellipse(mask, where, axes, int(generator.integers(0, 180)), 0, 360, 255, -1)
        else:
            end = np.array(where) + (np.array(other) - where) // 8
            width = int(generator.integers(2, 5))
            cv2.line(mask, where, tuple(int(v) for v in end), 255, width)
    sign = generator.choice([-1, 1])
    marked = np.clip(clean + sign * CONTRAST, 0, 255)
    after = np.where(mask[..., None] > 0, marked, clean)
    return after.astype(np.uint8), mask > 0


def salt(
    clean: NDArray[np.uint8], share: float, generator: Generator
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Return clean (H, W, C) with a share of its pixels black or white, and where they are."""
    mask = generator.random(clean.shape[:2]) < share
    ends = 255 * generator.integers(0, 2, (*mask.shape, 1))
    return np.where(mask[:, :, None], ends, clean).astype(np.uint8), mask


def heat(
    clean: NDArray[np.uint8], share: float, generator: Generator
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Return clean (H, W, C) with a share of its pixels hot, and where they are.

    A hot pixel is brighter in one channel, by 80 levels if there is room, and at least 180.
    """
    mask = generator.random(clean.shape[:2]) < share
    channel = generator.integers(0, clean.shape[2], (*mask.shape, 1))
    hot = mask[:, :, None] & (channel == np.arange(clean.shape[2]))
    bright = np.maximum(clean.astype(int) + 80, generator.integers(180, 256, clean.shape))
    return np.where(hot, bright.clip(0, 255), clean).astype(np.uint8), mask
