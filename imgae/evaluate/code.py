"""Code models measured: what they keep of a picture, and what their codes are good for.

Conditions of a model's results, and their figures:

    reconstructed  psnr: of pictures and what the model makes of their codes
    activation     mean of the code, lowest and highest channel; dead: the share of channels whose
                   standard deviation is below DEAD
    search         found: the share of damaged copies (noise of level 25, JPEG 20, a crop of 70 %,
                   darker by a stop, mirrored) whose original is the nearest of all pictures. A
                   picture is described by the mean and the standard deviation of each channel, less
                   their means over all pictures, divided by their spread; nearest by cosine
    anomaly        by_code, by_error: the area under the ROC curve of finding which cells of 8x8
                   pixels were damaged, by the Mahalanobis distance of a cell's code from those of
                   other pictures, and by the error of the reconstruction

Baselines: principal components of blocks of 8x8 pixels (reconstructed), a colour histogram of 8x8x8
(search), the distance of a cell's pixels from their mean over other pictures (anomaly, by_pixels).
"""

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from imgae.errors import ImageError
from imgae.evaluate.folders import Pictures
from imgae.evaluate.protocol import Method, Result, Sample, finite, mean_of, names_of
from imgae.evaluate.report import cell, markdown
from imgae.io import files
from imgae.io.formats.table import looks_like_picture
from imgae.model.card import Score
from imgae.picture.arrays import from_picture
from imgae.picture.metrics import psnr
from imgae.picture.pixels import to_uint8_rgb
from imgae.restore.encode import Encoder
from imgae.synthetic.damage import mark_picture

Eight = NDArray[np.uint8]
Floats = NDArray[np.float64]
CELL: Final = 8
"""Pixels on a side of a block, and of what one place of a code stands for."""
DAMAGED: Final = 0.25
"""The share of a cell from which damage counts."""
DEAD: Final = 1e-3
HISTOGRAM, PIXELS = "colour histogram", "pixels"

COLUMNS: Final = (
    ("PSNR", "reconstructed", "psnr", ".2f"),
    ("activation", "activation", "mean", ".4f"),
    ("lowest", "activation", "lowest", ".4f"),
    ("highest", "activation", "highest", ".4f"),
    ("dead", "activation", "dead", ".2f"),
    ("copies found", "search", "found", ".3f"),
    ("AUROC by code", "anomaly", "by_code", ".3f"),
    ("by error", "anomaly", "by_error", ".3f"),
    ("by pixels", "anomaly", "by_pixels", ".3f"),
)
"""Of the table: head, condition, figure, format."""


@dataclass(frozen=True, eq=False)
class Coded:
    """What a code model gives: its reconstruction, (H, W, 3) uint8, and the code, (C, h, w)."""

    pixels: Eight
    code: Floats


def codes(models: Sequence[str], threads: int | None, device: str = "auto") -> list[Method]:
    found = []
    for name, given in zip(names_of(models), models, strict=True):
        encoder = Encoder(given, device=device, threads=threads)
        found.append(Method(name, partial(run_encoder, encoder), encoder.model.card))
    return found


def run_encoder(encoder: Encoder, sample: Sample) -> Coded:
    encoded = encoder.run(from_picture(sample.given))
    return Coded(to_uint8_rgb(encoded.restored.pixels), encoded.code.astype(np.float64))


def run_method(method: Method, pictures: Pictures, others: Pictures) -> list[Result]:
    """Measure a code model on pictures (H, W, 3), beside other pictures (H, W, 3)."""
    coded = [coded_by(method, pixels) for _, pixels in pictures]
    codes_of_others = [coded_by(method, pixels).code for _, pixels in others]
    own = [found.code for found in coded]
    kept = {
        name: psnr(found.pixels, pixels, 255)
        for (name, pixels), found in zip(pictures, coded, strict=True)
    }
    base = np.stack([pooled(code) for code in (*own, *codes_of_others)])
    by_code, by_error = anomalies(method, pictures, codes_of_others)
    found = share_found(lambda pixels: pooled(coded_by(method, pixels).code), base, pictures)
    return [
        Result(method.name, "reconstructed", {"psnr": mean_of(kept.values())}, kept),
        Result(method.name, "activation", dict(activity(own))),
        Result(method.name, "search", {"found": found}),
        Result(
            method.name,
            "anomaly",
            {"by_code": mean_of(by_code.values()), "by_error": mean_of(by_error.values())},
            by_code,
        ),
    ]


