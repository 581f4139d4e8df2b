"""Reading and writing picture files, with what travels in them.

What a format cannot keep is said as an ImgaeWarning. A file appears under its name only when it
is whole. The formats are in imgae.io.formats.
"""

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np

from imgae.errors import ImageError, ImageNotFoundError, ImgaeError
from imgae.io.atomic import write_whole
from imgae.io.format import Limits, fit
from imgae.io.formats import table
from imgae.io.metadata import upright
from imgae.io.places import EXISTS, check_place
from imgae.picture.image import Image

EXTENSIONS: Final = frozenset(table.extensions())
"""What the names of picture files end in, in lower case, with the dot."""
Source = str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO
"""A path, the bytes of a picture file, or a binary file that is open for reading."""
UNNAMED: Final = "the given bytes"


def read_image(source: Source) -> Image:
    """Read a picture upright, in its own type; the content decides on the format, not the name.

    Formats: FORMATS.

    source: a path (str or Path), a picture file's content (bytes, bytearray or memoryview), or a
    binary file that is open for reading, as from open(path, "rb") or io.BytesIO. It is read from
    where it stands to its end, and is not closed.

    Returns an imgae.Image. Its pixels are (H, W, 1) gray or (H, W, 3) RGB: uint8, 0 to 255; uint16,
    0 to 65535; or float32, where 0 is black and 1 is white. Palettes become RGB, black and white
    becomes gray, and a transparent colour becomes alpha. Alpha, colour profile, EXIF, XMP and
    resolution are kept in it.

    Raises ImageNotFoundError, also a FileNotFoundError, if there is no such file. Raises ImageError
    if the picture cannot be read whole, is in another format, holds several frames or pages, or has
    colours other than gray and RGB. Both name the file. Warns with ImgaeWarning of what is lost.

    >>> image = imgae.read_image("photo.jpg")
    >>> image
    Image(4000x3000, RGB, 8 bits a channel)
    >>> image.pixels.shape
    (3000, 4000, 3)
    """
    data, name = contents_of(source)
    row = table.of_content(data)
    if row is None:
        raise ImageError(f"{name}: not a picture that can be read; imgae reads {table.listed()}")
    read = row.load().read
    try:
        image, orientation = read(data, name)
    except ImgaeError:
        raise
    except MemoryError as error:
        raise ImageError(f"{name}: does not fit into memory") from error
    except Exception as error:  # decoders of damaged files raise anything
        raise ImageError(f"{name}: damaged or cut short ({one_line(error)})") from error
    return upright(image, orientation)


def contents_of(source: Source) -> tuple[bytes, str]:
    """Return the bytes of a picture file, and what messages call it. Raises ImageError."""
    if isinstance(source, (str, os.PathLike)):
        return read_bytes(Path(source)), str(Path(source))
    if isinstance(source, (bytes, bytearray, memoryview)):
        data, name = bytes(source), UNNAMED
    elif hasattr(source, "read"):
        data, name = read_stream(source)
    else:
        raise ImageError(
            f"read_image takes a path, bytes or a binary file, not {type(source).__name__}"
        )
    if not data:
        raise ImageError(f"{name}: empty, 0 bytes")
    return data, name


def read_bytes(path: Path) -> bytes:
    """Return what a file holds. Raises ImageError if it cannot be read or is empty."""
    try:
        if path.is_dir():
            raise ImageError(f"{path}: a folder, not a picture; name the files in it")
        if path.exists() and not path.is_file():
            raise ImageError(f"{path}: not an ordinary file")
        data = path.read_bytes()
    except FileNotFoundError:
        raise ImageNotFoundError(f"{path}: no such file") from None
    except (OSError, ValueError) as error:  # ValueError: a null character in the name
        raise ImageError(f"{path}: cannot be read: {reason(error)}") from error
    if not data:
        raise ImageError(f"{path}: empty, 0 bytes")
    return data


def read_stream(file: BinaryIO) -> tuple[bytes, str]:
    """Return what is left in an open file, and its name or what to call it."""
    known = getattr(file, "name", None)
    name = os.fsdecode(known) if isinstance(known, (str, bytes, os.PathLike)) else None
    text = isinstance(file, io.TextIOBase)
    try:
        data = b"" if text else file.read()
    except (OSError, ValueError) as error:  # ValueError: a file that has been closed
        raise ImageError(f"{name or UNNAMED}: cannot be read: {reason(error)}") from error
    if text or isinstance(data, str):
        raise ImageError(f"{name or 'the given file'}: opened as text; open it with mode 'rb'")
    if not isinstance(data, (bytes, bytearray, memoryview)):
        raise ImageError(
            f"{name or UNNAMED}: its read() returned {type(data).__name__}; expected bytes"
        )
    return bytes(data), name or UNNAMED


