"""Boxes of ISO base media files, of which AVIF, HEIC, JPEG 2000 and JPEG XL files consist.

A file may lie about every number. Nothing here reads beyond the bytes there are, goes deeper than
its caller asks, or makes more of a file than its own length. What does not fit raises ValueError.
"""

import contextlib
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from imgae.io.numbers import numbers_at

MOST_BOXES: Final = 100_000
"""Boxes beside each other, entries of a table or extents of an item that are read."""
XMP: Final = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
"""What a box of kind b"uuid" begins with that holds XMP."""


@dataclass(frozen=True)
class Box:
    """Where a box lies in a file.

    kind: its four characters. start: where its header begins. begin, end: of its content. whole:
    whether the file, or the box around it, goes on as far as the box says.
    """

    kind: bytes
    start: int
    begin: int
    end: int
    whole: bool = True

    def content(self, data: bytes) -> bytes:
        return data[self.begin : self.end]


def boxes(data: bytes, begin: int = 0, end: int | None = None) -> Iterator[Box]:
    """Yield the boxes that follow each other between two places of a file.

    What is left over is passed over if it is too short for a header. A box that says that it
    reaches further ends there, and is not whole. Raises ValueError for a box that is shorter than
    its header, and for more than MOST_BOXES.
    """
    end = len(data) if end is None else min(end, len(data))
    at = begin
    for _ in range(MOST_BOXES):
        if at + 8 > end:
            return
        size, kind = numbers_at(">I4s", data, at)
        header = 8
        if size == 1:
            if at + 16 > end:
                return
            (size,) = numbers_at(">Q", data, at + 8)
            header = 16
        elif size == 0:  # to the end
            size = end - at
        if size < header:
            raise ValueError(f"a box of {size} bytes")
        stop = at + size
        yield Box(kind, at, at + header, min(stop, end), stop <= end)
        at = stop
    raise ValueError(f"more than {MOST_BOXES} boxes")


def boxes_until_damage(data: bytes) -> list[Box]:
    """Return the boxes of a file, up to what is none: cameras append other things."""
    found: list[Box] = []
    with contextlib.suppress(ValueError):
        found.extend(boxes(data))
    return found


def inside(data: bytes, box: Box, skip: int = 0) -> Iterator[Box]:
    """Yield the boxes in a box. skip: bytes before the first, 4 for version and flags."""
    return boxes(data, box.begin + skip, box.end)


def first(data: bytes, box: Box, kind: bytes, skip: int = 0) -> Box | None:
    """Return the first box of a kind in a box, or None."""
    return next((one for one in inside(data, box, skip) if one.kind == kind), None)


def descend(data: bytes, box: Box, *kinds: bytes) -> Box | None:
    """Return the box that is reached by the first box of each kind in turn, or None."""
    found: Box | None = box
    for kind in kinds:
        if found is None:
            return None
        found = first(data, found, kind)
    return found


def box(kind: bytes, *parts: bytes) -> bytes:
    """Return a box as bytes."""
    content = b"".join(parts)
    if len(content) + 8 < 1 << 32:
        return struct.pack(">I4s", len(content) + 8, kind) + content
    return struct.pack(">I4sQ", 1, kind, len(content) + 16) + content


def full_box(kind: bytes, version: int, flags: int, *parts: bytes) -> bytes:
    """Return a box that begins with a version and flags as bytes."""
    return box(kind, struct.pack(">I", version << 24 | flags), *parts)


def brands(data: bytes) -> tuple[bytes, ...]:
    """Return the major brand of a file and those it is compatible with; () if it has none."""
    beginning = next(boxes(data), None)
    if beginning is None or beginning.kind != b"ftyp":
        return ()
    content = beginning.content(data)
    return (content[:4], *(content[at : at + 4] for at in range(8, len(content) - 3, 4)))