def run_baselines(pictures: Pictures, others: Pictures) -> list[Result]:
    """Measure what needs no model: a colour histogram, and the distance of pixels."""
    base = np.stack([histogram(pixels) for _, pixels in (*pictures, *others)])
    found = share_found(histogram, base, pictures, scaled=False)
    mean = np.concatenate([blocks_of(pixels) for _, pixels in others]).mean(0)
    areas = {
        name: area(np.square(blocks_of(given) - mean).mean(1), truth)
        for name, given, truth in damaged(pictures)
    }
    return [
        Result(HISTOGRAM, "search", {"found": found}),
        Result(PIXELS, "anomaly", {"by_pixels": mean_of(areas.values())}, areas),
    ]


def run_components(folders: Sequence[Path], pictures: Pictures, count: int) -> Result:
    """Measure `count` principal components of the blocks of all pictures below some folders.

    Raises ImageError if there is none that can be read.
    """
    sums, products = np.zeros(3 * CELL**2), np.zeros((3 * CELL**2, 3 * CELL**2))
    number = 0
    for pixels in pictures_below(folders):
        blocks = blocks_of(pixels)
        sums, products = sums + blocks.sum(0), products + blocks.T @ blocks
        number += len(blocks)
    if not number:
        names = ", ".join(map(str, folders))
        raise ImageError(f"{names}: no picture there of {CELL} pixels a side and more can be read")
    mean = sums / number
    _, vectors = np.linalg.eigh(products / number - np.outer(mean, mean))
    kept = vectors[:, -count:]
    values = {}
    for name, pixels in pictures:
        blocks = blocks_of(pixels)
        back = (((blocks - mean) @ kept @ kept.T + mean).clip(0, 1) * 255).round()
        values[name] = psnr(back, (blocks * 255).round(), 255)
    figures = {"psnr": mean_of(values.values())}
    return Result(f"{count} principal components", "reconstructed", figures, values)


def pictures_below(folders: Sequence[Path]) -> Iterator[Eight]:
    for folder in folders:
        for path in sorted(p for p in folder.rglob("*") if looks_like_picture(p.name)):
            try:
                yield to_uint8_rgb(files.read_image(path).pixels)
            except ImageError:
                continue  # one of thousands that a mean is taken of


def coded_by(method: Method, pixels: Eight) -> Coded:
    coded: Coded = method.run(Sample("", pixels, pixels))
    return coded


def activity(codes: Sequence[Floats]) -> dict[str, float]:
    """Return the mean of codes, of the lowest and highest channel, and the share of dead ones."""
    values = np.concatenate([code.reshape(len(code), -1) for code in codes], 1)
    means = values.mean(1)
    return {
        "mean": float(means.mean()),
        "lowest": float(means.min()),
        "highest": float(means.max()),
        "dead": float((values.std(1) < DEAD).mean()),
    }


def copies(pixels: Eight, seed: int) -> Iterator[Eight]:
    """Yield damaged copies of a picture (H, W, 3); see the module's docstring."""
    draw = np.random.default_rng(seed)
    yield noisy(pixels, 25, draw)
    yield saved(pixels, 20)
    height, width = (max(1, int(0.7 * size)) for size in pixels.shape[:2])
    top = int(draw.integers(0, pixels.shape[0] - height)) if pixels.shape[0] > height else 0
    left = int(draw.integers(0, pixels.shape[1] - width)) if pixels.shape[1] > width else 0
    yield pixels[top : top + height, left : left + width]
    yield (((pixels / 255) ** 2.2 / 2) ** (1 / 2.2) * 255).round().astype(np.uint8)
    yield np.ascontiguousarray(pixels[:, ::-1])


def noisy(pixels: Eight, level: float, draw: np.random.Generator) -> Eight:
    """Return a picture (H, W, 3) with noise of a level, on the scale of 8 bits."""
    noise = draw.normal(0, level, pixels.shape)
    return np.clip(np.rint(pixels + noise), 0, 255).astype(np.uint8)


def saved(pixels: Eight, quality: int) -> Eight:
    """Return a picture (H, W, 3) as JPEG keeps it."""
    buffer = io.BytesIO()
    PIL.Image.fromarray(pixels).save(buffer, "JPEG", quality=quality)
    return np.asarray(PIL.Image.open(buffer))


def pooled(code: Floats) -> Floats:
    """Return the mean and the standard deviation of each channel of a code."""
    flat = code.reshape(len(code), -1)
    return np.concatenate([flat.mean(1), flat.std(1)])


def histogram(pixels: Eight) -> Floats:
    """Return the roots of the shares of 8x8x8 colours."""
    counts, _ = np.histogramdd(pixels.reshape(-1, 3), (8, 8, 8), ((0, 256),) * 3)
    roots: Floats = np.sqrt(counts.ravel() / counts.sum())
    return roots


