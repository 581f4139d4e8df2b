"""The image header of a JPEG XL codestream, read and written."""

from dataclasses import dataclass, replace
from typing import Final

from imgae.io.formats.jxl.bits import SIDES, Reader, Writer

MAGIC: Final = b"\xff\x0a"
RATIOS: Final = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
RGB, GRAY, XYB = 0, 1, 2
"""Colour spaces."""
D65, CUSTOM, EQUAL_ENERGY, DCI = 1, 2, 10, 11
"""White points; primaries are 1 (sRGB), 2 (CUSTOM), 9 (BT.2020) and 11 (P3)."""
SRGB_TRANSFER: Final = 13
RELATIVE: Final = 1
ALPHA, DEPTH, SPOT, SELECTION, BLACK, CFA, THERMAL = range(7)
CHANNELS: Final = {
    ALPHA: "second alpha channel",
    DEPTH: "depth channel",
    SPOT: "spot colour",
    SELECTION: "selection mask",
    BLACK: "black ink",
    CFA: "colour filter channel",
    THERMAL: "thermal channel",
}
TICKS: Final = (100, 0), (1000, 0), (1, 10), (1, 30)
TICK_PARTS: Final = (1, 0), (1001, 0), (1, 8), (1, 10)
LOOPS: Final = (0, 0), (0, 3), (0, 16), (0, 32)
INTEGER_BITS: Final = (8, 0), (10, 0), (12, 0), (1, 6)
FLOAT_BITS: Final = (32, 0), (16, 0), (24, 0), (1, 6)
CHROMATICITY: Final = (0, 19), (524288, 19), (1048576, 20), (2097152, 21)


@dataclass(frozen=True)
class Colour:
    """What the pixels mean, as the header says it by numbers.

    white, primaries, transfer: CUSTOM is in `xy`, and gamma in ten-millionths in `gamma`.
    xy: eight chromaticities in millionths: of white, red, green and blue.
    icc: whether a colour profile follows the header instead.
    """

    space: int = RGB
    white: int = D65
    primaries: int = 1
    transfer: int = SRGB_TRANSFER
    gamma: int = 0
    intent: int = RELATIVE
    xy: tuple[int, ...] = (0,) * 8
    icc: bool = False


@dataclass(frozen=True)
class Extra:
    """A channel besides the colours. plain: whether nothing else is said of it."""

    kind: int = ALPHA
    bits: int = 8
    exponent: int = 0
    associated: bool = False
    plain: bool = True


@dataclass(frozen=True)
class Animation:
    """ticks: in a second, as a numerator and denominator. loops: 0 without end."""

    ticks: tuple[int, int] = (1000, 1)
    loops: int = 0
    timecodes: bool = False


@dataclass(frozen=True)
class Header:
    """What a codestream says before its pixels.

    size_end, end: where the size and the header end, in bits; a colour profile and then the frames
    follow. width, height: as stored. bits, exponent: of a sample, exponent 0 for integers.
    tone: what it says of luminance, as four numbers of 16, 16, 1 and 16 bits, or None.
    preview, intrinsic: whether it has a small copy, and a size to be shown in. plain: whether
    `with_header` writes all that it says.
    """

    width: int
    height: int
    size_end: int
    end: int
    orientation: int = 1
    bits: int = 8
    exponent: int = 0
    short_buffers: bool = True
    extra: tuple[Extra, ...] = ()
    xyb: bool = True
    colour: Colour = Colour()
    animation: Animation | None = None
    tone: tuple[int, int, int, int] | None = None
    preview: bool = False
    intrinsic: bool = False
    plain: bool = True

    @property
    def alpha(self) -> Extra | None:
        """The channel that is the picture's alpha, or None."""
        return next((one for one in self.extra if one.kind == ALPHA), None)


def read_header(data: bytes) -> Header:  # noqa: C901 - field after field, as they lie
    """Read the header of a codestream. Raises ValueError if it is damaged."""
    if data[:2] != MAGIC:
        raise ValueError("no JPEG XL codestream")
    reader = Reader(data, 16)
    width, height = read_size(reader)
    header = Header(width, height, reader.at, 0)
    if reader.flag():  # all as usual
        reader.flag()  # the transform, likewise
        return replace(header, end=reader.at)
    more = reader.flag()
    if more:
        orientation = 1 + reader.bits(3)
        intrinsic = reader.flag()
        if intrinsic:
            read_size(reader)
        preview = reader.flag()
        if preview:
            pass_preview(reader)
        animation = read_animation(reader) if reader.flag() else None
        header = replace(
            header,
            orientation=orientation,
            intrinsic=intrinsic,
            preview=preview,
            animation=animation,
        )
    bits, exponent = read_depth(reader)
    short_buffers = reader.flag()
    count = reader.number((0, 0), (1, 0), (2, 4), (1, 12))
    extra = tuple(read_extra(reader) for _ in range(count))
    xyb = reader.flag()
    colour = read_colour(reader)
    tone = None
    if more and not reader.flag():
        tone = reader.bits(16), reader.bits(16), reader.bits(1), reader.bits(16)
    before = reader.at
    reader.pass_extensions()
    plain = reader.at == before + 2 and reader.peek(1) == 1 and all(one.plain for one in extra)
    if not reader.flag():
        if xyb and not reader.flag():
            reader.bits(16 * 16)
        mask = reader.bits(3)
        for bit, weights in enumerate((15, 55, 210)):
            if mask >> bit & 1:
                reader.bits(16 * weights)
    return replace(
        header,
        end=reader.at,
        bits=bits,
        exponent=exponent,
        short_buffers=short_buffers,
        extra=extra,
        xyb=xyb,
        colour=colour,
        tone=tone,
        plain=plain and not header.preview and not header.intrinsic,
    )


