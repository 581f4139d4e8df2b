"""Pictures above 8 bits, PNG and TIFF, which Pillow reads as 8 bits, or not at all."""

import io
import struct
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from imgae.errors import ImageError, warn
from imgae.io.metadata import (
    EXIF_PREFIX,
    EXIF_TAG,
    GPS_TAG,
    ICC_TAG,
    ORIENTATION_TAG,
    TIFF_TEXT_TAGS,
    XMP_TAG,
)
from imgae.picture.image import Image
from imgae.picture.pixels import from_float, scale_of, to_float

TIFF_BEGINNINGS: Final = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


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


def read_deep_tiff(data: bytes, path: Path) -> tuple[Image, int] | None:
    """Return the picture as stored and its orientation; None if it is no TIFF above 8 bits.

    Pillow opens few of these, and some as 8 bits.
    """
    if data[:4] not in TIFF_BEGINNINGS:
        return None
    import tifffile  # imported here: only TIFFs need it

    with tifffile.TiffFile(io.BytesIO(data)) as tiff:
        page = tiff.pages.first
        if page.dtype in (np.uint8, bool):
            return None
        if len(tiff.pages) > 1:
            raise ImageError(f"{path}: holds {len(tiff.pages)} pages; imgae takes single pictures")
        if page.dtype not in (np.uint16, np.float32):
            raise ImageError(
                f"{path}: its pixels are {page.dtype}; expected uint8, uint16 or float32"
            )
        photometric = tifffile.PHOTOMETRIC(page.photometric).name
        if photometric not in ("MINISWHITE", "MINISBLACK", "RGB"):
            raise ImageError(
                f"{path}: its colours are {photometric}; convert it to gray or RGB first"
            )
        array, turned = decode_page(page, data)
        alphas = len(page.extrasamples)
        colours = array.shape[2] - alphas
        if colours not in (1, 3) or alphas > 1:
            raise ImageError(
                f"{path}: {array.shape[2]} channels; expected gray or RGB, with or without alpha"
            )
        pixels, alpha = split_alpha(array, alphas == 1)
        if photometric == "MINISWHITE":
            pixels = scale_of(pixels.dtype) - pixels
        if alpha is not None and page.extrasamples[0] == 1:
            pixels = unassociated(pixels, alpha)
        if pixels.dtype == np.float32 and pixels.max() > 1.5:
            warn(f"{path}: its values reach {pixels.max():.4g}; above 1 they are taken for white")
        image, orientation = with_tags(Image(pixels, alpha), page, path)
        return (replace(image, turned=orientation), 1) if turned else (image, orientation)


def decode_page(page: Any, data: bytes) -> tuple[NDArray[Any], bool]:
    """Return a page of tifffile's as (H, W, C), and whether it is turned upright already."""
    try:
        array: NDArray[Any] = page.asarray()
    except (ValueError, KeyError):  # a compression that tifffile needs another package for
        return decode_with_libtiff(data), True
    if page.planarconfig == 2 and array.ndim == 3:
        array = array.transpose(1, 2, 0)
    return array if array.ndim == 3 else array[:, :, None], False


def unassociated(pixels: NDArray[Any], alpha: NDArray[Any]) -> NDArray[Any]:
    """Undo the multiplication of colours by alpha."""
    visible = np.maximum(to_float(alpha), 1e-6)[:, :, None]
    return from_float(to_float(pixels) / visible, pixels.dtype)


def with_tags(image: Image, page: Any, path: Path) -> tuple[Image, int]:
    """Return the picture with a page's metadata, and its orientation."""
    tags = {tag.code: tag.value for tag in page.tags}
    if EXIF_TAG in tags or GPS_TAG in tags:
        warn(f"{path}: camera and place data (EXIF) of such a TIFF is not carried over")
    text = PIL.Image.Exif()
    text.update({tag: str(tags[tag]) for tag in TIFF_TEXT_TAGS if tags.get(tag)})
    has_resolution = 282 in tags and tags.get(296) in (2, 3)  # per inch or centimetre
    image = replace(
        image,
        icc=tags.get(ICC_TAG),
        exif=text.tobytes().removeprefix(EXIF_PREFIX) if len(text) else None,
        xmp=tags.get(XMP_TAG),
        dpi=page.get_resolution("inch") if has_resolution else None,
    )
    return image, int(tags.get(ORIENTATION_TAG, 1))


def decode_with_libtiff(data: bytes) -> NDArray[Any]:
    import cv2

    array = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if array is None:
        raise ValueError("its compression is not supported")
    if array.ndim == 2:
        return array[:, :, None]
    return array[:, :, [2, 1, 0, 3][: array.shape[2]]]


def encode_tiff(image: Image, path: Path) -> bytes:
    import tifffile  # imported here: only TIFFs need it

    tags: list[tuple[int, int, int, Any, bool]] = []
    if image.exif:
        exif = PIL.Image.Exif()
        exif.load(EXIF_PREFIX + image.exif)
        tags += [
            (tag, 2, 0, str(exif[tag]), True)
            for tag in TIFF_TEXT_TAGS
            if exif.get(tag) and str(exif[tag]).isascii()
        ]
        if exif.get_ifd(EXIF_TAG) or exif.get_ifd(GPS_TAG):
            warn(f"{path}: camera and place data (EXIF) cannot be kept in this TIFF")
    if image.xmp:
        tags.append((XMP_TAG, 1, len(image.xmp), image.xmp, True))
    array = channels_of(image)
    gray = image.pixels.shape[2] == 1
    out = io.BytesIO()
    tifffile.imwrite(
        out,
        array[:, :, 0] if array.shape[2] == 1 else array,
        photometric="minisblack" if gray else "rgb",
        extrasamples=None if image.alpha is None else ["unassalpha"],
        planarconfig="contig",
        compression="zlib",
        predictor=image.bits != 32,
        iccprofile=image.icc,
        resolution=image.dpi,
        resolutionunit=None if image.dpi is None else "inch",
        metadata=None,
        software=False,
        extratags=tags,
    )
    return out.getvalue()


def split_alpha(array: NDArray[Any], has_alpha: bool) -> tuple[NDArray[Any], NDArray[Any] | None]:
    if not has_alpha:
        return np.ascontiguousarray(array), None
    return np.ascontiguousarray(array[:, :, :-1]), np.ascontiguousarray(array[:, :, -1])


def channels_of(image: Image) -> NDArray[Any]:
    """Return pixels and alpha in one (H, W, C) array."""
    if image.alpha is None:
        return image.pixels
    return np.concatenate([image.pixels, image.alpha[:, :, None]], 2)
