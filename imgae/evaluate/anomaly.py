"""Anomalies measured: whether flaws are found, in which pictures and where, on kinds of pictures.

Figures of a method on a kind (the areas under ROC curves, AUROC):

    by_picture    flawed pictures have a larger value somewhere in their map than good ones
    by_pixel      flawed pixels have larger values than others; of all pictures, one in EVERY
    scratch, ...  by_picture, of the pictures with one kind of flaw and all good ones

And of what `imgae anomaly fit` makes, for each asked rate of false alarms, the shares of good and
of flawed pictures above the threshold: false_alarms and found.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from imgae.evaluate import anomaly_cells, anomaly_members
from imgae.evaluate.anomaly_cells import Describe, described
from imgae.evaluate.anomaly_fitted import WHOLE, Fitting, Judged
from imgae.evaluate.anomaly_kinds import FLAWS, Kind
from imgae.evaluate.code import area
from imgae.evaluate.protocol import Figures, Result, mean_of, names_of
from imgae.evaluate.report import cell, markdown
from imgae.model import registry

Map = NDArray[np.float32]
"""(H, W)."""
Tell = Callable[[str], None]
EVERY: Final = 7
"""Of so many pixels, one counts."""
MEAN, WORST = "mean", "worst"
"""Conditions of results that are over all kinds."""
FOUND, ALARMS = "found", "false_alarms"
AREAS: Final = ("by_picture", "by_pixel", *FLAWS)


@dataclass(frozen=True)
class Family:
    """The members of the family and the baselines, and what describes cells for them."""

    ways: tuple[Describe, ...]
    members: tuple[anomaly_members.Member, ...]


def family(fitting: Fitting, codes: Sequence[str], folder: Path) -> Family:
    """Load the models of the family.

    codes: other code models, by name or path. folder: for files, kept as long as the family.
    """
    where = fitting.where
    given = [registry.DEFAULT_ENCODER, *codes]
    names = names_of(given)
    levels = [name for name, _ in anomaly_cells.LEVELS]
    ways = (
        anomaly_cells.pixels_as_blocks(),
        anomaly_cells.by_denoiser(where),
        anomaly_cells.by_features(where, fitting.model),
        anomaly_cells.by_levels(where, folder),
        *(anomaly_cells.by_code(where, a, b) for a, b in zip(codes, names[1:], strict=True)),
    )
    members = anomaly_members.family(names, levels[::-1])
    return Family(ways, (*members, *anomaly_members.baselines(levels[:2])))


def run(kinds: Iterable[Kind], fitting: Fitting, others: Family | None, tell: Tell) -> list[Result]:
    """Measure what a fit makes of each kind, and the family beside it.

    others: None to measure the fitted model alone. tell: is given the kind that is measured now.
    """
    results: list[Result] = []
    for kind in kinds:
        tell(kind.name)
        for name, judged in ways_of(kind, fitting, others):
            results.append(result_of(name, kind, judged, fitting.rates))
    return [*results, *over_kinds(results)]


def ways_of(kind: Kind, fitting: Fitting, others: Family | None) -> Iterator[tuple[str, Judged]]:
    """Yield a name, and what is found in a kind's tested pictures, for each way."""
    yield WHOLE, fitting.whole(kind)
    if others is None:
        return
    yield from fitting.alone(kind).items()
    cells = described(kind, others.ways)
    for member in others.members:
        maps = [
            cv2.resize(values, pixels.shape[1::-1], interpolation=cv2.INTER_LINEAR)
            for values, pixels in zip(member(cells), kind.tested, strict=True)
        ]
        yield member.name, Judged([np.asarray(found, np.float32) for found in maps])


def result_of(name: str, kind: Kind, judged: Judged, rates: Sequence[float]) -> Result:
    """Return the figures of what was found in a kind's pictures."""
    scores = np.array([found.max() for found in judged.maps], np.float64)
    good, flawed = scores[: len(kind.good)], scores[len(kind.good) :]
    figures: Figures = {"by_picture": apart(good, flawed), "by_pixel": by_pixel(kind, judged.maps)}
    for flaw in FLAWS:
        own = np.array([each.flaw == flaw for each in kind.flawed])
        figures[flaw] = apart(good, flawed[own]) if own.any() else None
    for rate, threshold in zip(rates, judged.thresholds, strict=False):
        figures[named(ALARMS, rate)] = float((good > threshold).mean())
        figures[named(FOUND, rate)] = float((flawed > threshold).mean())
    return Result(name, kind.name, figures)


def named(figure: str, rate: float) -> str:
    """Return the name of a figure for a rate of false alarms."""
    return f"{figure}_{rate:g}"


def apart(good: NDArray[np.float64], flawed: NDArray[np.float64]) -> float:
    scores = np.concatenate([good, flawed])
    return area(scores, np.arange(len(scores)) >= len(good))


def by_pixel(kind: Kind, maps: Sequence[Map]) -> float:
    masks = [np.zeros(found.shape, bool) for found in maps[: len(kind.good)]]
    masks += [each.mask for each in kind.flawed]
    random = np.random.default_rng(0)
    values, truth = [], []
    for found, mask in zip(maps, masks, strict=True):
        some = random.choice(found.size, max(1, found.size // EVERY), replace=False)
        values.append(found.ravel()[some])
        truth.append(mask.ravel()[some])
    return area(np.concatenate(values).astype(np.float64), np.concatenate(truth))


def over_kinds(results: Sequence[Result]) -> list[Result]:
    """Return each method's means over the kinds, and its worst kind by each figure."""
    found = []
    for name in dict.fromkeys(result.method for result in results):
        own = [result.figures for result in results if result.method == name]
        mean = {key: mean_of(figures[key] for figures in own) for key in own[0]}
        worst = {key: worst_of(key, [figures[key] for figures in own]) for key in own[0]}
        found += [Result(name, MEAN, mean), Result(name, WORST, worst)]
    return found


def worst_of(key: str, values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    if not known:
        return None
    return max(known) if key.startswith(ALARMS) else min(known)


def table(results: Sequence[Result]) -> str:
    """Lay the means over the kinds out as a Markdown table, a row a method."""
    means, worst = (by_method(results, condition) for condition in (MEAN, WORST))
    rows = [
        [
            name,
            *(cell(figures[key], ".3f") for key in AREAS),
            *(cell(worst[name][key], ".3f") for key in AREAS[:2]),
        ]
        for name, figures in means.items()
    ]
    heads = ["AUROC", "by picture", "by pixel", *FLAWS, "worst kind by picture", "by pixel"]
    return markdown(heads, rows)


def alarms(results: Sequence[Result], rates: Sequence[float]) -> str:
    """Lay out as a table how often a fitted model calls good and flawed pictures anomalous."""
    means, worst = (by_method(results, condition)[WHOLE] for condition in (MEAN, WORST))
    rows = []
    for rate in rates:
        figures = [
            part[named(figure, rate)] for figure in (ALARMS, FOUND) for part in (means, worst)
        ]
        rows.append([f"{rate:g}", *(cell(figure, ".4f") for figure in figures)])
    heads = ["false alarms asked for", "measured", "most of a kind", "flaws found", "least"]
    return markdown(heads, rows)


def by_method(results: Sequence[Result], condition: str) -> dict[str, Figures]:
    return {result.method: result.figures for result in results if result.condition == condition}
