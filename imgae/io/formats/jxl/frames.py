"""The frames of a JPEG XL animation: where they lie, and how long each is shown."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from imgae.io.formats.jxl.bits import Reader, Writer
from imgae.io.formats.jxl.header import Header

REGULAR, LOW, REFERENCE, PROGRESSIVE = range(4)
"""Kinds of frames."""
USES_LOW: Final = 32
"""A flag: a frame of its own holds the picture's eighth."""
FACTORS: Final = (1, 0), (2, 0), (4, 0), (8, 0)
PLACES: Final = (0, 8), (256, 11), (2304, 14), (18688, 30)
NAMES: Final = (0, 0), (0, 4), (16, 5), (48, 10)
DURATIONS: Final = (0, 0), (1, 0), (0, 8), (0, 32)
SECTIONS: Final = (0, 10), (1024, 14), (17408, 22), (4211712, 30)
BLEND, WEIGHTED_ADD, MULTIPLY = 2, 3, 4
GROUP: Final = 256
MOST_SECTIONS: Final = 1_000_000


class PermutedError(ValueError):
    """Sections are in another order, and where a frame ends is not found."""


@dataclass(frozen=True)
class FramePlace:
    """A frame: where it begins and ends, in bytes, and of its header, in bits, what is needed.

    duration: in ticks. at: where the duration is written, and up to where; header_end: where the
    header ends. shown: whether it is one of the frames that are seen, alone or under the next.
    """

    begin: int
    end: int
    duration: int
    at: tuple[int, int]
    header_end: int
    body: int
    shown: bool
    last: bool


def read_frames(data: bytes, header: Header, begin: int, most: int) -> list[FramePlace]:
    """Return the frames of an animation, from the byte at which they begin.

    Raises ValueError for damage, and for more than `most`; PermutedError if they cannot be found.
    """
    frames: list[FramePlace] = []
    while not frames or not frames[-1].last:
        if len(frames) >= most:
            raise ValueError(f"more than {most} frames")
        frames.append(read_frame(data, header, begin))
        begin = frames[-1].end
        if begin > len(data):
            raise ValueError("the codestream ends too early")
    return frames


def read_frame(  # noqa: C901, PLR0915 - field after field, as they lie
    data: bytes, header: Header, begin: int
) -> FramePlace:
    reader = Reader(data, begin * 8)
    duration, at, shown, last = 0, (0, 0), True, True
    width, height, modular, passes, shift, upsampling = header.width, header.height, False, 1, 1, 1
    if not reader.flag():
        kind = reader.bits(2)
        modular = reader.flag()
        flags = reader.long()
        luma = not header.xyb and reader.flag()  # YCbCr
        if luma and not flags & USES_LOW:
            reader.bits(6)
        if not flags & USES_LOW:
            upsampling = reader.number(*FACTORS)
            for _ in header.extra:
                reader.number(*FACTORS)
        if modular:
            shift = reader.bits(2)
        elif header.xyb:
            reader.bits(6)
        if kind != REFERENCE:
            passes = read_passes(reader)
        low = 0
        if kind == LOW:
            low = 1 + reader.bits(2)
        partial = False
        x = y = 0
        if kind != LOW and reader.flag():
            if kind != REFERENCE:
                x, y = (unsigned(reader.number(*PLACES)) for _ in range(2))
            width, height = reader.number(*PLACES), reader.number(*PLACES)
            partial = x > 0 or y > 0 or x + width < header.width or y + height < header.height
        elif kind == LOW:
            width, height = (-(-side // (1 << 3 * low)) for side in (width, height))
        shown = kind in (REGULAR, PROGRESSIVE)
        last, mode = False, 0
        if shown:
            mode = pass_blending(reader, header, partial=partial)
            for _ in header.extra:
                pass_blending(reader, header, partial=partial)
            if header.animation:
                start = reader.at
                duration = reader.number(*DURATIONS)
                at = start, reader.at
                if header.animation.timecodes:
                    reader.bits(32)
            last = reader.flag()
        saved = 0
        if kind != LOW and not last:
            saved = reader.bits(2)
        referable = not last and kind != LOW and (duration == 0 or saved != 0)
        if (shown and referable and mode == 0 and not partial) or kind == REFERENCE:
            reader.flag()
        reader.bits(8 * reader.number(*NAMES))
        pass_filter(reader, modular=modular)
        reader.pass_extensions()
    header_end = reader.at
    width, height = (-(-side // upsampling) for side in (width, height))
    side = GROUP // 2 << shift if modular else GROUP
    groups = -(-width // side) * -(-height // side)
    low_groups = -(-width // (side * 8)) * -(-height // (side * 8))
    sections = 1 if groups == 1 and passes == 1 else 2 + low_groups + groups * passes
    if sections > MOST_SECTIONS:
        raise ValueError("too many sections")
    if reader.flag():
        raise PermutedError("permuted sections")
    reader.align()
    total = sum(reader.number(*SECTIONS) for _ in range(sections))
    reader.align()
    body = reader.at // 8
    return FramePlace(begin, body + total, duration, at, header_end, body, shown, last)


def unsigned(value: int) -> int:
    """Return the signed number that is packed into an unsigned one."""
    return -(value + 1 >> 1) if value & 1 else value >> 1


def read_passes(reader: Reader) -> int:
    passes = reader.number((1, 0), (2, 0), (3, 0), (4, 3))
    if passes > 1:
        steps = reader.number((0, 0), (1, 0), (2, 0), (3, 1))
        reader.bits(2 * (passes - 1))
        for _ in range(steps):
            reader.number(*FACTORS)
        for _ in range(steps):
            reader.number((0, 0), (1, 0), (2, 0), (0, 3))
    return passes


def pass_blending(reader: Reader, header: Header, *, partial: bool) -> int:
    """Pass how a frame is laid over the one before, and return its mode."""
    mode = reader.number((0, 0), (1, 0), (2, 0), (3, 2))
    by_alpha = bool(header.extra) and mode in (BLEND, WEIGHTED_ADD)
    if by_alpha:
        reader.number((0, 0), (1, 0), (2, 0), (3, 3))
    if by_alpha or mode == MULTIPLY:
        reader.flag()
    if mode or partial:
        reader.bits(2)
    return mode


def pass_filter(reader: Reader, *, modular: bool) -> None:
    if reader.flag():
        return
    if reader.flag() and reader.flag():
        reader.bits(6 * 16)
    steps = reader.bits(2)
    if steps:
        if not modular and reader.flag():
            reader.bits(8 * 16)
        if reader.flag():
            reader.bits(5 * 16)
        if reader.flag():
            reader.bits((3 if modular else 4) * 16)
        if modular:
            reader.bits(16)
    reader.pass_extensions()


def with_durations(data: bytes, frames: Sequence[FramePlace], durations: Sequence[int]) -> bytes:
    """Return a codestream whose frames are shown for other numbers of ticks, one each."""
    parts = [data[: frames[0].begin]]
    for frame, duration in zip(frames, durations, strict=True):
        writer = Writer()
        writer.copy(data, frame.begin * 8, frame.at[0])
        writer.number(duration, *DURATIONS)
        writer.copy(data, frame.at[1], frame.header_end + 1)  # and that nothing is permuted
        sections = -(-(frame.header_end + 1) // 8)
        parts += [writer.content(), data[sections : frame.end]]
    parts.append(data[frames[-1].end :])
    return b"".join(parts)
