"""Grain for what was filled: noise like that around a hole.

A network that fills holes gives the mean of what could be there, which has next to no noise: in a
grainy picture its fills are smooth streaks. The noise around a hole is measured in patches where
there is nothing else, the quietest ones of about the hole's brightness: how strong it is in each
channel, and how it hangs together between channels and between pixels. Patches that are not
normally distributed, or not alike, or stronger than the rest of the picture allows, hold texture,
and are no measure. Then the hole gets noise of the same kind, as much as it lacks.
Sources: noise from quiet patches, by brightness: Liu, Szeliski, Kang, Zitnick and Freeman 2008
(Automatic Estimation and Removal of Noise from a Single Image). Any amount of it, from its
spectrum: Galerne, Gousseau and Morel 2011 (Random Phase Textures).
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from imgae.restore.estimate import ramp

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]
Box = tuple[slice, slice]

CELL: Final = 512
"""Holes are treated by squares of this side, each with what is around it."""
REACHES: Final = (48, 192)
"""How far around a square noise is looked for: near first, then farther, then everywhere."""
LEVELS: Final = (0.1, 0.5, 0.9)
"""Quantiles of the brightness of a square's holes at which noise is looked for."""
APART: Final = 0.08
"""Levels of brightness nearer to each other than this count as one."""
LEVELS_OF_ALL: Final = (0.1, 0.3, 0.5, 0.7, 0.9)
"""The same quantiles for the whole picture."""

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

LONGEST: Final = 9
"""Pixels over which grain hangs together, at most."""

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
VISIBLE: Final = (1.5 / 255, 2.5 / 255)
"""The strength up to which noise counts as none, and from which in full. Most clean photographs
have less than the first."""

FADING: Final = 4
"""A filled pixel is about a mean of known ones, each weighted by this power of its nearness."""
NEAR: Final = 7
"""Pixels from the rim inwards in which a fill has some of the noise around it."""
DETAIL: Final = 1.5
"""The Gaussian, in pixels, whose difference is fine detail."""
AROUND: Final = 4.0
"""The Gaussian in which fine detail is measured in texture."""


def continue_grain(
    pixels: Floats,
    unknown: Mask,
    filled: Mask,
    textured: Mask,
    seed: int,
    limits: tuple[float, float],
) -> None:
    """Give filled pixels noise like that of what is around them, in place.

    pixels: float32 (H, W, C), 1 for white, the holes filled; what is changed stays within limits,
    the least and the largest value. unknown: (H, W), all that was not known. filled: (H, W), of
    that, what is to get noise; no others are changed. textured: (H, W), what has texture from
    elsewhere, which brought some noise with it. The same seed gives the same noise.
    """
    surroundings = Surroundings(pixels, unknown, limits)
    if not surroundings.noisy:
        return
    additions = []
    for box in boxes_of(filled):
        own = filled[box]
        grain = surroundings.grain_at(box, pixels[box][own].mean(1))
        if grain is not None:
            rng = np.random.default_rng((seed, box[0].start, box[1].start))
            noise = added(grain, pixels, unknown, textured, box, rng)[own]
            additions.append((box, own, noise * surroundings.trust))
    for box, own, noise in additions:  # last: until then no square sees another's noise
        pixels[box][own] = (pixels[box][own] + noise).clip(*limits)


def boxes_of(marked: Mask) -> Iterator[Box]:
    """Return the box of what is marked (H, W) in every square of CELL pixels that holds any."""
    for top in range(0, marked.shape[0], CELL):
        band = np.asarray(marked[top : top + CELL].any(0))
        for left in range(0, marked.shape[1], CELL):
            if band[left : left + CELL].any():
                cell = marked[top : top + CELL, left : left + CELL]
                rows, columns = np.flatnonzero(cell.any(1)), np.flatnonzero(cell.any(0))
                yield (
                    slice(top + int(rows[0]), top + int(rows[-1]) + 1),
                    slice(left + int(columns[0]), left + int(columns[-1]) + 1),
                )


def wider(box: Box, margin: int) -> Box:
    """Return a box with a margin; it may reach beyond the picture's right and bottom."""
    rows, columns = (slice(max(side.start - margin, 0), side.stop + margin) for side in box)
    return rows, columns


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


