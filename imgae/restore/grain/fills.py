"""Grain for what was filled: noise like that around a hole.

A network that fills holes gives the mean of what could be there, which has next to no noise: in a
grainy picture its fills are smooth streaks. So a hole gets noise of the kind that is around it, as
much as it lacks.
"""

import math
from collections.abc import Iterator
from typing import Final

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from imgae.restore.grain.field import Grain
from imgae.restore.grain.noise import FEWEST
from imgae.restore.grain.surroundings import Box, Surroundings, wider
from imgae.restore.holes import distance_to_zero

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]


CELL: Final = 512
"""Holes are treated by squares of this side, each with what is around it."""
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
    depth = distance_to_zero(holes)
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
