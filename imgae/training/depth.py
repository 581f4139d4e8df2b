"""Pictures to train on in their own depth: files as arrays, and arrays as what networks see."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from imgae.errors import ImageError, ImgaeError
from imgae.io import files
from imgae.io.format import frames_word
from imgae.picture.arrays import check_for_8_bits
from imgae.picture.image import Image
from imgae.picture.pixels import to_float, to_uint8_rgb
from imgae.restore.scaling import scale_for

Pixels = NDArray[Any]
Values = Literal["shown", "own", "eight"]
"""What training gets of pictures: the values that a model is shown of them, 8 or 16 bits where
these hold them exactly and float32 elsewhere; their own, as they lie in the file; or 8 bits."""

FULL: Final = 65535


def read_pages(path: Path, values: Values) -> list[Pixels] | str:
    """Return a file's pictures as (H, W, 3), or a sentence that says why it cannot be used.

    Of pages and slices each is a picture; of an animation the first frame is. Floats with NaN or
    infinity are of no use, and for 8 bits none with many values outside [0, 1].
    """
    try:
        frames = files.read_frames(path)
    except ImgaeError as error:
        return str(error)
    images = frames[:1] if frames.kind == "animation" else frames
    pages = []
    for number, image in enumerate(images, 1):
        try:
            pages.append(prepared(image, values))
        except ImgaeError as error:
            page = f"{frames_word(frames.kind)[:-1]} {number}: " if len(images) > 1 else ""
            return f"{path}: {page}{error}"
    return pages


def prepared(image: Image, values: Values) -> Pixels:
    """Return a picture's pixels as (H, W, 3). Raises ImageError if they are of no use."""
    pixels = image.pixels
    if values == "eight":
        check_for_8_bits(image)
        return to_uint8_rgb(pixels)
    if pixels.dtype.kind == "f" and (lost := np.count_nonzero(~np.isfinite(pixels))):
        raise ImageError(f"{lost / pixels.size:.1%} of its values are NaN or infinity")
    return in_colour(shown(pixels) if values == "shown" else pixels)


def shown(pixels: Pixels) -> Pixels:
    """Return pixels of any shape and type as a model is shown them (`restore.scaling`), from black
    to white: integers on the whole of their range, floats on [0, 1].
    """
    if pixels.dtype == np.uint8:
        return pixels
    scale = scale_for(pixels)
    if pixels.dtype == np.uint16:
        factor = round(1 / scale.span)
        return np.minimum(pixels, FULL // factor) * np.uint16(factor)
    return scale.seen(to_float(pixels)).clip(0, 1)


def in_colour(pixels: Pixels) -> Pixels:
    """Return (H, W, 3) for (H, W, 1) or (H, W, 3): gray is repeated, and held once, read-only."""
    return np.broadcast_to(pixels, (*pixels.shape[:2], 3))


def common_type(pictures: Sequence[Pixels]) -> np.dtype[Any]:
    """Return the smallest type that holds the values of all pictures exactly."""
    widest: np.dtype[Any] = max((picture.dtype for picture in pictures), key=lambda t: t.itemsize)
    return widest


def as_type(picture: Pixels, kind: np.dtype[Any]) -> Pixels:
    """Return a picture of a narrower type, or of the same, in another: white stays white."""
    if picture.dtype == kind:
        return picture
    if kind == np.uint16:
        return picture.astype(np.uint16) * np.uint16(257)
    return to_float(picture)


def floats_of(values: Tensor) -> Tensor:
    """Return uint8, uint16 or float32 as float32, with white at 1."""
    if values.is_floating_point():
        return values.float()
    return values.float() / (255 if values.element_size() == 1 else FULL)
