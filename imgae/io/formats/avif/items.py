"""Writing of HEIF files: items, what is said of them, and where they lie."""

import struct
from dataclasses import dataclass

from imgae.io.bmff.boxes import box, full_box


@dataclass(frozen=True)
class Part:
    """An item to be written: its kind, bytes, properties as boxes, and what follows its kind.

    references: kinds, each with the places of the items it is to, counted from 1.
    """

    kind: bytes
    content: bytes
    properties: tuple[tuple[bytes, bool], ...] = ()
    references: tuple[tuple[bytes, tuple[int, ...]], ...] = ()
    tail: bytes = b"\0"


def still_file(parts: list[Part], further: list[Part], brands: list[bytes]) -> bytes:
    """Return a file of items, the first of which is the picture."""
    parts = [*parts, *further]
    head = box(b"ftyp", brands[0], bytes(4), *brands[1:])
    begin = len(head) + len(meta_box(parts, [(0, 0)] * len(parts))) + 8
    places = []
    for part in parts:
        places.append((begin, len(part.content)))
        begin += len(part.content)
    return head + meta_box(parts, places) + box(b"mdat", *(part.content for part in parts))


def meta_box(parts: list[Part], places: list[tuple[int, int]]) -> bytes:
    """Return the box that lists items. places: where the bytes of each begin, and how many."""
    count = struct.pack(">H", len(parts))
    kinds, locations, links, properties, associations = [], [], [], [], []
    for number, (part, place) in enumerate(zip(parts, places, strict=True), 1):
        hidden = int(part.kind != b"av01")
        kinds.append(
            full_box(b"infe", 2, hidden, struct.pack(">HH", number, 0), part.kind, part.tail)
        )
        locations.append(struct.pack(">HHHII", number, 0, 1, *place))
        links += [
            box(kind, struct.pack(f">{2 + len(to)}H", number, len(to), *to))
            for kind, to in part.references
        ]
        indices = []
        for content, essential in part.properties:
            properties.append(content)
            indices.append(len(properties) | essential << 7)
        if indices:
            associations.append(struct.pack(">HB", number, len(indices)) + bytes(indices))
    return full_box(
        b"meta",
        0,
        0,
        full_box(b"hdlr", 0, 0, bytes(4), b"pict", bytes(13)),
        full_box(b"pitm", 0, 0, struct.pack(">H", 1)),
        full_box(b"iloc", 0, 0, b"\x44\0", count, *locations),
        full_box(b"iinf", 0, 0, count, *kinds),
        *([full_box(b"iref", 0, 0, *links)] if links else []),
        box(
            b"iprp",
            box(b"ipco", *properties),
            full_box(b"ipma", 0, 0, struct.pack(">I", len(associations)), *associations),
        ),
    )
