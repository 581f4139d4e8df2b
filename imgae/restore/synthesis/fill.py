"""One hole filled with patches of its surroundings, from coarse to fine.

At the coarsest scale the hole is a few pixels deep. It starts there from a guess; then two steps
alternate: every patch that touches the hole looks for the known patch most like it, and every
pixel of the hole becomes the mean of what those have in its place. The next finer scale starts
from twice the same shifts. The finest three scales copy pixels instead of averaging them, and the
steps between pieces are taken out at the end.

Sources: Wexler, Shechtman and Irani 2007, Space-Time Completion of Video; Newson et al. 2014, Video
Inpainting of Complex Scenes (roughness of texture beside colours); Barnes et al. 2009, PatchMatch.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from imgae.restore.holes import around, depth_from_border
from imgae.restore.synthesis import field as fields
from imgae.restore.synthesis.field import Field
from imgae.restore.synthesis.patches import SIDE, describe, roughness
from imgae.restore.synthesis.scales import halve, halve_all
from imgae.restore.synthesis.seams import join
from imgae.restore.synthesis.votes import agree, pick, vote, weights_of

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]
Places = NDArray[np.int32]

DEEPEST: Final = 6.0
"""Pixels from known ones to the deepest point at the coarsest scale."""
TOO_MANY: Final = 20_000
"""Pixels that a hole may not have at the coarsest scale: all are compared with thousands there."""
FEWEST: Final = 400
"""Known patches that every scale must have."""
ROUNDS: Final = (2, 4, 4)
"""Of looking and averaging, at the finest scale, the next, and so on; the last for all others."""
COARSE_ROUNDS: Final = 10
"""The same at the coarsest."""
SHARP: Final = 3
"""Scales, from the finest, that copy pixels instead of averaging them."""
DOWN: Final = 0.4
ACROSS: Final = 0.05
"""Weights of the distance to a source, in sizes of the hole, beside the spread of patches."""
RADII: Final = ((1, 4, 16), (2, 8, 32))
"""Of random search, at the finest scale and at the others."""


@dataclass(frozen=True)
class Guide:
    """How much a guess counts.

    weight: of its colours beside those of the fill, at the coarsest scale. fade: that weight at
    each scale, over that at the next coarser. places: whether sources near a place, and those of
    its height above all, are preferred.
    """

    weight: float
    fade: float
    places: bool = True

    def share(self, number: int, count: int) -> float:
        """Return the share of the guess at a scale of so many, the finest being number 0."""
        weight = self.weight * self.fade ** (count - 1 - number)
        return weight / (1 + weight)


UNTOLD: Final = Guide(0, 1, places=False)
LOOSE: Final = Guide(1, 0.25)
FIRM: Final = Guide(3, 0.5)


@dataclass
class Scale:
    """A picture at one size.

    pixels: (H, W, C); rough: (H, W, 2), see `roughness`; hole, usable: (H, W), what is filled, and
    what may be copied; guess: (H, W, C), equal to pixels outside the hole.
    """

    pixels: Floats
    rough: Floats
    hole: Mask
    usable: Mask
    guess: Floats

    def known_patches(self) -> Mask:
        """Return the centres of patches that may be copied."""
        return fields.whole_patches(self.usable & ~self.hole)


def scales_of(pixels: Floats, hole: Mask, usable: Mask) -> list[Scale]:
    """Return the picture at its own size, at half of it, and so on.

    Returns nothing if too little is known to go on until the hole is small.
    """
    found = [Scale(pixels, roughness(pixels, ~hole), hole, usable, pixels)]
    while True:
        last = found[-1]
        if depth_from_border(last.hole).max() <= DEEPEST:
            return found
        both, hole = halve(np.concatenate([last.pixels, last.rough], 2), last.hole)
        guess = halve(last.guess, np.zeros_like(last.hole))[0]
        small, rough = (np.ascontiguousarray(part) for part in np.split(both, [-2], 2))
        guess = np.where(hole[:, :, None], guess, small)
        scale = Scale(small, rough, hole, halve_all(last.usable | last.hole), guess)
        if not hole.any() or scale.known_patches().sum() < FEWEST:
            return found if np.count_nonzero(last.hole) < TOO_MANY else []
        found.append(scale)


def fill_hole(
    pixels: Floats, hole: Mask, usable: Mask, seed: int = 0, guide: Guide = LOOSE
) -> Floats | None:
    """Return a picture (H, W, C) with its hole (H, W) filled from its surroundings.

    In the hole, pixels hold a guess. usable: (H, W), what may be copied, and is known. guide: how
    much the guess counts. seed: of what is tried at random; from 1 on, some of the surroundings
    are left out as well, so that fills are clearly different.
    Returns None if there is too little to copy.
    """
    if min(hole.shape) < SIDE or fields.whole_patches(usable & ~hole).sum() < FEWEST:
        return None
    rng = np.random.default_rng(seed)
    scales = scales_of(pixels, hole, usable)
    if not scales:
        return None
    if seed:
        scales[-1].usable &= chosen_at_random(scales[-1], rng)
    field = None
    for number in reversed(range(len(scales))):
        work = Work(scales[number], number, rng, guide, guide.share(number, len(scales)))
        field = work.begin() if field is None else work.go_on(field)
        work.improve(field, coarsest=number == len(scales) - 1)
    assert field is not None
    return composed(field, pixels, hole)


def chosen_at_random(scale: Scale, rng: np.random.Generator) -> Mask:
    """Return where sources may be: in about two of three squares, or everywhere if few are left."""
    height, width = scale.hole.shape
    side = 2 * SIDE
    squares = rng.random((-(-height // side), -(-width // side))) < 2 / 3
    chosen = squares.repeat(side, 0).repeat(side, 1)[:height, :width]
    left = fields.whole_patches(scale.usable & ~scale.hole & chosen).sum()
    return chosen if left >= FEWEST / 4 else np.ones_like(chosen)


class Work:
    """The filling of one scale."""

    def __init__(
        self, scale: Scale, number: int, rng: np.random.Generator, guide: Guide, share: float
    ) -> None:
        """share: of the guess, beside the fill."""
        self.scale = scale
        self.number = number
        self.rng = rng
        self.guide = guide
        self.share = share
        self.channels = scale.pixels.shape[2]
        self.planes = np.concatenate([scale.pixels, scale.rough], 2).reshape(scale.hole.size, -1)
        self.inside = np.flatnonzero(scale.hole).astype(np.int32)
        self.targets = fields.touching(scale.hole)
        self.whole = scale.known_patches()
        self.box = around(self.targets, SIDE).slices
        self.sources = describe(scale.pixels, scale.rough).reshape(scale.hole.size, -1)
        guess, rough = (np.ascontiguousarray(part[self.box]) for part in (scale.guess, scale.rough))
        guessed = describe(guess, rough)[:, :, : self.channels]
        self.guess = guessed[self.targets[self.box]]

    def begin(self) -> Field:
        """Start from the guess."""
        inside, near = self.inside, fields.nearest_marked(~self.scale.hole).ravel()
        self.planes[inside, : self.channels] = self.scale.guess[self.scale.hole]
        self.planes[inside, self.channels :] = self.planes[near[inside], self.channels :]
        places = np.flatnonzero(self.whole).astype(np.int32)
        return Field.new(self.targets, self.whole, self.rng.choice(places, int(self.targets.sum())))

    def go_on(self, coarse: Field) -> Field:
        """Start from what was found at half the size."""
        field = fields.finer(coarse, self.targets, self.whole)
        self.repaint(field)
        return field

    def repaint(self, field: Field) -> None:
        """Fill the hole from the field."""
        if self.number < SHARP:
            agree(field)
            self.planes[self.inside] = pick(field, self.inside, self.planes)
        else:
            weight = weights_of(field, self.scale.hole)
            self.planes[self.inside] = vote(field, self.inside, self.planes, weight)

    def improve(self, field: Field, coarsest: bool) -> None:
        """Look for nearer patches and repaint, in turns."""
        rounds = COARSE_ROUNDS if coarsest else ROUNDS[min(self.number, len(ROUNDS) - 1)]
        for _ in range(rounds):
            self.search(field, coarsest)
            self.repaint(field)

    def search(self, field: Field, coarsest: bool) -> None:
        """Look for patches nearer to those that touch the hole as it is now."""
        mine, sources = self.described(), self.sources
        if coarsest and self.guide.places:
            mine, sources = self.placed(mine, field.targets), self.placed(sources)
        field.cost = fields.distances(mine, sources, field.source)
        if coarsest:
            fields.search_many(field, mine, sources, self.rng)
            fields.propagate(field, mine, sources, 1)
            return
        for step in (1, 3, 1):
            fields.propagate(field, mine, sources, step)
            for radius in RADII[min(self.number, 1)]:
                fields.search_around(field, mine, sources, radius, self.rng)
        fields.propagate(field, mine, sources, 1)

    def described(self) -> Floats:
        """Return the vectors (N, D) of the patches that touch the hole, drawn to the guess."""
        picture = self.planes.reshape(*self.scale.hole.shape, -1)[self.box]
        parts = np.split(picture, [self.channels], 2)
        vectors = describe(*(np.ascontiguousarray(part) for part in parts))
        mine = vectors[self.targets[self.box]]
        mine[:, : self.channels] += self.share * (self.guess - mine[:, : self.channels])
        return mine

    def placed(self, vectors: Floats, at: Places | None = None) -> Floats:
        """Append row and column to vectors, so that distances in the picture count a little.

        at: flat places, None for all of the picture.
        """
        width = self.scale.hole.shape[1]
        places = np.arange(len(vectors)) if at is None else at
        where = np.stack(np.divmod(places, width), 1) / math.sqrt(len(self.inside))
        spread = float(self.sources[self.whole.ravel()].var(0).sum())
        weights = np.sqrt(np.array([DOWN, ACROSS]) * spread)
        return np.concatenate([vectors, (where * weights).astype(np.float32)], 1)


def composed(field: Field, pixels: Floats, hole: Mask) -> Floats:
    """Return the picture with the hole copied from the sources of its pixels, without seams."""
    agree(field)
    inside = np.flatnonzero(hole).astype(np.int32)
    source = np.zeros(hole.shape, np.int32)
    source.ravel()[inside] = field.source[field.order.ravel()[inside]]
    filled = pixels.copy()
    filled.reshape(hole.size, -1)[inside] = pixels.reshape(hole.size, -1)[source.ravel()[inside]]
    join(filled, hole, source)
    return filled
