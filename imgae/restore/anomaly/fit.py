"""Fitting a model of anomalies to good pictures. Needs onnx.

Every picture is looked at once. Some of its cells are learnt from, and all of them are scored by
what is normal in other pictures. The threshold rests on these scores.
"""

import math
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx

import imgae
from imgae.errors import ImageError, ModelError, caught_warnings, named
from imgae.io.files import read_image
from imgae.io.format import MOST_PIXELS
from imgae.io.remote import Place
from imgae.model import machine, onnxfile, registry, session
from imgae.model.card import METADATA_KEY, ModelCard, working_bytes
from imgae.model.stitch import Progress
from imgae.model.verify.receptive_field import (
    UnknownFieldError,
    WholePictureError,
    receptive_field_of,
)
from imgae.model.verify.reference import add_reference
from imgae.picture.image import Image
from imgae.picture.tiling import round_up
from imgae.restore.anomaly import graph, statistics
from imgae.restore.anomaly.calibrate import Threshold, threshold_for
from imgae.restore.anomaly.cells import Drawn, Judged, Part, fingerprint, look_at
from imgae.restore.anomaly.graph import STRIDE
from imgae.restore.anomaly.normal import LOOKS, Normal
from imgae.restore.anomaly.scorer import seen
from imgae.restore.anomaly.sources import read_backbone
from imgae.restore.anomaly.statistics import Cells

LEAST: Final = 5
"""Good pictures that a model can be fitted to."""
FOLDS: Final = 10
"""Times that is learnt without some of the pictures, which are then scored."""
CELLS: Final = 120_000
"""Cells that are learnt from in all."""
LEAST_CELLS: Final = 64
"""And of each picture, if it has so many."""
BYTES_PER_CELL: Final = 600
"""Memory that what is known of a cell takes."""
MOST_KEPT: Final = 1 << 30
"""Bytes, and at most a quarter of the free memory, for all cells of pictures; those that do not fit
are looked at again to be scored."""


@dataclass(frozen=True)
class Fitted:
    """A fitted model, and what it was fitted to.

    model: the bytes of its file. card: that is in it. threshold: and what is known of it.
    scores: of the pictures, each by a model that has not learnt from it. pictures: those that were
    learnt from. left_out: the others, each with the reason.
    """

    model: bytes
    card: ModelCard
    threshold: Threshold
    scores: tuple[float, ...]
    pictures: tuple[str, ...]
    left_out: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Options:
    """How to fit.

    false_alarms: the share of good pictures that is to be above the threshold. model: the backbone,
    a model of task `features`, by name or path; None for the one that ships. seed: of what is
    drawn. device, threads: as for Encoder. max_pixels: as for read_image.
    """

    false_alarms: float = 0.01
    model: str | os.PathLike[str] | None = None
    seed: int = 0
    device: str = "auto"
    threads: int | None = None
    max_pixels: int = MOST_PIXELS


