"""Search measured: whether a damaged copy finds its picture first among many.

Conditions, and the figure `found` of each, the share of queries that find their picture first:

    noise      noise of level 25
    crop       a part of 70 % of each side
    jpeg       JPEG of quality 15
    half       half the size
    mirror     mirrored
    all four   the first four, one after the other

Baselines, which need no model: a thumbnail of 16x16 pixels, a colour histogram of 8x8x8, a
perceptual hash (the signs of 64 coefficients of a cosine transform), and the means and deviations
of a code (`code.pooled`).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from imgae.evaluate.code import histogram, noisy, pooled, saved
from imgae.evaluate.folders import Pictures
from imgae.evaluate.protocol import Result, finite, names_of
from imgae.evaluate.report import cell, markdown
from imgae.model.card import Score
from imgae.picture.image import Image
from imgae.restore.encode import Encoder
from imgae.restore.search.describe import Describer, shrunk

Eight = NDArray[np.uint8]
Floats = NDArray[np.float64]

NOISE: Final = 25
QUALITY: Final = 15
PART: Final = 0.7
CONDITIONS: Final = ("noise", "crop", "jpeg", "half", "mirror", "all four")
MEAN: Final = "mean"
"""The condition of a result that is over all others."""
THUMBNAIL, HISTOGRAM, HASH = "thumbnail 16x16", "colour histogram", "perceptual hash"
SIDE: Final = 16
HASHED: Final = 32
"""Pixels on a side of what a perceptual hash is computed of, of which it keeps 8x8 frequencies."""
KEPT: Final = 8


@dataclass(frozen=True)
class Way:
    """A way to describe pictures (H, W, 3) uint8 by vectors, the nearest of which is by cosine.

    scaled: vectors are taken less their mean over all pictures, divided by their spread.
    """

    name: str
    describe: Callable[[Eight], Floats]
    scaled: bool = False


def of_models(models: Sequence[str], threads: int | None, device: str = "auto") -> list[Way]:
    """Return what models for search describe pictures by."""
    found = []
    for name, given in zip(names_of(models), models, strict=True):
        found.append(Way(name, describing(Describer(given, device=device, threads=threads))))
    return found


def describing(describer: Describer) -> Callable[[Eight], Floats]:
    return lambda pixels: describer.describe(Image(pixels)).astype(np.float64)


def baselines(encoder: Encoder | None) -> list[Way]:
    """Return the ways that need no model, and that of a code, if there is a model for it."""
    found = [Way(THUMBNAIL, thumbnail), Way(HISTOGRAM, histogram), Way(HASH, perceptual_hash)]
    if encoder is not None:
        found.append(Way(f"{encoder.model.card.name}: means, deviations", coding(encoder), True))
    return found


def coding(encoder: Encoder) -> Callable[[Eight], Floats]:
    """Return what describes a picture by the means and deviations of its code, at one size."""
    return lambda pixels: pooled(encoder(Image(shrunk(Image(pixels)))).astype(np.float64))


def thumbnail(pixels: Eight) -> Floats:
    """Return 16x16 pixels, less their mean."""
    small = cv2.resize(pixels, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float64)
    return directed((small - small.mean((0, 1))).ravel())


def perceptual_hash(pixels: Eight) -> Floats:
    """Return 64 signs: which of the lowest frequencies of the luma are above their median.

    Cosines rank such vectors as the number of equal bits does.
    """
    luma = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(luma, (HASHED, HASHED), interpolation=cv2.INTER_AREA)
    low = cv2.dct(small.astype(np.float64))[:KEPT, :KEPT].ravel()
    return np.where(low > np.median(low[1:]), 1.0, -1.0)


def directed(vector: Floats) -> Floats:
    """Return a vector that has a direction: that of a picture of one colour is along the first."""
    if not vector.any():
        vector[0] = 1.0
    return vector


def copies(pixels: Eight, seed: int) -> Iterator[tuple[str, Eight]]:
    """Yield a condition and a damaged copy of a picture (H, W, 3) for each of CONDITIONS.

    The same seed gives the same noise and the same part.
    """
    yield "noise", noisy(pixels, NOISE, np.random.default_rng(seed))
    yield "crop", part(pixels, np.random.default_rng(seed))
    yield "jpeg", saved(pixels, QUALITY)
    yield "half", halved(pixels)
    yield "mirror", np.ascontiguousarray(pixels[:, ::-1])
    draw = np.random.default_rng(seed)
    yield "all four", halved(saved(part(noisy(pixels, NOISE, draw), draw), QUALITY))


def part(pixels: Eight, draw: np.random.Generator) -> Eight:
    """Return a part of 70 % of each side, somewhere."""
    sides = pixels.shape[:2]
    height, width = (max(1, round(PART * side)) for side in sides)
    top, left = (
        int(draw.integers(0, 1 + a - b)) for a, b in zip(sides, (height, width), strict=True)
    )
    return np.ascontiguousarray(pixels[top : top + height, left : left + width])


def halved(pixels: Eight) -> Eight:
    height, width = (max(1, side // 2) for side in pixels.shape[:2])
    small = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)
    return small.astype(np.uint8, copy=False)


def run_method(way: Way, pictures: Pictures, others: Pictures) -> list[Result]:
    """Search for damaged copies of pictures (H, W, 3) among these and others."""
    base = np.stack([way.describe(pixels) for _, pixels in (*pictures, *others)])
    mean, spread = 0.0, 1.0
    if way.scaled:
        mean, spread = base.mean(0), base.std(0) + 1e-9
    unit = (base - mean) / spread
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    hits: dict[str, dict[str, float]] = {condition: {} for condition in CONDITIONS}
    for number, (name, pixels) in enumerate(pictures):
        for condition, copy in copies(pixels, number):
            likeness = unit @ ((way.describe(copy) - mean) / spread)
            hits[condition][name] = float(likeness.argmax() == number)
    results = [
        Result(way.name, condition, {"found": float(np.mean(list(found.values())))}, found)
        for condition, found in hits.items()
    ]
    return [*results, Result(way.name, MEAN, {"found": float(np.mean([r.mean for r in results]))})]


def table(results: Sequence[Result]) -> str:
    """Lay results out as a Markdown table, a row a method."""
    rows = []
    for name in dict.fromkeys(result.method for result in results):
        own = {result.condition: result.figures for result in results if result.method == name}
        shares = [own.get(condition, {}).get("found") for condition in (*CONDITIONS, MEAN)]
        rows.append([name, *(cell(share, ".3f") for share in shares)])
    return markdown(["found first", *CONDITIONS, MEAN], rows)


def card_scores(
    results: Sequence[Result], name: str, others_names: Sequence[str], count: int, command: str
) -> list[Score]:
    """Return one model's results as scores for its card.

    name, others_names: of the folders. count: of all pictures that were searched.
    """
    where = ", ".join([name, *others_names])
    return [
        Score(
            f"{where}: {result.condition}, found first of {count}",
            round(value, 3),
            "share",
            command,
        )
        for result in results
        if (value := finite(result.figures["found"])) is not None
    ]
