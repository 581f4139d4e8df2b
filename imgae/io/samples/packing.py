"""Rows of bytes that hold several samples each."""

import numpy as np
from numpy.typing import NDArray


def packed(samples: NDArray[np.uint8], depth: int) -> NDArray[np.uint8]:
    """Return rows of bytes that hold samples of 1, 2 or 4 bits, the first in the high bits."""
    per_byte = 8 // depth
    samples = np.pad(samples, ((0, 0), (0, -samples.shape[1] % per_byte)))
    rows = np.zeros((samples.shape[0], samples.shape[1] // per_byte), np.uint8)
    for k in range(per_byte):
        rows |= samples[:, k::per_byte] << np.uint8(8 - depth * (k + 1))
    return rows


def unpacked(rows: NDArray[np.uint8], depth: int) -> NDArray[np.uint8]:
    """Undo packed; rows end with what fills their last byte."""
    per_byte = 8 // depth
    samples = np.empty((rows.shape[0], rows.shape[1] * per_byte), np.uint8)
    for k in range(per_byte):
        samples[:, k::per_byte] = rows >> (8 - depth * (k + 1)) & ((1 << depth) - 1)
    return samples
