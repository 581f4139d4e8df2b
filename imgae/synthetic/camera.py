"""A synthetic camera: lens, sensor, noise, Bayer pattern, development. For the benchmark.

Training has another (imgae.training), so that a denoiser is not measured on what it learned from.
"""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from imgae.picture.pixels import from_float, to_uint8_rgb

ISO: Final = (200, 800, 3200, 6400, 12800)
QUALITIES: Final = (92, 97)
"""Of its JPEGs, the upper end left out."""
COLOURS: Final = np.array([[0.72, 0.20, 0.08], [0.16, 0.70, 0.14], [0.06, 0.24, 0.70]])
"""From linear sRGB to a sensor's colours; rows add up to 1."""
LENS: Final = 0.8
"""Its blur, in pixels: a sensor turns sharper pictures into colours that are not there."""
BALANCE: Final = np.array([2.1, 1.0, 1.7])


@dataclass(frozen=True, eq=False)
class Photograph:
    """What the camera saw: developed with its noise, and without; (H, W, 3) uint8.

    quality: of the JPEG that the camera saves.
    """

    noisy: NDArray[np.uint8]
    clean: NDArray[np.uint8]
    quality: int


def photograph(picture: NDArray[np.uint8], iso: int, generator: Generator) -> Photograph:
    """Photograph a picture (H, W, C).

    A lens blurs; the sensor has its own colours, and shot and read noise as in Brooks et al. 2019
    (ISO 100 is their least); a Bayer pattern in 12 bits; OpenCV's edge-aware interpolation, white
    balance, colours, sRGB's curve; a JPEG quality from 92 to 96. Training uses another
    interpolation, on the noise alone, and other colours.
    """
    light = cv2.GaussianBlur(linear(to_uint8_rgb(picture) / 255), (0, 0), LENS)
    raw = mosaic(light @ COLOURS.T / BALANCE)
    shot = 1e-4 * iso / 100
    read = np.exp(2.18 * np.log(shot) + 1.20)
    noisy = raw + np.sqrt(shot * raw + read) * generator.standard_normal(raw.shape)
    return Photograph(develop(noisy), develop(raw), int(generator.integers(*QUALITIES)))


def mosaic(light: NDArray[np.float64]) -> NDArray[np.float64]:
    """Keep one colour a pixel, red first: (H, W, 3) to (H, W)."""
    plane = light[:, :, 1].copy()
    plane[::2, ::2], plane[1::2, 1::2] = light[::2, ::2, 0], light[1::2, 1::2, 2]
    return plane


def develop(plane: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Turn raw values (H, W), white at 1, into a picture (H, W, 3)."""
    raw = np.rint(np.clip(plane, 0, 1) * 4095).astype(np.uint16) * 16
    # OpenCV names patterns by their second row and column: this one begins with red.
    light = cv2.cvtColor(raw, cv2.COLOR_BayerBG2BGR_EA)[:, :, ::-1] / 65520
    shown = np.clip(light * BALANCE @ np.linalg.inv(COLOURS).T, 0, 1)
    return from_float(gamma(shown), np.uint8)


def expose(picture: NDArray[np.uint8], factor: float) -> NDArray[np.uint8]:
    """Multiply the light, as a longer or shorter exposure does; rounded to 8 bits."""
    light = np.clip(linear(picture / 255) * factor, 0, 1)
    return from_float(gamma(light), np.uint8)


def linear(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Turn values on sRGB's curve (IEC 61966-2-1) into light."""
    return np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4)


def gamma(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Turn light into values on sRGB's curve; the inverse of `linear`."""
    return np.where(x <= 0.0031308, x * 12.92, 1.055 * np.maximum(x, 1e-9) ** (1 / 2.4) - 0.055)
