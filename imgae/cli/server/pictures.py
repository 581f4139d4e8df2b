"""The picture that was read last, which is looked at again and again."""

import threading
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, cast

from imgae.cli.server import shown
from imgae.errors import ImageError, ImageTooLargeError, caught_warnings
from imgae.io.bands.content import Content
from imgae.io.formats import table
from imgae.io.formats.table import Row
from imgae.io.large import open_large
from imgae.picture.image import Frames, Image
from imgae.restore.batches import work
from imgae.restore.denoise import Denoiser
from imgae.restore.part import Looked
from imgae.restore.scaling import Scale


class NoPictureError(ImageError):
    """A file of none of the formats that are read."""


@dataclass
class Picture:
    """A picture that was read. whole: whether its pixels are in memory. notes: what was warned of.

    Of one that is too large for the memory, to be denoised by rows, there are no pixels.
    parts: what parts of the first picture are made of, once it was looked at.
    """

    frames: Frames
    row: Row
    whole: bool
    notes: list[str] = field(default_factory=list)
    parts: Looked | None = None
    lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def first(self) -> Image:
        return self.frames[0]

    @property
    def shows_itself(self) -> bool:
        """Whether browsers show the file."""
        return shown.shows_itself(self.row, self.first)

    @cached_property
    def scale(self) -> Scale:
        """What of its values is shown as black and white."""
        return shown.scale_of(self.first)

    def looked(self, denoiser: Denoiser) -> Looked:
        """Return what parts of the first picture are made of.

        denoiser: one that looks at what frames have in common, as each of them is denoised then.
        """
        with self.lock:
            if self.parts is None:
                common = None
                if self.frames.kind in ("animation", "stack"):
                    common = denoiser.common_to(self.frames.images)
                self.parts = Looked(self.first, common)
            return self.parts


def key_of(source: Path) -> tuple[Path, int, int]:
    """Return what tells a file from what was at its place before."""
    about = source.stat()
    return source, about.st_mtime_ns, about.st_size


class Newest:
    """Reads pictures, and remembers the last. max_pixels: the most of one. Threads may share it."""

    def __init__(self, max_pixels: int) -> None:
        self.max_pixels = max_pixels
        self.lock = threading.RLock()
        self.key: object = None
        self.picture: Picture | None = None

    def of(self, source: Path) -> Picture:
        """Return a picture. Raises NoPictureError and ImageError."""
        with self.lock:
            key = key_of(source)
            if self.key != key or self.picture is None:
                self.picture = None  # before another takes memory
                self.picture, self.key = self.read(source), key
            return self.picture

    def once(self, source: Path) -> Picture:
        """Return a picture, and go on remembering the one before it."""
        with self.lock:
            held = self.picture if self.key == key_of(source) else None
        return held or self.read(source)

    def read(self, source: Path) -> Picture:
        row = row_of(source)
        with caught_warnings() as notes:
            try:
                frames = work.read(source, "denoise", self.max_pixels).frames
            except ImageTooLargeError:
                large = open_large(source, self.max_pixels)
                if large is None:
                    raise
                with large:
                    return Picture(Frames((large.header,)), row, False, notes)
        return Picture(frames, row, True, notes)

    def about(self, source: Path, name: str) -> dict[str, Any]:
        """Return what clients are told of a picture."""
        with self.lock:  # what is worked on stays
            looks = self.picture is not None and self.picture.parts is not None
            picture = self.once(source) if looks else self.of(source)
        first = picture.first
        return {
            "name": name,
            "width": first.width,
            "height": first.height,
            "frames": len(picture.frames),
            "format": picture.row.name,
            "dtype": str(first.pixels.dtype),
            "gray": first.pixels.shape[2] == 1,
            "alpha": first.alpha is not None,
            "bytes": source.stat().st_size,
            "shown": picture.shows_itself,
            "notes": list(picture.notes),
        }


def row_of(source: Path) -> Row:
    """Return the format of a file. Raises NoPictureError."""
    try:
        content = Content(source)
    except ValueError:
        raise NoPictureError(f"{source}: empty, 0 bytes") from None
    try:
        row = table.of_content(cast("bytes", content))
    finally:
        content.close()
    if row is None:
        raise NoPictureError(
            f"{source}: not a picture that can be read; imgae reads {table.listed()}"
        )
    return row
