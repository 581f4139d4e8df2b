"""A JPEG file taken apart into its segments and scans, and put together again."""

import re
import struct
from dataclasses import dataclass, field
from typing import Final

from imgae.errors import ImageError

SOI: Final = b"\xff\xd8"
EOI: Final = b"\xff\xd9"
END: Final = 0xD9
START: Final = 0xD8
DHT: Final = 0xC4
DAC: Final = 0xCC
DQT: Final = 0xDB
DRI: Final = 0xDD
DNL: Final = 0xDC
SOS: Final = 0xDA
COM: Final = 0xFE
APP: Final = range(0xE0, 0xF0)
RESTART: Final = range(0xD0, 0xD8)
FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {DHT, 0xC8, DAC}
LOSSLESS: Final = 0xC3
PROGRESSIVE: Final = frozenset({0xC2, 0xCA})
ARITHMETIC: Final = frozenset({0xC9, 0xCA})
READ: Final = frozenset({0xC0, 0xC1, 0xC2, LOSSLESS, 0xC9, 0xCA})
"""Frames that are read: baseline, extended, progressive, lossless, two of arithmetic codes."""
KINDS: Final = {
    0xC5: "hierarchical",
    0xC6: "hierarchical",
    0xC7: "hierarchical",
    0xCB: "lossless with arithmetic codes",
    0xCD: "hierarchical",
    0xCE: "hierarchical",
    0xCF: "hierarchical",
}
"""Frames that are not, and what messages call them."""
MOST_SCANS: Final = 500
"""No picture needs more; a small file with many keeps a decoder busy for hours."""
IN_SCAN: Final = re.compile(rb"\xff+[\x01-\xcf\xd8-\xfe]")
"""A marker that ends a scan's data."""
A_RESTART: Final = re.compile(rb"\xff+[\xd0-\xd7]")
ZIGZAG: Final = (
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20,
    13, 6, 7, 14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59,
    52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
)  # fmt: skip
"""By the order of a file's steps, the place in a block, row by row."""


@dataclass(frozen=True)
class Segment:
    """A marker with its data, without the length."""

    marker: int
    data: bytes

    def __bytes__(self) -> bytes:
        return struct.pack(">BBH", 0xFF, self.marker, len(self.data) + 2) + self.data


@dataclass(frozen=True)
class Component:
    """A channel as the file stores it: its number, its shares of a block of pixels, its table."""

    number: int
    across: int
    down: int
    table: int


@dataclass(frozen=True)
class Frame:
    """What a file says of its picture. marker: which way it is coded."""

    marker: int
    bits: int
    height: int
    width: int
    components: tuple[Component, ...]

    @property
    def most(self) -> tuple[int, int]:
        """The largest shares, across and down."""
        return max(c.across for c in self.components), max(c.down for c in self.components)


@dataclass(frozen=True)
class Scan:
    """A scan's header, and its data in the pieces that restart markers make."""

    header: bytes
    pieces: tuple[bytes, ...]
    restarts: bytes
    interval: int


@dataclass
class Stream:
    """A file's parts.

    parts: what a decoder needs, in order: tables, the frame, intervals and scans.
    others: application data and comments. steps: by the number of a component, its table, row by
    row. end: where data after the end marker begin.
    ended: whether there is one. notes: what is odd about it.
    """

    frame: Frame
    parts: list[Segment | Scan]
    others: list[Segment]
    steps: dict[int, tuple[int, ...]]
    end: int
    ended: bool
    notes: list[str] = field(default_factory=list)

    @property
    def scans(self) -> list[Scan]:
        return [part for part in self.parts if isinstance(part, Scan)]

    def find(self, marker: int, beginning: bytes) -> list[bytes]:
        """Return the data of segments that begin so, without the beginning."""
        return [
            segment.data[len(beginning) :]
            for segment in self.others
            if segment.marker == marker and segment.data.startswith(beginning)
        ]


def parse(data: bytes, name: str) -> Stream:
    """Take a file apart. Raises ImageError if its pixels cannot be found in it."""
    reader = Reader(data, name)
    while reader.segment():
        pass
    if reader.frame is None or not any(isinstance(part, Scan) for part in reader.parts):
        raise ImageError(f"{name}: damaged or cut short: it holds no pixels")
    return Stream(
        reader.frame,
        reader.parts,
        reader.others,
        reader.steps,
        reader.at,
        reader.ended,
        reader.notes,
    )


