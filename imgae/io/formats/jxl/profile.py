"""The colour profile (ICC) in a JPEG XL codestream, which is predicted and entropy-coded there."""

from collections.abc import Iterator
from typing import Final

from imgae.io.formats.jxl.bits import Reader, Writer
from imgae.io.formats.jxl.entropy import Decoder, pack_bytes

CONTEXTS: Final = 41
MOST: Final = 1 << 21
"""Bytes of a profile, as coded, that are read."""
HEADER: Final = 128
TAGS: Final = (
    b"cprtwtptbkptrXYZgXYZbXYZkXYZrTRCgTRCbTRCkTRCchaddescchrmdmnddmddlumi"  # four bytes each
)
TYPES: Final = b"XYZ desctextmlucparacurvsf32gbd "
OF_TWENTY_BYTES: Final = (b"rXYZ", b"gXYZ", b"bXYZ", b"kXYZ", b"wtpt", b"bkpt", b"lumi")
INSERT, SHUFFLE_2, SHUFFLE_4, PREDICT, COLOUR, FIRST_TYPE = 1, 2, 3, 4, 10, 16
"""Commands."""


def read_profile(data: bytes, at: int) -> tuple[bytes, int]:
    """Return the profile that begins at a bit, and the bit after it. Raises ValueError."""
    reader = Reader(data, at)
    size = reader.long()
    if size > MOST:
        raise ValueError(f"a colour profile of {size} bytes")
    decoder = Decoder(reader, CONTEXTS)
    coded = bytearray()
    for place in range(size):
        context = 0
        if place > HEADER:
            context = 1 + FIRST_KINDS[coded[-1]] + 8 * SECOND_KINDS[coded[-2]]
        value = decoder.number(context)
        if value > 255:
            raise ValueError("a colour profile is damaged")
        coded.append(value)
    return unpredicted(bytes(coded)), reader.at


def first_kind(value: int) -> int:
    """Return what kind of byte the one before is."""
    letter = chr(value)
    if letter.isascii() and letter.isalpha():
        return 0
    if (letter.isascii() and letter.isdigit()) or letter in ".,":
        return 1
    if value < 2:
        return 2 + value
    if value < 16:
        return 4
    if value == 255:
        return 6
    return 5 if value > 240 else 7


def second_kind(value: int) -> int:
    """Return what kind of byte the one before that is."""
    kind = first_kind(value)
    if kind < 2:
        return kind
    return 2 if value < 16 else 3 if value > 240 else 4


FIRST_KINDS: Final = tuple(first_kind(value) for value in range(256))
SECOND_KINDS: Final = tuple(second_kind(value) for value in range(256))


def predicted_header(size: int) -> bytearray:
    """Return what the first 128 bytes of a profile usually are."""
    header = bytearray(HEADER)
    header[:4] = size.to_bytes(4)
    header[8] = 4
    header[12:24] = b"mntrRGB XYZ "
    header[36:40] = b"acsp"
    header[68:80] = b"\0\0\xf6\xd6\0\1\0\0\0\0\xd3\x2d"
    return header


def predict_more(header: bytearray, known: bytes | bytearray, place: int) -> None:
    """Change the prediction of a header by the bytes before a place."""
    if place == 8:
        header[80:84] = known[4:8]
    elif place == 41 and known[40:41] in (b"A", b"M"):
        header[41:44] = b"PPL" if known[40:41] == b"A" else b"SFT"
    elif place == 42 and known[40:42] in (b"SG", b"SU"):
        header[42:44] = b"I " if known[40:42] == b"SG" else b"NW"


class Coded:
    """The commands and the data of a coded profile, read one after another."""

    def __init__(self, coded: bytes) -> None:
        self.coded, self.at, self.end, self.data = coded, 0, len(coded), len(coded)
        self.size = self.varint()
        commands = self.varint()
        self.data = self.at + commands
        if self.data > len(coded) or self.size > MOST:
            raise ValueError("a colour profile is damaged")
        self.end = self.data

    def command(self) -> int:
        if self.at >= self.end:
            raise ValueError("a colour profile ends too early")
        self.at += 1
        return self.coded[self.at - 1]

    def commands(self) -> Iterator[int]:
        while self.at < self.end:
            yield self.command()

    def varint(self) -> int:
        value = shift = 0
        while shift < 63:
            byte = self.command()
            value |= (byte & 127) << shift
            if byte < 128:
                break
            shift += 7
        return value

    def take(self, count: int) -> bytes:
        if self.data + count > len(self.coded):
            raise ValueError("a colour profile ends too early")
        self.data += count
        return self.coded[self.data - count : self.data]


