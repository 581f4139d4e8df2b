#!/usr/bin/env python
"""Measure code models: what they keep, and what their codes are good for.

    scripts/score_code.py PICTURES OTHERS MODEL.onnx [MODEL.onnx ...] [--train DIR ...] [--write]

PSNR of PICTURES, reconstructed, mean over the pictures; with --train also of PCA of 8x8x3 blocks of
those folders with as many components.

activation: the mean of the code over PICTURES, of the lowest and of the highest channel, and the
share of channels that are dead (whose standard deviation is below a thousandth).

search: the share of damaged copies of PICTURES (noise of level 25, JPEG 20, a crop of 70 %, darker
by a stop, turned over) whose original is the nearest of PICTURES and OTHERS together. A picture is
described by the mean and the standard deviation of each channel of its code, less their means over
all pictures, divided by their spread; nearest by cosine. Beside it, a colour histogram of 8x8x8.

anomaly: the area under the ROC curve of finding which cells of 8x8 pixels of PICTURES were damaged
(spots of 4 to 22 pixels, lines 2 to 4 wide, a third of the contrast away), by the Mahalanobis
distance of a cell's code from those of OTHERS, by the error of the reconstruction, and, beside
them, by the distance of the cell's pixels from their mean over OTHERS.
"""

import argparse
import io
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import PIL.Image
from numpy.typing import NDArray

from imgae.evaluate.denoise import clean_pictures
from imgae.model import session
from imgae.model.card import Score
from imgae.picture.metrics import psnr

Pictures = list[tuple[str, NDArray[np.uint8]]]
Floats = NDArray[np.float64]
CELL = 8


def run(model: session.OnnxModel, pixels: NDArray[np.uint8]) -> tuple[NDArray, NDArray]:
    """Return the reconstruction, uint8 (H, W, 3), and the code, (C, h, w)."""
    image = np.ascontiguousarray(pixels.transpose(2, 0, 1)[None] * np.float32(1 / 255))
    restored, code = model.outputs(image=image)
    back = np.rint(restored[0].clip(0, 1).transpose(1, 2, 0) * 255).astype(np.uint8)
    return back, code[0].astype(np.float64)