def added(
    grain: Grain, pixels: Floats, unknown: Mask, textured: Mask, box: Box, rng: Generator
) -> Floats:
    """Return noise for the holes of a box, (H, W, C) of the box; for the rest see continue_grain.

    Of the field that is drawn, a hole gets what it lacks.
    """
    area = wider(box, NEAR)
    rows, columns = (
        slice(side.start - outer.start, side.stop - outer.start)
        for side, outer in zip(box, area, strict=True)
    )
    holes = unknown[area]
    strengths = grain.strengths_at(pixels[area].mean(2))
    field = strengths * grain.drawn(holes.shape[0], holes.shape[1], rng)
    noise = lacking_in_fill(pixels[area], field, holes)
    if textured[box].any():
        share = lacking_in_texture(pixels[area], field, textured[area])
        noise = np.where(textured[area][:, :, None], share * field, noise)
    return np.asarray(noise[rows, columns], np.float32)


def lacking_in_fill(pixels: Floats, field: Floats, holes: Mask) -> Floats:
    """Return what a smooth fill lacks of a field of noise, (H, W, C), in the holes.

    A fill keeps something of the noise at the rim, as any mean of known pixels does, and what hangs
    together with that is foreseen. By distance from the rim, so much of the rest is taken that
    the fine detail comes right: the fill may have so much detail already as such a mean would, or
    as most of its pixels do. pixels: (H, W, C), filled. holes: (H, W).
    """
    depth = np.asarray(cv2.distanceTransform(holes.astype(np.uint8), cv2.DIST_L2, 5))
    rings = np.rint(depth).astype(int).clip(0, NEAR + 1)
    known = (~holes).astype(np.float32)
    weight = np.maximum(cv2.filter2D(known, -1, WEIGHTS), 1e-9)
    mean = cv2.filter2D(field * known[:, :, None], -1, WEIGHTS).reshape(field.shape)
    mean = np.where((rings <= NEAR)[:, :, None], mean / weight[:, :, None], 0)
    like_fill = np.where(holes[:, :, None], mean, field)
    energies = [energy_of(values) for values in (field, like_fill, pixels)]
    products = [(field * mean).sum(2), (mean * mean).sum(2)]
    rest = np.where(holes[:, :, None], field, 0)
    places = [np.nonzero(rings == ring) for ring in range(1, NEAR + 2)]
    for place in places:
        common, kept = (float(values[place].sum()) for values in products)
        rest[place] -= np.float32(min(max(common / max(kept, 1e-9), 0), 1)) * mean[place]
    energy = energy_of(rest)
    for place in places:
        wanted, found, measured = (values[place] for values in energies)
        if len(wanted):
            has = float(found.mean())
            if len(wanted) >= FEWEST:
                middle = float(np.median(wanted))
                has = max(has, float(wanted.mean() * np.median(measured)) / max(middle, 1e-12))
            share = (float(wanted.mean()) - has) / max(float(energy[place].mean()), 1e-12)
            rest[place] *= np.float32(math.sqrt(min(max(share, 0), 1)))
    return rest


def energy_of(pixels: Floats) -> Floats:
    """Return the squares of fine detail of (H, W, C), as (H, W)."""
    detail = pixels - cv2.GaussianBlur(pixels, (0, 0), DETAIL).reshape(pixels.shape)
    return np.asarray(np.square(detail).mean(2), np.float32)


def lacking_in_texture(pixels: Floats, wanted: Floats, textured: Mask) -> Floats:
    """Return how much of noise (H, W, C) textured pixels need, by their fine detail, (H, W, 1)."""
    inside = textured.astype(np.float32)
    found, full = (
        cv2.GaussianBlur(energy_of(values) * inside, (0, 0), AROUND) for values in (pixels, wanted)
    )
    share = 1 - np.asarray(found) / np.maximum(full, 1e-12)
    return np.asarray(np.sqrt(share.clip(0, 1))[:, :, None], np.float32)


def weights() -> Floats:
    """Return the weights of known pixels around a filled one in the middle, (2 NEAR + 1, same)."""
    reach = np.arange(-NEAR, NEAR + 1)
    away = np.hypot(reach[:, None], reach[None])
    away[NEAR, NEAR] = math.inf
    return np.asarray(away**-FADING, np.float32)


WEIGHTS: Final = weights()
