"""What `imgae anomaly fit` makes of a kind's good pictures, measured. Needs onnx."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imgae.evaluate.anomaly_cells import Where
from imgae.evaluate.anomaly_kinds import Eight, Kind
from imgae.io.atomic import write_whole
from imgae.io.files import write_image
from imgae.model import registry
from imgae.picture.image import Image
from imgae.restore.anomaly import graph, statistics
from imgae.restore.anomaly.calibrate import threshold_for
from imgae.restore.anomaly.fit import Backbone, Options, Work, fit, saved
from imgae.restore.anomaly.normal import Expert, Normal
from imgae.restore.anomaly.scorer import AnomalyScorer
from imgae.restore.anomaly.sources import FEATURES, read_backbone

Map = NDArray[np.float32]
"""(H, W)."""
WHOLE = "imgae anomaly fit"
LOOKS = ("its features alone", "its tones alone")


@dataclass(frozen=True, eq=False)
class Judged:
    """What a fitted model gives.

    maps: of the tested pictures. thresholds: for each rate of false alarms that was asked for.
    """

    maps: list[Map]
    thresholds: tuple[float, ...] = ()


@dataclass(frozen=True)
class Fitting:
    """How models are fitted. rates: of false alarms. model: the features, by name or path."""

    rates: tuple[float, ...]
    where: Where
    model: str | None = None
    seed: int = 0

    @property
    def options(self) -> Options:
        return Options(
            self.rates[0],
            self.model,
            self.seed,
            device=self.where.device,
            threads=self.where.threads,
        )

    def whole(self, kind: Kind) -> Judged:
        """Return what the model gives that is fitted to a kind's good pictures."""
        with tempfile.TemporaryDirectory(prefix="imgae-") as name:
            folder = Path(name)
            fitted = fit(written(kind, folder), self.options)
            path = folder / "fitted.onnx"
            write_whole(path, fitted.model)
            thresholds = tuple(threshold_for(fitted.scores, rate).value for rate in self.rates)
            return Judged(self.maps(path, kind.tested), thresholds)

    def alone(self, kind: Kind) -> dict[str, Judged]:
        """Return what a fitted model's experts of features give alone, and those of tones."""
        backbone = Backbone(*read_backbone(registry.find(self.model or registry.DEFAULT_FEATURES)))
        found = {}
        with tempfile.TemporaryDirectory(prefix="imgae-") as name:
            work = Work(backbone, self.options, lambda: None)
            good, _ = work.gathered(written(kind, Path(name)), lambda _: None)
            normal = statistics.learn([each.cells for each in good])
            for look in LOOKS:
                own = (each for each in normal.experts if (look == LOOKS[0]) == by_features(each))
                alone = graph.anomaly_model(backbone.proto, Normal(tuple(own)))
                found[look] = Judged(self.maps(saved(alone, backbone, name), kind.tested))
        return found

    def maps(self, path: Path, pictures: Sequence[Eight]) -> list[Map]:
        score = AnomalyScorer(path, device=self.where.device, threads=self.where.threads)
        return [score.map_of(Image(pixels)) for pixels in pictures]


def by_features(expert: Expert) -> bool:
    """Return whether an expert looks at learnt features."""
    return any(level.source == FEATURES for level in expert.look.levels)


def written(kind: Kind, folder: Path) -> list[str]:
    """Write the pictures to learn from into a folder, and return their paths."""
    paths = [folder / f"{number:05}.png" for number in range(len(kind.learnt))]
    for path, pixels in zip(paths, kind.learnt, strict=True):
        write_image(Image(pixels), path)
    return [str(path) for path in paths]
