"""Reading and writing picture files, with what travels in them.

What a format cannot keep is said as an ImgaeWarning. A file appears under its name only when it
is whole. The formats are in imgae.io.formats.
"""

import contextlib
import io
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np

from imgae.errors import (
    ImageError,
    ImageNotFoundError,
    ImgaeError,
    ImgaeWarning,
    MissingExtraError,
    OptionError,
    first_line,
    reason,
    warn,
)
from imgae.io import remote
from imgae.io.atomic import write_whole
from imgae.io.format import MOST_PIXELS, Encoding, File, Limits, check_fits, fit, frames_word
from imgae.io.formats import table
from imgae.io.places import EXISTS, check_place
from imgae.io.remote import Place
from imgae.picture.image import Frames, Image

Source = str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO
"""A path, the bytes of a picture file, or a binary file that is open for reading."""
NO_THREAD: Final = "start new thread"
"""What Python says where there is no memory for a thread."""
UNNAMED: Final = "the given bytes"
AS_IT_IS: Final = Encoding()


def read_image(source: Source, *, max_pixels: int = MOST_PIXELS) -> Image:
    """Read a picture upright, in its own type; the content decides on the format, not the name.

    Formats: FORMATS.

    source: a path (str or Path), a picture file's content (bytes, bytearray or memoryview), or a
    binary file that is open for reading, as from open(path, "rb") or io.BytesIO. It is read from
    where it stands to its end, and is not closed.
    max_pixels: how many pixels a file may have.

    Returns an imgae.Image. Its pixels are (H, W, 1) gray or (H, W, 3) RGB: uint8, 0 to 255; uint16,
    0 to 65535; or float32, where 0 is black and 1 is white. Palettes and inks (CMYK) become RGB,
    black and white becomes gray, a transparent colour becomes alpha, and samples of 9 to 15 bits
    are spread over 16. What the file holds besides pixels is kept in it.

    Raises ImageNotFoundError, also a FileNotFoundError, if there is no such file; MissingExtraError
    if reading its format needs an extra. Raises ImageError if the picture cannot be read whole, is
    in another format, is larger than `max_pixels`, or holds several frames or pages, which
    read_frames takes. All name the file. Warns with ImgaeWarning of what is lost.

    >>> image = imgae.read_image("photo.jpg")
    >>> image
    Image(4000x3000, RGB, 8 bits a channel)
    >>> image.pixels.shape
    (3000, 4000, 3)
    """
    frames, name = read_named(source, max_pixels)
    if len(frames) > 1:
        raise ImageError(
            f"{name}: holds {len(frames)} {frames_word(frames.kind)}; read_image takes single "
            "pictures, and read_frames all others"
        )
    return frames[0]


def read_frames(source: Source, *, max_pixels: int = MOST_PIXELS) -> Frames:
    """Read every page or frame of a file; of a file with one picture, that.

    source, max_pixels, errors and warnings: as for read_image. max_pixels counts all frames.

    Returns imgae.Frames, a sequence of imgae.Image. Frames of an animation are whole pictures, each
    with its duration.

    >>> frames = imgae.read_frames("loop.gif")
    >>> clean = frames.with_images([denoise(image) for image in frames])
    >>> imgae.write_frames(clean, "clean.gif")
    """
    return read_named(source, max_pixels)[0]


def read_named(source: Source, max_pixels: int) -> tuple[Frames, str]:
    """Return what a file holds, and what messages call it. Errors: as for read_image."""
    data, name = contents_of(source)
    return frames_of(data, name, max_pixels), name


def frames_of(data: bytes, name: str, max_pixels: int = MOST_PIXELS) -> Frames:
    """Return what the bytes of a file hold. name: what messages call it. Errors: as above."""
    row = table.of_content(data)
    if row is None:
        raise ImageError(f"{name}: not a picture that can be read; imgae reads {table.listed()}")
    try:
        read = row.load().read
    except MissingExtraError as error:
        raise MissingExtraError(f"{name}: {error}") from error
    with reading(name):
        return read(File(data, name, max_pixels))


@contextlib.contextmanager
def reading(name: str) -> Iterator[None]:
    """Turn whatever decoders raise into an ImageError that names the file."""
    try:
        yield
    except (ImgaeError, ImgaeWarning):  # a warning, where the caller makes errors of them
        raise
    except MemoryError as error:
        raise ImageError(f"{name}: does not fit into memory") from error
    except Exception as error:  # decoders of damaged files raise anything
        if NO_THREAD in str(error):
            raise ImageError(f"{name}: does not fit into memory") from error
        raise ImageError(f"{name}: damaged or cut short ({first_line(error)})") from error


