"""WebP, with Pillow."""

from typing import Any, Final

import PIL.WebPImagePlugin  # noqa: F401 - Pillow opens with the plugins that are imported

from imgae.io import pillow
from imgae.io.format import Encoding, File, Format, Limits
from imgae.io.metadata import read_exif, read_orientation, upright
from imgae.picture.image import Frames


def read(file: File) -> Frames:
    with pillow.opened(file, "WEBP") as picture:
        pillow.check_single(picture, file.name)
        pixels, alpha = pillow.decode(picture, file.name)
        image = pillow.with_metadata(picture, pixels, alpha, read_exif(picture, file.name))
        return Frames((upright(image, read_orientation(picture)),))


def encode(frames: Frames, name: str, encoding: Encoding) -> bytes:  # noqa: ARG001 - a Format's signature
    image = frames[0]
    options: dict[str, Any] = {"lossless": True, "exact": True, "method": 2}
    if image.xmp:
        options["xmp"] = image.xmp
    return pillow.encode(image, "WEBP", options)


FORMAT: Final = Format(
    read,
    encode,
    Limits(bits=8, gray=False, side=16383, holds=frozenset({"icc", "exif", "xmp", "dpi"})),
)
