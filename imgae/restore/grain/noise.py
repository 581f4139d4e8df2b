"""Noise, measured in patches where there is nothing else.

The quietest patches of about one brightness hold it. Patches that are not normally distributed, or
not alike, hold texture, and are no measure.
Source: noise from quiet patches, by brightness: Liu, Szeliski, Kang, Zitnick and Freeman 2008
(Automatic Estimation and Removal of Noise from a Single Image).
"""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from imgae.restore.estimate import ramp

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]


SIDE: Final = 16
"""Of a patch, in pixels."""
STEP: Final = 6
"""From patch to patch, at least."""
MOST: Final = 900
"""Patches that are measured in one area, about."""
FEWEST: Final = 24
"""Patches without which nothing is known."""
NEAREST: Final = 150
"""Patches of the most similar brightness, of which the quietest are taken."""
QUIETEST: Final = 0.1
"""The share of patches to begin with, as those in which there is hardly anything but noise."""
LOWEST_TENTH: Final = 1.755
"""How many standard deviations the mean of the lowest tenth of normal values is below the mean."""
COARSEST: Final = 2
"""Waves of fewer half periods in a patch are shading rather than grain."""
KURTOSIS: Final = (3.05, 3.25)
"""Of values, up to which patches are trusted to hold noise alone, and from which not at all."""
KURTOSIS_OF_WEAK: Final = (3.05, 3.7)
"""The same for noise up to WEAK. That of cameras was often rounded by JPEG."""
WEAK: Final = 5 / 255
LEAST_KURTOSIS: Final = 2.65
"""From which on patches are trusted in full; noise cannot be trusted that is flatter by FLATTER."""
FLATTER: Final = 0.25
UNEVEN: Final = (1.15, 1.4)
"""The same for how much the energy of patches differs, over what chance would do."""
NARROW: Final = (0.32, 0.42)
"""The same for how much chance would do: what has few waves is more likely shading."""
DIRECTED: Final = (0.25, 0.5)
"""The same for how much more energy one direction has than the other, as a logarithm."""
VISIBLE: Final = (1.5 / 255, 2.5 / 255)
"""The strength up to which noise counts as none, and from which in full. Most clean photographs
have less than the first."""


def known_patches(pixels: Floats, unknown: Mask) -> Floats:
    """Return patches of which all is known, (N, SIDE, SIDE, C), some MOST at most, evenly spread.

    pixels: (H, W, C). unknown: (H, W).
    """
    height, width = (size - SIDE + 1 for size in unknown.shape)
    if min(height, width) < 1:
        return np.empty((0, SIDE, SIDE, pixels.shape[2]), np.float32)
    step = max(STEP, math.ceil(math.sqrt(height * width / MOST)))
    holes = np.lib.stride_tricks.sliding_window_view(unknown, (SIDE, SIDE))[::step, ::step]
    windows = np.lib.stride_tricks.sliding_window_view(pixels, (SIDE, SIDE), (0, 1))
    known = windows[::step, ::step][~holes.any((2, 3))]
    return np.ascontiguousarray(known.transpose(0, 2, 3, 1))


def cosines() -> Floats:
    """Return the orthonormal cosine transform (DCT-II) of SIDE values, (SIDE, SIDE)."""
    k = np.arange(SIDE)
    rows = np.cos(np.pi * (2 * k[None] + 1) * k[:, None] / (2 * SIDE)) * math.sqrt(2 / SIDE)
    rows[0] /= math.sqrt(2)
    return rows.astype(np.float32)


COSINES: Final = cosines()
RADII: Final = np.hypot(*np.mgrid[:SIDE, :SIDE])
"""Of the waves of the transform, in half periods."""
FINE: Final[Mask] = (RADII >= COARSEST).reshape(-1)


def transformed(patches: Floats, rows: Floats) -> Floats:
    """Return a transform of both axes of (N, SIDE, SIDE, C), as (N, SIDE * SIDE, C)."""
    planes = np.matmul(np.matmul(rows, patches.transpose(0, 3, 1, 2)), rows.T)
    flat = planes.reshape(len(patches), patches.shape[3], -1)
    return np.ascontiguousarray(flat.transpose(0, 2, 1))


