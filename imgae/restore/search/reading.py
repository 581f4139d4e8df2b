"""Reading pictures as a network sees them, of large JPEGs at a part of their size.

A JPEG is stored in blocks of 8x8 pixels, which a decoder can also make 4x4 or 2x2. As long as the
result is three times as large as what a network sees, the cosine between both vectors was 0.99999
(median of 26 photographs of 2048 pixels) and at least 0.9993, in a third of the time. At twice the
size it was 0.9999 and 0.994.
"""

import io
import os
from typing import Any, Final, NamedTuple

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from imgae.errors import caught_warnings, named
from imgae.io import files, remote
from imgae.io.files import Source
from imgae.io.format import MOST_PIXELS
from imgae.picture.arrays import from_picture
from imgae.picture.image import Image
from imgae.picture.orientation import turn
from imgae.restore.search.describe import LONG, SHORT, Describer, Floats, shrunk

LEAST: Final = 3 * LONG
"""Pixels on the long side, at least, of a JPEG that is decoded at a part of its size."""
START: Final = b"\xff\xd8\xff"
ORIENTATION: Final = 0x0112
"""The number of EXIF's tag."""


class Small(NamedTuple):
    """A picture as a network sees it, as `describe.shrunk` returns it, and how many pixels it has
    in its file.
    """

    pixels: NDArray[np.uint8]
    area: int


def read(data: bytes, name: str) -> Small:
    """Return the first picture in the bytes of a file. name: what messages call it.

    What is lost on the way, as of colour profiles, is not warned of. Raises ImgaeError.
    """
    with caught_warnings(), named(name):
        found = reduced(data)
        if found is None:
            image = files.frames_of(data, name)[0]
            found = Small(shrunk(image), image.width * image.height)
        return found


def reduced(data: bytes) -> Small | None:
    """Return a large JPEG of gray or RGB from a part of its data; None for all others, and for what
    cannot be read so: reading it whole tells why.
    """
    if not data.startswith(START):
        return None
    try:
        with PIL.Image.open(io.BytesIO(data), formats=["JPEG"]) as file:
            width, height = file.size
            long, area = max(width, height), width * height
            if file.mode not in ("L", "RGB") or long < 2 * LEAST or area > MOST_PIXELS:
                return None
            scale = LEAST / long
            file.draft(file.mode, (int(width * scale), int(height * scale)))
            code = file.getexif().get(ORIENTATION, 1)
            pixels = np.asarray(file)
    except Exception:  # decoders raise anything
        return None
    if min(pixels.shape[:2]) < 2 * SHORT:
        return None
    image = Image(pixels[:, :, None] if pixels.ndim == 2 else pixels)
    return Small(shrunk(turn(image, code)), area)


def vector_of(
    picture: Source | Image | PIL.Image.Image | NDArray[Any], describer: Describer
) -> Floats:
    """Return the vector of a picture of any kind that `Index.search` takes. Raises ImageError."""
    is_file = isinstance(picture, (str, os.PathLike, bytes, bytearray, memoryview))
    whole: Any = picture
    if is_file or remote.is_remote(picture) or hasattr(picture, "read"):
        return describer.of_small(read(*files.contents_of(whole)).pixels)
    return describer.describe(from_picture(whole))
