"""Reading and writing picture files, with what travels in them.

What a format cannot keep is said as an ImgaeWarning. A file appears under its name only when it
is whole. The formats are in imgae.io.formats.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

from imgae.errors import ImageError, ImgaeError
from imgae.io.atomic import write_whole
from imgae.io.format import Limits, fit
from imgae.io.formats import table
from imgae.io.metadata import upright
from imgae.picture.image import Image

EXTENSIONS: Final = frozenset(table.extensions())
"""What the names of picture files end in, in lower case, with the dot."""
EXISTS: Final = "{}: exists already; add --overwrite (overwrite=True), or name another"


def read_image(path: str | os.PathLike[str]) -> Image:
    """Read a picture, upright, in its own type.

    Palettes become RGB, bilevel pictures gray. Raises ImageError, naming the file, if it cannot
    be read whole, is no PNG, JPEG, TIFF or WebP, holds several frames, or has colours other than
    gray and RGB.
    """
    path = Path(path)
    data = read_bytes(path)
    row = table.of_content(data)
    if row is None:
        raise ImageError(f"{path}: not a picture that can be read; imgae reads {table.listed()}")
    read = row.load().read
    try:
        image, orientation = read(data, str(path))
    except ImgaeError:
        raise
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
    writer_for(path)
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


def one_line(error: BaseException) -> str:
    return str(error).strip().split("\n")[0] or type(error).__name__
