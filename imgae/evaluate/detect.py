"""Detectors of defects measured on pictures with synthetic damage, and on undamaged ones.

Protocol: picture i gets scratches, dust and dead pixels drawn by
`numpy.random.default_rng((7, i))`, and is rounded to 8 bits. F1, precision and recall of a kind of
defect are over the pixels of all pictures together.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray

from imgae.errors import ImageError, warn
from imgae.evaluate.folders import Pictures
from imgae.evaluate.protocol import Figures, Method, Result, Sample, finite, measure, names_of
from imgae.evaluate.report import cell, markdown
from imgae.model.card import Score
from imgae.model.contract import DEFECTS
from imgae.picture.arrays import from_picture
from imgae.restore.detect import Detector
from imgae.synthetic.damage import LEAST_SIDE, damage_film

COUNT: Final = 20
"""Pictures that the scores in a card are of, from all over the folder."""
SEED: Final = 7
UNDAMAGED: Final = "undamaged"
"""The condition of pictures without defects."""


def detectors(models: Sequence[str], threads: int | None, device: str = "auto") -> list[Method]:
    found = []
    for name, model in zip(names_of(models), models, strict=True):
        detector = Detector(model, threads=threads, device=device)
        found.append(Method(name, partial(run_detector, detector), detector.model.card))
    return found


def run_detector(detector: Detector, sample: Sample) -> NDArray[np.bool_]:
    """Return a mask for each defect: (H, W, defects)."""
    image = from_picture(sample.given)
    return np.stack([detector(image, [defect]) for defect in DEFECTS], 2)


def damaged_samples(pictures: Pictures) -> list[Sample]:
    """Damage pictures (H, W, 3); the references are the masks of the damage."""
    samples = []
    for number, (name, clean) in enumerate(pictures):
        damaged, masks = damage_film(clean, np.random.default_rng((SEED, number)))
        samples.append(Sample(name, damaged, masks))
    return samples


def run_method(method: Method, pictures: Pictures) -> list[Result]:
    """Measure a detector: a result for each kind of defect, and one for undamaged pictures.

    Figures of a defect: f1, precision, recall, and pixels, how many it really has; its `pictures`
    hold F1. Of undamaged pictures: marked, the share of pixels that any kind marks, and worst, the
    largest share; `pictures` hold the shares. Pictures too small for the damage are left out, with
    an ImgaeWarning; ImageError if none is left.
    """
    pictures = large_enough(pictures)
    rows = [
        (sample.name, counts(sample.reference, method.run(sample)))
        for sample in damaged_samples(pictures)
    ]
    total = np.sum([row for _, row in rows], 0)
    results = []
    for kind, defect in enumerate(DEFECTS):
        by_picture = {name: rates(row[:, kind])["f1"] for name, row in rows}
        known = {name: value for name, value in by_picture.items() if value is not None}
        results.append(Result(method.name, defect, rates(total[:, kind]), known))
    untouched = [Sample(name, picture, picture) for name, picture in pictures]
    clean = measure(method, untouched, UNDAMAGED, share_marked, "marked", timed=False)
    worst = max(clean.pictures.values())
    return [*results, replace(clean, figures=clean.figures | {"worst": worst})]


def large_enough(pictures: Pictures) -> Pictures:
    found = []
    for name, pixels in pictures:
        if max(pixels.shape) < LEAST_SIDE:
            height, width = pixels.shape[:2]
            warn(f"{name}: {width}x{height} is too small for damage of film; left out")
        else:
            found.append((name, pixels))
    if not found:
        raise ImageError(
            f"no picture has a side of {LEAST_SIDE} pixels, which damage of film needs"
        )
    return found


def counts(truth: NDArray[np.bool_], found: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Count pixels (3, defects): found and true, found, true; from masks (H, W, defects)."""
    masks = (truth & found, found, truth)
    return np.array([mask.sum((0, 1), dtype=np.float64) for mask in masks])


def rates(count: NDArray[np.float64]) -> Figures:
    """Return F1, precision and recall of a column of `counts`; None for 0 of 0."""
    hits, marks, pixels = (float(value) for value in count)
    return {
        "f1": ratio(2 * hits, marks + pixels),
        "precision": ratio(hits, marks),
        "recall": ratio(hits, pixels),
        "pixels": pixels,
    }


def ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def share_marked(_: Sample, found: NDArray[np.bool_]) -> Figures:
    return {"marked": float(found.any(2).mean())}


def table(results: Sequence[Result]) -> str:
    """Lay results out as a Markdown table, and say below what undamaged pictures gave."""
    rows, lines = [], []
    for result in results:
        figures = result.figures
        if result.condition == UNDAMAGED:
            lines.append(
                f"{result.method}: {result.value('marked'):.4%} of the pixels of undamaged "
                f"pictures are marked on average, {result.value('worst'):.4%} in the worst of "
                f"{len(result.pictures)}"
            )
        else:
            rows.append([
                result.method,
                str(result.condition),
                *(cell(figures[name], ".3f") for name in ("f1", "precision", "recall")),
                cell(figures["pixels"], ".0f"),
            ])  # fmt: skip
    heads = ["method", "defect", "F1", "precision", "recall", "pixels"]
    return "\n".join([markdown(heads, rows), "", *lines])


def card_scores(results: Sequence[Result], name: str, count: int, command: str) -> list[Score]:
    """Return one model's F1 as scores for its card. name: of the folder. count: of pictures."""
    return [
        Score(f"{name}, {count} pictures, {result.condition}", round(value, 2), "F1", command)
        for result in results
        if (value := finite(result.value("f1"))) is not None
    ]
