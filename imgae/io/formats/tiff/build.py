"""Building a TIFF file: values, directories, and where they lie."""

import struct
from collections.abc import Iterable, Mapping
from typing import Final

from imgae.io.formats.tiff.container import Value
from imgae.io.metadata.directories import MAKER_NOTE

MOST_CLASSIC: Final = (1 << 32) - (1 << 20)
"""Bytes that a classic TIFF may have, with room for its directories."""
Tags = Mapping[int, "Value | Tags"]
"""Values by their tags; a directory in place of a value is pointed to."""


class Builder:
    """A TIFF file that grows. order: "<" or ">". big: whether it is a BigTIFF.

    note: a maker note, and the place where it is to stay, since it may say where parts of it lie.
    """

    def __init__(self, order: str, big: bool, note: tuple[bytes, int] | None = None) -> None:
        self.order, self.big = order, big
        mark = b"II" if order == "<" else b"MM"
        head = struct.pack(order + ("HHHQ" if big else "HI"), *((43, 8, 0, 0) if big else (42, 0)))
        self.out = bytearray(mark + head)
        self.link = 8 if big else 4  # where the place of the next directory is to be put
        self.note = note if note and len(note[0]) > 8 and note[1] >= len(self.out) else None
        self.gap = len(self.out), len(self.out)  # what is free before the maker note
        if self.note:
            self.gap = len(self.out), self.note[1]
            self.out += bytes(self.note[1] - len(self.out)) + self.note[0]

    def put(self, data: bytes) -> int:
        """Add bytes at an even place, and return it."""
        start, end = self.gap
        start += start % 2
        if 0 < len(data) <= end - start:
            self.out[start : start + len(data)] = data
            self.gap = start + len(data), end
            return start
        if len(self.out) % 2:
            self.out.append(0)
        at = len(self.out)
        self.out += data
        return at

    def put_in_a_row(self, pictures: Iterable[list[bytes]]) -> list[list[int]]:
        """Add all parts of pictures with nothing between them, and return their places."""
        self.out += bytes(len(self.out) % 2)
        places: list[list[int]] = []
        for parts in pictures:
            places.append([])
            for part in parts:
                places[-1].append(len(self.out))
                self.out += part
        return places

    def put_directory(self, tags: Tags) -> int:
        """Add a directory after all that it points to, and return its place."""
        letters, inside = ("HHQ", 8) if self.big else ("HHI", 4)
        pointer, pointer_kind = ("Q", 16) if self.big else ("I", 4)
        entries = b""
        for tag in sorted(tags):
            value = tags[tag]
            if isinstance(value, Value):
                raw, kind, count = value.in_order(self.order), value.kind, value.count
            else:
                raw = struct.pack(self.order + pointer, self.put_directory(value))
                kind, count = pointer_kind, 1
            if len(raw) > inside:
                held = tag == MAKER_NOTE and self.note and self.note[0] == raw
                at = self.note[1] if held and self.note else self.put(raw)
                raw = struct.pack(self.order + pointer, at)
            entries += struct.pack(self.order + letters, tag, kind, count) + raw.ljust(
                inside, b"\0"
            )
        number = struct.pack(self.order + ("Q" if self.big else "H"), len(tags))
        return self.put(number + entries + bytes(inside))

    def put_page(self, tags: Tags) -> None:
        """Add the next picture's directory, and lead to it."""
        pointer = self.order + ("Q" if self.big else "I")
        at = self.put_directory(tags)
        struct.pack_into(pointer, self.out, self.link, at)
        width = 20 if self.big else 12
        self.link = at + (8 if self.big else 2) + width * len(tags)


def numbers(kind: int, *values: float) -> Value:
    """Return a value of numbers, as of type 3 (16 bits) or 5 (rationals, two each)."""
    letter = {1: "B", 3: "H", 4: "I", 5: "I", 11: "f", 12: "d", 16: "Q"}[kind]
    return Value(kind, struct.pack(f"<{len(values)}{letter}", *values), "<")


def octets(kind: int, raw: bytes) -> Value:
    """Return a value of bytes: of type 1 (bytes), 2 (text, which gets its end) or 7."""
    return Value(kind, raw + b"\0" if kind == 2 and not raw.endswith(b"\0") else raw, "<")


def size_of(tags: Tags) -> int:
    """Return about how many bytes a directory and its values take."""
    return sum(
        len(value.raw) + 32 if isinstance(value, Value) else size_of(value) + 64
        for value in tags.values()
    )