def contents_of(source: Source) -> tuple[bytes, str]:
    """Return the bytes of a picture file, and what messages call it. Raises ImageError."""
    if isinstance(source, (str, os.PathLike)) or remote.is_remote(source):
        place = remote.place_of(source)
        return read_bytes(place), str(place)
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


def read_bytes(path: Place) -> bytes:
    """Return what a file holds. Raises ImageError if it cannot be read or is empty."""
    if remote.is_remote(path):
        return remote.read(path)
    check_source(path)
    try:
        data = read_unchanged(path)
    except OSError as error:
        raise ImageError(f"{path}: cannot be read: {reason(error)}") from error
    if not data:
        raise ImageError(f"{path}: empty, 0 bytes")
    return data


def check_source(path: Place) -> None:
    """Raise ImageError if a path leads to no ordinary file."""
    if remote.is_remote(path):
        remote.check_source(path)
        return
    try:
        kind = path.stat().st_mode
    except FileNotFoundError:
        what = "a link that leads to no file" if path.is_symlink() else "no such file"
        raise ImageNotFoundError(f"{path}: {what}") from None
    except (OSError, ValueError) as error:  # ValueError: a null character in the name
        raise ImageError(f"{path}: cannot be read: {reason(error)}") from error
    if stat.S_ISDIR(kind):
        raise ImageError(
            f"{path}: a folder, not a picture; name the pictures in it, for instance {path}/*"
        )
    if not stat.S_ISREG(kind):
        raise ImageError(f"{path}: not an ordinary file")


def read_unchanged(path: Path) -> bytes:
    """Return what a file holds. Raises ImageError if it is being written to."""
    with path.open("rb") as file:
        before = os.fstat(file.fileno())
        data = file.read()
        after = os.fstat(file.fileno())
    if (before.st_mtime_ns, before.st_size) != (after.st_mtime_ns, len(data)):
        raise ImageError(f"{path}: changed while it was read; try again once it is whole")
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


def write_image(
    image: Image,
    path: str | os.PathLike[str],
    overwrite: bool = False,
    *,
    quality: int | None = None,
) -> None:
    """Write a picture file; the name's extension sets the format, the picture its depth and mode.

    Formats and extensions: EXTENSIONS.

    image: an imgae.Image. Wrap an array (H, W, 3) or (H, W, 1) of uint8, uint16 or float32 as
    imgae.Image(array). Floats are written to TIFF as they are; formats of integers take 0 for
    black and 1 for white, and what lies outside is clipped.
    path: where to; its folder must exist. overwrite: replace a file that exists there.
    quality: 1 to 100, of JPEG and other lossy formats. None writes a JPEG with the tables of the
    JPEG that the picture came from, or else at 95 without chroma subsampling, and keeps every pixel
    in the formats that can.

    What a format cannot hold is left out with an ImgaeWarning that names it.

    The file appears under its name only when it is whole. Raises ImageError if the extension is
    unknown, the file exists and `overwrite` is false, the picture holds NaN or infinity or is too
    large for the format, or writing fails; then nothing is left behind, and a file that was there
    before is unharmed. Raises OptionError for another quality.

    >>> imgae.write_image(image, "photo.png")
    >>> imgae.write_image(imgae.Image(array), "array.tif", overwrite=True)
    """
    if not isinstance(image, Image):
        kind = f"{type(image).__module__}.{type(image).__name__}"
        raise ImageError(
            f"{path}: write_image takes an imgae.Image, not {kind}; "
            "wrap an array (H, W, C) as imgae.Image(array)"
        )
    write_frames(Frames((image,)), path, overwrite, quality=quality)


def write_frames(
    frames: Frames | Sequence[Image],
    path: str | os.PathLike[str],
    overwrite: bool = False,
    *,
    quality: int | None = None,
) -> None:
    """Write every page or frame to one file, in a format that holds several.

    frames: as read_frames returns them, frames.with_images(...), or a list of imgae.Image, which
    become pages. The rest: as for write_image. Raises ImageError, too, if the format does not hold
    several.
    """
    if not (isinstance(path, (str, os.PathLike)) or remote.is_remote(path)):
        raise ImageError(f"a picture is written to a path, not to {type(path).__name__}")
    path = remote.place_of(path)
    if not isinstance(frames, Frames):
        if not isinstance(frames, (list, tuple)) or not all(isinstance(f, Image) for f in frames):
            kind = type(frames).__name__
            raise ImageError(f"{path}: write_frames takes Frames or a list of Image, not {kind}")
        frames = Frames(tuple(frames), "pages")
    check_quality(quality)
    for image in frames:
        check_finite(image, path)
    check_writable(path, overwrite)
    write_file(path, encode(frames, path, Encoding(quality)), overwrite)


