"""What a file format is: how its files are read and written, and what they cannot hold."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from imgae.errors import ImageError, warn
from imgae.picture.image import Image
from imgae.picture.pixels import from_float, scale_of, to_float


@dataclass(frozen=True)
class Limits:
    """The most that files of a format hold.

    bits: of a channel. alpha: whether they hold transparency. side: pixels of height or width.
    metadata: bytes of EXIF, and of XMP. None is without limit.
    """

    bits: int = 32
    alpha: bool = True
    side: int | None = None
    metadata: int | None = None


@dataclass(frozen=True)
class Format:
    """How files of one format are read and written.

    read: from a whole file's bytes, and its name for messages, to the picture as it is stored and
    its EXIF orientation, 1 to 8. Raises ImageError for what imgae does not take, and anything for
    damaged data.
    encode: from a picture within `limits`, and a name for messages, to a whole file's bytes; None
    if imgae only reads the format.
    """

    read: Callable[[bytes, str], tuple[Image, int]]
    encode: Callable[[Image, str], bytes] | None
    limits: Limits = Limits()


def fit(image: Image, limits: Limits, kind: str, name: str) -> Image:
    """Leave out what files of a kind cannot hold, with a warning that names the file.

    Raises ImageError if the picture is too large for them.
    """
    if limits.side and max(image.height, image.width) > limits.side:
        raise ImageError(
            f"{name}: {image.width}x{image.height} is too large for {kind}, which ends at "
            f"{limits.side} pixels a side; write PNG or TIFF"
        )
    if image.bits > limits.bits:
        warn(f"{name}: {kind} holds {limits.bits} bits; reduced from {image.bits}")
        image = with_bits(image, limits.bits)
    if limits.metadata and len(image.exif or b"") > limits.metadata:
        warn(f"{name}: {kind} cannot hold so much camera data (EXIF); it is left out")
        image = replace(image, exif=None)
    if limits.metadata and len(image.xmp or b"") > limits.metadata:
        warn(f"{name}: {kind} cannot hold so much XMP; it is left out")
        image = replace(image, xmp=None)
    if image.alpha is not None and not limits.alpha:
        if (image.alpha != scale_of(image.alpha.dtype)).any():
            warn(f"{name}: {kind} holds no transparency; it is left out")
        image = replace(image, alpha=None)
    return image


def with_bits(image: Image, bits: int) -> Image:
    """Convert pixels and alpha to integers of 8 or 16 bits."""
    dtype = {8: np.uint8, 16: np.uint16}[bits]
    alpha = None if image.alpha is None else from_float(to_float(image.alpha), dtype)
    return replace(image, pixels=from_float(to_float(image.pixels), dtype), alpha=alpha)
