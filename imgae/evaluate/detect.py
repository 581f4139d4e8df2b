"""Detectors of defects measured on pictures with synthetic damage, and on undamaged ones.

Protocol: picture i gets all defects of model.contract, drawn by `numpy.random.default_rng((7, i))`
in the fonts that are not for training, and is rounded to 8 bits. That is done in each of
`damage.TONES` and in each of the two ways of drawing, `damage.DAMAGES`. Every second picture is
toned after its damage, the others before. F1, precision and recall of a kind of defect are over
the pixels of all pictures together. Undamaged pictures, and ARCHITECTURE, are as they are.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from imgae.errors import ImageError, warn
from imgae.evaluate.folders import Pictures, pictures_in
from imgae.evaluate.protocol import Figures, Method, Result, Sample, finite, measure, names_of
from imgae.evaluate.report import cell, markdown
from imgae.model.card import Score
from imgae.model.contract import DEFECTS
from imgae.picture.arrays import from_picture
from imgae.restore.detect import Detector
from imgae.synthetic.damage import DAMAGES, LEAST_SIDE, TONES
from imgae.synthetic.fonts import ANY, Fonts

COUNT: Final = 20
"""Pictures that the scores in a card are of, from all over the folder."""
SEED: Final = 7
UNDAMAGED: Final = "undamaged"
"""The condition of pictures without defects."""
BUILDINGS: Final = "architecture"
"""The condition of undamaged pictures of ARCHITECTURE."""
ARCHITECTURE: Final = (
    "102061", "119082", "126007", "148026", "148089", "182053", "223061", "351093",
    "1475938", "1544947", "2079234", "2253934", "2389166", "2736139", "2936831", "3156482",
    "3316926", "3637739", "373965", "6292444",
)  # fmt: skip
"""Buildings, rooms and streets among CBSD68 and CID22's validation set, by their files' names."""


def detectors(models: Sequence[str], threads: int | None, device: str = "auto") -> list[Method]:
    found = []
    for name, model in zip(names_of(models), models, strict=True):
        detector = Detector(model, threads=threads, device=device)
        found.append(Method(name, partial(run_detector, detector), detector.model.card))
    return found


def run_detector(detector: Detector, sample: Sample) -> NDArray[np.bool_]:
    """Return a mask for each defect: (H, W, defects)."""
    return np.stack(list(detector.find_each(from_picture(sample.given)).values()), 2)


def damaged_samples(
    pictures: Pictures, drawn: str = "film", tone: str = "colour", fonts: Fonts = ANY
) -> list[Sample]:
    """Damage pictures (H, W, 3); the references are the masks of the damage."""
    samples = []
    for number, (name, clean) in enumerate(pictures):
        random, late = np.random.default_rng((SEED, number)), number % 2 == 0
        damaged, masks = DAMAGES[drawn](clean, random, fonts, tone, late)
        samples.append(Sample(name, damaged, masks))
    return samples


def condition_of(drawn: str, tone: str, defect: str) -> str:
    return f"{drawn}, {tone}, {defect}"


def run_method(
    method: Method, pictures: Pictures, buildings: Pictures = (), fonts: Fonts = ANY
) -> list[Result]:
    """Measure a detector: by way of drawing, tone and defect, and on undamaged pictures.

    Figures of a defect: f1, precision, recall, and pixels, how many it really has; its `pictures`
    hold F1. Of undamaged pictures, and of buildings: marked, the share of pixels that any kind
    marks, and worst, the largest share; `pictures` hold the shares. Pictures too small for the
    damage are left out, with an ImgaeWarning; ImageError if none is left.
    """
    pictures = large_enough(pictures)
    results = []
    for drawn in DAMAGES:
        for tone in TONES:
            samples = damaged_samples(pictures, drawn, tone, fonts)
            results += of_samples(method, samples, partial(condition_of, drawn, tone))
    results.append(untouched(method, pictures, UNDAMAGED))
    if buildings:
        results.append(untouched(method, buildings, BUILDINGS))
    return results


def of_samples(method: Method, samples: Sequence[Sample], named: partial[str]) -> list[Result]:
    """Return a result for each defect. named: the condition from the defect."""
    rows = [(sample.name, counts(sample.reference, method.run(sample))) for sample in samples]
    total = np.sum([row for _, row in rows], 0)
    results = []
    for kind, defect in enumerate(DEFECTS):
        by_picture = {name: rates(row[:, kind])["f1"] for name, row in rows}
        known = {name: value for name, value in by_picture.items() if value is not None}
        results.append(Result(method.name, named(defect), rates(total[:, kind]), known))
    return results


def untouched(method: Method, pictures: Pictures, condition: str) -> Result:
    samples = [Sample(name, picture, picture) for name, picture in pictures]
    clean = measure(method, samples, condition, share_marked, "marked", timed=False)
    worst = max(clean.pictures.values())
    return replace(clean, figures=clean.figures | {"worst": worst})


def architecture_in(folders: Iterable[Path]) -> list[Path]:
    """Return the pictures of ARCHITECTURE that lie in folders."""
    return [path for folder in folders for path in pictures_in(folder) if path.stem in ARCHITECTURE]


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
    """Lay results out as a Markdown table, and say below what undamaged pictures gave.

    A row for each way of drawing and defect: F1 in each tone, and precision and recall in colour.
    """
    rows, lines = [], []
    by_key = {(result.method, result.condition): result for result in results}
    for method in dict.fromkeys(result.method for result in results):
        for drawn in DAMAGES:
            for defect in DEFECTS:
                tones = [by_key[method, condition_of(drawn, tone, defect)] for tone in TONES]
                plain = tones[0].figures
                rows.append([
                    method, drawn, defect, *(cell(tone.figures["f1"], ".3f") for tone in tones),
                    cell(plain["precision"], ".3f"), cell(plain["recall"], ".3f"),
                    cell(plain["pixels"], ".0f"),
                ])  # fmt: skip
        for condition, what in ((UNDAMAGED, "undamaged pictures"), (BUILDINGS, BUILDINGS)):
            if result := by_key.get((method, condition)):
                lines.append(
                    f"{method}: {result.value('marked'):.4%} of the pixels of {what} are marked "
                    f"on average, {result.value('worst'):.4%} in the worst of "
                    f"{len(result.pictures)}"
                )
    heads = [
        "method",
        "drawn",
        "defect",
        *(f"F1 {tone}" for tone in TONES),
        "precision",
        "recall",
        "pixels",
    ]
    return "\n".join([markdown(heads, rows), "", *lines])


def card_scores(results: Sequence[Result], name: str, count: int, command: str) -> list[Score]:
    """Return one model's F1 as scores for its card: of defects as on film, in colour and sepia.

    name: of the folder. count: of pictures.
    """
    shown = {
        condition_of("film", tone, defect) for tone in ("colour", "sepia") for defect in DEFECTS
    }
    return [
        Score(f"{name}, {count} pictures, {result.condition}", round(value, 2), "F1", command)
        for result in results
        if result.condition in shown and (value := finite(result.value("f1"))) is not None
    ]
