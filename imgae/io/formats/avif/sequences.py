"""Sequences of pictures in ISO base media files: their tracks and times."""

import struct
from dataclasses import dataclass
from typing import Final

from imgae.io.bmff import boxes
from imgae.io.bmff.boxes import Box, Cursor, box

ENDLESS: Final = (1 << 64) - 1


@dataclass(frozen=True)
class Track:
    """A track of a movie: the number of it, what it holds, how its samples are stored and timed.

    durations: of each sample, in parts of a second of which `timescale` are one. loop: how often it
    is shown, 0 without end. first: where the first sample lies. properties: of its sample entry.
    """

    number: int
    handler: bytes
    width: int
    height: int
    timescale: int
    durations: tuple[int, ...]
    loop: int
    first: tuple[int, int]
    properties: tuple[Box, ...]
    auxiliary_to: tuple[int, ...] = ()


def tracks_of(data: bytes, moov: Box) -> list[Track]:
    """Return the tracks of AV1 in a movie."""
    found = []
    for trak in boxes.inside(data, moov):
        media = boxes.first(data, trak, b"mdia") if trak.kind == b"trak" else None
        table = boxes.descend(data, media, b"minf", b"stbl") if media else None
        if media is None or table is None:
            continue
        parts = {one.kind: one for one in boxes.inside(data, table)}
        entry = next(iter(boxes.inside(data, parts[b"stsd"], 8)), None)
        if entry is None or entry.kind != b"av01":
            continue
        found.append(track_of(data, trak, media, parts, entry))
    return found


def track_of(data: bytes, trak: Box, media: Box, parts: dict[bytes, Box], entry: Box) -> Track:
    handler, header = boxes.first(data, media, b"hdlr"), boxes.first(data, media, b"mdhd")
    tkhd = boxes.first(data, trak, b"tkhd")
    if handler is None or header is None or tkhd is None:
        raise ValueError("a track lacks its headers")
    cursor = Cursor(data, header)
    version, _ = cursor.version()
    cursor.take(16 if version else 8)
    timescale = cursor.number(4)
    cursor = Cursor(data, tkhd)
    version, _ = cursor.version()
    cursor.take(16 if version else 8)
    number = cursor.number(4)
    cursor.take(4)
    length = cursor.number(8 if version else 4)
    endless = length == ((1 << 64) - 1 if version else (1 << 32) - 1)
    sizes = Cursor(data, parts[b"stsz"])
    sizes.version()
    common, count = sizes.number(4), sizes.number(4)
    durations = durations_of(data, parts[b"stts"], count)
    wide = b"co64" in parts
    chunks = Cursor(data, parts[b"co64" if wide else b"stco"])
    chunks.take(8)
    at = chunks.number(8 if wide else 4)
    size = common or (sizes.number(4) if count else 0)
    picture = Cursor(data, entry)
    picture.take(24)
    width, height = picture.number(2), picture.number(2)
    reference = boxes.descend(data, trak, b"tref", b"auxl")
    main: tuple[int, ...] = ()
    if reference is not None:
        content = reference.content(data)
        main = struct.unpack(f">{len(content) // 4}I", content[: len(content) // 4 * 4])
    return Track(
        number,
        handler.content(data)[8:12],
        width,
        height,
        timescale,
        durations,
        loop_of(data, trak, None if endless else length),
        (at, at + size),
        tuple(boxes.inside(data, entry, 78)),
        main,
    )


def durations_of(data: bytes, stts: Box, count: int) -> tuple[int, ...]:
    """Return the duration of each of so many samples."""
    cursor = Cursor(data, stts)
    cursor.version()
    found: list[int] = []
    if count > boxes.MOST_BOXES:
        raise ValueError("it says that it has too many frames")
    for _ in range(cursor.number(4)):
        times, duration = cursor.number(4), cursor.number(4)
        if times > count - len(found):
            raise ValueError("the times of its frames are more than the frames")
        found += [duration] * times
    if len(found) != count:
        raise ValueError("the times of its frames are fewer than the frames")
    return tuple(found)


def loop_of(data: bytes, trak: Box, length: int | None) -> int:
    """Return how often a track is shown, 0 without end. length: of all, None for without end."""
    edits = boxes.descend(data, trak, b"edts", b"elst")
    if edits is None:  # it does not say; viewers repeat it
        return 0
    cursor = Cursor(data, edits)
    version, flags = cursor.version()
    if not flags & 1 or cursor.number(4) != 1:
        return 1
    one = cursor.number(8 if version else 4)
    return 0 if length is None or not one else max(-(-length // one), 1)


@dataclass(frozen=True)
class Timing:
    """When frames are shown: parts of a second, each frame's number of them, and the repeats."""

    timescale: int
    durations: tuple[int, ...]
    loop: int

    @property
    def once(self) -> int:
        return sum(self.durations)

    @property
    def length(self) -> int:
        """Of all repeats."""
        return self.once * self.loop if self.loop else ENDLESS


def movie(data: bytes, one: Box, timing: Timing, further: list[bytes], moved: int) -> bytes:
    """Return a box of a movie of libavif's with other times, its samples `moved` bytes further.

    further: boxes for the sample entry of its colours.
    """
    content = one.content(data)
    if one.kind in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts"):
        parts = (movie(data, part, timing, further, moved) for part in boxes.inside(data, one))
        return box(one.kind, *parts)
    if one.kind == b"stco":
        places = [at + moved for at in numbers(content[8:])]
        return box(one.kind, content[:8], struct.pack(f">{len(places)}I", *places))
    if one.kind == b"stsd":
        entry = next(boxes.inside(data, one, 8))
        auxiliary = any(part.kind == b"auxi" for part in boxes.inside(data, entry, 78))
        more = [] if auxiliary else further
        return box(one.kind, content[:8], box(entry.kind, entry.content(data), *more))
    return box(one.kind, timed(one.kind, content, timing))


def timed(kind: bytes, content: bytes, timing: Timing) -> bytes:
    """Return the content of a box of a movie of libavif's (of version 1) with other times."""
    count = len(timing.durations)
    if kind in (b"mvhd", b"mdhd"):
        length = timing.once if kind == b"mdhd" else timing.length
        times = struct.pack(">QQIQ", 0, 0, timing.timescale, length)
        return content[:4] + times + content[32:]
    if kind == b"tkhd":
        return content[:4] + bytes(16) + content[20:28] + number(timing.length) + content[36:]
    if kind == b"elst":
        repeats = int(timing.loop != 1 and timing.once > 0)
        return struct.pack(">IIQQI", 1 << 24 | repeats, 1, timing.once, 0, 1 << 16)
    if kind == b"stts":
        runs = (struct.pack(">II", 1, duration) for duration in timing.durations)
        return struct.pack(">II", 0, count) + b"".join(runs)
    if kind == b"stsz":
        return content[:8] + struct.pack(">I", count) + content[12 : 12 + 4 * count]
    if kind == b"stsc":
        return content[:12] + struct.pack(">I", count) + content[16:]
    if kind == b"stss":
        kept = [at for at in numbers(content[8:]) if at <= count]
        return content[:4] + struct.pack(f">{1 + len(kept)}I", len(kept), *kept)
    return content


def number(value: int) -> bytes:
    return struct.pack(">Q", value)


def numbers(data: bytes) -> tuple[int, ...]:
    return struct.unpack(f">{len(data) // 4}I", data[: len(data) // 4 * 4])
