"""WebP, with Pillow."""

from typing import Any, Final

import PIL.WebPImagePlugin  # noqa: F401 - Pillow opens with the plugins that are imported

from imgae.io import pillow
from imgae.io.format import Format, Limits
from imgae.io.metadata import read_exif, read_orientation
from imgae.picture.image import Image


def read(data: bytes, name: str) -> tuple[Image, int]:
    with pillow.opened(data, "WEBP", name) as file:
        pillow.check_single(file, name)
        pixels, alpha = pillow.decode(file, name)
        image = pillow.with_metadata(file, pixels, alpha, read_exif(file, name))
        return image, read_orientation(file)


def encode(image: Image, name: str) -> bytes:  # noqa: ARG001 - a Format's signature
    options: dict[str, Any] = {"lossless": True, "exact": True, "method": 2}
    if image.xmp:
        options["xmp"] = image.xmp
    return pillow.encode(image, "WEBP", options)


FORMAT: Final = Format(read, encode, Limits(bits=8, side=16383))
