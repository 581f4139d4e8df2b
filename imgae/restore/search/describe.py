"""A picture as one vector, for search: similar pictures have vectors of similar direction."""

import hashlib
import os
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from imgae.errors import ModelError
from imgae.model import registry, session
from imgae.model.stitch import check_settings
from imgae.picture.arrays import check_finite
from imgae.picture.image import Image
from imgae.picture.pixels import from_float, to_float, to_nchw
from imgae.restore.encode import LEAST, MOST

Floats = NDArray[np.float32]

LONG: Final = 256
"""Pixels on the long side of what a network sees."""
SHORT: Final = 32
"""Pixels on the short side, at least."""
GROUND: Final = 0.5
"""The gray, on [0, 1], that transparent pictures are laid on."""
TINY: Final = 1e-12


class Describer:
    """Turns pictures into vectors. Safe to call from several threads.

    model: the name of a shipped model, the path of an .onnx file for the task "search", or
    None for the default. device, threads: as for imgae.Encoder.
    Raises WeightsError if there is no such model, ModelError if it cannot be used or is for another
    task, and OptionError for other values of threads.
    """

    def __init__(
        self,
        model: str | os.PathLike[str] | None = None,
        *,
        device: str = "auto",
        threads: int | None = None,
    ) -> None:
        check_settings(0, threads)
        path = registry.find(model or registry.DEFAULT_SEARCHER)
        self.model = session.load(path, device=device, threads=threads, task="search")
        card = self.model.card
        self.name = card.name
        self.sha256 = card.sha256 or hashlib.sha256(path.read_bytes()).hexdigest()

    @property
    def dimension(self) -> int:
        """The length of vectors."""
        return self.model.card.code_channels

    def describe(self, image: Image) -> Floats:
        """Return the vector of a picture, float32 (dimension,), of length 1.

        It is made of the picture and its mirror image, 256 pixels large, on mid gray where it is
        transparent. Raises ImageError for NaN or infinity, ModelError if the model fails.
        """
        return self.of_small(shrunk(image))

    def of_small(self, pixels: NDArray[np.uint8]) -> Floats:
        """Return the vector of what `shrunk` returns."""
        planes = to_nchw(pixels)
        both = np.concatenate([planes, planes[:, :, :, ::-1]])
        found = self.model(image=both)
        if found.ndim != 4 or found.shape[:2] != (2, self.dimension) or 0 in found.shape:
            raise ModelError(f"{self.model.path}: gave a map of shape {found.shape}")
        mean = np.mean(found, (0, 2, 3), dtype=np.float64)
        if not np.isfinite(mean).all():
            raise ModelError(f"{self.model.path}: gave NaN or infinity")
        vector: Floats = unit(np.asarray(mean)[None])[0]
        return vector


def unit(vectors: NDArray[Any]) -> Floats:
    """Return the rows of a matrix, each divided by its length, as float32.

    A row of zeros, as of a picture in which a network finds nothing, becomes the diagonal.
    """
    lengths = np.sqrt(np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64))[:, None]
    diagonal = 1 / np.sqrt(max(1, vectors.shape[1]))
    with np.errstate(invalid="ignore", divide="ignore"):
        found = np.where(lengths > TINY, vectors / lengths, diagonal)
    return np.ascontiguousarray(found, np.float32)


def shrunk(image: Image) -> NDArray[np.uint8]:
    """Return a picture as a network sees it: (h, w, 3) uint8, the long side of 256 pixels.

    Raises ImageError if it holds NaN or infinity.
    """
    check_finite(image)
    pixels = on_unit_range(image.pixels)
    if image.alpha is not None:
        alpha = np.nan_to_num(to_float(image.alpha)).clip(0, 1)[:, :, None]
        pixels = to_float(pixels) * alpha + GROUND * (1 - alpha)
    height, width = size_for(*pixels.shape[:2])
    pixels = resized(pixels, height, width)
    small = from_float(to_float(pixels), np.uint8)
    return np.ascontiguousarray(np.broadcast_to(small, (height, width, 3)))


def on_unit_range(pixels: NDArray[Any]) -> NDArray[Any]:
    """Return floats that are far outside [0, 1] as parts of their own range, others as they are."""
    if pixels.dtype.kind != "f":
        return pixels
    least, most = float(pixels.min()), float(pixels.max())
    if least >= LEAST and most <= MOST:
        return pixels
    return ((pixels - least) / max(most - least, TINY)).astype(np.float32)


def size_for(height: int, width: int) -> tuple[int, int]:
    """Return the size at which a network sees a picture.

    The long side has LONG pixels, whatever the picture's own size, so that a copy of another size
    is seen alike. A short side that would have less than SHORT, as of a strip, is stretched to it.
    """
    scale = LONG / max(height, width)
    rows, columns = (max(SHORT, round(side * scale)) for side in (height, width))
    return rows, columns


def resized(pixels: NDArray[Any], height: int, width: int) -> NDArray[Any]:
    """Return pixels (H, W, C) at another size: means of areas where it shrinks, else bicubic."""
    sides = pixels.shape[:2]
    steps = [(height, width)]
    if (height < sides[0] and width > sides[1]) or (height > sides[0] and width < sides[1]):
        steps.insert(0, (height, sides[1]))  # a strip shrinks in one direction alone
    for rows, columns in steps:
        before = pixels.shape[:2]
        if before != (rows, columns):
            shrinks = rows < before[0] or columns < before[1]
            way = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
            found = cv2.resize(np.ascontiguousarray(pixels), (columns, rows), interpolation=way)
            pixels = found[:, :, None] if found.ndim == 2 else found
    return pixels
