"""Which holes get texture, how much of it, and from where.

Holes narrower than about a dozen pixels keep the network's fill, which knows best there. Wider ones
keep its coarse band and get the fine band of a fill from patches: errors of the network are small
there, and those of patches are not. From about 50 pixels on, where the network's fill is vague, the
fill from patches takes its place, and the network's is only the guess that it starts from.
"""

import math
from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from imgae.errors import MaskError
from imgae.model.stitch import Progress
from imgae.picture.tiling import Box
from imgae.restore.holes import around, deep_parts, distance_to_zero, parts_of
from imgae.restore.synthesis.field import whole_patches
from imgae.restore.synthesis.fill import FEWEST, FIRM, UNTOLD, fill_hole
from imgae.restore.synthesis.patches import SIDE

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]

TEXTURED_FROM: Final = 5.5
"""Pixels from known ones to the deepest point of holes that get texture."""
STROKE: Final = 9.0
"""The deepest that slender holes without texture may be: letters, folds, scratches."""
SLENDER: Final = 7.0
"""From how many squares of its depth a hole is slender: a disc has 3.1, a square 4."""
WHOLE_FROM: Final = 24.0
"""The same for holes that are filled from patches alone."""
STRAYED: Final = 1.0
"""How far the coarse colours of a fill may be from the guess's, in deviations of those around."""
BAND: Final = 3.0
"""The Gaussian, in pixels, whose blur is the coarse band."""
RIM: Final = 2.0
"""Pixels from the rim inwards over which the fine band comes in."""
RING: Final = 8.0
"""How far around a part its surroundings' fine band is measured, in pixels."""
STRONGEST: Final = 1.2
NEAREST: Final = 64
FARTHEST: Final = 400
"""How far around a hole patches are taken, at least and at most: else as far as it is long."""
LONGEST: Final = 800
"""Parts that are longer are cut, so that what is looked at has a bound."""
SMALL: Final = 64
"""Parts that are no longer than this are filled together with others in the same square of"""
TOGETHER: Final = 256
"""pixels on a side."""


@dataclass(frozen=True)
class Rules:
    """Where to take texture from.

    source: (H, W), True where, or None for everywhere; avoid: (H, W), True where not, or None;
    seed: other seeds give other fills.
    """

    source: Mask | None = None
    avoid: Mask | None = None
    seed: int = 0

    @property
    def limited(self) -> bool:
        """Return whether not all that is known may be copied."""
        return self.source is not None or self.avoid is not None


def wide_parts(hole: Mask, depth: Floats) -> Mask:
    """Return the parts of a hole that get texture: strokes are not among them.

    depth: of its pixels.
    """
    wide = deep_parts(depth, hole, TEXTURED_FROM)
    for spot, own in parts_of(wide):
        deepest = float(depth[spot.slices][own].max())
        if deepest <= STROKE and own.sum() > SLENDER * deepest**2:
            wide[spot.slices][own] = False
    return wide


def whole_parts(wide: Mask, depth: Floats) -> Mask:
    """Return those of the wide parts that are filled from patches alone."""
    found: Mask = (depth > WHOLE_FROM) & wide
    if found.any():
        area = around(wide, 0).slices
        labels = np.asarray(cv2.connectedComponents(wide[area].astype(np.uint8))[1])
        chosen = np.zeros(int(labels.max()) + 1, bool)
        chosen[labels[found[area]]] = True
        found[area] = chosen[labels]
    return found


