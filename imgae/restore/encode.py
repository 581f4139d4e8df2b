"""Pictures to codes: a small array that holds most of a picture, for search and comparison."""

import os
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from imgae.errors import ImageError, ModelError
from imgae.model import registry, session
from imgae.model.stitch import Patient, Progress, check_settings, kept, plan_for
from imgae.picture.arrays import check_finite, from_picture
from imgae.picture.image import Image
from imgae.picture.pixels import from_float, to_nchw
from imgae.picture.tiling import Box, Tile

Floats = NDArray[np.float32]

LEAST: Final = -0.5
MOST: Final = 1.5
"""Between these, values may be those of a noisy picture on [0, 1]."""


@dataclass(frozen=True)
class Encoded:
    """A picture's code and how it came about.

    code: float32 (channels, rows, columns), one column for every stride x stride pixels.
    restored: the picture as decoded from its code, in the type it came in; floats on [0, 1].
    model: its name. device: "cpu" or "cuda". tiles: how many the picture was cut into.
    """

    code: Floats
    restored: Image
    model: str
    device: str
    tiles: int


class Encoder:
    """Turn pictures into codes. Load once; then call as often as you like, from any thread.

    model: the name of a shipped model (`imgae models` lists them), the path of an .onnx file, or
        None for the shipped model `code`, whose codes have 32 channels at 1/8 of the picture's
        size.
    device: "cpu", "cuda", or "auto", which uses CUDA if the installed onnxruntime has it.
    threads: how many CPU threads to use, from 1; None uses every CPU that this process may use.
    tile: how to cut a large picture so that it fits into memory. "auto" uses at most half of the
        free memory; a whole number from 1 is the side in pixels of the part that each tile keeps,
        rounded up to a multiple that the model needs; 0 takes the whole picture at once. The
        code is the same.
    Raises WeightsError if there is no such model, ModelError if it cannot be used or the device is
    not there, and OptionError for other values of threads and tile.

    An Encoder can be pickled, for use in other processes, which load the model from its file.

    Example:
        encode = imgae.Encoder()
        code = encode(imgae.read_image("photo.png"))  # (32, 64, 96) for 768x512 pixels

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
        path = registry.find(model or registry.DEFAULT_ENCODER)
        self.model = session.load(path, task="code", device=device, threads=threads)
        self.tile = tile

    def __call__(self, image: Image | PIL.Image.Image | NDArray[Any]) -> Floats:
        """Return the code of a picture, float32 (channels, ceil(H/stride), ceil(W/stride)).

        image: an imgae.Image, a PIL image, or an RGB array (H, W), (H, W, 1), (H, W, 3) or
            (H, W, 4), uint8, uint16, float32 or float64; floats are on [0, 1], and noise
            may take them to -0.5 and 1.5. Gray is encoded as RGB of three equal channels; alpha is
            not encoded.
        Of the shipped model the stride is 8 and the code has 32 channels. Codes of one model can be
        compared with each other, those of different models cannot.
        Raises ImageError for another kind of array, for NaN or infinity, and for floats far outside
        [0, 1]: codes of pictures in other ranges could not be compared.
        """
        return self.run(from_picture(image)).code

    def run(self, image: Image, progress: Progress | None = None) -> Encoded:
        """Encode, and also return the picture decoded from its code; see Encoded.

        progress: called with the tiles done and the tiles in all. Errors: as for calling the
        object.
        """
        check_finite(image)
        check_usual(image)
        card, height, width = self.model.card, image.height, image.width
        code_box = Box(0, 0, height, width).in_cells(card.stride)
        code = np.empty((card.code_channels, code_box.bottom, code_box.right), np.float32)
        pixels = np.empty_like(image.pixels)
        plan = plan_for(card, height, width, self.tile)
        patient = Patient(plan, [self.model])

        def encode(tile: Tile) -> None:
            planes = to_nchw(image.pixels[tile.read.slices])
            restored, found = self.model.outputs(image=planes)
            read, keep = (box.in_cells(card.stride) for box in tile)
            expected = (1, len(code), read.bottom - read.top, read.right - read.left)
            if found.shape != expected:
                raise ModelError(f"the model gave a code of shape {found.shape}, not {expected}")
            code[:, *keep.slices] = found[0, :, *keep.within(read).slices]
            values = kept(restored, planes, tile, pixels.shape[2]).clip(0, 1)
            pixels[tile.keep.slices] = from_float(values, pixels.dtype)

        for done, tile in enumerate(plan, 1):
            patient(tile, encode)
            if progress:
                progress(done, len(plan))
        if not np.isfinite(code).all():
            raise ModelError("the model gave NaN or infinity; are the picture's values on [0, 1]?")
        return Encoded(code, image.with_pixels(pixels), card.name, self.model.device, len(plan))


def check_usual(image: Image) -> None:
    """Raise ImageError if floats are far outside [0, 1]."""
    if image.pixels.dtype.kind != "f":
        return
    least, most = float(image.pixels.min()), float(image.pixels.max())
    if least < LEAST or most > MOST:
        raise ImageError(
            f"the picture's values reach from {least:.4g} to {most:.4g}; a code describes a "
            "picture on [0, 1], so scale or clip them first"
        )