def blocks_of(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    height, width = (size // CELL * CELL for size in pixels.shape[:2])
    parts = pixels[:height, :width].reshape(height // CELL, CELL, width // CELL, CELL, 3)
    return parts.transpose(0, 2, 1, 3, 4).reshape(-1, 3 * CELL**2) / 255


def pca_psnr(folders: list[Path], pictures: Pictures, count: int) -> float:
    sums, products, number = 0.0, 0.0, 0
    for folder in folders:
        for path in sorted(p for p in folder.rglob("*") if p.suffix.lower() in (".jpg", ".png")):
            blocks = blocks_of(np.asarray(PIL.Image.open(path).convert("RGB")))
            sums, products = sums + blocks.sum(0), products + blocks.T @ blocks
            number += len(blocks)
    mean = sums / number
    _, vectors = np.linalg.eigh(products / number - np.outer(mean, mean))
    kept = vectors[:, -count:]
    values = []
    for _, pixels in pictures:
        blocks = blocks_of(pixels)
        back = (((blocks - mean) @ kept @ kept.T + mean).clip(0, 1) * 255).round()
        values.append(psnr(back, (blocks * 255).round(), 255))
    return float(np.mean(values))


def activity(codes: list[Floats]) -> str:
    """Return the channels' mean activations, and how many hardly vary, in words."""
    values = np.concatenate([code.reshape(len(code), -1) for code in codes], 1)
    means, dead = values.mean(1), (values.std(1) < 1e-3).mean()
    return (
        f"activation {means.mean():.4f} ({means.min():.4f} to {means.max():.4f}), dead {dead:.2f}"
    )


def copies(pixels: NDArray[np.uint8], seed: int) -> Iterator[NDArray[np.uint8]]:
    draw = np.random.default_rng(seed)
    yield np.clip(np.rint(pixels + draw.normal(0, 25, pixels.shape)), 0, 255).astype(np.uint8)
    buffer = io.BytesIO()
    PIL.Image.fromarray(pixels).save(buffer, "JPEG", quality=20)
    yield np.asarray(PIL.Image.open(buffer))
    height, width = (int(0.7 * size) for size in pixels.shape[:2])
    top, left = (int(draw.integers(0, s - p)) for s, p in zip(pixels.shape, (height, width)))  # noqa: B905
    yield pixels[top : top + height, left : left + width]
    yield (((pixels / 255) ** 2.2 / 2) ** (1 / 2.2) * 255).round().astype(np.uint8)
    yield np.ascontiguousarray(pixels[:, ::-1])


def pooled(code: Floats) -> Floats:
    flat = code.reshape(len(code), -1)
    return np.concatenate([flat.mean(1), flat.std(1)])


def histogram(pixels: NDArray[np.uint8]) -> Floats:
    counts, _ = np.histogramdd(pixels.reshape(-1, 3), (8, 8, 8), ((0, 256),) * 3)
    return np.sqrt(counts.ravel() / counts.sum())


def found(describe: Callable[[NDArray[np.uint8]], Floats], kept: Pictures, asked: Pictures,
          scaled: bool) -> float:  # fmt: skip
    base = np.stack([describe(pixels) for _, pixels in kept])
    mean, spread = (base.mean(0), base.std(0) + 1e-9) if scaled else (0.0, 1.0)
    unit = (base - mean) / spread
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    hits = []
    for number, (_, pixels) in enumerate(asked):  # the first of those kept
        for copy in copies(pixels, number):
            query = (describe(copy) - mean) / spread
            hits.append(int((unit @ query).argmax()) == number)
    return float(np.mean(hits))


def damaged(pixels: NDArray[np.uint8], seed: int) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Return a picture with spots and lines, and which of its cells have much of them."""
    draw, mask = np.random.default_rng(seed), np.zeros(pixels.shape[:2], np.uint8)
    for number in range(24):
        where, other = (
            tuple(int(v) for v in draw.integers(0, pixels.shape[1::-1])) for _ in range(2)
        )
        if number % 2:
            axes = tuple(int(v) for v in draw.integers(2, 12, 2))
            cv2.ellipse(mask, where, axes, int(draw.integers(0, 180)), 0, 360, 255, -1)
        else:
            reach = np.array(where) + (np.array(other) - where) // 8
            cv2.line(mask, where, tuple(int(v) for v in reach), 255, int(draw.integers(2, 5)))
    sign = draw.choice([-1, 1])
    after = np.where(mask[..., None] > 0, np.clip(pixels + sign * 85.0, 0, 255), pixels)
    height, width = (size // CELL for size in mask.shape)
    cells = mask[: height * CELL, : width * CELL].reshape(height, CELL, width, CELL)
    return after.astype(np.uint8), (cells > 0).mean((1, 3)) > 0.25


def area(scores: Floats, truth: NDArray[np.bool_]) -> float:
    """Area under the ROC curve: the chance that a damaged cell scores above another."""
    ranks = scores.argsort().argsort() + 1.0
    good = truth.sum()
    return float((ranks[truth].sum() - good * (good + 1) / 2) / (good * (~truth).sum()))


def anomalies(model: session.OnnxModel, pictures: Pictures, others: Pictures) -> list[float]:
    codes = np.concatenate(
        [run(model, p)[1].reshape(model.card.code_channels, -1) for _, p in others], 1
    )
    mean, inverse = codes.mean(1), np.linalg.pinv(np.cov(codes))
    pixel_mean = np.concatenate([blocks_of(p) for _, p in others]).mean(0)
    areas: list[list[float]] = [[], [], []]
    for number, (_, pixels) in enumerate(pictures):
        given, truth = damaged(pixels, number)
        height, width = truth.shape
        back, code = run(model, given)
        off = code[:, :height, :width].reshape(len(code), -1) - mean[:, None]
        error = (blocks_of(back) - blocks_of(given)) ** 2
        plain = (blocks_of(given) - pixel_mean) ** 2
        for scores, found_ in zip(
            ((off * (inverse @ off)).sum(0), error.mean(1), plain.mean(1)), areas, strict=True
        ):
            found_.append(area(scores, truth.ravel()))
    return [float(np.mean(values)) for values in areas]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("pictures", type=Path)
    parser.add_argument("others", type=Path)
    parser.add_argument("models", type=Path, nargs="+")
    parser.add_argument("--train", type=Path, nargs="+", default=[])
    parser.add_argument("--write", action="store_true", help="put the figures into the card")
    options = parser.parse_args()
    pictures, others = (clean_pictures(folder) for folder in (options.pictures, options.others))
    print(f"colour histogram: search {found(histogram, pictures + others, pictures, False):.3f}")
    for path in options.models:
        model = session.load(path, task="code")
        outputs = [run(model, pixels) for _, pixels in pictures]
        pairs = zip(outputs, pictures, strict=True)
        kept = np.mean([psnr(back, pixels, 255) for (back, _), (_, pixels) in pairs])
        searched = found(lambda p, m=model: pooled(run(m, p)[1]), pictures + others, pictures, True)
        distance, error, plain = anomalies(model, pictures, others)
        text = f"{path.stem}: PSNR {kept:.2f} dB"
        if options.train:
            text += f" (PCA {pca_psnr(options.train, pictures, model.card.code_channels):.2f})"
        text += f", {activity([code for _, code in outputs])}"
        text += f", search {searched:.3f}, anomaly {distance:.3f} by code, {error:.3f} by error"
        print(f"{text}, {plain:.3f} by pixels", flush=True)
        if options.write:
            from imgae.training.export import add_scores

            name = f"{options.pictures.name}, {options.others.name}"
            folders = f"{options.pictures.name} {options.others.name}"
            command = f"scripts/score_code.py {folders} {model.card.name}.onnx"
            figures = (
                (f"{options.pictures.name}, reconstructed", kept, "dB PSNR"),
                (f"{name}: damaged copies found first", searched, "share"),
                (f"{name}: damaged cells, by code", distance, "AUROC"),
                (f"{name}: damaged cells, by error", error, "AUROC"),
            )
            add_scores(
                path, [Score(what, round(float(v), 3), u, command) for what, v, u in figures]
            )


if __name__ == "__main__":
    main()
