"""The size of the picture in a HEIF file, AVIF or HEIC, from what is said of its items."""

from typing import Final

from imgae.io.bmff import boxes
from imgae.io.bmff.boxes import Box, Cursor, Item, Items
from imgae.io.numbers import numbers_at

STILL: Final = frozenset({b"av01", b"hvc1", b"grid", b"iovl", b"iden"})
"""Items of HEIF files that are pictures."""
ALPHA: Final = (
    b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha",
    b"urn:mpeg:hevc:2015:auxid:1",
)


def measured(data: bytes) -> tuple[int, int, int, int] | None:
    """Return width, height, samples of a pixel and bytes of a sample of a file's single picture.

    None for a file of several, or that does not tell. Raises ValueError or struct.error for damage.
    """
    top = {one.kind: one for one in reversed(boxes.boxes_until_damage(data))}
    if b"meta" not in top or b"moov" in top:
        return None
    items = boxes.items(data, top[b"meta"])
    main = items.items.get(items.primary)
    if main is None or len(pictures(items)) > 1:
        return None
    extent, depth = extent_of(data, main), depth_of(data, items, main)
    if extent is None or depth is None:
        return None
    bits, channels = depth
    alpha = any(is_alpha(data, items.items[one]) for one in items.referring(b"auxl", main.number))
    return *extent, channels + alpha, 2 if bits > 8 else 1


def extent_of(data: bytes, main: Item) -> tuple[int, int] | None:
    """Return width and height, as they are cropped to."""
    crop, extent = main.property(b"clap"), main.property(b"ispe")
    if crop is not None:
        across, by, down, too = numbers_at(">4I", data, crop.begin)
        return None if across % by or down % too else (across // by, down // too)
    if extent is None:
        return None
    width, height = numbers_at(">II", data, extent.begin + 4)
    return width, height


def pictures(items: Items) -> list[Item]:
    """Return the items that are shown as pictures of their own."""
    parts = {number for kind, _, to in items.references for number in to if kind == b"dimg"}
    beside = {origin for kind, origin, _ in items.references if kind in (b"auxl", b"thmb")}
    return [
        one
        for one in items.items.values()
        if one.kind in STILL and not one.hidden and one.number not in parts | beside
    ]


def depth_of(data: bytes, items: Items, main: Item) -> tuple[int, int] | None:
    """Return the bits of a sample and the channels of colour, None where they are not told."""
    tiles = [items.items[one] for one in items.referred(b"dimg", main.number) if one in items.items]
    said: Box | None = next((one.property(b"pixi") for one in (main, *tiles[:1])), None)
    codec = next((one.property(b"av1C") for one in (main, *tiles) if one.property(b"av1C")), None)
    if codec is not None:
        from imgae.io.formats.avif.av1 import configuration

        bits, gray, _ = configuration(data, codec)
        return bits, 1 if gray else 3
    hevc = next((one.property(b"hvcC") for one in (main, *tiles) if one.property(b"hvcC")), None)
    if said is None and hevc is not None:
        chroma, depth = hevc.content(data)[16:18]
        return (8 + (depth & 7), 3) if chroma & 3 else None
    if said is None:
        return None
    cursor = Cursor(data, said)
    cursor.version()
    channels = cursor.number(1)
    return (cursor.number(1), channels) if channels in (1, 3) else None


def is_alpha(data: bytes, item: Item) -> bool:
    kind = item.property(b"auxC")
    return kind is not None and kind.content(data)[4:].split(b"\0")[0] in ALPHA
