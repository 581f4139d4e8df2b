"""Pictures that are read and written by bands of rows, and never lie in memory whole."""

from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from numpy.typing import NDArray

from imgae.io.format import Encoding
from imgae.picture.image import Image
from imgae.picture.rows import Rows

Band = tuple[NDArray[Any], NDArray[Any] | None, NDArray[Any] | None]
"""Pixels, alpha and further samples of some rows, as an Image holds them."""


class Large:
    """A picture file that is open, and read by rows. A context manager that closes it.

    header: the picture, upright, with all its metadata. Its arrays are views of a single zero, of
    the right shape and type, so that they take no memory.
    pixels, alpha, extra: the samples themselves, (H, W, C), (H, W) or None, and (H, W, K) or None.
    Reading them raises ImageError where the file is damaged or has changed.
    granule: how many rows the file holds together; reading others costs as much.
    """

    header: Image
    pixels: Rows
    alpha: Rows | None
    extra: Rows | None
    granule: int

    def band(self, rows: slice, columns: slice = slice(None)) -> Band:
        """Return pixels, alpha and further samples of a part, which is decoded once for all."""
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def open_large(path: Path, max_pixels: int) -> Large | None:
    """Return a picture file opened to be read by rows, or None if it has to be read whole.

    Raises ImageError, and warns, as read_frames does; not of damage in pixels, which is met later.
    """
    raise NotImplementedError


def can_write_rows(path: Path, header: Image | None = None) -> bool:
    """Return whether a picture can be written there by rows; by its name, if no header is given."""
    raise NotImplementedError


def write_large(
    path: Path,
    header: Image,
    bands: Iterable[Band],
    encoding: Encoding,
    overwrite: bool,
) -> str:
    """Write a picture whose rows come in bands from the top; whole or not at all.

    header: as Large has it, of the picture to be written. bands: of any heights, all its rows.
    Returns the blake2b digest (20 bytes, in hexadecimal) of the file. Raises ImageError as
    write_image does, and whatever `bands` raises; then nothing is left behind.
    """
    raise NotImplementedError
