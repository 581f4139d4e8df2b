"""Pictures that are read and written by bands of rows, and never lie in memory whole."""

import hashlib
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Final, Self, cast

import numpy as np
from numpy.typing import NDArray

from imgae.errors import ImageError, ImgaeError, ImgaeWarning, reason, warn
from imgae.io import files
from imgae.io.atomic import whole_file
from imgae.io.bands import (
    plain_rows,
    plain_writing,
    png_rows,
    png_writing,
    tiff_rows,
    tiff_writing,
)
from imgae.io.bands.content import Content
from imgae.io.bands.source import Part, Source
from imgae.io.bands.writing import Write
from imgae.io.format import Encoding, fit
from imgae.io.formats import table
from imgae.io.places import EXISTS
from imgae.io.remote import Place, is_remote
from imgae.picture.image import Frames, Image
from imgae.picture.rows import Rows

Band = tuple[NDArray[Any], NDArray[Any] | None, NDArray[Any] | None]
"""Pixels, alpha and further samples of some rows, as an Image holds them."""
FIELDS: Final = ("pixels", "alpha", "extra")
OPENERS: Final = {
    "TIFF": tiff_rows.open_rows,
    "PNG": png_rows.open_rows,
    "BMP": plain_rows.open_bmp,
    "PNM": plain_rows.open_pnm,
    "PAM": plain_rows.open_pam,
    "PFM": plain_rows.open_pfm,
}
"""By the format, what opens a file; it returns None for one that has to be read whole."""
WRITERS: Final[dict[str, Write]] = {
    "TIFF": tiff_writing.WRITE,
    "PNG": png_writing.WRITE,
    "PNM": plain_writing.PNM,
    "PAM": plain_writing.PAM,
    "PFM": plain_writing.PFM,
}
PIECE: Final = 1 << 20
"""Bytes of a file that are digested at once."""


class Large:
    """A picture file that is open, and read by rows. A context manager that closes it.

    header: the picture, upright, with all its metadata. Its arrays are views of a single zero, of
    the right shape and type, so that they take no memory.
    pixels, alpha, extra: the samples themselves, (H, W, C), (H, W) or None, and (H, W, K) or None.
    Reading them raises ImageError where the file is damaged or has changed.
    granule: how many rows the file holds together; reading fewer costs as much. Rows that were read
    last are remembered, so that bands from the top may overlap; whole rows are read fastest.
    Threads may share it, and wait for each other.

    >>> with open_large(Path("huge.tif"), 10**9) as large:
    ...     large.pixels[:100].mean()
    """

    def __init__(self, source: Source, content: Content) -> None:
        self.source, self.content = source, content
        self.header, self.granule = source.header, source.granule
        self.last: tuple[Any, Band] | None = None
        self.lock = threading.RLock()
        planes = [
            None if getattr(self.header, field) is None else Plane(self, index)
            for index, field in enumerate(FIELDS)
        ]
        self.pixels = cast("Rows", planes[0])
        self.alpha: Rows | None = planes[1]
        self.extra: Rows | None = planes[2]

    def band(self, rows: slice, columns: slice = slice(None)) -> Band:
        """Return pixels, alpha and further samples of a part, which is decoded once for all."""
        down = range(*rows.indices(self.header.height))
        across = range(*columns.indices(self.header.width))
        if down.step < 1 or across.step < 1:
            raise ValueError(f"rows and columns are read forwards, not in steps of {down.step}")
        if not down or not across:
            return self.cut(self.header, down, across)
        with self.lock, files.reading(str(self.content.path)):
            self.content.check()
            if down.step == 1:
                return self.part(down, across)
            return self.gathered(down, across)

    def part(self, down: range, across: range) -> Band:
        """Return rows that follow each other."""
        place = Part(down.start, down.stop, across.start, across[-1] + 1)
        inner = range(len(down)), range(0, place.shape[1], across.step)
        return self.cut(self.source.read(place), *inner)

    def gathered(self, down: range, across: range) -> Band:
        """Return rows that do not follow each other, with no more between them than is needed."""
        found = self.cut(self.header, down, across)
        band = cast("Band", tuple(None if one is None else np.empty_like(one) for one in found))
        at = 0
        while at < len(down):
            end = at + 1
            while end < len(down) and down[end] // self.granule == down[at] // self.granule:
                end += 1
            taken = self.part(range(down[at], down[end - 1] + 1), across)
            for into, part in zip(band, taken, strict=True):
                if into is not None and part is not None:
                    into[at:end] = part[:: down.step]
            at = end
        return band

    @staticmethod
    def cut(image: Image, down: range, across: range) -> Band:
        key = (
            slice(down.start, down.stop, down.step),
            slice(across.start, across.stop, across.step),
        )
        pixels, alpha, extra = image.pixels, image.alpha, image.extra
        return (
            pixels[key],
            None if alpha is None else alpha[key],
            None if extra is None else extra[key],
        )

    def plane(self, index: int, key: slice | tuple[slice, slice]) -> NDArray[Any]:
        """Return a part of pixels, alpha or further samples; what was decoded with it is kept."""
        rows, columns = key if isinstance(key, tuple) else (key, slice(None))
        wanted = repr((rows, columns))
        with self.lock:
            if self.last is None or self.last[0] != wanted:
                self.last = wanted, self.band(rows, columns)
            found = self.last[1][index]
            if self.alpha is None and self.extra is None:
                self.last = None
        assert found is not None
        return found

    def digest(self) -> str:
        """Return the hash of the file; reading rows raises ImageError if it changes afterwards."""
        with self.lock, files.reading(str(self.content.path)):
            self.content.check()
            digest = hashlib.blake2b(digest_size=20)
            for begin in range(0, len(self.content), PIECE):
                digest.update(self.content[begin : begin + PIECE])
        return digest.hexdigest()

    def close(self) -> None:
        self.content.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class Plane:
    """The pixels, alpha or further samples of a file, as Rows."""

    def __init__(self, large: Large, index: int) -> None:
        self.large, self.index = large, index
        array = getattr(large.header, FIELDS[index])
        self.shape: tuple[int, ...] = array.shape
        self.dtype: np.dtype[Any] = array.dtype

    def __getitem__(self, key: slice | tuple[slice, slice], /) -> NDArray[Any]:
        return self.large.plane(self.index, key)