def add_texture(
    pixels: Floats,
    unknown: Mask,
    wide: Mask,
    whole: Mask,
    rules: Rules,
    progress: Progress | None = None,
    limits: tuple[float, float] = (0.0, 1.0),
) -> Mask:
    """Give the wide parts of a hole the texture of their surroundings, in place.

    pixels: (H, W, C), all filled; what is changed stays within limits. unknown: (H, W), what may
    not be copied. wide: (H, W), see `wide_parts`; whole: those of them that are replaced.
    Returns the pixels that have texture now; a part with too little around it is left out.
    """
    usable = usable_of(unknown, rules)
    done = np.zeros_like(wide)
    parts = [*grouped(wide & whole), *grouped(wide & ~whole)]
    for number, (spot, own) in enumerate(parts, 1):
        box = area_of(spot, own, wide.shape)
        area = box.slices
        part = np.zeros(wide[area].shape, bool)
        part[spot.within(box).slices] = own
        if not rules.limited or whole_patches(usable[area] & ~part).sum() >= FEWEST:
            filled = filled_near(pixels[area], part, usable[area], rules.seed)
        else:
            filled = filled_from(pixels, usable, box, part, rules.seed)
        if filled is not None:
            if not whole[area][part].any():
                filled = with_fine_band(pixels[area], filled, part, usable[area])
            pixels[area][part] = filled[part].clip(*limits)
            done[area][part] = True
        if progress:
            progress(number, len(parts))
    return done


