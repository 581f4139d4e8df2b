"""Finding scratches, dust, dead pixels, date stamps and type that was laid over a picture."""

import os
from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from imgae.errors import OptionError
from imgae.model import registry, session
from imgae.model.contract import DEFECTS
from imgae.model.stitch import Patient, check_settings, plan_for
from imgae.picture.arrays import check_finite, from_picture
from imgae.picture.image import Image
from imgae.picture.tiling import Tile
from imgae.restore.marks import Odds, marks_of, odds_of
from imgae.restore.scaling import first_view
from imgae.restore.unseen import without_hidden

TYPE: Final = ("stamp", "text")
"""What is told apart by groups, so that both are needed for either."""


class Detector:
    """Find scratches, dust, dead pixels, date stamps and type. Load once; then call often.

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
        self,
        image: Image | PIL.Image.Image | NDArray[Any],
        defects: Iterable[str] = DEFECTS,
        *,
        sensitivity: float = 0.5,
    ) -> NDArray[np.bool_]:
        """Return a mask, bool (H, W), True where there is one of the defects named.

        image: an imgae.Image, a PIL image, or an RGB array (H, W), (H, W, 1), (H, W, 3) or
            (H, W, 4), uint8, uint16, float32 or float64; floats are on [0, 1], or in a
            range of their own, as for Denoiser.
        defects: one or more of "scratches", "dust", "dead-pixels", "stamp" (the date that a camera
            put near a corner) and "text" (type laid over the picture); all by default.
        sensitivity: from 0, which marks only what is certain, to 1, which marks whatever might
            be a defect.
        Raises ImageError for another kind of array, and for NaN or infinity; OptionError for an
        unknown defect, and a sensitivity outside 0 to 1.
        """
        marks = self.find_each(image, defects, sensitivity=sensitivity)
        return np.asarray(np.logical_or.reduce(list(marks.values())), np.bool_)

    def find_each(
        self,
        image: Image | PIL.Image.Image | NDArray[Any],
        defects: Iterable[str] = DEFECTS,
        *,
        sensitivity: float = 0.5,
    ) -> dict[str, NDArray[np.bool_]]:
        """Return the mask of each of the defects named; as calling the detector otherwise."""
        names = check_defects(defects)
        if not (isinstance(sensitivity, int | float | np.number) and 0 <= sensitivity <= 1):
            raise OptionError(f"sensitivity is {sensitivity!r}; expected a number from 0 to 1")
        picture, _ = without_hidden(from_picture(image))
        check_finite(picture)
        needed = {*names, *(TYPE if set(names) & set(TYPE) else ())}
        odds = self.odds(picture, [name for name in DEFECTS if name in needed])
        marks = marks_of(odds, sensitivity)
        return {name: marks[name] for name in names}

    def odds(self, picture: Image, names: Sequence[str]) -> dict[str, Odds]:
        """Run the model tile by tile; return the odds of each defect, as `marks` has them."""
        view = first_view(picture.pixels)
        channels = [DEFECTS.index(name) for name in names]
        odds = np.empty((len(names), picture.height, picture.width), np.int8)
        plan = plan_for(self.model.card, picture.height, picture.width, self.tile)
        patient = Patient(plan, [self.model])

        def look(tile: Tile) -> None:
            maps = self.model(image=view.scale.planes(view.pixels[tile.read.slices]))
            rows, columns = tile.keep.within(tile.read).slices
            odds[:, *tile.keep.slices] = odds_of(maps[0, channels, rows, columns])

        for tile in plan:
            patient(tile, look)
        return dict(zip(names, odds, strict=True))


def check_defects(defects: Iterable[str]) -> list[str]:
    """Return the names, each once. Raises OptionError for an unknown one, and for none."""
    names = [defects] if isinstance(defects, str) else list(defects)
    if unknown := [name for name in names if name not in DEFECTS]:
        raise OptionError(f"no defect is called {unknown[0]!r}; there are: {', '.join(DEFECTS)}")
    if not names:
        raise OptionError(f"no defect is named; there are: {', '.join(DEFECTS)}")
    return list(dict.fromkeys(names))
