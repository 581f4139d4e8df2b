"""TIFF: 8 bits are read with Pillow; the rest, and all that is written, goes through tifffile.

Pillow reads pictures above 8 bits as 8 bits, or not at all.
"""

import io
from dataclasses import replace
from typing import Any, Final

import numpy as np
import PIL.Image
import PIL.TiffImagePlugin
import tifffile
from numpy.typing import NDArray

from imgae.errors import ImageError, warn
from imgae.io import opencv, pillow
from imgae.io.format import Encoding, File, Format, Limits
from imgae.io.metadata import (
    EXIF_PREFIX,
    EXIF_TAG,
    GPS_TAG,
    ICC_TAG,
    ORIENTATION_TAG,
    XMP_TAG,
    exif_bytes,
    read_orientation,
    upright,
)
from imgae.picture.arrays import channels_of, split_alpha
from imgae.picture.image import Frames, Image
from imgae.picture.orientation import turned_dpi
from imgae.picture.pixels import from_float, scale_of, to_float

BEGINNINGS: Final = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
"""What tifffile reads; Pillow knows two more."""
TEXT_TAGS: Final = (270, 271, 272, 305, 306, 315, 33432)
"""Description, maker, dates and rights. Others describe how the pixels are stored."""
SAMPLES_TAG: Final = 277


def read(file: File) -> Frames:
    image, orientation = read_deep(file.data, file.name) or read_8_bits(file)
    return Frames((upright(image, orientation),))


def read_8_bits(file: File) -> tuple[Image, int]:
    name = file.name
    with pillow.opened(file, "TIFF") as picture:
        pillow.check_single(picture, name)
        samples = getattr(picture, "tag_v2", {}).get(SAMPLES_TAG, 1)
        if picture.mode == "RGBX" or samples > len(picture.getbands()):
            raise ImageError(
                f"{name}: {samples} channels; expected gray or RGB, with or without alpha"
            )
        # Pillow turns the picture itself while decoding, and then forgets the tag.
        orientation = read_orientation(picture)
        pixels, alpha = pillow.decode(picture, name)
        image = pillow.with_metadata(picture, pixels, alpha, read_exif(picture, name))
        left = read_orientation(picture)
        return turned_already(image, orientation) if left == 1 else (image, left)


def turned_already(image: Image, orientation: int) -> tuple[Image, int]:
    """Return a picture whose pixels a decoder has turned, with the rest turned too."""
    dpi = turned_dpi(image.dpi, orientation)
    return replace(image, turned=orientation, dpi=dpi), 1


def read_exif(file: PIL.Image.Image, name: str) -> bytes | None:
    """Return what of the tags is about the picture as EXIF."""
    tags, kept = file.getexif(), PIL.Image.Exif()
    kept.update({tag: tags[tag] for tag in TEXT_TAGS if tag in tags})
    for tag in (EXIF_TAG, GPS_TAG):
        if details := tags.get_ifd(tag):
            kept.get_ifd(tag).update(details)
    return exif_bytes(kept, name)


def read_deep(data: bytes, name: str) -> tuple[Image, int] | None:
    """Return the picture as stored and its orientation; None if it is not above 8 bits."""
    if data[:4] not in BEGINNINGS:
        return None
    with tifffile.TiffFile(io.BytesIO(data)) as tiff:
        page = tiff.pages.first
        if page.dtype in (np.uint8, bool):
            return None
        if len(tiff.pages) > 1:
            raise ImageError(f"{name}: holds {len(tiff.pages)} pages; imgae takes single pictures")
        if page.dtype not in (np.uint16, np.float32):
            raise ImageError(
                f"{name}: its pixels are {page.dtype}; expected uint8, uint16 or float32"
            )
        photometric = tifffile.PHOTOMETRIC(page.photometric).name
        if photometric not in ("MINISWHITE", "MINISBLACK", "RGB"):
            raise ImageError(
                f"{name}: its colours are {photometric}; convert it to gray or RGB first"
            )
        array, turned = decode_page(page, data)
        alphas = len(page.extrasamples)
        colours = array.shape[2] - alphas
        if colours not in (1, 3) or alphas > 1:
            raise ImageError(
                f"{name}: {array.shape[2]} channels; expected gray or RGB, with or without alpha"
            )
        pixels, alpha = split_alpha(array, alphas == 1)
        if photometric == "MINISWHITE":
            pixels = scale_of(pixels.dtype) - pixels
        if alpha is not None and page.extrasamples[0] == 1:
            pixels = unassociated(pixels, alpha)
        if pixels.dtype == np.float32:
            warn_if_outside(pixels, name)
        image, orientation = with_tags(Image(pixels, alpha), page, name)
        return turned_already(image, orientation) if turned else (image, orientation)


def warn_if_outside(pixels: NDArray[Any], name: str) -> None:
    """Warn of floats that are blacker than black or whiter than white: restoring clips them."""
    least, most = pixels.min(), pixels.max()
    if least < 0 or most > 1:
        warn(
            f"{name}: its values reach from {least:.4g} to {most:.4g}; restoring takes those below "
            "0 for black and those above 1 for white"
        )


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


def with_tags(image: Image, page: Any, name: str) -> tuple[Image, int]:
    """Return the picture with a page's metadata, and its orientation."""
    tags = {tag.code: tag.value for tag in page.tags}
    if EXIF_TAG in tags or GPS_TAG in tags:
        warn(f"{name}: camera and place data (EXIF) of such a TIFF is not carried over")
    text = PIL.Image.Exif()
    text.update({tag: str(tags[tag]) for tag in TEXT_TAGS if tags.get(tag)})
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
    array = opencv.decode(data)
    if array is None:
        raise ValueError("its compression is not supported")
    return array[:, :, None] if array.ndim == 2 else array


def encode(frames: Frames, name: str, encoding: Encoding) -> bytes:  # noqa: ARG001 - a Format's signature
    image = frames[0]
    tags: list[tuple[int, int, int, Any, bool]] = []
    if image.exif:
        exif = PIL.Image.Exif()
        exif.load(EXIF_PREFIX + image.exif)
        tags += [
            (tag, 2, 0, str(exif[tag]), True)
            for tag in TEXT_TAGS
            if exif.get(tag) and str(exif[tag]).isascii()
        ]
        if exif.get_ifd(EXIF_TAG) or exif.get_ifd(GPS_TAG):
            warn(f"{name}: camera and place data (EXIF) cannot be kept in this TIFF")
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


FORMAT: Final = Format(read, encode, Limits(holds=frozenset({"icc", "exif", "xmp", "dpi"})))
