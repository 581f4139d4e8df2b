"""Fills measured on seeded holes: quality in the holes and time, beside the baselines.

Masks are those of `synthetic.masks.benchmark_mask`, by kind of hole and by number of the picture in
its folder.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from imgae.errors import OptionError, warn
from imgae.evaluate import baselines
from imgae.evaluate.baselines import FILLS
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
from imgae.picture.metrics import detail_ratio, patch_distance, psnr, seam_ratio
from imgae.restore.inpaint import Inpainter
from imgae.synthetic.masks import BENCHMARK, benchmark_mask

KINDS: Final = ("random50", "random80", "text", "scratches", "boxes32")
LARGE: Final = ("box96",)
"""Kinds of holes that are wide enough for the measures of texture."""
TEXTURED: Final = ("boxes32", *LARGE)
"""Kinds of holes that get texture, which costs PSNR: models are measured without it too."""
TEXTURE: Final = ("patch_distance", "detail_ratio", "seam_ratio")
TRUTH: Final = "truth"
"""The name under which the measures of texture of the whole pictures stand."""

BEST_OF: Final = ("telea", "ns", "harmonic", "biharmonic")
"""The baselines that gains are over, whichever of them are run; others stand beside them."""

COLUMNS: Final = (
    ("PSNR in holes", "hole_psnr", ".2f"),
    ("over best baseline", "gain", "+.2f"),
    ("PSNR", "psnr", ".2f"),
    ("SSIM", "ssim", ".4f"),
    ("s/MP", "seconds_per_megapixel", ".3g"),
    ("patch distance", "patch_distance", ".2f"),
    ("detail", "detail_ratio", ".2f"),
    ("seam", "seam_ratio", ".2f"),
)
"""Of the table: head, figure, format; the last three for large holes only."""


@dataclass(frozen=True)
class Fill:
    """An inpainter as a method runs it. texture: see `Inpainter`."""

    inpainter: Inpainter
    texture: bool = True

    def __call__(self, sample: Sample) -> NDArray[np.uint8]:
        assert sample.mask is not None
        return self.inpainter(sample.pixels, sample.mask, texture=self.texture)


@dataclass(frozen=True)
class Baseline:
    """A baseline as a method runs it."""

    name: str

    def __call__(self, sample: Sample) -> NDArray[np.uint8]:
        assert sample.mask is not None
        return FILLS[self.name](sample.pixels, sample.mask)


def fills(
    models: Sequence[str], against: Sequence[str], threads: int | None, device: str = "auto"
) -> list[Method]:
    """Build the methods to compare: models, and baselines by name.

    Raises OptionError or MissingExtraError for a baseline that is unknown or not installed.
    """
    names = names_of(models, against)
    baselines.check(against, list(FILLS))
    found = []
    for name, model in zip(names, models, strict=False):
        inpainter = Inpainter(model, threads=threads, device=device)
        found.append(Method(name, Fill(inpainter), inpainter.model.card))
    return [*found, *(Method(name, Baseline(name)) for name in against)]


def check_kinds(kinds: Sequence[str]) -> None:
    """Raise OptionError unless all are kinds of holes."""
    for kind in kinds:
        if kind not in BENCHMARK:
            known = ", ".join(BENCHMARK)
            raise OptionError(f"no kind of hole is called {kind!r}; there are: {known}")


def samples_of(pictures: Pictures, kind: str) -> list[Sample]:
    """Cut holes of one kind into pictures (H, W, 3); they are black in the holes.

    Pictures too small for the kind are left out, with an ImgaeWarning; so none may be left. Raises
    OptionError if there is no such kind.
    """
    check_kinds([kind])
    samples, small = [], []
    for number, (name, clean) in enumerate(pictures):
        mask = benchmark_mask(kind, number, *clean.shape[:2])
        if mask.all() or not mask.any():
            small.append(name)
            continue
        holed = np.where(mask[:, :, None], np.uint8(0), clean)
        samples.append(Sample(name, holed, clean, mask=mask))
    if not samples:
        warn(f"no picture is large enough for holes of the kind {kind}; left out")
        return samples
    for name in small:
        warn(f"{name}: too small for holes of the kind {kind}; left out")
    return samples


def run_kind(methods: Sequence[Method], samples: Sequence[Sample], kind: str) -> list[Result]:
    """Measure all methods on samples with holes of one kind.

    Figures are None where they do not apply. hole_psnr: PSNR of the pixels of the holes; gain: what
    it is over the best of those of BEST_OF that are run, for each picture; psnr, ssim: of the
    picture; patch_distance, detail_ratio, seam_ratio: see `metrics`, for large holes only, of
    which the truth is measured too. For TEXTURED holes, models are also measured without the
    stage that adds texture.
    """
    if kind in TEXTURED:
        methods = [*methods, *without_texture(methods)]
    if kind not in LARGE:
        results = [measure(method, samples, kind, score, "hole_psnr") for method in methods]
        return with_gains(results, methods)
    results = [measure(method, samples, kind, score_large, "hole_psnr") for method in methods]
    truth = Method(TRUTH, lambda sample: sample.reference)
    whole = measure(truth, samples, kind, score_texture, "seam_ratio", timed=False)
    return [*with_gains(results, methods), replace(whole, pictures={}, figures=ALL | whole.figures)]


ALL: Final[Figures] = dict.fromkeys(name for _, name, _ in COLUMNS)
"""All figures, not measured."""


def without_texture(methods: Sequence[Method]) -> list[Method]:
    return [
        replace(method, name=f"{method.name}, smooth", run=replace(method.run, texture=False))
        for method in methods
        if isinstance(method.run, Fill)
    ]


def score(sample: Sample, filled: NDArray[np.uint8]) -> Figures:
    mask = sample.mask
    hole_psnr = psnr(filled[mask], sample.reference[mask], 255)
    return {"hole_psnr": hole_psnr, **likeness(filled, sample.reference)}


def score_large(sample: Sample, filled: NDArray[np.uint8]) -> Figures:
    return score(sample, filled) | score_texture(sample, filled)


def score_texture(sample: Sample, filled: NDArray[np.uint8]) -> Figures:
    assert sample.mask is not None
    measures = (patch_distance, detail_ratio, seam_ratio)
    return {
        name: measure_of(filled, sample.mask)
        for name, measure_of in zip(TEXTURE, measures, strict=True)
    }


def with_gains(results: Sequence[Result], methods: Sequence[Method]) -> list[Result]:
    """Add to each result what it has over the best of BEST_OF for each picture."""
    best = [
        result.pictures
        for result, method in zip(results, methods, strict=True)
        if method.name in BEST_OF and method.card is None
    ]
    found = []
    for result in results:
        gain = None
        if best:
            over = [
                value - max(pictures[name] for pictures in best)
                for name, value in result.pictures.items()
            ]
            gain = float(np.mean(over))
        found.append(replace(result, figures={**ALL, **result.figures, "gain": gain}))
    return found


def table(results: Sequence[Result]) -> str:
    """Lay results out as a Markdown table for each kind of hole."""
    tables = []
    for kind in dict.fromkeys(result.condition for result in results):
        own = [result for result in results if result.condition == kind]
        columns = COLUMNS if own[0].figures["patch_distance"] is not None else COLUMNS[:5]
        rows = [
            [result.method, *(cell(result.figures[name], form) for _, name, form in columns)]
            for result in own
        ]
        tables.append(markdown([str(kind), *(head for head, _, _ in columns)], rows))
    return "\n\n".join(tables)


def card_scores(results: Sequence[Result], name: str, command: str) -> list[Score]:
    """Return one model's results as scores for its card: gains, for large holes the PSNR itself.

    name: of the folder. A figure that is not finite is left out.
    """
    scores = []
    for result in results:
        what, shown = f"{name}, {result.condition}, in the holes", "hole_psnr"
        if result.condition not in LARGE:
            what, shown = f"{what}, over the best classical fill", "gain"
        value = finite(result.value(shown))
        if value is not None:
            scores.append(Score(what, round(value, 2), "dB PSNR", command))
    return scores
