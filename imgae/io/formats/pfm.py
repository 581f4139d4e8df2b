"""PFM: floats, as they are, however large."""

import math
import re
from typing import Final

import numpy as np

from imgae.errors import ImageError, warn
from imgae.io.format import Encoding, File, Format, Limits
from imgae.io.metadata.upright import upright
from imgae.picture.image import Frames, Image, Stored
from imgae.picture.pixels import to_float

HEAD: Final = re.compile(
    rb"P([Ff])\s+([0-9]{1,10})\s+([0-9]{1,10})\s+([-+0-9.eE]{1,40})(?:\r\n|\s)"
)


def read(file: File) -> Frames:
    data, name = file.data, file.name
    head = HEAD.match(data)
    if head is None:
        raise ImageError(f"{name}: damaged or cut short: its head is not that of a PFM")
    width, height = int(head[2]), int(head[3])
    file.check_size(width, height)
    try:
        scale = float(head[4])
    except ValueError:
        scale = 0.0
    if not scale or not math.isfinite(scale):
        raise ImageError(f"{name}: damaged: its scale is {head[4].decode('ascii')}")
    channels = 3 if head[1] == b"F" else 1
    count = width * height * channels
    if len(data) - head.end() < 4 * count:
        raise ImageError(f"{name}: damaged or cut short: its pixels are not whole")
    if rest := len(data) - head.end() - 4 * count:
        warn(f"{name}: {rest} bytes after the end of the picture are left out")
    array = np.frombuffer(data, "<f4" if scale < 0 else ">f4", count, head.end())
    pixels = array.reshape(height, width, channels)[::-1].astype(np.float32)  # from the bottom up
    stored = Stored("PFM", "", 32, {"scale": scale})
    return Frames((upright(Image(pixels, stored=stored), 1),))


def encode(frames: Frames, name: str, encoding: Encoding) -> bytes:  # noqa: ARG001 - a Format's signature
    image = frames[0]
    stored = image.stored if image.stored is not None and image.stored.format == "PFM" else None
    scale = float(stored.details["scale"]) if stored else -1.0
    kind = "F" if image.pixels.shape[2] == 3 else "f"
    head = f"P{kind}\n{image.width} {image.height}\n{scale!r}\n"
    values = to_float(image.pixels)[::-1].astype("<f4" if scale < 0 else ">f4")
    return head.encode() + values.tobytes()


FORMAT: Final = Format(read, encode, Limits(bits=32, alpha=False, holds=frozenset()))
