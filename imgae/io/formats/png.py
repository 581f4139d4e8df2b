"""PNG: 16 bits with OpenCV and by hand, 8 bits with Pillow."""

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgae.errors import warn
from imgae.picture.arrays import channels_of, split_alpha
from imgae.picture.image import Image
from imgae.picture.pixels import from_float, to_float


def decode_png16(
    data: bytes, colour_type: int, transparent: object
) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Decode 16 bits in any mode. transparent: Pillow's notion of a colour that is, or None."""
    import cv2  # imported here: most pictures do without it

    array = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if array is None or array.dtype != np.uint16:
        raise ValueError("OpenCV could not decode its 16-bit pixels")
    if array.ndim == 2:
        alpha = None
        if isinstance(transparent, int):
            alpha = np.where(array == transparent, 0, 65535).astype(np.uint16)
        return array[:, :, None], alpha
    array = array[:, :, [2, 1, 0, 3][: array.shape[2]]]
    if colour_type == 4:  # gray with alpha, which OpenCV hands over as BGRA
        return np.ascontiguousarray(array[:, :, :1]), np.ascontiguousarray(array[:, :, 3])
    return split_alpha(array, array.shape[2] == 4)


def encode_png16(image: Image, path: Path) -> bytes:
    """Encode 16 bits in any mode. Pillow writes none but gray, OpenCV no gray with alpha."""
    if image.bits == 32:
        warn(f"{path}: PNG holds 16 bits; reduced from 32")
    array = channels_of(image)
    if image.bits == 32:
        array = from_float(to_float(array), np.uint16)
    height, width, channels = array.shape
    rows = array.astype(">u2").view(np.uint8).reshape(height, -1)
    filtered = np.empty((height, 1 + rows.shape[1]), np.uint8)
    filtered[:, 0] = 2  # "up": each row as its difference from the one above
    filtered[0, 1:] = rows[0]
    np.subtract(rows[1:], rows[:-1], out=filtered[1:, 1:])
    colour_type = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, colour_type, 0, 0, 0))]
    if image.icc:
        chunks.append((b"iCCP", b"ICC profile\0\0" + zlib.compress(image.icc)))
    if image.dpi:
        per_metre = [round(value / 0.0254) for value in image.dpi]
        chunks.append((b"pHYs", struct.pack(">IIB", *per_metre, 1)))
    if image.exif:
        chunks.append((b"eXIf", image.exif))
    if image.xmp:
        chunks.append((b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + image.xmp))
    chunks += [(b"IDAT", zlib.compress(filtered.tobytes(), 4)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
