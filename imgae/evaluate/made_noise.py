"""Made noise of the kinds that people's own pictures have, for benchmarks of training on them.

Pictures are (H, W, 3) on sRGB's curve, in [0, 1]. What comes back is float32 and is
clipped only where the kind itself clips, so that the mean of the noise is near 0: `stored` rounds
it as a file does. Levels are standard deviations of values of 255.
"""

from collections.abc import Callable
from typing import Final

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from imgae.synthetic.camera import BALANCE, COLOURS, gamma, linear

Array = NDArray[np.float64]

LEVEL: Final = 25.0
"""Of Gaussian and of correlated noise."""
WIDTH: Final = 0.8
"""Of the Gaussian that correlates noise, in pixels: neighbours then correlate by 0.66."""
PEAK: Final = 30.0
"""Photons at white, of Poisson noise: level 46 at white, 33 at half of it."""
WEAK_PEAK: Final = 250.0
"""Of weak Poisson noise: level 16 at white."""
SHOT: Final = 0.0032
"""Variance of raw noise per light: ISO 3200 as Brooks et al. 2019 have it."""


def gaussian(clean: Array, generator: Generator) -> Array:
    """White noise of level 25, the same at every brightness."""
    return clean + LEVEL / 255 * generator.standard_normal(clean.shape)


def poisson(clean: Array, generator: Generator, peak: float = PEAK) -> Array:
    """Noise of counted photons: its variance is the signal divided by the peak."""
    return generator.poisson(np.clip(clean, 0, None) * peak) / peak


def weak_poisson(clean: Array, generator: Generator) -> Array:
    """As `poisson`, with eight times as many photons."""
    return poisson(clean, generator, WEAK_PEAK)


def correlated(clean: Array, generator: Generator) -> Array:
    """Noise of level 25 that was blurred, as resampling and denoising inside a device blur it."""
    places = np.arange(-4, 5)
    kernel = np.exp(-(places**2) / (2 * WIDTH**2))
    kernel /= np.sqrt((kernel**2).sum())  # so that the variance stays
    white = generator.standard_normal((clean.shape[0] + 8, clean.shape[1] + 8, clean.shape[2]))
    noise = cv2.sepFilter2D(white, cv2.CV_64F, kernel, kernel)[4:-4, 4:-4]
    return clean + LEVEL / 255 * noise


def camera(clean: Array, generator: Generator, mosaiced: bool = True) -> Array:
    """Shot and read noise of a Bayer sensor, developed; in [0, 1].

    The picture is taken back to light and to the sensor's colours and white balance; each pixel
    has the noise of one colour, of which a linear interpolation makes three; white balance,
    colours, clipping and sRGB's curve follow. The noise alone is interpolated, so the truth is
    the clean picture. The curve bends and clips, so the mean of the noise is not quite 0: at
    mid-gray it is about -0.7 of 255 for a level of 12, and more in the dark.
    """
    seen = linear(np.clip(clean, 0, 1)) @ COLOURS.T / BALANCE
    read = np.exp(2.18 * np.log(SHOT) + 1.20)
    noise = np.sqrt(SHOT * seen + read) * generator.standard_normal(seen.shape)
    if mosaiced:
        noise = _interpolated(noise)
    light = np.clip((seen + noise) * BALANCE, 0, 1) @ np.linalg.inv(COLOURS).T
    return gamma(np.clip(light, 0, 1))


def sensor(clean: Array, generator: Generator) -> Array:
    """As `camera`, of a sensor that sees all three colours at every pixel: uncorrelated."""
    return camera(clean, generator, mosaiced=False)


def _interpolated(noise: Array) -> Array:
    """Keep one colour a pixel, red first, and interpolate linearly: (H, W, 3) to the same."""
    kept = np.zeros_like(noise)
    kept[::2, ::2, 0], kept[1::2, 1::2, 2] = noise[::2, ::2, 0], noise[1::2, 1::2, 2]
    kept[::2, 1::2, 1], kept[1::2, ::2, 1] = noise[::2, 1::2, 1], noise[1::2, ::2, 1]
    cross = np.array([[0, 1, 0], [1, 4, 1], [0, 1, 0]]) / 4
    square = np.array([[1, 2, 1], [2, 4, 2], [1, 2, 1]]) / 4
    planes = [cv2.filter2D(np.ascontiguousarray(kept[..., i]), cv2.CV_64F, kernel)
              for i, kernel in enumerate((square, cross, square))]  # fmt: skip
    return np.stack(planes, 2)


MAKERS: Final[dict[str, Callable[[Array, Generator], Array]]] = {
    "gaussian": gaussian,
    "poisson": poisson,
    "correlated": correlated,
    "camera": camera,
    "weak-poisson": weak_poisson,
    "sensor": sensor,
}
KINDS: Final = ("gaussian", "poisson", "correlated", "camera")
"""The four that benchmarks go through; `MAKERS` has two more."""
CORRELATED: Final = ("correlated", "camera")
"""Those whose neighbouring pixels have noise in common."""


def made(kind: str, clean: NDArray[np.floating], seed: int) -> NDArray[np.float32]:
    """Return the picture with noise of a kind, (H, W, 3) float32; the same for the same seed."""
    generator = np.random.default_rng(seed)
    return MAKERS[kind](np.asarray(clean, np.float64), generator).astype(np.float32)


def stored(picture: NDArray[np.floating], bits: int = 16) -> NDArray[np.uint8 | np.uint16]:
    """Clip to [0, 1] and round to 8 or 16 bits, as a file has it."""
    whole: NDArray[np.float64] = np.rint(np.clip(picture, 0, 1) * (2**bits - 1))
    return whole.astype(np.uint8) if bits == 8 else whole.astype(np.uint16)
