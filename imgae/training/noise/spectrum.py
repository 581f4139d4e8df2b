"""The spectrum of noise in blocks of 8x8 pixels, and the covariance of its pixels."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

SIDE: Final = 8
LAGS: Final = 3
"""Pixels beyond which noise is taken to have nothing in common."""
FAINT: Final = 1e-3
"""The share of the usual variance below which there is none."""
TEXTURE: Final = 2.0
"""How much low frequencies are distrusted."""


def cosines() -> Array:
    """Return the orthonormal cosine transform, (8, 8), a frequency a row."""
    places = np.arange(SIDE)
    table = np.cos(np.pi * (2 * places + 1) * places[:, None] / (2 * SIDE)) * np.sqrt(2 / SIDE)
    table[0] /= np.sqrt(2)
    return np.asarray(table, np.float64)


def telling(spectrum: Array) -> Array:
    """Return the weights of coefficients (8, 8) in a variance: pictures are in low frequencies."""
    frequency = np.add.outer(np.arange(SIDE) ** 2, np.arange(SIDE) ** 2).clip(1)
    weights: Array = 1 / (spectrum * (1 + TEXTURE / (frequency * spectrum)) ** 2)
    return np.where(frequency > 1, weights, 0)


def covariances(energy: Array) -> Array:
    """Return the covariance of pixels (0 to LAGS rows, 0 to LAGS columns apart), (4, 4).

    energy: mean squares of coefficients, (8, 8). The first three, a block's mean and slopes, are
    not used. The relative errors of what does not fit are least.
    """
    frequency = np.add.outer(np.arange(SIDE) ** 2, np.arange(SIDE) ** 2).clip(1)
    size = (energy + FAINT * energy.max() + 2 * TEXTURE * energy.mean() / frequency).reshape(-1)
    size[[0, 1, SIDE]] = np.inf
    design = moves().reshape(SIDE**2, -1) / size[:, None]
    solved = np.linalg.lstsq(design, energy.reshape(-1) / size, rcond=None)[0]
    lags: Array = solved.reshape(LAGS + 1, LAGS + 1)
    return lags


def of_pixels(lags: Array) -> Array:
    """Return variances of coefficients (8, 8) for covariances of pixels, the first of them 1."""
    spectrum: Array = np.einsum("uvij,ij->uv", moves(), lags) / lags[0, 0]
    return spectrum.clip(FAINT)


def moves() -> Array:
    """Return how much each covariance of pixels adds to each coefficient, (8, 8, 4, 4)."""
    table = cosines()
    moved = np.zeros((SIDE, LAGS + 1))
    for lag in range(LAGS + 1):
        products = (table[:, lag:] * table[:, : SIDE - lag]).sum(1)
        moved[:, lag] = products if lag == 0 else 2 * products
    added: Array = np.einsum("ui,vj->uvij", moved, moved)
    return added


def kernel_of(lags: Array) -> Array:
    """Return the kernel (7, 7), symmetric, of squares that add up to 1, for covariances (4, 4)."""
    side = 32
    table = np.zeros((side, side))
    span = np.arange(-LAGS, LAGS + 1)
    table[np.ix_(span, span)] = lags[np.ix_(np.abs(span), np.abs(span))]
    spectrum = np.fft.fft2(table).real.clip(0)
    kernel = np.fft.ifft2(np.sqrt(spectrum)).real[np.ix_(span, span)]
    whole: Array = kernel / np.sqrt((kernel**2).sum())
    return whole
