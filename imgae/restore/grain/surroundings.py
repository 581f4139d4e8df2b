"""The noise around a hole: near it, farther away, or anywhere in the picture.

Noise that is much stronger than the rest of the picture allows is taken for texture.
"""

import math
from collections.abc import Iterator
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from imgae.restore.estimate import ramp
from imgae.restore.grain.field import Grain, grain_of
from imgae.restore.grain.noise import FEWEST, VISIBLE, Noise, known_patches, noise_of

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]
Box = tuple[slice, slice]


REACHES: Final = (48, 192)
"""How far around a square noise is looked for: near first, then farther, then everywhere."""
LEVELS: Final = (0.1, 0.5, 0.9)
"""Quantiles of the brightness of a square's holes at which noise is looked for."""
APART: Final = 0.08
"""Levels of brightness nearer to each other than this count as one."""
LEVELS_OF_ALL: Final = (0.1, 0.3, 0.5, 0.7, 0.9)
"""The same quantiles for the whole picture."""
ENOUGH: Final = 0.7
"""Trust with which noise is not looked for any farther."""
SAME_LEVEL: Final = 1.4
"""How much stronger noise may be than the picture's quietest patches of that brightness."""
OTHER_LEVEL: Final = 2.2
"""The same for patches of any brightness."""
MEAN_TRUST: Final = (0.08, 0.2)
"""Mean trust at all levels of brightness up to which there is no noise in a picture, and from which
there is."""
CLIPPED: Final = 0.06
"""So near to black and white, noise is cut off."""
DRAWN: Final = 0.5 / 255
"""Patches that vary less were drawn, not taken by a camera."""


def wider(box: Box, margin: int) -> Box:
    """Return a box with a margin; it may reach beyond the picture's right and bottom."""
    rows, columns = (slice(max(side.start - margin, 0), side.stop + margin) for side in box)
    return rows, columns


class Surroundings:
    """What is known of a picture, as a source of noise; for the arguments see continue_grain."""

    def __init__(self, pixels: Floats, unknown: Mask, limits: tuple[float, float]) -> None:
        self.pixels, self.unknown, self.limits = pixels, unknown, limits
        self.quietest: dict[float, float] = {}

    def grain_at(self, box: Box, brightness: Floats) -> Grain | None:
        """Return the noise for holes of brightness (N,) in a box, or None for none."""
        best: dict[float, Noise] = {}
        levels = levels_of(brightness)
        for patches in self.patches_around(box):
            if len(patches) >= FEWEST:
                found = {level: noise_of(patches, level) for level in levels}
                best = {
                    level: max(best.get(level, noise), noise, key=lambda each: each.trust)
                    for level, noise in found.items()
                }
            if best and all(noise.trust > ENOUGH for noise in best.values()):
                break
        chosen = {level: self.checked(noise, level) for level, noise in best.items()}
        return grain_of({level: noise for level, noise in chosen.items() if noise is not None})

    def patches_around(self, box: Box) -> Iterator[Floats]:
        for reach in REACHES:
            area = wider(box, reach)
            yield known_patches(self.pixels[area], self.unknown[area])
        yield self.everywhere

    def checked(self, noise: Noise, level: float) -> Noise | None:
        """Return noise found at a level, or what stands for it if it cannot be trusted."""
        likely = self.is_likely(noise, level)
        if likely and noise.trust > ENOUGH:
            return noise
        trusted = [
            at
            for at, other in self.by_level.items()
            if other.trust > ENOUGH and self.is_likely(other, at)
        ]
        if trusted:
            return self.by_level[min(trusted, key=lambda at: abs(at - level))]
        return noise if likely else None

    def is_likely(self, noise: Noise, level: float) -> bool:
        """Return whether noise is no stronger than the quietest parts of the picture allow."""
        if noise.trust <= 0:
            return False
        if noise.spread <= VISIBLE[0] or not self.by_level:
            return True
        return noise.spread <= min(self.most, SAME_LEVEL * self.quietest_at(round(level, 1)))

    def quietest_at(self, level: float) -> float:
        """Return the spread of the picture's quietest patches of a level."""
        if level not in self.quietest:
            self.quietest[level] = noise_of(self.everywhere, level).spread
        return self.quietest[level]

    @cached_property
    def most(self) -> float:
        """The spread that the picture's quietest patches of any level allow at any other."""
        return OTHER_LEVEL * min((n.spread for n in self.by_level.values()), default=math.inf)

    @property
    def noisy(self) -> bool:
        """Whether there may be noise that can be seen."""
        return self.trust > 0 and self.most > VISIBLE[0]

    @cached_property
    def trust(self) -> float:
        """How sure it is that there is noise in the picture at all, from 0 to 1."""
        found = [noise.trust for noise in self.by_level.values()]
        return ramp(sum(found) / len(found), *MEAN_TRUST) if found else 1.0

    @cached_property
    def everywhere(self) -> Floats:
        """Patches of the whole picture."""
        return known_patches(self.pixels, self.unknown)

    @cached_property
    def by_level(self) -> dict[float, Noise]:
        """The noise of the whole picture by brightness, where it is neither cut off nor drawn."""
        patches = self.everywhere
        means = patches.mean((1, 2, 3))
        inner = (means > self.limits[0] + CLIPPED) & (means < self.limits[1] - CLIPPED)
        patches = patches[inner & (patches.std((1, 2)).mean(1) > DRAWN)]
        if len(patches) < FEWEST:
            return {}
        levels = np.quantile(patches.mean((1, 2, 3)), LEVELS_OF_ALL).tolist()
        return {level: noise_of(patches, level) for level in levels}


def levels_of(brightness: Floats) -> list[float]:
    """Return one to three levels of brightness of values (N,), rising."""
    levels: list[float] = []
    for level in np.quantile(brightness, LEVELS).tolist():
        if not levels or level > levels[-1] + APART:
            levels.append(level)
    return levels
