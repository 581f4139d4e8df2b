"""Classical fills to compare with, each from the library that keeps it.

Every function takes uint8 (H, W, 3) and a bool mask (H, W), True is unknown, and returns uint8
(H, W, 3). They need `pip install 'imgae[bench]'`.
"""

from collections.abc import Callable
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from imgae.picture.pixels import from_float, to_float

Eight = NDArray[np.uint8]
Mask = NDArray[np.bool_]
RADIUS: Final = 3


def telea(pixels: Eight, mask: Mask) -> Eight:
    """Fast marching (Telea 2004), OpenCV, radius 3."""
    filled = cv2.inpaint(pixels, mask.astype(np.uint8), RADIUS, cv2.INPAINT_TELEA)
    return np.asarray(filled, np.uint8)


def ns(pixels: Eight, mask: Mask) -> Eight:
    """Navier-Stokes (Bertalmio et al. 2001), OpenCV, radius 3."""
    filled = cv2.inpaint(pixels, mask.astype(np.uint8), RADIUS, cv2.INPAINT_NS)
    return np.asarray(filled, np.uint8)


def biharmonic(pixels: Eight, mask: Mask) -> Eight:
    """The biharmonic equation, scikit-image, solved for each hole."""
    from skimage.restoration import inpaint_biharmonic

    filled = inpaint_biharmonic(pixels, mask, channel_axis=-1, split_into_regions=True)
    eight: Eight = from_float(np.asarray(filled), np.uint8)
    return eight


def harmonic(pixels: Eight, mask: Mask) -> Eight:
    """Laplace's equation with mirrored borders, solved exactly by SciPy."""
    from scipy import sparse
    from scipy.sparse.linalg import splu

    rows, columns = np.nonzero(mask)
    count = len(rows)
    number = np.full(mask.shape, -1)
    number[mask] = np.arange(count)
    known = to_float(pixels).astype(np.float64)
    right = np.zeros((count, 3))
    entries = [(np.arange(count), np.arange(count), np.full(count, 4.0))]
    for down, across in ((0, 1), (1, 0), (0, -1), (-1, 0)):
        row = (rows + down).clip(0, mask.shape[0] - 1)
        column = (columns + across).clip(0, mask.shape[1] - 1)
        other = number[row, column]
        inside = other >= 0
        entries.append((np.flatnonzero(inside), other[inside], np.full(inside.sum(), -1.0)))
        right[~inside] += known[row[~inside], column[~inside]]
    i, j, values = (np.concatenate(part) for part in zip(*entries, strict=True))
    matrix = sparse.coo_matrix((values, (i, j)), shape=(count, count)).tocsc()
    filled = known.copy()
    filled[mask] = splu(matrix).solve(right)
    out = pixels.copy()
    out[mask] = from_float(filled[mask], np.uint8)
    return out


FILLS: Final[dict[str, Callable[[Eight, Mask], Eight]]] = {
    "telea": telea,
    "ns": ns,
    "harmonic": harmonic,
    "biharmonic": biharmonic,
}
