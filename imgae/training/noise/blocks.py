"""Variance against signal and the spectrum of noise, from flat blocks of noisy pictures.

Blocks of 8x8 pixels are taken apart by a cosine transform. Its coefficients fall into two halves,
those of an even and of an odd sum of frequencies. A block turned by 180 degrees keeps the first
and negates the second, so for stationary noise of any correlation they have nothing in common.
The blocks that are flattest by one half are therefore no less noisy in the other: the noise is
measured there, and then the other way round. Texture shows in both.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from imgae.errors import TrainingError
from imgae.picture.pixels import to_float
from imgae.training.noise.places import CLOSE, chosen_of, windows_of
from imgae.training.noise.spectrum import (
    FAINT,
    LAGS,
    SIDE,
    cosines,
    covariances,
    of_pixels,
    telling,
)

Array = NDArray[np.float64]
Floats = NDArray[np.float32]
Pixels = NDArray[Any]

PER_BIN: Final = 300
"""Blocks in a bin of like brightness, at least."""
MOST_BINS: Final = 32
CHOSEN: Final = 0.03
"""The share of a bin's blocks that count as flat."""
FLATTEST: Final = 0.01
"""The same among all blocks, where correlations are measured."""
PURE: Final = 0.75
"""Both, where clean pictures were subtracted: edges may be left of pairs that do not quite match.
"""
FEWEST: Final = 12
"""Of them, at least."""
EDGE: Final = 5
"""How many times as rough as usual noise hardly ever is."""
SEEN: Final = 0.2
"""How much of the texture in `coarse` coefficients gets into a variance."""
END: Final = 1e-3
"""The share of pixels at the least or largest value from which values are cut off there."""
CUT: Final = 0.01
"""The share of pixels at an end from which the variance is too low."""
ROUNDS: Final = 3
NONE: Final = "the pictures hold no noise: where they are flat, all pixels are equal"


@dataclass(frozen=True)
class Blocks:
    """coefficients: (N, C, 8, 8) float32. means: (N, C). ends: (N, C), the share of pixels that
    lie at an end of the pictures' range, where noise is cut off. pure: whether there is nothing
    but noise in the coefficients.
    """

    coefficients: Floats
    means: Floats
    ends: Floats
    pure: bool = False

    @property
    def chosen(self) -> float:
        """The share of a bin's blocks that count as flat."""
        return PURE if self.pure else CHOSEN

    @property
    def flattest(self) -> float:
        """The same among all blocks."""
        return PURE if self.pure else FLATTEST

    def __len__(self) -> int:
        return len(self.means)


@dataclass(frozen=True)
class Bin:
    """Blocks of like brightness in one channel: the mean of flat ones, and the noise in them.

    error: the relative error of the variance that is to be expected of so few blocks, and of the
    texture in them. cut: whether the noise is cut off at an end of the range.
    """

    signal: float
    variance: float
    error: float
    cut: bool


@dataclass(frozen=True)
class Found:
    """bins: of each channel. spectra: (C, 8, 8), variances of coefficients where pixels have 1.

    lags: (C, 4, 4), correlations of pixels so many rows and columns apart. doubt: how far they may
    be off by chance. mix: (C, C), correlations of the channels.
    """

    bins: list[list[Bin]]
    spectra: Array
    lags: Array
    doubt: float
    mix: Array


def blocks_of(pictures: Sequence[Pixels], clean: Sequence[Pixels] | None = None) -> Blocks:
    """Cut pictures (H, W, C) of any type into blocks, at most so many as `places` says, evenly.

    clean: what is subtracted, and gives the means. Blocks in which a channel has one value
    throughout, or one difference from the clean picture, are left out: frames and masks are no
    noise. Of whole pictures no floats are made.
    """
    ends = ends_of(pictures)
    table = cosines().astype(np.float32)
    parts: list[tuple[Floats, Floats, Floats]] = []
    for index, chosen in chosen_of([picture.shape for picture in pictures]):
        cut = windows_of(pictures[index], chosen)
        signal = cut if clean is None else windows_of(clean[index], chosen)
        noise = cut if clean is None else cut - signal
        lively = ((np.ptp(cut, axis=(2, 3)) > 0) & (np.ptp(noise, axis=(2, 3)) > 0)).all(1)
        cut, signal, noise = cut[lively], signal[lively], noise[lively]
        parts.append(
            (
                np.matmul(np.matmul(table, noise), table.T),
                signal.mean((2, 3)),
                np.isin(cut, ends).mean((2, 3), dtype=np.float32),
            )
        )
    whole = [np.concatenate(arrays) for arrays in zip(*parts, strict=True)]
    return Blocks(whole[0], whole[1], whole[2], clean is not None)


