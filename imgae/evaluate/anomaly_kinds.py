"""Kinds of pictures to find flaws in: good ones to learn from, other good ones, and flawed ones.

The pictures are drawn materials, or those of a folder. Flaws are drawn into some of them, so what
is flawed is known for each pixel.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from imgae.errors import ImageError, warn
from imgae.evaluate.folders import check_some, pictures_in, usable
from imgae.picture.pixels import to_uint8_rgb
from imgae.restore.anomaly.normal import CELL
from imgae.synthetic import flaws, textures

Eight = NDArray[np.uint8]
"""(H, W, 3); the sides are multiples of CELL."""
Mask = NDArray[np.bool_]
LEAST_PICTURES: Final = 12
"""Pictures that a folder must have."""
LEAST_LEARNT: Final = 5
LEAST_SIDE: Final = 32
"""Pixels on a side of a folder's pictures; smaller ones are left out."""
FLAWS: Final = tuple(flaws.KINDS)
TRIES: Final = 20


@dataclass(frozen=True)
class Counts:
    """How many pictures of a kind are learnt from, stay good, and get a flaw."""

    learnt: int = 30
    good: int = 20
    flawed: int = 25

    @property
    def total(self) -> int:
        return self.learnt + self.good + self.flawed

    def within(self, count: int) -> "Counts":
        """Return the same shares of fewer pictures, from LEAST_PICTURES up.

        Some are learnt from, and there is one at least of the good and of the flawed.
        """
        if count >= self.total:
            return self
        learnt = max(LEAST_LEARNT, count * self.learnt // self.total)
        learnt = min(learnt, count - 2, self.learnt)
        rest = count - learnt
        good = round(rest * self.good / (self.good + self.flawed))
        good = min(max(good, 1), rest - 1, self.good)
        return Counts(learnt, good, min(rest - good, self.flawed))


@dataclass(frozen=True, eq=False)
class Flawed:
    """A picture with a flaw of a kind of FLAWS; the mask (H, W) is true where it is."""

    pixels: Eight
    mask: Mask
    flaw: str


@dataclass(frozen=True, eq=False)
class Kind:
    """Pictures of one kind: to learn from, good ones that are not learnt from, and flawed ones."""

    name: str
    learnt: tuple[Eight, ...]
    good: tuple[Eight, ...]
    flawed: tuple[Flawed, ...]

    @property
    def tested(self) -> tuple[Eight, ...]:
        """The good and then the flawed pictures."""
        return self.good + tuple(each.pixels for each in self.flawed)


def drawn(
    counts: Counts, side: int, seed: int, names: Sequence[str] | None = None
) -> Iterator[Kind]:
    """Yield drawn materials, all by default.

    side: of their pictures, a multiple of CELL from 64.
    """
    every = list(textures.KINDS)
    for name in names or every:
        number = every.index(name)
        others = [other for other in every if other != name]
        pictures = [
            textures.draw(name, side, np.random.default_rng([seed, number, place]))
            for place in range(counts.total)
        ]
        yield parted(name, pictures, counts, [seed, number], partial(other_material, others, side))


def other_material(others: Sequence[str], side: int, random: Generator) -> Eight:
    """Draw a picture of one of some materials."""
    return textures.draw(others[int(random.integers(len(others)))], side, random)


def in_folders(folders: Sequence[Path], counts: Counts, side: int, seed: int) -> Iterator[Kind]:
    """Yield the pictures of folders, a kind each, in the order of their names.

    side: the most pixels on a side that a picture is cut to.
    Raises ImageError for a folder that is not there or has too few pictures.
    """
    kinds = [squares_in(folder, counts.total, side) for folder in folders]
    for number, (folder, pictures) in enumerate(zip(folders, kinds, strict=True)):
        others = [kind for place, kind in enumerate(kinds) if place != number]
        foreign = partial(other_picture, others) if others else partial(any_material, side)
        name = folder.resolve().name
        if sum(other.resolve().name == name for other in folders) > 1:
            name = str(folder)
        shares = counts.within(len(pictures))
        yield parted(name, pictures, shares, [seed, number], foreign)


def other_picture(others: Sequence[Sequence[Eight]], random: Generator) -> Eight:
    """Return a picture of one of some kinds."""
    kind = others[int(random.integers(len(others)))]
    return kind[int(random.integers(len(kind)))]


def any_material(side: int, random: Generator) -> Eight:
    return other_material(list(textures.KINDS), max(side, textures.LEAST_SIDE), random)


def squares_in(folder: Path, count: int, side: int) -> list[Eight]:
    """Return squares from the middle of a folder's first pictures, at most `count`.

    A picture that cannot be read is left out with a note, as is one below LEAST_SIDE pixels.
    Raises ImageError for a folder that is not there or has too few pictures.
    """
    found: list[Eight] = []
    failed: list[ImageError] = []
    for path in pictures_in(folder):
        if len(found) == count:
            break
        try:
            pixels = to_uint8_rgb(usable(path).pixels)
        except ImageError as error:
            failed.append(error)
            continue
        if min(pixels.shape[:2]) < LEAST_SIDE:
            warn(f"{path}: a side is below {LEAST_SIDE} pixels; left out")
            continue
        found.append(square(pixels, side))
    check_some([0], failed, "")
    if len(found) < LEAST_PICTURES:
        raise ImageError(
            f"{folder}: {len(found)} of its pictures can be used; {LEAST_PICTURES} are needed, to "
            "learn from some and to test on others"
        )
    return found


def square(pixels: Eight, side: int) -> Eight:
    """Return the largest square in the middle of (H, W, 3) whose side is a multiple of CELL."""
    height, width = pixels.shape[:2]
    side = min(height, width, side) // CELL * CELL
    top, left = (height - side) // 2, (width - side) // 2
    return np.ascontiguousarray(pixels[top : top + side, left : left + side])


def parted(
    name: str,
    pictures: Sequence[Eight],
    counts: Counts,
    seeds: Sequence[int],
    foreign: partial[Eight],
) -> Kind:
    """Part pictures into those of a Kind, and draw flaws into the last of them.

    foreign: draws a picture of something else.
    """
    first, last = counts.learnt, counts.learnt + counts.good
    flawed = []
    for place, pixels in enumerate(pictures[last : counts.total]):
        random = np.random.default_rng([*seeds, place, 1])
        flawed.append(spoilt(FLAWS[place % len(FLAWS)], pixels, random, foreign(random)))
    return Kind(name, tuple(pictures[:first]), tuple(pictures[first:last]), tuple(flawed))


def spoilt(flaw: str, pixels: Eight, random: Generator, other: Eight) -> Flawed:
    """Draw a flaw into a picture; another one where it covers no pixel."""
    for _ in range(TRIES):
        changed, mask = flaws.draw(flaw, pixels, random, other)
        if mask.any():
            break
    return Flawed(changed, mask, flaw)