def grouped(marked: Mask) -> list[tuple[Box, Mask]]:
    """Return what is filled at once: single parts, long ones in pieces, small ones together."""
    found: list[tuple[Box, Mask]] = []
    near: dict[tuple[int, int], list[tuple[Box, Mask]]] = {}
    for spot, own in parts_of(marked):
        longer = max(own.shape)
        if longer <= SMALL:
            near.setdefault((spot.top // TOGETHER, spot.left // TOGETHER), []).append((spot, own))
        elif longer <= LONGEST:
            found.append((spot, own))
        else:
            found += pieces(spot, own)
    return found + [together(parts) for parts in near.values()]


def pieces(spot: Box, own: Mask) -> list[tuple[Box, Mask]]:
    """Cut a part at every LONGEST pixels."""
    found = []
    for top in range(0, own.shape[0], LONGEST):
        for left in range(0, own.shape[1], LONGEST):
            piece = own[top : top + LONGEST, left : left + LONGEST]
            if piece.any():
                y, x = spot.top + top, spot.left + left
                found.append((Box(y, x, y + piece.shape[0], x + piece.shape[1]), piece))
    return found


def together(parts: list[tuple[Box, Mask]]) -> tuple[Box, Mask]:
    """Return parts as one."""
    boxes = [box for box, _ in parts]
    outer = Box(
        min(box.top for box in boxes),
        min(box.left for box in boxes),
        max(box.bottom for box in boxes),
        max(box.right for box in boxes),
    )
    marked = np.zeros((outer.bottom - outer.top, outer.right - outer.left), bool)
    for box, own in parts:
        marked[box.within(outer).slices] |= own
    return outer, marked


def usable_of(unknown: Mask, rules: Rules) -> Mask:
    """Return what may be copied.

    Raises MaskError if what the rules leave holds not enough patches.
    """
    usable = ~unknown
    if not rules.limited:
        return usable
    if rules.source is not None:
        usable &= rules.source
    if rules.avoid is not None:
        usable &= ~rules.avoid
    if whole_patches(usable).sum() < FEWEST:
        raise MaskError(
            "too little is left to take texture from; a larger source or a smaller part to avoid "
            f"helps: {FEWEST} whole squares of {SIDE}x{SIDE} known pixels are needed"
        )
    return usable


def filled_near(pixels: Floats, part: Mask, usable: Mask, seed: int) -> Floats | None:
    """Fill a part from around it; nearer to the guess where the fill strays far from that."""
    filled = fill_hole(pixels, part, usable, seed)
    if filled is None or strays(filled, pixels, part, usable) <= STRAYED:
        return filled
    return fill_hole(pixels, part, usable, seed, FIRM)


def strays(filled: Floats, guess: Floats, part: Mask, usable: Mask) -> float:
    """Return how far the coarse colours of a fill are from a guess's, root mean square.

    In standard deviations of the coarse colours around the part.
    """
    deepest = float(distance_to_zero(part).max())
    sigma = max(deepest / 4, BAND)
    coarse, guessed = (cv2.GaussianBlur(x, (0, 0), sigma) for x in (filled, guess))
    near = usable & (distance_to_zero(~part) <= deepest)
    if not near.any():
        return 0.0
    spread = np.sqrt(np.asarray(guessed)[near].var(0).mean())
    away = np.sqrt(np.square(np.asarray(coarse)[part] - np.asarray(guessed)[part]).mean())
    return float(away / max(spread, 1e-3))


def filled_from(pixels: Floats, usable: Mask, area: Box, part: Mask, seed: int) -> Floats | None:
    """Fill a part of an area from a place elsewhere, which is laid above or below it for that.

    It is laid where the part does not reach, so that the two are never joined.
    """
    height, width = part.shape
    source = richest(usable, 2 * FARTHEST, width)
    above = bool(part[-1].any())

    def stacked(own: NDArray[Any], other: NDArray[Any]) -> NDArray[Any]:
        rest = [(0, 0)] * (own.ndim - 2)
        other = np.pad(other, [(0, 0), (0, width - other.shape[1]), *rest])
        return np.concatenate([other, own] if above else [own, other])

    allowed = stacked(np.zeros_like(part), usable[source.slices])
    marked = stacked(part, np.zeros_like(usable[source.slices]))
    both = stacked(pixels[area.slices], pixels[source.slices])
    filled = fill_hole(both, marked, allowed, seed, UNTOLD)
    if filled is None:
        return None
    return filled[-height:] if above else filled[:height]


def richest(usable: Mask, height: int, width: int) -> Box:
    """Return the box of at most this size that holds the most of what may be copied."""
    outer = around(usable, 0)
    tall, wide = min(height, outer.bottom - outer.top), min(width, outer.right - outer.left)
    sums = cv2.integral(usable[outer.slices].astype(np.uint8))
    tops = steps(outer.bottom - outer.top - tall, tall)
    lefts = steps(outer.right - outer.left - wide, wide)
    rows, columns = np.ix_(tops, lefts)
    counts = (
        sums[rows + tall, columns + wide]
        - sums[rows, columns + wide]
        - sums[rows + tall, columns]
        + sums[rows, columns]
    )
    row, column = np.unravel_index(int(counts.argmax()), counts.shape)
    top, left = outer.top + int(tops[row]), outer.left + int(lefts[column])
    return Box(top, left, top + tall, left + wide)


def steps(last: int, size: int) -> NDArray[np.intp]:
    """Return starts from 0 to `last`, a quarter of a size apart."""
    return np.append(np.arange(0, last, max(size // 4, 1)), last)


def area_of(spot: Box, own: Mask, shape: tuple[int, ...]) -> Box:
    """Return the box around parts of a hole that patches are taken from."""
    longest = max(max(part.shape) for _, part in parts_of(own))
    margin = min(max(longest, NEAREST), FARTHEST)
    return Box(
        max(spot.top - margin, 0),
        max(spot.left - margin, 0),
        min(spot.bottom + margin, shape[0]),
        min(spot.right + margin, shape[1]),
    )


def with_fine_band(smooth: Floats, filled: Floats, part: Mask, known: Mask) -> Floats:
    """Return the smooth picture with what is finer than BAND in the filled one added in a part.

    known: (H, W); the band is made up to STRONGEST times as strong to be like that around the part,
    since patches that are like a smooth guess are weaker.
    """
    fine, old = fine_band(filled), fine_band(smooth)
    around = known & (distance_to_zero(~part) <= RING)
    gain = 1.0
    if around.any():
        energy = float(np.square(old[around]).mean()) / max(
            float(np.square(fine[part]).mean()), 1e-12
        )
        gain = min(max(math.sqrt(energy), 1.0), STRONGEST)
    share = np.minimum(distance_to_zero(part) / RIM, 1)[:, :, None]
    result: Floats = smooth + share * (np.float32(gain) * fine - old)
    return result


def fine_band(pixels: Floats) -> Floats:
    """Return what a Gaussian of BAND takes away."""
    coarse = np.asarray(cv2.GaussianBlur(pixels, (0, 0), BAND), np.float32)
    return pixels - coarse.reshape(pixels.shape)
