"""Pictures with holes at half and at twice their size."""

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]


def halve(pixels: Floats, hole: Mask) -> tuple[Floats, Mask]:
    """Return the means of the known pixels of every 2x2, and where there are none."""
    pad = ((0, hole.shape[0] % 2), (0, hole.shape[1] % 2))
    known = np.pad(~hole, pad).astype(np.float32)[:, :, None]
    values = np.pad(pixels, (*pad, (0, 0))) * known
    count = sum_of_blocks(known)
    mean = sum_of_blocks(values) / np.maximum(count, np.float32(1))
    return mean.astype(np.float32), count[:, :, 0] == 0


def sum_of_blocks(x: Floats) -> Floats:
    """Return the sums of every 2x2 of (H, W, C), with even H and W."""
    rows = x[::2] + x[1::2]
    return rows[:, ::2] + rows[:, 1::2]


def halve_all(marked: Mask) -> Mask:
    """Return where all of a 2x2 is marked; what is beyond the border counts as marked."""
    pad = ((0, marked.shape[0] % 2), (0, marked.shape[1] % 2))
    wide = np.pad(marked, pad, constant_values=True)
    rows = wide[::2] & wide[1::2]
    return rows[:, ::2] & rows[:, 1::2]


def double(pixels: Floats, height: int, width: int) -> Floats:
    """Enlarge twofold, linearly, and cut to a size that is odd where the original was."""
    size = (2 * pixels.shape[1], 2 * pixels.shape[0])
    large = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_LINEAR), np.float32)
    return large.reshape(size[1], size[0], pixels.shape[2])[:height, :width]