def open_large(path: Place, max_pixels: int) -> Large | None:
    """Return a picture file opened to be read by rows, or None if it has to be read whole.

    Raises ImageError, and warns, as read_frames does; not of damage in pixels, which is met when
    they are read.
    """
    files.check_source(path)
    if is_remote(path):
        return None
    try:
        content = Content(path)
    except ValueError:  # empty
        raise ImageError(f"{path}: empty, 0 bytes") from None
    except OSError as error:
        raise ImageError(f"{path}: cannot be read: {reason(error)}") from error
    large = None
    try:
        with files.reading(str(path)):
            row = table.of_content(cast("bytes", content))
            opener = OPENERS.get(row.name) if row else None
            source = opener(content, str(path), max_pixels) if opener else None
            large = Large(source, content) if source else None
    finally:
        if large is None:
            content.close()
    return large


def can_write_rows(path: Place, header: Image | None = None) -> bool:
    """Return whether a picture can be written there by rows; by its name, if no header is given.

    A picture can if it goes into the format as it is, and how it is stored does not hang on all of
    its pixels.
    """
    row = table.of_name(path)
    if row is None or row.name not in WRITERS or is_remote(path):
        return False
    if header is None:
        return True
    _, limits, _ = files.writer_for(path)
    kept = header.stored.bits if header.stored and header.bits == 16 else header.bits
    fits = (kept if 8 < kept < 16 else header.bits) <= limits.bits
    if not fits or (header.alpha is not None and not limits.alpha):
        return False
    return WRITERS[row.name].can(path, header)


def write_large(
    path: Path,
    header: Image,
    bands: Iterable[Band],
    encoding: Encoding,
    overwrite: bool,
) -> str:
    """Write a picture whose rows come in bands from the top; whole or not at all.

    header: as Large has it, of the picture to be written. bands: of any heights, all its rows.
    Returns the blake2b digest (20 bytes, in hexadecimal) of the file. Reading the file gives what
    one written by write_image gives, though palettes, and samples of less than 8 bits, become
    8 bits a channel. Raises ImageError as write_image does, and whatever `bands` raises; then
    nothing is left behind.
    """
    if not can_write_rows(path, header):
        raise ImageError(f"{path}: this picture is not written by rows; write it whole")
    files.check_writable(path, overwrite)
    kind, limits, _ = files.writer_for(path)
    frames = Frames((header,))
    header = fit(frames, limits, kind, str(path))[0]
    if encoding.quality is not None and not limits.lossy:
        warn(f"{path}: {kind} has no quality to choose; what was asked for is left out")
    if encoding.cmyk:
        files.tell_of_inks(frames, limits, kind, path)
    try:
        with whole_file(path, overwrite=overwrite) as file:
            parts = images_of(bands, header, path)
            WRITERS[kind].write(file, header, parts, encoding, str(path))
            return digest_of(file)
    except (ImgaeError, ImgaeWarning):
        raise
    except FileExistsError:
        raise ImageError(EXISTS.format(path)) from None
    except OSError as error:
        raise ImageError(f"{path}: cannot be written: {reason(error)}") from error
    except MemoryError as error:
        raise ImageError(f"{path}: does not fit into memory as {kind}") from error


def images_of(bands: Iterable[Band], header: Image, path: Path) -> Iterator[Image]:
    """Yield bands as pictures. Raises ImageError for what is not finite, or not the header's."""
    height = 0
    for pixels, alpha, extra in bands:
        image = Image(pixels, alpha, extra=extra)
        files.check_finite(image, path)
        height += image.height
        for field in FIELDS:
            said, found = getattr(header, field), getattr(image, field)
            if kind_of(said) != kind_of(found) and (said is not None or field != "extra"):
                raise ImageError(
                    f"{path}: the {field} of a band of rows are {kind_of(found)}; expected "
                    f"{kind_of(said)}"
                )
        yield image
    if height != header.height:
        raise ImageError(f"{path}: {height} of its {header.height} rows came")


def kind_of(array: Any) -> str:
    """Return what all bands of a picture have in common, for comparison and for messages."""
    return "none" if array is None else f"{array.dtype} {('H', *array.shape[1:])}"


def digest_of(file: BinaryIO) -> str:
    """Return the digest of all that was written to a file."""
    file.flush()
    file.seek(0)
    digest = hashlib.blake2b(digest_size=20)
    while piece := file.read(PIECE):
        digest.update(piece)
    return digest.hexdigest()