def share_found(
    describe: Callable[[Eight], Floats], base: Floats, asked: Pictures, *, scaled: bool = True
) -> float:
    """Return the share of damaged copies whose original is the nearest.

    describe: from a picture to a vector. base: the vectors of all pictures, those asked for first.
    scaled: vectors are taken less their mean, divided by their spread.
    """
    mean, spread = (base.mean(0), base.std(0) + 1e-9) if scaled else (0.0, 1.0)
    unit = (base - mean) / spread
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    hits = []
    for number, (_, pixels) in enumerate(asked):
        for copy in copies(pixels, number):
            query = (describe(copy) - mean) / spread
            hits.append(int((unit @ query).argmax()) == number)
    return float(np.mean(hits))


def anomalies(
    method: Method, pictures: Pictures, codes_of_others: Sequence[Floats]
) -> tuple[dict[str, float], dict[str, float]]:
    """Return the areas under the ROC curves by the code and by the error, for each picture."""
    values = np.concatenate([code.reshape(len(code), -1) for code in codes_of_others], 1)
    mean, inverse = values.mean(1), np.linalg.pinv(np.atleast_2d(np.cov(values)))
    by_code, by_error = {}, {}
    for name, given, truth in damaged(pictures):
        height, width = (size // CELL for size in given.shape[:2])
        coded = coded_by(method, given)
        off = coded.code[:, :height, :width].reshape(len(coded.code), -1) - mean[:, None]
        by_code[name] = area((off * (inverse @ off)).sum(0), truth)
        error = np.square(blocks_of(coded.pixels) - blocks_of(given)).mean(1)
        by_error[name] = area(error, truth)
    return by_code, by_error


def damaged(pictures: Pictures) -> Iterator[tuple[str, Eight, NDArray[np.bool_]]]:
    """Yield pictures with damage, and which of their cells, row by row, have much of it.

    Pictures of which no cell, or every cell, is damaged are left out: they have no ROC curve.
    """
    for number, (name, pixels) in enumerate(pictures):
        given, mask = mark_picture(pixels, np.random.default_rng(number))
        height, width = (size // CELL for size in mask.shape)
        cells = mask[: height * CELL, : width * CELL].reshape(height, CELL, width, CELL)
        truth = (cells.mean((1, 3)) > DAMAGED).ravel()
        if truth.any() and not truth.all():
            yield name, given, truth


def blocks_of(pixels: Eight) -> Floats:
    """Return the blocks of CELL x CELL pixels of (H, W, 3), row by row, on [0, 1]: (N, 192)."""
    height, width = (size // CELL * CELL for size in pixels.shape[:2])
    parts = pixels[:height, :width].reshape(height // CELL, CELL, width // CELL, CELL, 3)
    return parts.transpose(0, 2, 1, 3, 4).reshape(-1, 3 * CELL**2) / 255


def area(scores: Floats, truth: NDArray[np.bool_]) -> float:
    """Return the area under the ROC curve: the chance that a true one scores above another.

    Two that score alike count half.
    """
    _, place, count = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (count.cumsum() - (count - 1) / 2)[place]
    good = int(truth.sum())
    return float((ranks[truth].sum() - good * (good + 1) / 2) / (good * (~truth).sum()))


def table(results: Sequence[Result]) -> str:
    """Lay results out as a Markdown table, a row a method."""
    rows = []
    for name in dict.fromkeys(result.method for result in results):
        own = {result.condition: result.figures for result in results if result.method == name}
        cells = [cell(own.get(key, {}).get(figure), form) for _, key, figure, form in COLUMNS]
        rows.append([name, *cells])
    return markdown(["method", *(head for head, *_ in COLUMNS)], rows)


def card_scores(
    results: Sequence[Result], name: str, others_name: str, command: str
) -> list[Score]:
    """Return one model's results as scores for its card. name, others_name: of the folders."""
    values = {
        (result.condition, key): value
        for result in results
        for key, value in result.figures.items()
    }
    both = f"{name}, {others_name}"
    rows = (
        (f"{name}, reconstructed", ("reconstructed", "psnr"), "dB PSNR"),
        (f"{both}: damaged copies found first", ("search", "found"), "share"),
        (f"{both}: damaged cells, by code", ("anomaly", "by_code"), "AUROC"),
        (f"{both}: damaged cells, by error", ("anomaly", "by_error"), "AUROC"),
    )
    return [
        Score(what, round(value, 3), unit, command)
        for what, key, unit in rows
        if (value := finite(values[key])) is not None
    ]