class Cursor:
    """Reads the numbers of a box one after another. Raises ValueError beyond its end."""

    def __init__(self, data: bytes, box: Box) -> None:
        self.data, self.at, self.end = data, box.begin, box.end

    def take(self, size: int) -> bytes:
        if self.at + size > self.end:
            raise ValueError("a box ends too early")
        self.at += size
        return self.data[self.at - size : self.at]

    def number(self, size: int) -> int:
        """Return the next unsigned integer, of `size` bytes; 0 if it has none."""
        return int.from_bytes(self.take(size))

    def version(self) -> tuple[int, int]:
        """Return the version and flags."""
        both = self.number(4)
        return both >> 24, both & 0xFFFFFF

    def string(self) -> bytes:
        """Return the bytes before the next zero, and pass it; all that is left without one."""
        stop = self.data.find(b"\0", self.at, self.end)
        stop = self.end if stop < 0 else stop
        text = self.data[self.at : stop]
        self.at = min(stop + 1, self.end)
        return text

    @property
    def left(self) -> int:
        return self.end - self.at


@dataclass(frozen=True)
class Item:
    """An item of a HEIF file: a picture, a part of one, or metadata.

    number: that others refer to it by. kind: as b"av01", b"hvc1", b"grid", b"Exif" or b"mime".
    content_type: of a b"mime" or b"uri " item. extents: where its bytes lie in the file, as begins
    and ends. properties: what is said of it, in order. hidden: not to be shown.
    """

    number: int
    kind: bytes
    content_type: bytes = b""
    extents: tuple[tuple[int, int], ...] = ()
    properties: tuple[Box, ...] = ()
    hidden: bool = False

    def property(self, kind: bytes) -> Box | None:
        """Return the first property of a kind, or None."""
        return next((one for one in self.properties if one.kind == kind), None)


@dataclass(frozen=True)
class Items:
    """What the meta box of a HEIF file holds.

    primary: the number of the picture that stands for the file. items: by their numbers.
    references: kind, from and to.
    """

    data: bytes
    primary: int = 0
    items: Mapping[int, Item] = field(default_factory=dict)
    references: tuple[tuple[bytes, int, tuple[int, ...]], ...] = ()

    def content(self, item: Item) -> bytes:
        """Return the bytes of an item. Raises ValueError if the file does not hold them all."""
        size = sum(end - begin for begin, end in item.extents)
        whole = all(begin <= end <= len(self.data) for begin, end in item.extents)
        if not item.extents or not whole or size > len(self.data):
            raise ValueError("an item's bytes are not in the file")
        return b"".join(self.data[begin:end] for begin, end in item.extents)

    def referred(self, kind: bytes, number: int) -> tuple[int, ...]:
        """Return the items that an item refers to."""
        found = (to for name, origin, to in self.references if (name, origin) == (kind, number))
        return tuple(one for numbers in found for one in numbers)

    def referring(self, kind: bytes, number: int) -> tuple[int, ...]:
        """Return the items that refer to an item, as its alpha and EXIF do."""
        return tuple(
            origin for name, origin, to in self.references if name == kind and number in to
        )

    @cached_property
    def described(self) -> tuple[Item, ...]:
        """EXIF, XMP and the like that speak of the primary item, or of none by name."""
        about = {origin for name, origin, to in self.references if name == b"cdsc"}
        ours = set(self.referring(b"cdsc", self.primary))
        return tuple(
            item
            for item in self.items.values()
            if item.kind in (b"Exif", b"mime", b"uri ")
            and (item.number in ours or item.number not in about)
        )


def items(data: bytes, meta: Box) -> Items:
    """Return what a meta box of a HEIF file holds. Raises ValueError if it is damaged."""
    parts: dict[bytes, Box] = {}
    for one in inside(data, meta, 4):
        parts.setdefault(one.kind, one)
    found = item_kinds(data, parts[b"iinf"]) if b"iinf" in parts else {}
    extents = item_extents(data, parts[b"iloc"], parts.get(b"idat")) if b"iloc" in parts else {}
    properties = item_properties(data, parts[b"iprp"]) if b"iprp" in parts else {}
    primary = 0
    if b"pitm" in parts:
        cursor = Cursor(data, parts[b"pitm"])
        version, _ = cursor.version()
        primary = cursor.number(4 if version else 2)
    return Items(
        data,
        primary,
        {
            number: Item(
                number,
                kind,
                content_type,
                extents.get(number, ()),
                properties.get(number, ()),
                hidden,
            )
            for number, (kind, content_type, hidden) in found.items()
        },
        tuple(item_references(data, parts[b"iref"])) if b"iref" in parts else (),
    )