def write_image(image: Image, path: str | os.PathLike[str], overwrite: bool = False) -> None:
    """Write a picture file; the name's extension sets the format, the picture its depth and mode.

    Formats and extensions: EXTENSIONS.

    image: an imgae.Image. Wrap an array (H, W, 3) or (H, W, 1) of uint8, uint16 or float32 as
    imgae.Image(array). Floats are written to TIFF as they are; other formats hold integers, for
    which 0 is black, 1 is white, and what lies outside is clipped.
    path: where to; its folder must exist. overwrite: replace a file that exists there.

    PNG, TIFF and WebP keep every pixel; JPEG is written at quality 95 without chroma subsampling.
    What a format cannot hold is left out with an ImgaeWarning: alpha and all above 8 bits in JPEG,
    all above 8 bits in WebP and above 16 in PNG, camera data in TIFF.

    The file appears under its name only when it is whole. Raises ImageError if the extension is
    unknown, the file exists and `overwrite` is false, the picture holds NaN or infinity, or writing
    fails; then nothing is left behind, and a file that was there before is unharmed.

    >>> imgae.write_image(image, "photo.png")
    >>> imgae.write_image(imgae.Image(array), "array.tif", overwrite=True)
    """
    path = Path(path)
    if not isinstance(image, Image):
        kind = f"{type(image).__module__}.{type(image).__name__}"
        raise ImageError(
            f"{path}: write_image takes an imgae.Image, not {kind}; "
            "wrap an array (H, W, C) as imgae.Image(array)"
        )
    for part in (image.pixels, image.alpha):
        if part is not None and part.dtype == np.float32 and not np.isfinite(part).all():
            raise ImageError(
                f"{path}: the picture holds NaN or infinity; replace them before it is written, as "
                "with numpy.nan_to_num"
            )
    check_writable(path, overwrite)
    write_file(path, encode(image, path), overwrite)


for documented in (read_image, write_image):  # so that help() lists what the table does
    documented.__doc__ = (
        (documented.__doc__ or "")
        .replace("FORMATS", table.listed())
        .replace("EXTENSIONS", ", ".join(table.extensions()))
    )
del documented


def check_writable(path: Path, overwrite: bool) -> None:
    """Raise ImageError if a picture could not be written there, as far as can be told before."""
    writer_for(path)
    check_place(path, overwrite)


def format_of(path: Path) -> str | None:
    """Return the format that a file's name says it is, as in "PNG", or None."""
    row = table.of_name(path)
    return row.name if row else None


def writer_for(path: Path) -> tuple[str, Limits, Callable[[Image, str], bytes]]:
    """Return the name, the limits and the encoder of the format that a file's name ends in.

    Raises ImageError if there is none, or imgae does not write it.
    """
    row = table.of_name(path)
    if row is None:
        known = ", ".join(table.extensions())
        raise ImageError(f"{path}: cannot tell the format to write; end the name in {known}")
    found = row.load()
    if found.encode is None:
        raise ImageError(f"{path}: imgae reads {row.name} but does not write it; write PNG or TIFF")
    return row.name, found.limits, found.encode


def encode(image: Image, path: Path) -> bytes:
    """Return the bytes of a picture's file. Raises ImageError; see write_image."""
    kind, limits, encoder = writer_for(path)
    image = fit(image, limits, kind, str(path))
    try:
        return encoder(image, str(path))
    except ImgaeError:
        raise
    except Exception as error:
        raise ImageError(f"{path}: cannot be written as {kind} ({one_line(error)})") from error


def write_file(path: Path, data: bytes, overwrite: bool) -> None:
    """Write bytes whole or not at all. Raises ImageError; what was there before is unharmed."""
    try:
        write_whole(path, data, overwrite=overwrite)
    except FileExistsError:
        raise ImageError(EXISTS.format(path)) from None
    except OSError as error:
        raise ImageError(f"{path}: cannot be written: {error.strerror}") from error


def reason(error: OSError | ValueError) -> str:
    return getattr(error, "strerror", None) or one_line(error)


def one_line(error: BaseException) -> str:
    return str(error).strip().split("\n")[0] or type(error).__name__
