"""What browsers show of a picture: its own file, or an 8-bit PNG of it."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from imgae.io.colour.inks import MODES
from imgae.io.files import encode
from imgae.io.formats.table import Row
from imgae.io.large import Large
from imgae.model.machine import check_stopped
from imgae.picture.image import Frames, Image
from imgae.picture.pixels import to_uint8
from imgae.restore.scaling import Scale, in_8_bits, scale_for

TYPES: Final = {
    "PNG": "image/png",
    "JPEG": "image/jpeg",
    "TIFF": "image/tiff",
    "WebP": "image/webp",
    "AVIF": "image/avif",
    "HEIC": "image/heic",
    "HTJ2K": "image/jph",
    "JPEG 2000": "image/jp2",
    "JPEG 2000 codestream": "image/j2c",
    "JPEG XL": "image/jxl",
    "GIF": "image/gif",
    "BMP": "image/bmp",
    "PNM": "image/x-portable-anymap",
    "PSD": "image/vnd.adobe.photoshop",
    "EXR": "image/x-exr",
}
"""By the format; others have none."""
OTHER: Final = "application/octet-stream"
SHOWN: Final = {"PNG", "JPEG", "WebP", "AVIF", "GIF", "BMP"}
"""Formats that browsers show."""
TURNED: Final = {"JPEG"}
"""Those of which all browsers turn pictures upright."""
LARGEST: Final = 100_000_000
"""Pixels of a file that browsers are given as it is."""
MOST: Final = 40_000_000
"""Pixels of a picture that is made for them,"""
MOST_REDUCED: Final = 4_000_000
"""and of one that is too large for the memory."""
ROWS: Final = 16
"""Rows that are made at once of such a picture."""


def type_of(row: Row | None) -> str:
    """Return the media type of a format's files."""
    return TYPES.get(row.name, OTHER) if row else OTHER


def shows_itself(row: Row | None, image: Image) -> bool:
    """Return whether browsers show a file as imgae reads it. image: its first picture."""
    return (
        row is not None
        and row.name in SHOWN
        and image.pixels.shape[0] * image.pixels.shape[1] <= LARGEST
        and (image.turned == 1 or row.name in TURNED)
        and not (image.stored and image.stored.mode in MODES)  # each converts inks otherwise
        and (image.bits == 8 or row.name in ("PNG", "AVIF"))
    )


def reduced(large: Large) -> Image:
    """Return a picture that is read by rows, with at most MOST_REDUCED pixels."""
    import cv2  # loads only where it is used

    header = large.header
    factor = math.ceil(math.sqrt(header.height * header.width / MOST_REDUCED))
    width = -(-header.width // factor)

    def scaled(array: NDArray[Any]) -> NDArray[Any]:
        size = width, -(-len(array) // factor)
        small = np.asarray(cv2.resize(array, size, interpolation=cv2.INTER_AREA))
        return small.reshape(small.shape[0], width, *array.shape[2:])

    bands = []
    for top in range(0, header.height, ROWS * factor):
        check_stopped()
        pixels, alpha, _ = large.band(slice(top, top + ROWS * factor))
        bands.append((scaled(pixels), None if alpha is None else scaled(alpha)))
    alphas = [alpha for _, alpha in bands if alpha is not None]
    pixels = np.concatenate([pixels for pixels, _ in bands])
    return replace(
        header, pixels=pixels, alpha=np.concatenate(alphas) if alphas else None, extra=None
    )


def preview_of(image: Image, scale: Scale) -> Image:
    """Return a picture in 8 bits, smaller if it is large, with what its colours mean alone.

    scale: what of its values is black and white.
    """
    small = eight_bits(image, scale)
    share = math.sqrt(MOST / (image.height * image.width))
    if share >= 1:
        return small
    import cv2  # loads only where it is used

    height, width = (max(1, int(side * share)) for side in (image.height, image.width))

    def scaled(array: NDArray[Any]) -> NDArray[Any]:
        return np.asarray(cv2.resize(array, (width, height), interpolation=cv2.INTER_AREA))

    pixels = scaled(small.pixels).reshape(height, width, -1)
    alpha = None if small.alpha is None else scaled(small.alpha)
    return replace(small, pixels=pixels, alpha=alpha)


def eight_bits(image: Image, scale: Scale) -> Image:
    """Return a picture in 8 bits. scale: what of its values is black and white."""
    return Image(
        in_8_bits(finite(image.pixels), scale),
        None if image.alpha is None else to_uint8(image.alpha),
        icc=image.icc,
        cicp=image.cicp,
    )


def scale_of(image: Image) -> Scale:
    """Return what of a picture's values is shown as black and white: 0 and 1, or the ends of a
    range that floats have of their own, as 0 and 256.
    """
    if image.pixels.dtype != np.float32:
        return Scale()
    found = scale_for(finite(image.pixels))
    return Scale() if found.usual else replace(found, span=max(found.span, found.unit))


def finite(pixels: NDArray[Any]) -> NDArray[Any]:
    return np.nan_to_num(pixels, posinf=1.0, neginf=0.0) if pixels.dtype == np.float32 else pixels


def png_of(image: Image) -> bytes:
    """Return a picture as a PNG file."""
    return encode(Frames((image,)), Path("view.png"))