def fit(
    paths: Sequence[str | Place],
    options: Options,
    *,
    name: str = "anomaly",
    recipe: str = "imgae.restore.anomaly.fit",
    progress: Progress | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> Fitted:
    """Fit a model to good pictures.

    paths: of the pictures, each a file with one picture. name, recipe: for the card. progress:
    called with the steps done and all steps. tell: is given a sentence for each picture that is
    left out.
    Raises ImageError if fewer than LEAST can be read, ModelError if the backbone does not serve.
    """
    path = registry.find(options.model or registry.DEFAULT_FEATURES)
    backbone = Backbone(*read_backbone(path))
    work = Work(backbone, options, counted(progress, 2 * len(paths)))
    good, left_out = work.gathered(paths, tell)
    check_count(len(good), left_out)
    scores = work.scores(good)
    threshold = threshold_for(scores, options.false_alarms)
    normal = statistics.learn([each.cells for each in good])
    fields = {
        "name": name,
        "recipe": recipe,
        "threshold": threshold.value,
        "false_alarms": options.false_alarms,
        "sides": sides_of(good),
        "summary": summary_of(len(good), backbone.card, threshold),
    }
    with tempfile.TemporaryDirectory(prefix="imgae-") as folder:
        final = saved(graph.anomaly_model(backbone.proto, normal), backbone, folder, **fields)
        add_reference(final)
        card = session.load(final, task="anomaly", device="cpu", threads=1).card
        pictures = tuple(str(each.place) for each in good)
        return Fitted(final.read_bytes(), card, threshold, tuple(scores), pictures, left_out)


def check_count(count: int, left_out: Sequence[tuple[str, str]]) -> None:
    """Raise ImageError if there are too few good pictures."""
    if count < LEAST:
        others = f", and {len(left_out)} more cannot be used" if left_out else ""
        there = {0: "there is none", 1: "there is 1"}.get(count, f"there are {count}")
        raise ImageError(
            f"a model of good pictures needs {LEAST} of them or more, and {there}{others}; "
            "from 50 on, the threshold can be relied on"
        )


def summary_of(count: int, card: ModelCard, threshold: Threshold) -> str:
    return (
        f"Finds what differs from {count} good pictures, by the features of {card.name}; "
        f"{threshold.false_alarms:.2g} of good pictures are expected above the threshold, and it "
        f"is known to be {threshold.least:.2g} to {threshold.most:.2g} of them."
    )


@dataclass(frozen=True)
class Backbone:
    """The model whose features are looked at."""

    proto: onnx.ModelProto
    card: ModelCard


@dataclass(frozen=True, eq=False)
class Good:
    """A good picture.

    place: its file. size: height and width. cells: some, to learn from. parts: all of its cells,
    if there is room for them.
    """

    place: str | Place
    size: tuple[int, int]
    cells: Cells
    parts: Sequence[Part] | None


def sides_of(good: Sequence[Good]) -> tuple[float, float]:
    """Return the shortest and the longest side of good pictures."""
    sides = [float(side) for each in good for side in each.size]
    return min(sides), max(sides)


class Work:
    """The work of one fit. step: called after each picture that is looked at or scored."""

    def __init__(self, backbone: Backbone, options: Options, step: Callable[[], None]) -> None:
        self.options, self.step = options, step
        # The file is needed only to load it: an end by force leaves none behind.
        with tempfile.TemporaryDirectory(prefix="imgae-") as folder:
            path = saved(graph.channels_model(backbone.proto, LOOKS), backbone, folder)
            self.model = session.load(path, device=options.device, threads=options.threads)
        self.room = min(MOST_KEPT, machine.free_memory() // 4)

    def gathered(
        self, paths: Sequence[str | Place], tell: Callable[[str], None]
    ) -> tuple[list[Good], tuple[tuple[str, str], ...]]:
        """Return the good pictures with cells of each, and those that are left out, and why."""
        most = max(LEAST_CELLS, CELLS // max(1, len(paths)))
        good, left_out = [], []
        known: dict[bytes, str] = {}
        for number, place in enumerate(paths):
            try:
                image = self.read(place)
                with named(place):
                    first = known.setdefault(fingerprint(image), str(place))
                    if first != str(place):
                        raise ImageError(f"the same picture as {first}")
                    random = np.random.default_rng([self.options.seed, number])
                    good.append(self.looked_at(place, seen(image), most, random))
            except ImageError as error:
                left_out.append((str(place), str(error)))
                tell(f"{error}; left out")
                self.step()  # it is not scored either
            self.step()
        return good, tuple(left_out)

    def read(self, place: str | Place) -> Image:
        with caught_warnings():  # of what a copy would lose
            return read_image(place, max_pixels=self.options.max_pixels)

    def looked_at(
        self, place: str | Place, image: Image, most: int, random: np.random.Generator
    ) -> Good:
        """Look at a picture, and keep what there is room for."""
        drawn = Drawn((image.height, image.width), most, random)
        count = drawn.chosen.size * BYTES_PER_CELL
        parts: list[Part] | None = [] if count <= self.room else None
        self.room -= 0 if parts is None else count

        def take(part: Part) -> None:
            drawn(part)
            if parts is not None:
                parts.append(part)

        look_at(self.model, image, take)
        return Good(place, (image.height, image.width), drawn.cells, parts)

    def scores(self, good: Sequence[Good]) -> list[float]:
        """Return a score of each picture by what is normal in others.

        Neighbours in the list are left out together: shots of one thing, as of a burst or a film,
        would tell of each other.
        """
        scores = np.zeros(len(good))
        for fold in np.array_split(np.arange(len(good)), min(FOLDS, len(good))):
            out = set(fold.tolist())
            kept = [each.cells for number, each in enumerate(good) if number not in out]
            normal = statistics.learn(kept)
            for number in sorted(out):
                scores[number] = self.score(good[number], normal)
                self.step()
        return scores.tolist()

    def score(self, good: Good, normal: Normal) -> float:
        """Return the score of a picture, which is looked at again if its cells are not known."""
        judged = Judged(good.size, normal)
        if good.parts is None:
            look_at(self.model, seen(self.read(good.place)), judged)
        else:
            for part in good.parts:
                judged(part)
        return judged.score


def saved(proto: onnx.ModelProto, backbone: Backbone, folder: str, **fields: Any) -> Path:
    """Give a model its card, and write it into a folder."""
    guess = round_up(backbone.card.halo + 64, STRIDE)
    card = card_of(proto, backbone.card, round_up(radius_of(proto, guess), STRIDE))
    card = replace(card, **{"threshold": 1.0, "false_alarms": 0.5, **fields})
    onnxfile.set_metadata(proto, METADATA_KEY, card.to_json())
    path = Path(folder, "model.onnx")
    onnxfile.write_model(proto, path)
    return path


def counted(progress: Progress | None, count: int) -> Callable[[], None]:
    """Return what tells a progress that one more of so many steps is done."""
    done = iter(range(1, count + 1))

    def step() -> None:
        if progress:
            progress(next(done), count)

    return step


def card_of(proto: onnx.ModelProto, backbone: ModelCard, halo: int) -> ModelCard:
    """Return the card of a model whose nodes follow those of a backbone."""
    found, sizes = sized(proto, *onnxfile.PROBES[1])
    macs = sum(onnxfile.macs_of(node, sizes) for node in onnxfile.live_nodes(found))
    return replace(
        backbone,
        version=imgae.__version__,
        task="anomaly",
        architecture=f"{backbone.name}, statistics",
        stride=STRIDE,
        halo=halo,
        thin_halo=0,
        macs_per_pixel=round(macs / math.prod(onnxfile.PROBES[1])),
        bytes_per_pixel=bytes_per_pixel(proto),
        objective="",
        code_channels=0,
        precision="fp32",
        scores=(),
        sha256=onnxfile.weights_hash(proto),
    )


def radius_of(proto: onnx.ModelProto, guess: int) -> int:
    """Return how far a model sees, in pixels. Raises ModelError if the graph does not tell."""
    try:
        return receptive_field_of(proto, STRIDE, guess)[0]
    except (UnknownFieldError, WholePictureError) as error:
        raise ModelError(f"how far it sees does not follow from its graph ({error})") from error


def bytes_per_pixel(proto: onnx.ModelProto) -> int:
    """Return about the memory that a run takes."""
    found, sizes = sized(proto, *onnxfile.PROBES[1])
    most = max(
        math.prod(sizes[node.input[0]]) + math.prod(sizes[node.output[0]])
        for node in found.node
        if len(sizes[node.output[0]]) == 4
    )
    return working_bytes(most / math.prod(onnxfile.PROBES[1]))


def sized(
    proto: onnx.ModelProto, height: int, width: int
) -> tuple[onnx.GraphProto, dict[str, list[int]]]:
    """Return a graph for a picture of a size, and the sizes of its tensors."""
    found = onnxfile.inferred(proto, height, width).graph
    return found, onnxfile.sizes_in(found)
