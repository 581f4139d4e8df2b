"""Fields of noise, drawn like what was measured.

Source: any amount of noise, from its spectrum: Galerne, Gousseau and Morel 2011 (Random Phase
Textures).
"""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from imgae.restore.grain.noise import COARSEST, RADII, SIDE, Noise

Floats = NDArray[np.float32]


LONGEST: Final = 9
"""Pixels over which grain hangs together, at most."""


@dataclass(frozen=True)
class Grain:
    """Noise to be drawn.

    levels: (L,) of brightness, rising. strengths: (L, C), the standard deviations there. mixing:
    (C, C), which makes channels of strength 1 of independent parts. kernels: (C, K, K), which make
    these parts of white noise.
    """

    levels: Floats
    strengths: Floats
    mixing: Floats
    kernels: Floats

    def drawn(self, height: int, width: int, rng: Generator) -> Floats:
        """Return a field of it, (height, width, C), of strength 1 in every channel."""
        margin = self.kernels.shape[1] // 2
        size = (height + 2 * margin, width + 2 * margin)
        inner = (slice(margin, margin + height), slice(margin, margin + width))
        parts = [
            cv2.filter2D(rng.standard_normal(size, np.float32), -1, kernel)[inner]
            for kernel in self.kernels
        ]
        return np.asarray(np.stack(parts, 2) @ self.mixing.T, np.float32)

    def strengths_at(self, brightness: Floats) -> Floats:
        """Return the standard deviations (..., C) at brightness (...)."""
        channels = [np.interp(brightness, self.levels, column) for column in self.strengths.T]
        return np.stack(channels, -1).astype(np.float32)


def grain_of(noises: dict[float, Noise]) -> Grain | None:
    """Return the noise at several levels of brightness as one, or None if none can be seen.

    noises: by level, rising.
    """
    strengths = np.array([noise.strengths for noise in noises.values()], np.float32)
    if not strengths.any():
        return None
    seen = [noise for noise, own in zip(noises.values(), strengths, strict=True) if own.any()]
    waves = np.concatenate([noise.waves / rms(noise.waves, (0, 1)) for noise in seen])
    flat = waves.reshape(-1, waves.shape[2])
    turned, values, _ = np.linalg.svd(flat.T @ flat)
    spectra = np.square(waves @ turned).mean(0).T.reshape(-1, SIDE, SIDE)
    mixing = turned * np.sqrt(values)
    mixing /= np.maximum(np.linalg.norm(mixing, axis=1, keepdims=True), 1e-9)
    kernels = np.stack([kernel_of(spectrum) for spectrum in spectra])
    return Grain(np.array(list(noises), np.float32), strengths, mixing, kernels)


def rms(values: Floats, axis: tuple[int, ...]) -> Floats:
    """Return the root mean square along axes, which stay, with one value; never 0."""
    mean = np.sqrt(np.square(values).mean(axis, keepdims=True))
    return np.asarray(np.maximum(mean, 1e-9), np.float32)


def kernel_of(spectrum: Floats) -> Floats:
    """Return the kernel, of strength 1, that gives white noise a spectrum.

    spectrum: (SIDE, SIDE), squares of the cosine transform. What is too coarse to be measured in it
    is taken to be as strong as the coarsest that is.
    """
    measured = RADII >= COARSEST
    filled = np.where(measured, spectrum, spectrum[measured & (RADII < 2 * COARSEST)].mean())
    amplitude = cv2.GaussianBlur(np.sqrt(filled), (0, 0), 0.5, borderType=cv2.BORDER_REFLECT)
    waves = np.abs(np.fft.fftfreq(2 * SIDE, 1 / (2 * SIDE))).astype(int).clip(0, SIDE - 1)
    kernel = np.fft.fftshift(np.fft.ifft2(amplitude[np.ix_(waves, waves)]).real)
    inner = slice(SIDE - LONGEST, SIDE + LONGEST + 1)
    window = np.hanning(2 * LONGEST + 3)[1:-1]
    kernel = kernel[inner, inner] * np.outer(window, window)
    return np.asarray(kernel / max(float(np.linalg.norm(kernel)), 1e-9), np.float32)
