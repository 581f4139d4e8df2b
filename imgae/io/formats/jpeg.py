"""JPEG, with Pillow."""

from dataclasses import replace
from typing import Any, Final

import PIL.Image
import PIL.JpegImagePlugin

from imgae.errors import warn
from imgae.io import pillow
from imgae.io.format import Format, Limits
from imgae.io.metadata import read_exif, read_orientation
from imgae.picture.image import Image

QUALITY: Final = 95
MOST_METADATA: Final = 65000
"""Bytes of EXIF, or of XMP; each must fit into one segment."""


def read(data: bytes, name: str) -> tuple[Image, int]:
    with pillow.opened(data, "JPEG", name) as file:
        if file.format == "MPO":  # phones append a depth or gain map to an ordinary JPEG
            if (frames := getattr(file, "n_frames", 1)) > 1:
                warn(f"{name}: {frames} pictures in one JPEG; only the first is used")
        else:
            pillow.check_single(file, name)
        pixels, alpha = pillow.decode(file, name)
        image = pillow.with_metadata(file, pixels, alpha, read_exif(file, name))
        return replace(image, quantisation=read_quantisation(file)), read_orientation(file)


def read_quantisation(file: PIL.Image.Image) -> tuple[float, float] | None:
    """Return the mean steps of a file's tables of luma and chroma, on [0, 1]."""
    tables = getattr(file, "quantization", None)
    if not tables:
        return None
    means = [sum(tables[key]) / (255 * len(tables[key])) for key in sorted(tables)]
    return means[0], means[1] if len(means) > 1 else means[0]


def encode(image: Image, name: str) -> bytes:  # noqa: ARG001 - a Format's signature
    options: dict[str, Any] = {"quality": QUALITY, "subsampling": 0}
    if image.dpi:
        options["dpi"] = image.dpi
    if image.xmp:
        options["xmp"] = image.xmp
    return pillow.encode(image, "JPEG", options)


FORMAT: Final = Format(
    read, encode, Limits(bits=8, alpha=False, side=65535, metadata=MOST_METADATA)
)
