"""Finding scratches, dust and dead pixels."""

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from imgae.errors import OptionError
from imgae.model import registry, session
from imgae.model.contract import DEFECTS, SURE
from imgae.model.stitch import check_settings, plan_for
from imgae.picture.arrays import check_finite, from_picture
from imgae.picture.image import Image
from imgae.restore.scaling import first_view
from imgae.restore.unseen import without_hidden


class Detector:
    """Find scratches, dust and dead pixels. Load once; then call as often as you like.

    model: the name of a shipped model (`imgae models` lists them), the path of an .onnx file, or
        None for the shipped model `detect`.
    device: "cpu", "cuda", or "auto", which uses CUDA if the installed onnxruntime has it.
    threads: how many CPU threads to use, from 1; None uses every CPU that this process may use.
    tile: how to cut a large picture so that it fits into memory. "auto" uses at most half of the
        free memory; a whole number from 1 is the side in pixels of the part that each tile keeps,
        rounded up to a multiple that the model needs; 0 takes the whole picture at once. The
        result is the same.
    Raises WeightsError if there is no such model, ModelError if it cannot be used or the device is
    not there, and OptionError for other values of threads and tile.

    A Detector may be called from several threads. It can be pickled, for use in other processes,
    which load the model from its file.

    Example:
        image = imgae.read_image("old.png")
        filled = imgae.Inpainter()(image, imgae.Detector()(image))

    """

    def __init__(
        self,
        model: str | os.PathLike[str] | None = None,
        *,
        device: str = "auto",
        threads: int | None = None,
        tile: str | int = "auto",
    ) -> None:
        check_settings(tile, threads)
        path = registry.find(model or registry.DEFAULT_DETECTOR)
        self.model = session.load(path, task="detect", device=device, threads=threads)
        self.tile = tile

    def __call__(
        self, image: Image | PIL.Image.Image | NDArray[Any], defects: Sequence[str] = DEFECTS
    ) -> NDArray[np.bool_]:
        """Return a mask, bool (H, W), True where there is one of the defects named.

        image: an imgae.Image, a PIL image, or an RGB array (H, W), (H, W, 1), (H, W, 3) or
            (H, W, 4), uint8, uint16, float32 or float64; floats are on [0, 1], or in a
            range of their own, as for Denoiser.
        defects: one or more of "scratches", "dust" and "dead-pixels"; all by default.
        Raises ImageError for another kind of array, and for NaN or infinity; OptionError for an
        unknown defect.
        """
        defects = [defects] if isinstance(defects, str) else list(defects)
        if unknown := [defect for defect in defects if defect not in DEFECTS]:
            raise OptionError(
                f"no defect is called {unknown[0]!r}; there are: {', '.join(DEFECTS)}"
            )
        picture, _ = without_hidden(from_picture(image))
        check_finite(picture)
        view = first_view(picture.pixels)
        channels = [DEFECTS.index(defect) for defect in defects]
        marked = np.zeros((picture.height, picture.width), bool)
        for tile in plan_for(self.model.card, picture.height, picture.width, self.tile):
            maps = self.model(image=view.scale.planes(view.pixels[tile.read.slices]))
            rows, columns = tile.keep.within(tile.read).slices
            marked[tile.keep.slices] = (maps[0, channels, rows, columns] > SURE).any(0)
        return marked
