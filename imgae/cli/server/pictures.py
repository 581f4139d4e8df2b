"""The pictures that were read lately, which are looked at again and again."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any, cast

from imgae.cli.server import shown
from imgae.errors import ImageError, ImageTooLargeError, caught_warnings
from imgae.io.bands.content import Content
from imgae.io.formats import table
from imgae.io.formats.table import Row
from imgae.io.large import open_large
from imgae.io.measure import size_of
from imgae.picture.image import Frames, Image
from imgae.restore.batches import work
from imgae.restore.denoise import Denoiser
from imgae.restore.part import Looked
from imgae.restore.scaling import Scale

Key = tuple[Path, int, int]
"""A file, and what tells it from what was at its place before."""


class NoPictureError(ImageError):
    """A file of none of the formats that are read."""


@dataclass
class Picture:
    """A picture that was read. notes: what was warned of.

    small: makes a smaller one of one that is too large for the memory, to be denoised by rows; else
    None. Of the large one there are no pixels. parts: what parts of the first picture are made of,
    once it was looked at.
    """

    frames: Frames
    row: Row
    small: Callable[[], Image] | None = None
    notes: list[str] = field(default_factory=list)
    parts: Looked | None = None
    lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def first(self) -> Image:
        return self.frames[0]

    @cached_property
    def seen(self) -> Image:
        """What there is to see: the first picture, or a smaller one of it."""
        return self.first if self.small is None else self.small()

    @property
    def shows_itself(self) -> bool:
        """Whether browsers show the file."""
        return shown.shows_itself(self.row, self.first)

    @cached_property
    def scale(self) -> Scale:
        """What of its values is shown as black and white."""
        return shown.scale_of(self.seen)

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

    def size(self) -> int:
        """Return about how many bytes it has in memory, with what its parts are made of."""
        if self.small is not None:
            return bytes_of(self.seen) if "seen" in self.__dict__ else 0
        size = sum(bytes_of(image) for image in self.frames)
        return size + (0 if self.parts is None else self.parts.nbytes)


def bytes_of(image: Image) -> int:
    parts = (image.pixels, image.alpha, image.extra)
    return sum(part.nbytes for part in parts if part is not None)


def bytes_in(source: Path) -> int:
    """Return how many bytes a file's pictures have in memory; 0 if it is not known beforehand."""
    return size.nbytes if (size := size_of(source)) else 0


def reduced(source: Path, max_pixels: int) -> Image:
    """Read a large picture by rows, as a smaller one."""
    large = open_large(source, max_pixels)
    assert large is not None  # as it was looked at before
    with large:
        return shown.reduced(large)


def check_whole(picture: Picture, name: str) -> None:
    """Raise ImageTooLargeError for a picture that is not in memory."""
    if picture.small is not None:
        raise ImageTooLargeError(
            f"{name}: is too large to be shown in parts; it can be denoised all the same"
        )


def key_of(source: Path) -> Key:
    about = source.stat()
    return source, about.st_mtime_ns, about.st_size


class Recent:
    """Reads pictures, and remembers those of late. Threads may share it.

    max_pixels: the most of one. most: bytes of those that are remembered; the last may have more.
    """

    def __init__(self, max_pixels: int, most: int) -> None:
        self.max_pixels, self.most = max_pixels, most
        self.reading, self.lock = threading.RLock(), threading.Lock()
        self.held: dict[Key, Picture] = {}  # what was asked for last is last

    def of(self, source: Path) -> Picture:
        """Return a picture, to be looked at again. Raises NoPictureError and ImageError."""
        key = key_of(source)
        with self.reading:
            if (picture := self.held_as(key)) is None:
                self.make_room(bytes_in(source))  # before it takes memory
                picture = self.read(source)
            with self.lock:
                self.held[key] = picture
            self.make_room(0, but=key)
            return picture

    def once(self, source: Path) -> Picture:
        """Return a picture; those that are remembered stay so. Raises as `of` does."""
        key = key_of(source)
        with self.reading:
            if (picture := self.held_as(key)) is None:
                self.tidy()
                picture = self.read(source)
                with self.lock:
                    if not self.held or self.size() + picture.size() <= self.most:
                        self.held[key] = picture
            return picture

    def held_as(self, key: Key) -> Picture | None:
        """Return what is remembered, which is the last now."""
        with self.lock:
            if (picture := self.held.pop(key, None)) is not None:
                self.held[key] = picture
            return picture

    def size(self) -> int:
        return sum(picture.size() for picture in self.held.values())

    def make_room(self, size: int, but: Key | None = None) -> None:
        """Forget the oldest pictures, but for one, until there is room for so many bytes."""
        self.tidy()
        with self.lock:
            for key in list(self.held):
                if self.size() + size <= self.most:
                    return
                if key != but:
                    del self.held[key]

    def tidy(self) -> None:
        """Forget pictures whose files are deleted."""
        with self.lock:
            for key in list(self.held):
                if not key[0].exists():
                    del self.held[key]

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
                    small = partial(reduced, source, self.max_pixels)
                    return Picture(Frames((large.header,)), row, small, notes)
        return Picture(frames, row, None, notes)

    def about(self, source: Path, name: str) -> dict[str, Any]:
        """Return what clients are told of a picture."""
        picture = self.once(source)  # what is worked on stays
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