@dataclass(frozen=True)
class Noise:
    """Noise at one level of brightness.

    waves: (N, SIDE * SIDE, C), the cosine transform of N quiet patches, without shading.
    trust: from 0, as likely texture, to 1, surely noise.
    """

    waves: Floats
    trust: float

    @cached_property
    def spreads(self) -> Floats:
        """Standard deviations in the patches, (C,)."""
        mean = np.square(self.waves).mean(0)[FINE].mean(0, dtype=np.float64)
        return np.asarray(np.sqrt(mean), np.float32)

    @property
    def spread(self) -> float:
        return float(self.spreads.mean())

    @property
    def strengths(self) -> Floats:
        """Standard deviations of what is surely noise, (C,); 0 if it is too little to see."""
        return self.spreads * np.float32(self.trust * ramp(self.spread, *VISIBLE))


def noise_of(patches: Floats, level: float) -> Noise:
    """Return the noise of patches (N, SIDE, SIDE, C), those of about a level of brightness."""
    away = np.abs(patches.mean((1, 2, 3)) - level)
    waves = transformed(patches[np.argsort(away, kind="stable")[:NEAREST]], COSINES)
    waves[:, ~FINE] = 0
    energy = np.square(waves).sum((1, 2))
    quiet = quietest(waves, energy)
    return Noise(waves[quiet], trust_in(waves[quiet], energy[quiet]))


def quietest(waves: Floats, energy: Floats) -> Mask:
    """Return which patches (N,) have about as much energy as those that hold noise alone.

    The tenth with the least energy has less than the mean of patches of noise; how much less,
    follows from how many independent values are in a patch, and so from its spectrum.
    """
    count = max(4, round(QUIETEST * len(energy)))
    quiet: Mask = energy <= np.partition(energy, count - 1)[count - 1]
    chance = chance_of(waves[quiet])
    mean = float(energy[quiet].mean()) / (1 - min(LOWEST_TENTH * chance, 0.6))
    for _ in range(2):
        chosen: Mask = energy <= mean * (1 + 1.5 * chance)
        quiet = chosen if chosen.any() else quiet
        chance = chance_of(waves[quiet])
    return quiet


def chance_of(waves: Floats) -> float:
    """Return the standard deviation of the energy of patches of such noise, over its mean."""
    by_wave = waves.transpose(1, 2, 0)
    products = np.matmul(by_wave, by_wave.transpose(0, 2, 1)) / len(waves)
    total = float(np.trace(products, axis1=1, axis2=2).sum())
    return math.sqrt(2 * float(np.square(products).sum())) / total if total > 0 else 0.0


def trust_in(waves: Floats, energy: Floats) -> float:
    """Return from 0 to 1 how sure it is that patches hold noise alone.

    Noise is normally distributed, of many waves, and but for chance as strong in every patch and
    in every direction.
    waves: as for Noise. energy: (N,), of each patch.
    """
    if not energy.any():
        return 1.0
    squares = np.square(transformed(waves.reshape(-1, SIDE, SIDE, waves.shape[2]), COSINES.T))
    variance = squares.mean(1)
    varied = variance > 0
    kurtosis = float((np.square(squares).mean(1)[varied] / variance[varied] ** 2).mean())
    chance = max(chance_of(waves), 0.02)
    uneven = float(np.log(energy + 1e-12).std()) / chance
    weak = float(energy.mean()) <= WEAK**2 * FINE.sum() * waves.shape[2]
    normal = KURTOSIS_OF_WEAK if weak else KURTOSIS
    spectrum = np.square(waves).sum((0, 2), dtype=np.float64).reshape(SIDE, SIDE)
    across, along = np.triu(spectrum, 1).sum(), np.tril(spectrum, -1).sum()
    directed = abs(math.log((across + 1e-12) / (along + 1e-12)))
    return math.prod(
        1 - ramp(value, *doubted)
        for value, doubted in (
            (kurtosis, normal),
            (LEAST_KURTOSIS - kurtosis, (0.0, FLATTER)),
            (uneven, UNEVEN),
            (chance, NARROW),
            (directed, DIRECTED),
        )
    )