def ends_of(pictures: Sequence[Pixels]) -> list[float]:
    """Return the least and the largest value, if so many pixels have it that noise ends there."""
    total = sum(picture.size for picture in pictures)
    ends = []
    for end in (np.min, np.max):
        own = [np.asarray(end(picture)) for picture in pictures]
        last = end([to_float(value) for value in own])
        counts = (
            np.count_nonzero(picture == value)
            for picture, value in zip(pictures, own, strict=True)
            if to_float(value) == last
        )
        ends += [float(last)] if sum(counts) > END * total else []
    return ends


def halves() -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return the two halves of the coefficients, (8, 8) each, without the mean's."""
    total = np.add.outer(np.arange(SIDE), np.arange(SIDE))
    return (total % 2 == 0) & (total > 0), total % 2 == 1


def roughness(blocks: Blocks, variances: Array, spectra: Array, half: NDArray[np.bool_]) -> Array:
    """Return how much more than noise is in a half of each block's coefficients, (N,).

    variances: (N, C), of the noise. Low frequencies count most, as in pictures.
    """
    frequency = np.arange(SIDE) ** 2
    weights = half / (1.0 + np.add.outer(frequency, frequency))
    total = np.zeros(len(blocks))
    for channel, spectrum in enumerate(spectra):
        scaled = (weights / spectrum.clip(0.02)).astype(np.float32)
        energy = np.einsum("nij,ij->n", blocks.coefficients[:, channel] ** 2, scaled)
        total += energy / variances[:, channel]
    return total


