import random
import struct

import pytest

from imgae.io.bmff import boxes
from imgae.io.bmff.boxes import Box, Cursor, box, full_box


def test_boxes_follow_each_other_and_hold_each_other():
    inner = box(b"free", b"abc")
    data = box(b"ftyp", b"avif\0\0\0\0mif1miaf") + full_box(b"meta", 1, 2, inner, box(b"idat"))
    ftyp, meta = boxes.boxes(data)
    assert (ftyp.kind, meta.kind, meta.content(data)[:4]) == (b"ftyp", b"meta", b"\x01\0\0\2")
    assert [one.kind for one in boxes.inside(data, meta, 4)] == [b"free", b"idat"]
    assert boxes.first(data, meta, b"free", 4).content(data) == b"abc"
    assert boxes.first(data, meta, b"none", 4) is None
    assert boxes.brands(data) == (b"avif", b"mif1", b"miaf")
    assert boxes.brands(data[24:]) == boxes.brands(b"") == ()


def test_sizes_of_64_bits_and_to_the_end():
    data = struct.pack(">I4sQ", 1, b"wide", 19) + b"abc" + struct.pack(">I4s", 0, b"last") + b"de"
    wide, last = boxes.boxes(data)
    assert wide.content(data) == b"abc"
    assert last.content(data) == b"de"


def test_a_box_that_says_that_it_reaches_further_ends_with_the_file():
    (one,) = boxes.boxes(struct.pack(">I4s", 100, b"mdat") + b"abc")
    assert (one.whole, one.end) == (False, 11)
    outer = box(b"moov", struct.pack(">I4s", 100, b"trak"))
    (inner,) = boxes.inside(outer + b"more", next(boxes.boxes(outer)))
    assert (inner.whole, inner.end) == (False, 16)


@pytest.mark.parametrize("size", [2, 7])
def test_a_box_shorter_than_its_header_is_refused(size):
    with pytest.raises(ValueError, match=f"a box of {size} bytes"):
        list(boxes.boxes(struct.pack(">I4s", size, b"free") + bytes(20)))


def test_very_many_boxes_are_refused():
    with pytest.raises(ValueError, match="more than 100000 boxes"):
        list(boxes.boxes(box(b"free") * 100_001))


def test_a_cursor_ends_where_its_box_does():
    data = box(b"test", b"\0\1ab\0cd") + b"more"
    cursor = Cursor(data, next(boxes.boxes(data)))
    assert cursor.number(2) == 1
    assert (cursor.string(), cursor.string(), cursor.string()) == (b"ab", b"cd", b"")
    with pytest.raises(ValueError, match="ends too early"):
        cursor.number(1)


def meta_of(*parts):
    """Return a file of one meta box, and what it holds."""
    data = full_box(b"meta", 0, 0, *parts)
    return data, boxes.items(data, next(boxes.boxes(data)))


def infe(number, kind, flags=0, tail=b"\0"):
    return full_box(b"infe", 2, flags, struct.pack(">HH", number, 0), kind, tail)


def whole_meta():
    iloc = struct.pack(">BBH", 0x44, 0, 2)
    iloc += struct.pack(">HHHHII", 1, 1, 0, 1, 0, 3) + struct.pack(">HHHHII", 2, 0, 0, 1, 0, 8)
    return (
        full_box(b"pitm", 0, 0, b"\0\1"),
        full_box(
            b"iinf", 0, 0, b"\0\2", infe(1, b"av01"), infe(2, b"mime", 1, b"\0application/xml\0")
        ),
        full_box(b"iloc", 1, 0, iloc),
        full_box(b"iref", 0, 0, box(b"cdsc", struct.pack(">HHH", 2, 1, 1))),
        box(
            b"iprp",
            box(b"ipco", box(b"irot", b"\1"), full_box(b"ispe", 0, 0, bytes(8))),
            full_box(b"ipma", 0, 0, struct.pack(">IHBBB", 1, 1, 2, 2, 0x81)),
        ),
        box(b"idat", b"pixels"),
    )


def test_items_have_kinds_bytes_properties_and_references():
    data, items = meta_of(*whole_meta())
    assert items.primary == 1
    assert items.content(items.items[1]) == b"pix"
    assert items.content(items.items[2]) == data[:8]
    assert [one.kind for one in items.items[1].properties] == [b"ispe", b"irot"]
    assert items.items[1].property(b"irot").content(data) == b"\1"
    assert items.items[1].property(b"clap") is None
    assert items.items[2].content_type == b"application/xml"
    assert (items.items[1].hidden, items.items[2].hidden) == (False, True)
    assert items.referring(b"cdsc", 1) == (2,)
    assert items.referred(b"cdsc", 2) == (1,)
    assert items.described == (items.items[2],)


def test_bytes_that_the_file_does_not_hold_are_no_items():
    for begin, end in ((0, 99), (4, 2)):
        items = boxes.Items(b"abcdef")
        with pytest.raises(ValueError, match="not in the file"):
            items.content(boxes.Item(1, b"av01", extents=((begin, end),)))
    with pytest.raises(ValueError, match="not in the file"):
        boxes.Items(b"abcdef").content(boxes.Item(1, b"av01", extents=((0, 6),) * 1000))


def test_tables_do_not_grow_beyond_their_file():
    entries = struct.pack(">BBH", 0, 0, 3) + struct.pack(">HHH", 1, 0, 65535) * 3
    with pytest.raises(ValueError, match="too many extents"):
        meta_of(full_box(b"iloc", 0, 0, entries))


def test_whatever_is_wrong_is_a_value_error():
    whole, _ = meta_of(*whole_meta())
    chance = random.Random(1)
    for _ in range(500):
        data = bytearray(whole)
        for _ in range(chance.randint(1, 4)):
            data[chance.randrange(len(data))] = chance.choice((0, 1, 2, 127, 255))
        try:
            items = boxes.items(bytes(data), Box(b"meta", 0, 8, len(data)))
            for item in items.items.values():
                items.content(item)
        except ValueError:
            pass