def item_kinds(data: bytes, iinf: Box) -> dict[int, tuple[bytes, bytes, bool]]:
    """Return the kind, the content type and whether they are hidden, of all items."""
    version, _ = Cursor(data, iinf).version()
    found = {}
    for one in inside(data, iinf, 8 if version else 6):
        if one.kind != b"infe":
            continue
        cursor = Cursor(data, one)
        version, flags = cursor.version()
        if version < 2:  # of before HEIF
            continue
        number = cursor.number(2 if version == 2 else 4)
        cursor.take(2)  # protection
        kind = cursor.take(4)
        cursor.string()  # its name
        content_type = cursor.string() if kind in (b"mime", b"uri ") else b""
        found[number] = kind, content_type, bool(flags & 1)
    return found


def item_extents(
    data: bytes, iloc: Box, idat: Box | None
) -> dict[int, tuple[tuple[int, int], ...]]:
    """Return where the bytes of items lie in the file; items built of other items are left out."""
    cursor = Cursor(data, iloc)
    version, _ = cursor.version()
    sizes = cursor.number(2)
    offset_size, length_size, base_size, index_size = (sizes >> at & 15 for at in (12, 8, 4, 0))
    index_size = index_size if version else 0
    wide = 4 if version == 2 else 2
    found = {}
    left = MOST_BOXES
    for _ in range(cursor.number(wide)):
        number = cursor.number(wide)
        method = cursor.number(2) & 15 if version else 0
        reference = cursor.number(2)
        base = cursor.number(base_size)
        count = cursor.number(2)
        left -= count
        if left < 0:
            raise ValueError("too many extents of items")
        begin, limit = 0, len(data)
        if method == 1 and idat is not None:
            begin, limit = idat.begin, idat.end
        extents = []
        for _ in range(count):
            cursor.take(index_size)
            at = begin + base + cursor.number(offset_size)
            size = cursor.number(length_size)
            extents.append((at, at + size if size else limit))
        if reference == 0 and (method == 0 or (method == 1 and idat is not None)):
            found[number] = tuple(extents)
    return found


def item_properties(data: bytes, iprp: Box) -> dict[int, tuple[Box, ...]]:
    """Return the properties of all items."""
    ipco = first(data, iprp, b"ipco")
    known = list(inside(data, ipco)) if ipco else []
    found: dict[int, list[Box]] = {}
    left = MOST_BOXES
    for one in inside(data, iprp):
        if one.kind != b"ipma":
            continue
        cursor = Cursor(data, one)
        version, flags = cursor.version()
        wide = flags & 1
        for _ in range(cursor.number(4)):
            number = cursor.number(4 if version else 2)
            indices = [
                cursor.number(2) & 0x7FFF if wide else cursor.number(1) & 0x7F
                for _ in range(cursor.number(1))
            ]
            left -= len(indices)
            if left < 0:
                raise ValueError("too many properties of items")
            chosen = (known[index - 1] for index in indices if 0 < index <= len(known))
            found.setdefault(number, []).extend(chosen)
    return {number: tuple(chosen) for number, chosen in found.items()}


def item_references(data: bytes, iref: Box) -> Iterator[tuple[bytes, int, tuple[int, ...]]]:
    """Yield the kind of each reference between items, the one it is from, and those it is to."""
    version, _ = Cursor(data, iref).version()
    wide = 4 if version else 2
    for one in inside(data, iref, 4):
        cursor = Cursor(data, one)
        origin = cursor.number(wide)
        count = cursor.number(2)
        yield one.kind, origin, tuple(cursor.number(wide) for _ in range(count))


def colours_of(
    data: bytes, properties: tuple[Box, ...]
) -> tuple[bytes | None, tuple[int, int, int, int] | None]:
    """Return the ICC profile, and primaries, transfer, matrix and range, or None."""
    icc: bytes | None = None
    nclx: tuple[int, int, int, int] | None = None
    for one in properties:
        content = one.content(data) if one.kind == b"colr" else b""
        if content[:4] in (b"prof", b"rICC"):
            icc = icc or content[4:] or None
        elif content[:4] == b"nclx" and len(content) >= 11:
            nclx = nclx or (*struct.unpack_from(">HHH", content, 4), content[10] >> 7)
    return icc, nclx
