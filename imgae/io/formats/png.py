"""PNG: 8 bits with Pillow, 16 bits with OpenCV and by hand."""

import struct
import zlib
from typing import Any, Final

import numpy as np
import PIL.PngImagePlugin
from numpy.typing import NDArray

from imgae.io import opencv, pillow
from imgae.io.format import Encoding, File, Format, Limits
from imgae.io.metadata import read_exif, read_orientation, upright
from imgae.picture.arrays import channels_of, split_alpha
from imgae.picture.image import Frames, Image

MAGIC: Final = b"\x89PNG\r\n\x1a\n"
XMP_KEY: Final = "XML:com.adobe.xmp"


def read(file: File) -> Frames:
    data = file.data
    with pillow.opened(file, "PNG") as picture:
        pillow.check_single(picture, file.name)
        bit_depth, colour_type = data[24:26]  # of IHDR
        if bit_depth == 16:
            picture.load()  # finds damage that OpenCV passes over
            transparent = picture.info.get("transparency")
            pixels, alpha = decode_deep(data, colour_type, transparent)
        else:
            pixels, alpha = pillow.decode(picture, file.name)
        image = pillow.with_metadata(picture, pixels, alpha, read_exif(picture, file.name))
        return Frames((upright(image, read_orientation(picture)),))


def decode_deep(
    data: bytes, colour_type: int, transparent: object
) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Decode 16 bits in any mode. transparent: Pillow's notion of a colour that is, or None."""
    array = opencv.decode(data)
    if array is None or array.dtype != np.uint16:
        raise ValueError("OpenCV could not decode its 16-bit pixels")
    if array.ndim == 2:
        alpha = None
        if isinstance(transparent, int):
            alpha = np.where(array == transparent, 0, 65535).astype(np.uint16)
        return array[:, :, None], alpha
    if colour_type == 4:  # gray with alpha, which OpenCV hands over as four channels
        return np.ascontiguousarray(array[:, :, :1]), np.ascontiguousarray(array[:, :, 3])
    return split_alpha(array, array.shape[2] == 4)


def encode(frames: Frames, name: str, encoding: Encoding) -> bytes:  # noqa: ARG001 - a Format's signature
    image = frames[0]
    return encode_deep(image) if image.bits == 16 else encode_8_bits(image)


def encode_8_bits(image: Image) -> bytes:
    # Files are 2 % larger than at Pillow's level 6, and take 40 % of the time.
    options: dict[str, Any] = {"compress_level": 4}
    if image.dpi:
        options["dpi"] = image.dpi
    if image.xmp:
        options["pnginfo"] = PIL.PngImagePlugin.PngInfo()
        options["pnginfo"].add_itxt(XMP_KEY, image.xmp.decode("utf-8", "replace"))
    return pillow.encode(image, "PNG", options)


def encode_deep(image: Image) -> bytes:
    """Encode 16 bits in any mode. Pillow writes none but gray, OpenCV no gray with alpha."""
    array = channels_of(image)
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
        chunks.append((b"iTXt", XMP_KEY.encode() + b"\0\0\0\0\0" + image.xmp))
    chunks += [(b"IDAT", zlib.compress(filtered.tobytes(), 4)), (b"IEND", b"")]
    return MAGIC + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


FORMAT: Final = Format(
    read, encode, Limits(bits=16, holds=frozenset({"icc", "exif", "xmp", "dpi"}))
)
