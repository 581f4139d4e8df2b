"""What all evaluations share: samples, methods, and what a method reached on some samples."""

import math
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgae.errors import OptionError, warn
from imgae.model.card import ModelCard
from imgae.picture.image import Image
from imgae.picture.metrics import SSIM_SIDE, psnr, ssim

Figures = dict[str, float | None]
"""Measured values by name; None is not measured."""


@dataclass(frozen=True, eq=False)
class Sample:
    """What a method is given, and what its result is compared with.

    given: a picture, or an array (H, W, C) of floats on [0, 1] where no file could hold them.
    reference: pixels (H, W, C) uint8; for detectors a mask for each defect, (H, W, defects) bool.
    level: the noise level that methods are told, on [0, 1]; None leaves it to them.
    mask: (H, W), True in the holes to fill; None without holes.
    """

    name: str
    given: Image | NDArray[Any]
    reference: NDArray[Any]
    level: float | None = None
    mask: NDArray[np.bool_] | None = None

    @property
    def pixels(self) -> NDArray[Any]:
        return self.given.pixels if isinstance(self.given, Image) else self.given


@dataclass(frozen=True)
class Method:
    """What is measured, under its name in the tables.

    run: from a sample to what is compared with its reference: restored pixels (H, W, C) uint8,
    masks (H, W, defects), or what a code model gives (`code.Coded`).
    card: the model's; None for a baseline.
    """

    name: str
    run: Callable[[Sample], Any]
    card: ModelCard | None = None

    @property
    def kmac_per_pixel(self) -> float | None:
        return None if self.card is None else self.card.macs_per_pixel / 1000


@dataclass(frozen=True)
class Result:
    """What one method reached on the samples of one condition.

    condition: what the samples have in common: a noise level in 8-bit levels, a kind of hole, of
    picture or of defect; None for real noise of unknown level.
    figures: means over the samples. pictures: one figure by sample.
    """

    method: str
    condition: str | float | None
    figures: Figures
    pictures: dict[str, float] = field(default_factory=dict)

    def value(self, name: str) -> float:
        """Return a figure; NaN if it was not measured."""
        found = self.figures.get(name)
        return float("nan") if found is None else found

    @property
    def mean(self) -> float:
        return float(np.mean(list(self.pictures.values())))

    @property
    def worst(self) -> float:
        return min(self.pictures.values())


def measure(
    method: Method,
    samples: Sequence[Sample],
    condition: str | float | None,
    score: Callable[[Sample, Any], Figures],
    shown: str,
    *,
    timed: bool = True,
) -> Result:
    """Run a method over samples.

    score: the figures of one sample, from it and from what the method gave. shown: the one that
    `pictures` holds. timed: adds seconds_per_megapixel; the first sample is then run once more
    before, for what loads late.
    """
    rows: list[Figures] = []
    seconds, pixels = 0.0, 0
    if timed:
        method.run(samples[0])
    for sample in samples:
        started = time.perf_counter()
        found = method.run(sample)
        seconds += time.perf_counter() - started
        pixels += sample.pixels.shape[0] * sample.pixels.shape[1]
        rows.append(score(sample, found))
    figures = {name: mean_of(row[name] for row in rows) for name in rows[0]}
    if timed:
        figures["seconds_per_megapixel"] = seconds / pixels * 1e6
    pictures = {}
    for sample, row in zip(samples, rows, strict=True):
        value = row[shown]
        assert value is not None
        pictures[sample.name] = value
    return Result(method.name, condition, figures, pictures)


def mean_of(values: Any) -> float | None:
    """Return the mean of those that were measured; None if none was."""
    measured = [value for value in values if value is not None]
    return float(np.mean(measured)) if measured else None


def finite(value: float | None) -> float | None:
    """Return a value as JSON and cards have it: None for NaN and infinity."""
    return value if value is not None and math.isfinite(value) else None


def likeness(pixels: NDArray[np.uint8], reference: NDArray[np.uint8]) -> Figures:
    """Return PSNR and SSIM of 8-bit pictures; None for SSIM of a picture too small for it."""
    return {"psnr": psnr(pixels, reference, 255), "ssim": finite(ssim(pixels, reference))}


def note_small(pictures: Sequence[tuple[str, NDArray[Any]]]) -> None:
    """Warn of pictures that are too small for SSIM."""
    for name, pixels in pictures:
        if min(pixels.shape[:2]) < SSIM_SIDE:
            height, width = pixels.shape[:2]
            warn(f"{name}: {width}x{height} is too small for SSIM, which needs {SSIM_SIDE} pixels")


def names_of(models: Sequence[str], baselines: Sequence[str] = ()) -> list[str]:
    """Return a name for each model and baseline, no two alike.

    A model has its file's name without .onnx, or all that was given where that would be another's
    name too. Raises OptionError if one is given twice.
    """
    given = [*models, *baselines]
    for name, count in Counter(given).items():
        if count > 1:
            raise OptionError(f"{name} is named {count} times; name each model and baseline once")
    stems = [Path(name).stem for name in models]
    counts = Counter([*stems, *baselines])
    names = [stem if counts[stem] == 1 else name for stem, name in zip(stems, models, strict=True)]
    return [*names, *baselines]