def bins_of(means: Floats) -> Iterator[NDArray[np.int64]]:
    """Yield the blocks of each bin of like brightness, darkest first; means: (N,)."""
    order = np.argsort(means, kind="stable")
    count = min(MOST_BINS, max(1, len(order) // PER_BIN))
    yield from np.array_split(order, count)


def flattest(rough: Array, members: NDArray[np.int64], share: float) -> NDArray[np.int64]:
    """Return the members with the least roughness, a share of them."""
    count = count_of(members, share)
    return members[np.argpartition(rough[members], count - 1)[:count]]


def without_edges(own: Array, flat: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the flat blocks without those that are far from flat in the other half: an edge
    through the middle of a block is odd, a line there even. own: the roughness in that half.
    """
    return flat[own[flat] <= EDGE * np.median(own[flat])]


def count_of(members: NDArray[np.int64], share: float) -> int:
    return min(len(members), max(FEWEST, int(share * len(members))))


def look(blocks: Blocks) -> Found:
    """Measure the noise of blocks."""
    channels = blocks.means.shape[1]
    variances = np.ones((len(blocks), channels))
    found = measured(blocks, variances, np.ones((channels, SIDE, SIDE)))
    for _ in range(ROUNDS - 1):
        for channel, bins in enumerate(found.bins):
            signals, values = [b.signal for b in bins], [b.variance for b in bins]
            order = np.argsort(signals)
            variances[:, channel] = np.interp(
                blocks.means[:, channel], np.array(signals)[order], np.array(values)[order]
            )
        least = FAINT * np.median(variances, 0) + 1e-14
        found = measured(blocks, variances.clip(least), found.spectra)
    return found


def measured(blocks: Blocks, variances: Array, spectra: Array) -> Found:
    """Measure once, with flat blocks by what is known so far."""
    rough = [roughness(blocks, variances, spectra, half) for half in halves()]
    some = variances > FAINT * np.median(variances, 0)
    whole = np.flatnonzero((some & (blocks.ends < CUT)).all(1))
    if len(whole) < FEWEST:
        whole = np.arange(len(blocks))
    shapes, lags = np.zeros_like(spectra), np.zeros((len(spectra), LAGS + 1, LAGS + 1))
    bins: list[list[Bin]] = []
    for channel in range(len(spectra)):
        energy, _, _ = flat_energy(blocks, channel, whole, rough, blocks.flattest, variances)
        lags[channel] = covariances(energy) if energy.max() > 0 else 0
        if not lags[channel, 0, 0] > 0:
            raise TrainingError(NONE)
        lags[channel] /= lags[channel, 0, 0]
        shapes[channel] = of_pixels(lags[channel])
        bins.append(
            [
                bin_of(blocks, channel, members, rough, shapes[channel])
                for members in bins_of(blocks.means[:, channel])
            ]
        )
    doubt = 1 / np.sqrt(SIDE**2 * fresh(whole, blocks.flattest))
    return Found(bins, shapes, lags, float(doubt), mix_of(blocks, rough, whole, shapes))


def bin_of(
    blocks: Blocks, channel: int, members: NDArray[np.int64], rough: list[Array], shape: Array
) -> Bin:
    """Measure blocks of like brightness; shape: (8, 8), the spectrum of the noise."""
    energy, signal, ends = flat_energy(blocks, channel, members, rough, blocks.chosen)
    weights = telling(shape)
    parts = shape * weights
    variance = float((energy * weights).sum() / parts.sum())
    chance = np.sqrt(2 * (parts**2).sum() / fresh(members, blocks.chosen)) / parts.sum()
    low = coarse()
    excess = float((energy * low).sum() / (shape * low).sum() / max(variance, 1e-20))
    texture = max(0.0, excess - 1)
    return Bin(signal, variance, float(np.hypot(chance, SEEN * texture)), ends > CUT)


def fresh(members: NDArray[np.int64], share: float) -> float:
    """Return how many of the flattest blocks tell something new: each pixel is in four."""
    return count_of(members, share) / (SIDE / CLOSE) ** 2


def coarse() -> NDArray[np.bool_]:
    """Return the coefficients (8, 8) in which texture shows most, slopes aside."""
    frequency = np.add.outer(np.arange(SIDE) ** 2, np.arange(SIDE) ** 2)
    return (frequency > 1) & (frequency <= 8)


def flat_energy(
    blocks: Blocks,
    channel: int,
    members: NDArray[np.int64],
    rough: list[Array],
    share: float,
    variances: Array | None = None,
) -> tuple[Array, float, float]:
    """Return of flat blocks the mean squares of coefficients (8, 8), the mean, and the share of
    pixels at the ends of the range.

    variances: (N, C), what squares are divided by.
    """
    energy, signal, ends = np.zeros((SIDE, SIDE)), 0.0, 0.0
    for own, half in enumerate(halves()):
        flat = without_edges(rough[own], flattest(rough[1 - own], members, share))
        squares = blocks.coefficients[flat, channel].astype(np.float64) ** 2
        if variances is not None:
            squares /= variances[flat, channel, None, None]
        energy += half * squares.mean(0)
        signal += float(blocks.means[flat, channel].mean()) / 2
        ends += float(blocks.ends[flat, channel].mean()) / 2
    return energy, signal, ends


def mix_of(blocks: Blocks, rough: list[Array], members: NDArray[np.int64], spectra: Array) -> Array:
    """Return the correlations of channels, (C, C), in the flattest blocks of all."""
    total = np.zeros((len(spectra),) * 2)
    common = spectra.mean(0)
    weights = np.sqrt(telling(common) * common / spectra)
    for own, half in enumerate(halves()):
        chosen = flattest(rough[1 - own], members, blocks.flattest)
        flat = blocks.coefficients[without_edges(rough[own], chosen)].astype(np.float64)
        flat = (flat * weights)[:, :, half]
        total += np.einsum("nck,ndk->cd", flat, flat)
    spread = np.sqrt(total.diagonal().clip(1e-20))
    mix: Array = total / np.outer(spread, spread)
    return mix
