"""Reading and writing pictures: PNG, JPEG, TIFF and WebP, 8 and 16 bit, with what travels in them.

What a format cannot keep is said as an ImgaeWarning. A file appears under its name only when it
is whole.
"""

import os
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
import PIL.Image

from imgae.errors import ImageError, warn
from imgae.io.atomic import write_whole
from imgae.io.formats.png import encode_png16
from imgae.io.formats.tiff import encode_tiff, read_deep_tiff
from imgae.io.metadata import upright
from imgae.io.pillow import encode_with_pillow, read_with_pillow
from imgae.picture.image import Image
from imgae.picture.pixels import from_float, to_float

FORMATS: Final = {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".webp": "WEBP",
}
EXTENSIONS: Final = frozenset(FORMATS)
WEBP_MAX_SIDE: Final = 16383
JPEG_MAX_SIDE: Final = 65535
JPEG_MAX_METADATA: Final = 65000
EXISTS: Final = "{}: exists already; add --overwrite (overwrite=True), or name another"


def read_image(path: str | os.PathLike[str]) -> Image:
    """Read a picture, upright, in its own type.

    Palettes become RGB, bilevel pictures gray. Raises ImageError, naming the file, if it cannot
    be read whole, is no PNG, JPEG, TIFF or WebP, holds several frames, or has colours other than
    gray and RGB.
    """
    path = Path(path)
    data = read_bytes(path)
    try:
        image, orientation = read_deep_tiff(data, path) or read_with_pillow(data, path)
    except ImageError:
        raise
    except PIL.UnidentifiedImageError as error:
        raise ImageError(
            f"{path}: not a picture that can be read; imgae reads PNG, JPEG, TIFF and WebP"
        ) from error
    except PIL.Image.DecompressionBombError as error:
        raise ImageError(f"{path}: too large to be opened safely: {error}") from error
    except MemoryError as error:
        raise ImageError(f"{path}: does not fit into memory") from error
    except Exception as error:  # decoders of damaged files raise anything
        raise ImageError(f"{path}: damaged or cut short ({one_line(error)})") from error
    return upright(image, orientation)


def read_bytes(path: Path) -> bytes:
    try:
        if path.is_dir():
            raise ImageError(f"{path}: a folder, not a picture; name the files in it")
        if path.exists() and not path.is_file():
            raise ImageError(f"{path}: not an ordinary file")
        data = path.read_bytes()
    except FileNotFoundError:
        raise ImageError(f"{path}: no such file") from None
    except OSError as error:
        raise ImageError(f"{path}: cannot be read: {error.strerror}") from error
    if not data:
        raise ImageError(f"{path}: empty, 0 bytes")
    return data


def write_image(image: Image, path: str | os.PathLike[str], overwrite: bool = False) -> None:
    """Write a picture; the extension sets the format, the picture its bit depth and mode.

    PNG, TIFF and WebP are written without loss, JPEG at quality 95 without chroma subsampling.
    What the format cannot hold is left out with an ImgaeWarning: depth over 8 bits and alpha in
    JPEG, depth in WebP, camera data in a deep TIFF.
    Raises ImageError if the extension is unknown, the file exists and `overwrite` is false, or
    writing fails; then nothing is left behind, and what was there before is unharmed.
    """
    path = Path(path)
    if not isinstance(image, Image):
        raise ImageError(
            f"{path}: write_image takes an imgae.Image, not {type(image).__name__}; "
            "wrap an array (H, W, C) as imgae.Image(array)"
        )
    check_writable(path, overwrite)
    data = encode(image, path)
    write_file(path, data, overwrite)


def check_writable(path: Path, overwrite: bool) -> None:
    """Raise ImageError if a picture could not be written there, as far as can be told before."""
    if path.suffix.lower() not in FORMATS:
        known = ", ".join(FORMATS)
        raise ImageError(f"{path}: cannot tell the format to write; end the name in {known}")
    try:
        if not path.parent.is_dir():
            raise ImageError(f"{path}: there is no folder {path.parent}")
        if os.path.lexists(path):
            if path.exists() and not path.is_file():
                raise ImageError(f"{path}: exists and is not an ordinary file")
            if not overwrite:
                raise ImageError(EXISTS.format(path))
        if not os.access(path.parent, os.W_OK | os.X_OK):
            raise ImageError(f"{path}: the folder {path.parent} cannot be written to")
    except OSError as error:  # a folder above that may not be looked into, or a name too long
        raise ImageError(f"{path}: cannot be written: {error.strerror}") from error


def format_of(path: Path) -> str | None:
    """Return what a file's name says it is: PNG, JPEG, TIFF, WEBP or None."""
    return FORMATS.get(path.suffix.lower())


def encode(image: Image, path: Path) -> bytes:
    kind = FORMATS[path.suffix.lower()]
    if kind in ("JPEG", "WEBP"):
        image = fit_to_8_bits(image, kind, path)
    try:
        if kind == "TIFF":
            return encode_tiff(image, path)
        if kind == "PNG" and image.bits != 8:
            return encode_png16(image, path)
        return encode_with_pillow(image, kind)
    except ImageError:
        raise
    except Exception as error:
        raise ImageError(f"{path}: cannot be written as {kind} ({one_line(error)})") from error


def fit_to_8_bits(image: Image, kind: str, path: Path) -> Image:
    most = WEBP_MAX_SIDE if kind == "WEBP" else JPEG_MAX_SIDE
    if max(image.height, image.width) > most:
        raise ImageError(
            f"{path}: {image.width}x{image.height} is too large for {kind}, which ends at {most} "
            "pixels a side; write PNG or TIFF"
        )
    alpha = image.alpha
    if image.bits != 8:
        warn(f"{path}: {kind} holds 8 bits; reduced from {image.bits}")
        alpha = None if alpha is None else from_float(to_float(alpha), np.uint8)
        pixels = from_float(to_float(image.pixels), np.uint8)
        image = replace(image, pixels=pixels, alpha=alpha)
    if kind == "JPEG" and len(image.exif or b"") > JPEG_MAX_METADATA:
        warn(f"{path}: JPEG cannot hold so much camera data (EXIF); it is left out")
        image = replace(image, exif=None)
    if kind == "JPEG" and len(image.xmp or b"") > JPEG_MAX_METADATA:
        warn(f"{path}: JPEG cannot hold so much XMP; it is left out")
        image = replace(image, xmp=None)
    if kind == "JPEG" and alpha is not None:
        if (alpha != 255).any():
            warn(f"{path}: JPEG holds no transparency; it is left out")
        image = replace(image, alpha=None)
    return image


def write_file(path: Path, data: bytes, overwrite: bool) -> None:
    """Write bytes whole or not at all. Raises ImageError; what was there before is unharmed."""
    try:
        write_whole(path, data, overwrite=overwrite)
    except FileExistsError:
        raise ImageError(EXISTS.format(path)) from None
    except OSError as error:
        raise ImageError(f"{path}: cannot be written: {error.strerror}") from error


def one_line(error: BaseException) -> str:
    return str(error).strip().split("\n")[0] or type(error).__name__
