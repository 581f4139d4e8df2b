"""JPEG, with Pillow."""

from dataclasses import replace
from typing import Any, Final

import PIL.Image
import PIL.JpegImagePlugin

from imgae.errors import warn
from imgae.io import pillow
from imgae.io.format import Encoding, File, Format, Limits
from imgae.io.metadata import read_exif, read_orientation, upright
from imgae.picture.image import Frames

QUALITY: Final = 95
MOST_METADATA: Final = 65000
"""Bytes of EXIF, or of XMP; each must fit into one segment."""


def read(file: File) -> Frames:
    name = file.name
    with pillow.opened(file, "JPEG") as picture:
        pictures = getattr(picture, "n_frames", 1)
        if pictures > 1:  # phones append a depth or gain map to an ordinary JPEG
            warn(f"{name}: {pictures} pictures in one JPEG; only the first is used")
        pixels, alpha = pillow.decode(picture, name)
        image = pillow.with_metadata(picture, pixels, alpha, read_exif(picture, name))
        image = replace(image, quantisation=read_quantisation(picture))
        return Frames((upright(image, read_orientation(picture)),))


def read_quantisation(file: PIL.Image.Image) -> tuple[float, float] | None:
    """Return the mean steps of a file's tables of luma and chroma, on [0, 1]."""
    tables = getattr(file, "quantization", None)
    if not tables:
        return None
    means = [sum(tables[key]) / (255 * len(tables[key])) for key in sorted(tables)]
    return means[0], means[1] if len(means) > 1 else means[0]


def encode(frames: Frames, name: str, encoding: Encoding) -> bytes:  # noqa: ARG001 - a Format's signature
    image = frames[0]
    options: dict[str, Any] = {"quality": encoding.quality or QUALITY, "subsampling": 0}
    if image.dpi:
        options["dpi"] = image.dpi
    if image.xmp:
        options["xmp"] = image.xmp
    return pillow.encode(image, "JPEG", options)


FORMAT: Final = Format(
    read,
    encode,
    Limits(
        bits=8,
        alpha=False,
        side=65500,  # where libjpeg ends
        metadata=MOST_METADATA,
        lossy=True,
        holds=frozenset({"icc", "exif", "xmp", "dpi"}),
    ),
)