def read_size(reader: Reader) -> tuple[int, int]:
    """Return width and height."""
    small = reader.flag()
    height = (1 + reader.bits(5)) * 8 if small else reader.number(*SIDES)
    ratio = reader.bits(3)
    if ratio:
        across, down = RATIOS[ratio - 1]
        return height * across // down, height
    return (1 + reader.bits(5)) * 8 if small else reader.number(*SIDES), height


def pass_preview(reader: Reader) -> None:
    eights = (16, 0), (32, 0), (1, 5), (33, 9)
    ones = (1, 6), (65, 8), (321, 10), (1345, 12)
    choices = eights if reader.flag() else ones
    reader.number(*choices)
    if not reader.bits(3):
        reader.number(*choices)


def read_animation(reader: Reader) -> Animation:
    ticks = reader.number(*TICKS), reader.number(*TICK_PARTS)
    return Animation(ticks, reader.number(*LOOPS), reader.flag())


def read_depth(reader: Reader) -> tuple[int, int]:
    """Return the bits of a sample, and of its exponent, 0 for integers."""
    if reader.flag():
        return reader.number(*FLOAT_BITS), 1 + reader.bits(4)
    return reader.number(*INTEGER_BITS), 0


def read_extra(reader: Reader) -> Extra:
    if reader.flag():
        return Extra()
    kind = reader.enum()
    bits, exponent = read_depth(reader)
    shrunk = reader.number((0, 0), (3, 0), (4, 0), (1, 3))
    name = reader.number((0, 0), (0, 4), (16, 5), (48, 10))
    reader.bits(8 * name)
    associated = kind == ALPHA and reader.flag()
    if kind == SPOT:
        reader.bits(4 * 16)
    elif kind == CFA:
        reader.number((1, 0), (0, 2), (3, 4), (19, 8))
    plain = not shrunk and not name and kind not in (SPOT, CFA)
    return Extra(kind, bits, exponent, associated, plain)


def read_colour(reader: Reader) -> Colour:
    if reader.flag():
        return Colour()
    icc = reader.flag()
    space = reader.enum()
    if icc:
        return Colour(space, icc=True)
    xy = [0] * 8
    white, primaries, transfer, gamma = D65, 1, SRGB_TRANSFER, 0
    if space != XYB:
        white = reader.enum()
        if white == CUSTOM:
            xy[:2] = reader.number(*CHROMATICITY), reader.number(*CHROMATICITY)
    if space not in (GRAY, XYB):
        primaries = reader.enum()
        if primaries == CUSTOM:
            xy[2:] = (reader.number(*CHROMATICITY) for _ in range(6))
    if space != XYB:
        if reader.flag():
            gamma = reader.bits(24)
        else:
            transfer = reader.enum()
    return Colour(space, white, primaries, transfer, gamma, reader.enum(), tuple(xy))


def with_header(
    data: bytes, old: Header, new: Header, profile: Writer | None = None, body: int | None = None
) -> bytes:
    """Return a codestream with another header, of the same size and channels.

    profile: the colour profile to follow it, if new.colour.icc. body: the byte where the frames
    begin; without, they follow the old header.
    """
    writer = Writer()
    writer.copy(data, 0, old.size_end)
    writer.flag(False)
    writer.flag(True)
    writer.bits(new.orientation - 1, 3)
    writer.flag(False)
    writer.flag(False)
    writer.flag(new.animation is not None)
    if new.animation:
        writer.number(new.animation.ticks[0], *TICKS)
        writer.number(new.animation.ticks[1], *TICK_PARTS)
        writer.number(new.animation.loops, *LOOPS)
        writer.flag(new.animation.timecodes)
    write_depth(writer, new.bits, new.exponent)
    writer.flag(new.short_buffers)
    writer.number(len(new.extra), (0, 0), (1, 0), (2, 4), (1, 12))
    for extra in new.extra:
        writer.flag(False)
        writer.enum(extra.kind)
        write_depth(writer, extra.bits, extra.exponent)
        writer.bits(0, 2)
        writer.bits(0, 2)
        if extra.kind == ALPHA:
            writer.flag(extra.associated)
    writer.flag(new.xyb)
    write_colour(writer, new.colour)
    writer.flag(new.tone is None)
    if new.tone:
        for value, count in zip(new.tone, (16, 16, 1, 16), strict=True):
            writer.bits(value, count)
    writer.long(0)
    writer.flag(True)
    if profile:
        writer.bits(profile.value, profile.at)
    return writer.content() + data[-(-old.end // 8) if body is None else body :]


def write_depth(writer: Writer, bits: int, exponent: int) -> None:
    writer.flag(exponent > 0)
    if exponent:
        writer.number(bits, *FLOAT_BITS)
        writer.bits(exponent - 1, 4)
    else:
        writer.number(bits, *INTEGER_BITS)


def write_colour(writer: Writer, colour: Colour) -> None:
    writer.flag(False)
    writer.flag(colour.icc)
    writer.enum(colour.space)
    if colour.icc:
        return
    writer.enum(colour.white)
    if colour.white == CUSTOM:
        for value in colour.xy[:2]:
            writer.number(value, *CHROMATICITY)
    if colour.space != GRAY:
        writer.enum(colour.primaries)
        if colour.primaries == CUSTOM:
            for value in colour.xy[2:]:
                writer.number(value, *CHROMATICITY)
    writer.flag(colour.gamma > 0)
    if colour.gamma:
        writer.bits(colour.gamma, 24)
    else:
        writer.enum(colour.transfer)
    writer.enum(colour.intent)
