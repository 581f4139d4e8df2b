"""PFM: floats, as they are, however large."""

import math
import re
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imgae.errors import ImageError, warn
from imgae.io.format import Encoding, File, Format, Limits, details_of
from imgae.io.metadata.upright import upright
from imgae.picture.image import Frames, Image, Stored
from imgae.picture.pixels import to_float

HEAD: Final = re.compile(
    rb"P([Ff])\s+([0-9]{1,10})\s+([0-9]{1,10})\s+([-+0-9.eE]{1,40})(?:\r\n|\s)"
)


class Head(NamedTuple):
    """What a file says of its picture, and where the pixels begin, from the bottom row up."""

    width: int
    height: int
    channels: int
    scale: float
    begins: int

    @property
    def samples(self) -> str:
        """The samples as numpy names them."""
        return "<f4" if self.scale < 0 else ">f4"


def read_head(file: File) -> Head:
    """Return what a file says of its picture. Raises ImageError."""
    name = file.name
    head = HEAD.match(file.data)
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
    return Head(width, height, 3 if head[1] == b"F" else 1, scale, head.end())


def read(file: File) -> Frames:
    data, name = file.data, file.name
    head = read_head(file)
    count = head.width * head.height * head.channels
    if len(data) - head.begins < 4 * count:
        raise ImageError(f"{name}: damaged or cut short: its pixels are not whole")
    if rest := len(data) - head.begins - 4 * count:
        warn(f"{name}: {rest} bytes after the end of the picture are left out")
    array = np.frombuffer(data, head.samples, count, head.begins)
    pixels = array.reshape(head.height, head.width, head.channels)[::-1].astype(np.float32)
    stored = Stored("PFM", "", 32, {"scale": head.scale})
    return Frames((upright(Image(pixels, stored=stored), 1),))


def encode(frames: Frames, name: str, encoding: Encoding) -> bytes:  # noqa: ARG001 - a Format's signature
    head = head_of(frames[0])
    return head + samples_of(frames[0].pixels[::-1], scale_of(frames[0]))


def scale_of(image: Image) -> float:
    """Return the scale to write, whose sign is the order of bytes: that of the file it was in."""
    return float(details_of(image, "PFM").get("scale", -1.0))


def head_of(image: Image) -> bytes:
    kind = "F" if image.pixels.shape[2] == 3 else "f"
    return f"P{kind}\n{image.width} {image.height}\n{scale_of(image)!r}\n".encode()


def samples_of(rows: NDArray[Any], scale: float) -> bytes:
    """Return rows as bytes, in the order that they come in."""
    return to_float(rows).astype("<f4" if scale < 0 else ">f4").tobytes()


FORMAT: Final = Format(read, encode, Limits(bits=32, alpha=False, holds=frozenset()))