def unpredicted(coded: bytes) -> bytes:
    """Undo the prediction of a profile. Raises ValueError if it is damaged."""
    source = Coded(coded)
    header = predicted_header(source.size)
    found = bytearray()
    for place in range(min(HEADER, source.size)):
        predict_more(header, found, place)
        found.append(source.take(1)[0] + header[place] & 255)
    if source.size > HEADER:
        tags = source.varint()
        if tags:
            add_tags(source, found, tags - 1)
        for command in source.commands():
            add_content(source, found, command)
            if len(found) > source.size:
                break
    if len(found) != source.size:
        raise ValueError("a colour profile is damaged")
    return bytes(found)


def add_tags(source: Coded, found: bytearray, count: int) -> None:  # noqa: C901 - as coded
    """Add the list of tags of a profile."""
    found += count.to_bytes(4)
    start, size = 12 * count + HEADER, 0
    for command in source.commands():
        code = command & 63
        if code == 0:
            return
        if code == 1:
            tag = source.take(4)
        elif code in (2, 3):
            tag = b"rTRC" if code == 2 else b"rXYZ"
        else:
            tag = TAGS[4 * (code - 4) : 4 * (code - 3)]
            if len(tag) < 4:
                raise ValueError("a colour profile is damaged")
        start = source.varint() if command & 64 else start + size
        size = 20 if tag in OF_TWENTY_BYTES else size
        size = source.varint() if command & 128 else size
        entries = [(tag, start)]
        if code == 2:
            entries += [(b"gTRC", start), (b"bTRC", start)]
        elif code == 3:
            entries += [(b"gXYZ", start + size), (b"bXYZ", start + 2 * size)]
        for name, place in entries:
            if max(place, size) >> 32:
                raise ValueError("a colour profile is damaged")
            found += name + place.to_bytes(4) + size.to_bytes(4)
        if len(found) > source.size:
            raise ValueError("a colour profile is damaged")


def add_content(source: Coded, found: bytearray, command: int) -> None:
    """Add what a command makes."""
    if command == INSERT:
        found += source.take(source.varint())
    elif command in (SHUFFLE_2, SHUFFLE_4):
        found += shuffled(source.take(source.varint()), 2 if command == SHUFFLE_2 else 4)
    elif command == PREDICT:
        add_predicted(source, found)
    elif command == COLOUR:
        found += b"XYZ \0\0\0\0" + source.take(12)
    elif FIRST_TYPE <= command < FIRST_TYPE + len(TYPES) // 4:
        at = 4 * (command - FIRST_TYPE)
        found += TYPES[at : at + 4] + bytes(4)
    else:
        raise ValueError("a colour profile is damaged")


def shuffled(data: bytes, width: int) -> bytes:
    """Bring numbers together whose first bytes came first, then their second, and so on."""
    rows = -(-len(data) // width)
    return bytes(byte for row in range(rows) for byte in data[row::rows])


def add_predicted(source: Coded, found: bytearray) -> None:
    """Add numbers that are coded as their difference from what those before let expect."""
    flags = source.command()
    width, order = (flags & 3) + 1, flags >> 2 & 3
    stride = source.varint() if flags & 16 else width
    if width == 3 or order == 3 or stride < width or stride * 4 >= len(found):
        raise ValueError("a colour profile is damaged")
    data = source.take(source.varint())
    if width > 1:
        data = shuffled(data, width)
    start = len(found)
    for place, byte in enumerate(data):
        at = start + place // width * width
        before = [
            int.from_bytes(found[at - stride * step : at - stride * step + width])
            for step in range(1, order + 2)
        ]
        weights = ((1,), (2, -1), (3, -3, 1))[order]
        expected = sum(weight * one for weight, one in zip(weights, before, strict=True))
        shift = 8 * (width - 1 - place % width)
        found.append(byte + (expected >> shift) & 255)


def write_profile(profile: bytes) -> Writer:
    """Return a profile as bits that follow an image header."""
    header = predicted_header(len(profile))
    residuals = bytearray()
    for place, byte in enumerate(profile[:HEADER]):
        predict_more(header, profile, place)
        residuals.append(byte - header[place] & 255)
    rest = profile[HEADER:]
    commands = b"\0" + bytes([INSERT]) + varint(len(rest)) if rest else b""
    coded = varint(len(profile)) + varint(len(commands)) + commands + residuals + rest
    writer = Writer()
    writer.long(len(coded))
    pack_bytes(writer, coded)
    return writer


def varint(value: int) -> bytes:
    found = bytearray()
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    return bytes([*found, value])
