"""Directories of tags, of which TIFF, EXIF and most camera raw files consist, without a library.

A file may lie about every number. Nothing here reads beyond the bytes there are, copies values
that nobody asks for, or follows more than a bounded number of directories.
"""

import struct
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from imgae.io.numbers import numbers_at

SUB_DIRECTORIES: Final = 330
XMP_TAG: Final = 700
IPTC_TAG: Final = 33723
EXIF_TAG: Final = 34665
ICC_TAG: Final = 34675
GPS_TAG: Final = 34853
MAKER_NOTE: Final = 37500
SIZES: Final = {
    1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4,
    16: 8, 17: 8, 18: 8,
}  # fmt: skip
"""Bytes of a value by its type."""
INTEGERS: Final = {
    1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 13: "I", 16: "Q", 17: "q", 18: "Q",
}  # fmt: skip
MOST_DIRECTORIES: Final = 64
MOST_ENTRIES: Final = 4096
MOST_NUMBERS: Final = 1024


class Entry(NamedTuple):
    """A tag's value as it lies in the file: its type, how many, and the bytes."""

    kind: int
    length: int
    data: memoryview | bytes


class Directory(NamedTuple):
    """One directory of tags.

    order: "<" or ">". depth: 0 of those that follow each other, 1 of those below them, and so on.
    """

    order: str
    depth: int
    entries: Mapping[int, Entry]

    def numbers(self, tag: int) -> tuple[int, ...]:
        """Return a tag's whole numbers, or none."""
        entry = self.entries.get(tag)
        letter = INTEGERS.get(entry.kind) if entry else None
        if entry is None or letter is None:
            return ()
        return struct.unpack_from(
            f"{self.order}{min(entry.length, MOST_NUMBERS)}{letter}", entry.data
        )

    def number(self, tag: int, otherwise: int = 0) -> int:
        return next(iter(self.numbers(tag)), otherwise)

    def ratio(self, tag: int) -> float | None:
        """Return a tag's fraction, or None."""
        entry = self.entries.get(tag)
        if entry is None or entry.kind not in (5, 10):
            return None
        above, below = struct.unpack_from(self.order + {5: "II", 10: "ii"}[entry.kind], entry.data)
        return above / below if below else None

    def words(self, tag: int) -> str:
        entry = self.entries.get(tag)
        return bytes(entry.data[:256]).split(b"\0")[0].decode("latin-1").strip() if entry else ""


def directories(data: bytes, start: int = 0) -> Iterator[Directory]:
    """Yield the directories of a TIFF-like structure: those that follow each other, and below.

    start: where the structure begins in the data. What is damaged is passed over.
    """
    order = {b"II": "<", b"MM": ">"}.get(data[start : start + 2], "")
    big = data[start + 2 : start + 4] in (b"+\0", b"\0+")
    if not order or len(data) < start + (8, 16)[big]:
        return
    (first,) = numbers_at(order + ("I", "Q")[big], data, start + (4, 8)[big])
    waiting, seen = [(first, 0)], set[int]()
    while waiting and len(seen) < MOST_DIRECTORIES:
        at, depth = waiting.pop(0)
        if not at or at in seen:
            continue
        seen.add(at)
        found = directory_at(data, start, at, order, big)
        if found is None:
            continue
        directory = Directory(order, depth, found[0])
        yield directory
        if depth == 0:
            waiting.append((found[1], 0))
        waiting += [
            (place, depth + 1) for place in directory.numbers(SUB_DIRECTORIES)[:MOST_DIRECTORIES]
        ]


def directory_at(
    data: bytes, start: int, at: int, order: str, big: bool = False
) -> tuple[dict[int, Entry], int] | None:
    """Return the tags of the directory at an offset, and where the next one is.

    None if there is none; tags whose values lie outside the file are left out.
    """
    number, step, inline = ("Q", 20, 8) if big else ("H", 12, 4)
    word = order + ("I", "Q")[big]
    view = memoryview(data) if isinstance(data, bytes) else data
    entries: dict[int, Entry] = {}
    here = start + at
    try:
        (count,) = numbers_at(order + number, data, here)
        if not 0 < count <= MOST_ENTRIES:
            return None
        here += struct.calcsize(order + number)
        for _ in range(count):
            tag, kind = numbers_at(order + "HH", data, here)
            (values,) = numbers_at(word, data, here + 4)
            size = SIZES.get(kind, 0) * values
            where = here + step - inline
            if size > inline:
                where = start + numbers_at(word, data, where)[0]
            if 0 < size <= len(data) - where:
                entries.setdefault(tag, Entry(kind, values, view[where : where + size]))
            here += step
        (following,) = numbers_at(word, data, here)
    except (struct.error, OverflowError):
        return (entries, 0) if entries else None
    return entries, following


def as_exif(
    order: str,
    main: Mapping[int, Entry],
    details: Mapping[int, Entry],
    place: Mapping[int, Entry],
) -> bytes | None:
    """Return tags as EXIF, or None if there are none.

    main: of the first directory. details: of the one of the exposure. place: of GPS.
    """
    first = dict(main)
    for tag, entries in ((EXIF_TAG, details), (GPS_TAG, place)):
        first.pop(tag, None)
        if entries:
            first[tag] = Entry(4, 1, bytes(4))  # where it begins follows below
    if not first:
        return None
    behind = 8 + len(directory_bytes(order, first, 0))
    pointed = b""
    for tag, entries in ((EXIF_TAG, details), (GPS_TAG, place)):
        if entries:
            first[tag] = Entry(4, 1, struct.pack(order + "I", behind + len(pointed)))
            pointed += directory_bytes(order, entries, behind + len(pointed))
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8)
    return head + directory_bytes(order, first, 8) + pointed


def directory_bytes(order: str, entries: Mapping[int, Entry], start: int) -> bytes:
    """Return a directory that begins at an offset, with its values after it."""
    table, values = bytearray(struct.pack(order + "H", len(entries))), bytearray()
    behind = start + 6 + 12 * len(entries)
    for tag, entry in sorted(entries.items()):
        value = bytes(entry.data)
        if len(value) > 4:
            where = struct.pack(order + "I", behind + len(values))
            values += value + bytes(len(value) % 2)
        else:
            where = value.ljust(4, b"\0")
        table += struct.pack(order + "HHI", tag, entry.kind, entry.length) + where
    return bytes(table + bytes(4) + values)
