"""Denoisers measured on folders of pictures: quality and time, beside the baselines.

Protocol for synthetic noise: picture i of the name-sorted folder gets
`numpy.random.default_rng(i).normal(0, sigma/255, (H, W, C))`, neither clipped nor rounded
("float"), or clipped and rounded as files are ("8bit"). Outputs are clipped and rounded to 8 bits;
PSNR and SSIM are over all pixels and channels, and their means over the pictures.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from imgae.errors import OptionError
from imgae.evaluate import baselines, folders
from imgae.evaluate.baselines import DENOISERS
from imgae.evaluate.folders import Pictures
from imgae.evaluate.protocol import (
    Figures,
    Method,
    Result,
    Sample,
    finite,
    likeness,
    measure,
    names_of,
)
from imgae.evaluate.report import cell, markdown
from imgae.model.card import Score
from imgae.picture.arrays import from_picture
from imgae.picture.noise import estimate_noise
from imgae.picture.pixels import to_float, to_uint8
from imgae.restore.denoise import Denoiser

LEVELS: Final = (15.0, 25.0, 50.0)
CARD_LEVELS: Final = (5.0, 15.0, 25.0, 50.0)
CARD_SETTINGS: Final = (("float", "given"), ("8bit", "given"), ("8bit", "estimated"))
"""Noise, and how the level is known, of the scores in a card."""
WORDS: Final = {"float": "float noise", "8bit": "8-bit noise"}
CLEAN: Final = "clean"
"""The condition of pictures without noise."""
MOST: Final = 99.0
"""dB: clean pictures are counted up to it; those that come back unchanged have no figure."""


def denoisers(
    models: Sequence[str],
    against: Sequence[str],
    threads: int | None,
    device: str = "auto",
    *,
    tell_auto: bool = True,
) -> list[Method]:
    """Build the methods to compare: models, and baselines by name.

    The model "auto" is what `imgae denoise` does without --model; tell_auto: it is told a sample's
    level, as with --sigma, where the sample has one.
    Raises OptionError or MissingExtraError for a baseline that is unknown or not installed.
    """
    names = names_of(models, against)
    baselines.check(against, list(DENOISERS))
    found = []
    for name, model in zip(names, models, strict=False):
        denoiser = Denoiser(None if model == "auto" else model, threads=threads, device=device)
        card = denoiser.model.card
        told = "sigma" in card.inputs and (tell_auto or model != "auto")
        found.append(Method(name, partial(run_denoiser, denoiser, told), card))
    return [*found, *(Method(name, partial(run_baseline, name)) for name in against)]


def run_denoiser(denoiser: Denoiser, told: bool, sample: Sample) -> NDArray[np.uint8]:
    level = sample.level if told else None
    return to_uint8(denoiser.run(from_picture(sample.given), level).image.pixels)


def run_baseline(name: str, sample: Sample) -> NDArray[np.uint8]:
    pixels, level = sample.pixels, sample.level
    if level is None:
        level = estimate_noise(pixels).sigma
    floats = pixels if pixels.dtype.kind == "f" else to_float(pixels)
    return to_uint8(baselines.denoise(name, floats.astype(np.float64), level))


def noisy_samples(clean: Pictures, sigma: float, noise: str, *, estimated: bool) -> list[Sample]:
    """Add noise of a level, in 8-bit levels, to clean pictures. noise: "float" or "8bit"."""
    level = None if estimated else sigma / 255
    samples = []
    for i, (name, picture) in enumerate(clean):
        noisy = picture / 255 + np.random.default_rng(i).normal(0, sigma / 255, picture.shape)
        given: NDArray[Any] = to_uint8(noisy) if noise == "8bit" else noisy
        samples.append(Sample(name, given, picture, level))
    return samples


def untouched_samples(clean: Pictures) -> list[Sample]:
    """Give clean pictures as they are; the level is left to the methods."""
    return [Sample(name, picture, picture) for name, picture in clean]


def real_samples(noisy: Path, clean: Path, limit: int | None = None) -> list[Sample]:
    """Match real noisy pictures and their references, as 8-bit pixels; see `folders.pairs`."""
    return [
        Sample(name, to_uint8(image.pixels), reference)
        for name, image, reference in folders.pairs(noisy, clean, limit)
    ]


def told(samples: Sequence[Sample], sigma: float | None) -> list[Sample]:
    """Return samples with the level that methods are told, in 8-bit levels."""
    return [replace(sample, level=None if sigma is None else sigma / 255) for sample in samples]


def run_method(
    method: Method,
    samples: Sequence[Sample],
    condition: str | float | None,
    peak_mib: float | None = None,
) -> Result:
    """Measure a method on samples of one level, or on clean pictures.

    peak_mib: what `memory.peak_memory` found, to be told beside.
    """
    score = score_clean if condition == CLEAN else score_noisy
    result = measure(method, samples, condition, score, "psnr")
    more = {"kmac_per_pixel": method.kmac_per_pixel, "peak_mib": peak_mib}
    return replace(result, figures=result.figures | more)


def score_noisy(sample: Sample, restored: NDArray[np.uint8]) -> Figures:
    return likeness(restored, sample.reference)


def score_clean(sample: Sample, restored: NDArray[np.uint8]) -> Figures:
    figures = likeness(restored, sample.reference)
    assert figures["psnr"] is not None
    return figures | {"psnr": min(figures["psnr"], MOST)}


def table(results: Sequence[Result]) -> str:
    """Lay results out as a Markdown table, a row a method, columns by level."""
    conditions = list(dict.fromkeys(result.condition for result in results))
    words = [head_of(condition) for condition in conditions]
    clean = conditions == [CLEAN]
    heads = ["method", *(f"PSNR {word}" for word in words), *(["worst"] if clean else ())]
    heads += [*(f"SSIM {word}" for word in words), "s/MP", "peak MiB", "kMAC/px"]
    rows = []
    for name in dict.fromkeys(result.method for result in results):
        own = {result.condition: result for result in results if result.method == name}
        last = own[conditions[-1]]
        times = [result.value("seconds_per_megapixel") for result in own.values()]
        row = [name, *(cell(own[key].figures["psnr"], ".2f") for key in conditions)]
        row += [f"{last.worst:.2f}"] if clean else []
        row += [cell(own[key].figures["ssim"], ".4f") for key in conditions]
        row.append(f"{np.median(times):.3g}")
        row.append(cell(last.figures["peak_mib"], ".0f") or "not measured")
        row.append(cell(last.figures["kmac_per_pixel"], ".1f"))
        rows.append(row)
    return markdown(heads, rows)


def head_of(condition: str | float | None) -> str:
    if condition is None:
        return "real"
    return condition if isinstance(condition, str) else f"{condition:g}"


def card_scores(
    results: Sequence[Result], name: str, noise: str, level: str, command: str
) -> list[Score]:
    """Return one method's results, of levels of one kind of noise, as scores for its card.

    name: of the folder. noise: "float" or "8bit". level: "given" or "estimated". A PSNR that is not
    finite is left out.
    """
    words = WORDS[noise] + (", level estimated" if level == "estimated" else "")
    return [
        Score(
            f"{name}, sigma {head_of(result.condition)}, {words}",
            round(value, 2),
            "dB PSNR",
            command,
        )
        for result in results
        if (value := finite(result.value("psnr"))) is not None
    ]


def check_takes_level(method: Method) -> None:
    """Raise OptionError for a model that finds the level itself: a card has other scores of it."""
    if method.card and "sigma" not in method.card.inputs:
        raise OptionError(
            f"{method.name} is not told the noise level, so its card holds other scores; "
            "use imgae evaluate camera --write-card"
        )
