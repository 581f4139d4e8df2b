"""Scores of pictures, and where in them something is unusual, by a fitted model."""

import os
from dataclasses import dataclass
from typing import Any

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from imgae.errors import ModelError
from imgae.model import registry, session
from imgae.model.stitch import Patient, Progress, check_settings, finite, plan_for
from imgae.picture.arrays import check_finite, from_picture
from imgae.picture.image import Image
from imgae.picture.pixels import to_nchw
from imgae.picture.tiling import Tile
from imgae.restore.anomaly.boxes import Box, boxes_of
from imgae.restore.encode import check_usual
from imgae.restore.unseen import without_hidden


@dataclass(frozen=True, eq=False)
class Anomaly:
    """What is unusual in a picture.

    score: the largest value of the map. threshold: of the model. anomalous: whether the score is
    above it. map: float32 (H, W), 0 or more, how unusual each pixel's surroundings are.
    boxes: around the parts of the map above the threshold, the largest score first; each a tuple
    (x, y, width, height, score), in pixels from the top left.
    """

    score: float
    threshold: float
    anomalous: bool
    map: NDArray[np.float32]
    boxes: tuple[Box, ...]


class AnomalyScorer:
    """Score pictures by how unlike the good ones they are. Load once; then call often.

    model: the path of an .onnx file that `imgae anomaly fit` made of good pictures.
    device: "cpu", "cuda", or "auto", which uses CUDA if the installed onnxruntime has it.
    threads: how many CPU threads to use, from 1; None uses every CPU that this process may use.
    tile: how to cut a large picture so that it fits into memory. "auto" uses at most half of the
        free memory; a whole number from 1 is the side in pixels of the part that each tile keeps,
        rounded up to a multiple that the model needs; 0 takes the whole picture at once. The
        result is the same.
    Raises WeightsError if there is no such model, ModelError if it cannot be used or the device is
    not there, and OptionError for other values of threads and tile.

    An AnomalyScorer may be called from several threads. It can be pickled, for use in other
    processes, which load the model from its file.

    Example:
        found = imgae.AnomalyScorer("good.onnx")(imgae.read_image("part.png"))
        print(found.score, found.anomalous, found.boxes)

    """

    def __init__(
        self,
        model: str | os.PathLike[str],
        *,
        device: str = "auto",
        threads: int | None = None,
        tile: str | int = "auto",
    ) -> None:
        check_settings(tile, threads)
        path = registry.find(model)
        self.model = session.load(path, device=device, threads=threads)
        if self.model.card.task != "anomaly":
            raise ModelError(
                f"{path}: a model to {self.model.card.task}; scores need one that "
                "`imgae anomaly fit` made of good pictures"
            )
        self.tile = tile

    def __call__(self, image: Image | PIL.Image.Image | NDArray[Any]) -> Anomaly:
        """Return what is unusual in a picture.

        image: an imgae.Image, a PIL image, or an RGB array (H, W), (H, W, 1), (H, W, 3) or
            (H, W, 4), uint8, uint16, float32 or float64; floats are on [0, 1], and noise
            may take them to -0.5 and 1.5. Gray is looked at as RGB of three equal channels; what
            alpha hides is not looked at.
        Raises ImageError for another kind of array, for NaN or infinity, and for floats far outside
        [0, 1].
        """
        return self.run(from_picture(image))

    def run(self, image: Image, progress: Progress | None = None) -> Anomaly:
        """Do the same; progress: called with the tiles done and the tiles in all."""
        found = self.map_of(image, progress)
        score, threshold = float(found.max()), self.model.card.threshold
        return Anomaly(score, threshold, score > threshold, found, boxes_of(found, threshold))

    def far_in_size(self, height: int, width: int) -> bool:
        """Return whether a picture is less than half or more than twice the good ones' sides."""
        least, most = self.model.card.sides
        return most > 0 and (2 * min(height, width) < least or max(height, width) > 2 * most)

    def map_of(self, image: Image, progress: Progress | None = None) -> NDArray[np.float32]:
        """Return the map alone, float32 (H, W)."""
        picture = seen(image)
        found = np.empty((picture.height, picture.width), np.float32)
        plan = plan_for(self.model.card, picture.height, picture.width, self.tile)
        patient = Patient(plan, [self.model])

        def look(tile: Tile) -> None:
            planes = to_nchw(picture.pixels[tile.read.slices])
            values = self.model(image=planes)
            if values.shape != (1, 1, *planes.shape[2:]):
                raise ModelError(f"the model gave {values.shape} for {planes.shape}")
            found[tile.keep.slices] = finite(values[0, 0][tile.keep.within(tile.read).slices])

        for done, tile in enumerate(plan, 1):
            patient(tile, look)
            if progress:
                progress(done, len(plan))
        return found


def seen(image: Image) -> Image:
    """Return a picture as models of anomalies see it. Raises ImageError for what they do not."""
    picture, _ = without_hidden(image)
    check_finite(picture)
    check_usual(picture)
    return picture