class Reader:
    """Walks through a file, segment by segment."""

    def __init__(self, data: bytes, name: str) -> None:
        self.data, self.name, self.at = data, name, 2
        self.frame: Frame | None = None
        self.parts: list[Segment | Scan] = []
        self.others: list[Segment] = []
        self.tables: dict[int, tuple[int, ...]] = {}
        self.steps: dict[int, tuple[int, ...]] = {}
        self.interval = 0
        self.scans = 0
        self.ended = False
        self.notes: list[str] = []

    def note(self, sentence: str) -> None:
        if sentence not in self.notes:
            self.notes.append(sentence)

    def segment(self) -> bool:
        """Read the next segment; return whether there may be more."""
        marker, begin = self.marker()
        if marker is None:
            self.at = len(self.data)
            return False
        if marker == END:
            self.at, self.ended = begin, True
            return False
        if marker == START and self.scans:  # the next picture, where this one's end marker lacks
            self.at = begin - 2
            return False
        if marker in RESTART or marker in (START, 1):
            self.note("it holds stray markers between its segments")
            self.at = begin
            return True
        length = int.from_bytes(self.data[begin : begin + 2], "big")
        after = begin + length
        if length < 2 or after > len(self.data) or begin + 2 > len(self.data):
            if not self.scans:
                raise ImageError(f"{self.name}: damaged or cut short before its pixels")
            self.at = len(self.data)
            return False
        self.at = after
        self.take(Segment(marker, self.data[begin + 2 : after]))
        return True

    def marker(self) -> tuple[int | None, int]:
        """Return the next marker, and where what follows it begins; None at the end."""
        at = self.at
        while True:
            found = self.data.find(b"\xff", at)
            if found < 0:
                return None, len(self.data)
            at = found
            while at < len(self.data) and self.data[at] == 0xFF:
                at += 1
            if at == len(self.data):
                return None, at
            if self.data[at]:
                break
        if found != self.at:
            self.note("it holds bytes between its segments that belong to none")
        return self.data[at], at + 1

    def take(self, segment: Segment) -> None:
        marker = segment.marker
        if marker in APP or marker == COM:
            self.others.append(segment)
        elif marker in FRAMES or marker in (0xDE, 0xDF, 0xF7):
            self.take_frame(segment)
        elif marker == SOS:
            self.take_scan(segment)
        elif marker in (DHT, DAC, DQT, DRI):
            self.parts.append(segment)
            if marker == DQT:
                self.take_tables(segment.data)
            elif marker == DRI:
                self.interval = int.from_bytes(segment.data[:2], "big")
        elif marker != DNL:
            self.note("it holds segments of no known kind")

    def take_frame(self, segment: Segment) -> None:
        marker, data = segment.marker, segment.data
        if marker not in READ:
            kind = "JPEG-LS" if marker == 0xF7 else f"{KINDS.get(marker, 'hierarchical')} JPEG"
            raise ImageError(f"{self.name}: {kind}, which imgae does not read")
        if self.frame is not None:
            raise ImageError(f"{self.name}: damaged: it describes its picture twice")
        if len(data) < 6 or len(data) < 6 + 3 * data[5]:
            raise ImageError(f"{self.name}: damaged: the description of its picture is cut short")
        bits, height, width, count = struct.unpack_from(">BHHB", data)
        components = tuple(
            Component(number, shares >> 4, shares & 15, table)
            for number, shares, table in struct.iter_unpack("BBB", data[6 : 6 + 3 * count])
        )
        if not all(1 <= c.across <= 4 and 1 <= c.down <= 4 for c in components):
            raise ImageError(f"{self.name}: damaged: its subsampling is none that there is")
        self.frame = Frame(marker, bits, height, width, components)
        self.parts.append(segment)

    def take_tables(self, data: bytes) -> None:
        """Read the steps of quantisation, row by row of a block."""
        at = 0
        while at < len(data):
            wide, number = data[at] >> 4, data[at] & 15
            size = 128 if wide else 64
            values = data[at + 1 : at + 1 + size]
            if len(values) < size or number > 3:
                raise ImageError(f"{self.name}: damaged: its tables are cut short")
            steps = struct.unpack(">64H" if wide else "64B", values)
            table = [0] * 64
            for place, step in zip(ZIGZAG, steps, strict=True):
                table[place] = step
            self.tables[number] = tuple(table)
            at += 1 + size

    def take_scan(self, segment: Segment) -> None:
        if self.frame is None:
            raise ImageError(f"{self.name}: damaged: pixels before their description")
        self.scans += 1
        if self.scans > MOST_SCANS:
            raise ImageError(f"{self.name}: more than {MOST_SCANS} scans, which no picture needs")
        chosen = segment.data[1:-3:2]
        for component in self.frame.components:  # a later table of the same number is for others
            if component.number in chosen and component.table in self.tables:
                self.steps.setdefault(component.number, self.tables[component.table])
        found = IN_SCAN.search(self.data, self.at)
        end = found.start() if found else len(self.data)
        data = self.data[self.at : end].rstrip(b"\xff")
        self.at = end
        restarts = A_RESTART.findall(data)
        if restarts and not self.interval:
            raise ImageError(f"{self.name}: damaged: markers inside the data of its pixels")
        self.parts.append(
            Scan(
                segment.data,
                tuple(A_RESTART.split(data)) if restarts else (data,),
                bytes(marker[-1] for marker in restarts),
                self.interval,
            )
        )


def joined(stream: Stream, tail: bytes = b"", without: int = 0) -> bytes:
    """Return what a decoder needs of a file: neither metadata nor what follows its end.

    tail: put after the data of each piece of a scan; of arithmetic codes, whose pieces may lack
    zeros at the end, only after the last. without: how many of the last bytes of each
    scan are left out before.
    """
    made = [SOI]
    for beginning, marker in ((b"JFIF\0", 0xE0), (b"Adobe", 0xEE)):
        found = stream.find(marker, beginning)[:1]
        made += [bytes(Segment(marker, beginning + data)) for data in found]
    for part in stream.parts:
        if isinstance(part, Segment):
            made.append(bytes(part))
            continue
        made.append(bytes(Segment(SOS, part.header)))
        for index, piece in enumerate(part.pieces):
            last = index == len(part.restarts)
            used = max(len(piece) - without, 0) if last else len(piece)
            # A byte after 0xff is part of it, and stays with it.
            made.append(piece[:used].rstrip(b"\xff"))
            if last or stream.frame.marker not in ARITHMETIC:
                made.append(tail)
            if not last:
                made.append(bytes((0xFF, part.restarts[index])))
    made.append(EOI)
    return b"".join(made)
