"""The directories of a TIFF file as they lie in it: read lazily, and within bounds."""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from imgae.errors import ImageError
from imgae.io.formats.tiff.notes import tell
from imgae.io.metadata.directories import SIZES, SUB_DIRECTORIES

LETTERS: Final = {
    1: "u1",
    3: "u2",
    4: "u4",
    5: "u4",
    6: "i1",
    7: "u1",
    8: "i2",
    9: "i4",
    10: "i4",
    11: "f4",
    12: "f8",
    13: "u4",
    16: "u8",
    17: "i8",
    18: "u8",
}
"""Numbers as numpy names them, by their type; rationals are two."""
RATIONALS: Final = (5, 10)
TEXT: Final = 2
MOST_DIRECTORIES: Final = 1 << 16
DEEPEST: Final = 4


@dataclass(frozen=True)
class Value:
    """A tag's value: its type, its bytes as they lie in a file, and that file's byte order."""

    kind: int
    raw: bytes
    order: str

    @property
    def count(self) -> int:
        return len(self.raw) // SIZES[self.kind]

    def in_order(self, order: str) -> bytes:
        """Return the bytes as a file of another byte order holds them."""
        letter = LETTERS.get(self.kind)
        if order == self.order or letter is None:
            return self.raw
        return np.frombuffer(self.raw, self.order + letter).astype(order + letter).tobytes()


@dataclass(frozen=True)
class Directory:
    """What a file says of one picture, or of a part of its metadata: values by their tags.

    places: of every tag, its type, its count, and where its value lies. broken: tags whose values
    lie beyond the file's end or are of no known type.
    """

    data: bytes
    order: str
    places: dict[int, tuple[int, int, int]]
    broken: tuple[int, ...] = ()
    children: "list[Directory]" = field(default_factory=list)

    def __contains__(self, tag: int) -> bool:
        return tag in self.places

    def value(self, tag: int) -> Value | None:
        """Return a value as it lies in the file, or None."""
        if tag not in self.places:
            return None
        kind, count, at = self.places[tag]
        return Value(kind, self.data[at : at + count * SIZES[kind]], self.order)

    def raw(self, tag: int) -> bytes | None:
        """Return a value's bytes, or None if there is none or it is empty."""
        value = self.value(tag)
        return value.raw or None if value else None

    def numbers(self, tag: int) -> tuple[Any, ...]:
        """Return a value as numbers, rationals as pairs in a row; () if there is none."""
        value = self.value(tag)
        if value is None or value.kind not in LETTERS:
            return ()
        return tuple(np.frombuffer(value.raw, self.order + LETTERS[value.kind]).tolist())

    def floats(self, tag: int) -> tuple[float, ...]:
        """Return a value as floats; rationals are divided, and those by zero are 0."""
        found = self.numbers(tag)
        if found and self.places[tag][0] in RATIONALS:
            pairs = zip(found[::2], found[1::2], strict=True)
            return tuple(above / below if below else 0.0 for above, below in pairs)
        return tuple(float(number) for number in found)

    def number(self, tag: int, default: int) -> int:
        """Return a value as one whole number, or the default if there is none."""
        found = self.floats(tag) if tag in self.places else ()
        return int(found[0]) if found and abs(found[0]) < 1 << 62 else default

    def text(self, tag: int) -> str:
        """Return a value as text up to its end, "" if there is none."""
        return (self.raw(tag) or b"").split(b"\0")[0].decode("utf-8", "replace")


class Container:
    """A TIFF file: its byte order, whether it is a BigTIFF, and its directories.

    Raises ImageError if it holds none.
    """

    def __init__(self, data: bytes, name: str) -> None:
        self.data, self.name = data, name
        self.order = "<" if data[:2] == b"II" else ">"
        self.big = b"+" in data[2:4]
        self.seen: set[int] = set()
        self.entries_left = 2 * len(data) // 12 + 16
        self.metadata_left = 16 * len(data) + (1 << 24)  # that all pages together may hold
        if self.big:
            offset_size, zero, first = self.unpack("HHQ", 4)
            if (offset_size, zero) != (8, 0):
                raise ImageError(f"{name}: damaged: its header is not that of a BigTIFF")
        else:
            (first,) = self.unpack("I", 4)
        self.pages = self.chain(first)
        if not self.pages:
            raise ImageError(f"{name}: damaged or cut short: it holds no directory of a picture")

    def unpack(self, letters: str, at: int) -> tuple[Any, ...]:
        data = self.data[at : at + struct.calcsize("=" + letters)]
        if len(data) < struct.calcsize("=" + letters):
            raise ImageError(f"{self.name}: damaged or cut short: it ends within a directory")
        return struct.unpack(self.order + letters, data)

    def chain(self, at: int, depth: int = 0) -> list[Directory]:
        """Return the directories that follow each other from a place on, with their children."""
        found: list[Directory] = []
        while at:
            if at in self.seen or at + 2 > len(self.data):
                if found and depth == 0:
                    what = "leads back" if at in self.seen else "lies beyond its end"
                    tell(f"{self.name}: what it says of a next picture {what}; it is left out")
                break
            directory, at = self.directory(at)
            if len(self.seen) > MOST_DIRECTORIES:
                raise ImageError(f"{self.name}: more than {MOST_DIRECTORIES} pictures in one file")
            if depth < DEEPEST:
                for child in directory.numbers(SUB_DIRECTORIES):
                    if isinstance(child, int) and child > 0 and child not in self.seen:
                        directory.children.extend(self.chain(child, depth + 1))
            found.append(directory)
        return found

    def directory(self, at: int) -> tuple[Directory, int]:
        """Return the directory at a place, and where the next begins, 0 for none."""
        self.seen.add(at)
        letters, width = ("HHQ", 20) if self.big else ("HHI", 12)
        (count,) = self.unpack("Q" if self.big else "H", at)
        start = at + (8 if self.big else 2)
        room = min((len(self.data) - start) // width, self.entries_left)
        self.entries_left -= min(count, room)
        if self.entries_left <= 0:
            raise ImageError(f"{self.name}: damaged: its directories overlap")
        places: dict[int, tuple[int, int, int]] = {}
        broken: list[int] = []
        for place in range(start, start + width * min(count, room), width):
            tag, kind, number = self.unpack(letters, place)
            size = SIZES.get(kind, 0) * number
            inside = place + width - (8 if self.big else 4)
            lies = inside
            if size > (8 if self.big else 4):
                (lies,) = self.unpack("Q" if self.big else "I", inside)
            if not size or lies + size > len(self.data):
                broken.append(tag)
            elif tag not in places:
                places[tag] = kind, number, lies
        after = start + width * count
        following = 0
        if after + (8 if self.big else 4) <= len(self.data):
            (following,) = self.unpack("Q" if self.big else "I", after)
        return Directory(self.data, self.order, places, tuple(broken)), following

    def metadata_directory(self, parent: Directory, tag: int) -> Directory | None:
        """Return the directory that a tag of another points to, as EXIF; None if it is broken."""
        at = parent.number(tag, 0)
        if not 0 < at < len(self.data) - 2:
            return None
        try:
            return self.directory(at)[0]
        except ImageError:
            return None


def all_of(directories: Sequence[Directory]) -> Iterator[Directory]:
    """Yield directories and, after each, its children and theirs."""
    for directory in directories:
        yield directory
        yield from all_of(directory.children)