def check_finite(image: Image, path: Path) -> None:
    """Raise ImageError for a picture with NaN or infinity."""
    for part in (image.pixels, image.alpha, image.extra):
        if part is not None and part.dtype == np.float32 and not np.isfinite(part).all():
            raise ImageError(
                f"{path}: the picture holds NaN or infinity; replace them before it is "
                "written, as with numpy.nan_to_num"
            )


def check_quality(quality: int | None) -> None:
    if quality is not None and not (isinstance(quality, int) and 1 <= quality <= 100):
        raise OptionError(f"the quality is {quality!r}; expected a whole number from 1 to 100")


for documented in (read_image, write_image):  # so that help() lists what the table does
    documented.__doc__ = (
        (documented.__doc__ or "")
        .replace("FORMATS", table.listed())
        .replace("EXTENSIONS", ", ".join(table.extensions(written=True)))
    )
del documented


def check_writable(path: Place, overwrite: bool) -> None:
    """Raise ImageError if a picture could not be written there, as far as can be told before."""
    writer_for(path)
    check_place(path, overwrite)


def check_kind(frames: Frames, path: Path) -> None:
    """Raise ImageError if a file of the kind that a name ends in cannot hold such pictures."""
    kind, limits, _ = writer_for(path)
    check_fits(frames, limits, kind, str(path))


def format_of(path: Path) -> str | None:
    """Return the format that a file's name says it is, as in "PNG", or None."""
    row = table.of_name(path)
    return row.name if row else None


def writer_for(path: Path) -> tuple[str, Limits, Callable[[Frames, str, Encoding], bytes]]:
    """Return the name, the limits and the encoder of the format that a file's name ends in.

    Raises ImageError if there is none, or imgae does not write it; MissingExtraError if it needs
    an extra.
    """
    row = table.of_name(path)
    if row is None:
        raise ImageError(
            f"{path}: cannot tell the format to write; end the name in {table.usual()}"
        )
    if not row.written:
        raise ImageError(f"{path}: imgae reads {row.name} but does not write it; write TIFF or PNG")
    try:
        found = row.load()
    except MissingExtraError as error:
        raise MissingExtraError(f"{path}: {error}") from error
    if found.encode is None:
        raise ImageError(f"{path}: imgae reads {row.name} but does not write it; write TIFF or PNG")
    return row.name, found.limits, found.encode


def encode(frames: Frames, path: Path, encoding: Encoding = AS_IT_IS) -> bytes:
    """Return the bytes of a picture's file. Raises ImageError; see write_image."""
    kind, limits, encoder = writer_for(path)
    frames = fit(frames, limits, kind, str(path))
    if encoding.quality is not None and not limits.lossy:
        warn(f"{path}: {kind} has no quality to choose; what was asked for is left out")
    if encoding.cmyk:
        tell_of_inks(frames, limits, kind, path)
    try:
        return encoder(frames, str(path), encoding)
    except (ImgaeError, ImgaeWarning):
        raise
    except MemoryError as error:
        raise ImageError(f"{path}: does not fit into memory as {kind}") from error
    except Exception as error:
        raise ImageError(f"{path}: cannot be written as {kind} ({first_line(error)})") from error


def tell_of_inks(frames: Frames, limits: Limits, kind: str, path: Path) -> None:
    """Warn where inks were asked for, and RGB or gray is written."""
    from imgae.io.colour import inks  # loads only where it is used

    if not any(image.stored and image.stored.mode in inks.MODES for image in frames):
        warn(f"{path}: the picture did not come as inks (CMYK), and is not written as such")
    elif not limits.inks:
        warn(f"{path}: {kind} is not written with inks (CMYK); written as RGB")


def write_file(path: Place, data: bytes, overwrite: bool) -> None:
    """Write bytes whole or not at all. Raises ImageError; what was there before is unharmed."""
    put = remote.write if remote.is_remote(path) else write_whole
    try:
        put(path, data, overwrite=overwrite)
    except FileExistsError:
        raise ImageError(EXISTS.format(path)) from None
    except OSError as error:
        raise ImageError(f"{path}: cannot be written: {error.strerror}") from error
