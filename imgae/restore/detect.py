"""Finding scratches, dust and dead pixels."""

import os
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from imgae.errors import OptionError
from imgae.model import registry, session
from imgae.model.contract import DEFECTS, SURE
from imgae.model.stitch import check_settings, plan_for
from imgae.picture.arrays import Picture, check_finite, from_picture
from imgae.picture.pixels import to_nchw


class Detector:
    """Find defects with a model; load once, call often, from any thread.

    model: a shipped name, a file, or None for the default. device: "auto", "cpu" or "cuda".
    Raises ModelError or WeightsError if there is no such model or device.
    """

    def __init__(
        self,
        model: str | os.PathLike[str] | None = None,
        *,
        device: str = "auto",
        threads: int | None = None,
    ) -> None:
        check_settings("auto", threads)
        path = registry.find(model or registry.DEFAULT_DETECTOR)
        self.model = session.load(path, task="detect", device=device, threads=threads)

    def __call__(self, image: Picture, defects: Sequence[str] = DEFECTS) -> NDArray[np.bool_]:
        """Return a mask (H, W) of the defects named, True where they are.

        image: as for Denoiser. Raises ImageError, or OptionError for an unknown defect.
        """
        if unknown := set(defects) - set(DEFECTS):
            raise OptionError(
                f"no defect is called {min(unknown)!r}; there are: {', '.join(DEFECTS)}"
            )
        picture = from_picture(image)
        check_finite(picture)
        channels = [DEFECTS.index(defect) for defect in defects]
        marked = np.zeros((picture.height, picture.width), bool)
        for tile in plan_for(self.model.card, picture.height, picture.width, "auto"):
            maps = self.model(image=to_nchw(picture.pixels[tile.read.slices]))
            rows, columns = tile.keep.within(tile.read).slices
            marked[tile.keep.slices] = (maps[0, channels, rows, columns] > SURE).any(0)
        return marked
