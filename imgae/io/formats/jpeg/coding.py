"""Encoding pixels as JPEG data, with given tables and subsampling.

Pillow encodes gray, YCbCr with the three usual subsamplings, RGB and CMYK. All else (4:1:1, 4:4:0,
YCCK) is put together here: each channel is encoded as a gray picture, and their scans follow one
another in one file, as the standard allows.
"""

import io
import math
import struct
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from imgae.io.formats.jpeg import stream
from imgae.io.formats.jpeg.stream import ZIGZAG, Scan, Segment

Kind = Literal["gray", "YCbCr", "RGB", "CMYK", "YCCK"]
Table = tuple[int, ...]
LUMA: Final = (
    16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56,
    14, 17, 22, 29, 51, 87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113,
    92, 49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
)  # fmt: skip
CHROMA: Final = (
    17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99, 24, 26, 56, 99, 99, 99, 99, 99,
    47, 66, 99, 99, 99, 99, 99, 99, *(99,) * 32,
)  # fmt: skip
"""The example tables of the standard, which qualities scale."""
CHANNELS: Final = {"gray": 1, "YCbCr": 3, "RGB": 3, "CMYK": 4, "YCCK": 4}
USUAL: Final = ((1, 1), (2, 1), (2, 2))
"""Subsamplings, across and down, that Pillow writes, by its numbers for them."""
SMALL: Final = 1 << 15
"""Bytes of a file for which there is room in any case."""


@dataclass(frozen=True)
class Layout:
    """How pixels are stored.

    kind: what the channels are. shrunk: by channel, how many pixels across and down share a sample.
    tables: by channel, the 64 steps row by row. progressive: coarse scans first.
    """

    kind: Kind
    shrunk: tuple[tuple[int, int], ...]
    tables: tuple[Table, ...]
    progressive: bool = False

    def turned(self) -> "Layout":
        """Return the same for a picture whose height and width are exchanged."""
        return Layout(
            self.kind,
            tuple((down, across) for across, down in self.shrunk),
            tuple(
                tuple(table[8 * column + row] for row in range(8) for column in range(8))
                for table in self.tables
            ),
            self.progressive,
        )

    def as_kind(self, kind: Kind) -> "Layout":
        """Return the nearest for channels of another kind."""
        if kind == self.kind:
            return self
        count = CHANNELS[kind]
        if len(self.tables) < count:
            if self.kind in ("YCbCr", "YCCK") and kind == "YCCK":
                more = (*self.tables[:3], self.tables[0])
                return Layout(kind, (*self.shrunk[:3], (1, 1)), more, self.progressive)
            return Layout(kind, ((1, 1),) * count, self.tables[:1] * count, self.progressive)
        return Layout(kind, self.shrunk[:count], self.tables[:count], self.progressive)

    def of_quality(self, quality: int) -> "Layout":
        """Return the same with the standard's tables of a quality."""
        return Layout(self.kind, self.shrunk, tables_of(self.kind, quality), self.progressive)


def tables_of(kind: Kind, quality: int) -> tuple[Table, ...]:
    """Return the tables that the encoders of the Independent JPEG Group have for a quality."""
    scale = 5000 // quality if quality < 50 else 200 - 2 * quality
    luma, chroma = (
        tuple(min(max((step * scale + 50) // 100, 1), 255) for step in table)
        for table in (LUMA, CHROMA)
    )
    return {
        "gray": (luma,),
        "YCbCr": (luma, chroma, chroma),
        "RGB": (luma,) * 3,
        "CMYK": (luma,) * 4,
        "YCCK": (luma, chroma, chroma, luma),
    }[kind]


def encode(array: NDArray[np.uint8], layout: Layout) -> bytes:
    """Encode gray (H, W, 1), RGB (H, W, 3) or inks (H, W, 4), 255 for all of an ink.

    Returns the file without a JFIF segment, but with Adobe's for RGB and inks.
    """
    kind, shrunk = layout.kind, layout.shrunk
    flat = all(factors == (1, 1) for factors in shrunk)
    if kind == "YCbCr" and shrunk[0] == (1, 1) and shrunk[1] == shrunk[2] and shrunk[1] in USUAL:
        return with_pillow(array, layout, {"subsampling": USUAL.index(shrunk[1])})
    if kind in ("gray", "CMYK") and flat:
        return with_pillow(array, layout, {})
    if kind == "RGB" and flat:
        return with_pillow(array, layout, {"keep_rgb": True, "subsampling": 0})
    return from_planes(array, layout)


def with_pillow(array: NDArray[np.uint8], layout: Layout, options: dict[str, Any]) -> bytes:
    height, width, channels = array.shape
    mode = {1: "L", 3: "RGB", 4: "CMYK"}[channels]
    picture = PIL.Image.frombytes(mode, (width, height), np.ascontiguousarray(array))
    tables = [list(table) for table in layout.tables]
    while len(tables) > 1 and tables[-1] == tables[-2]:
        tables.pop()
    out = io.BytesIO()
    picture.save(out, "JPEG", qtables=tables, **options)
    if layout.progressive:
        # Pillow has room for two bytes a pixel, and fails with a line on the terminal beyond it.
        if out.tell() * 5 / 4 < 2 * width * height or out.tell() < SMALL:
            out = io.BytesIO()
            picture.save(out, "JPEG", qtables=tables, progressive=True, **options)
        elif channels > 1:
            return from_planes(array, layout)
    parsed = stream.parse(out.getvalue(), "JPEG")
    parsed.others = [segment for segment in parsed.others if segment.marker == 0xEE]
    return stream.joined(parsed)


def from_planes(array: NDArray[np.uint8], layout: Layout) -> bytes:
    """Encode channel by channel, each with its own size and table."""
    height, width = array.shape[:2]
    across = math.lcm(*(factors[0] for factors in layout.shrunk))
    down = math.lcm(*(factors[1] for factors in layout.shrunk))
    tables = list(dict.fromkeys(layout.tables))
    progressive = layout.progressive
    made = []
    if layout.kind != "YCbCr":
        transform = 2 if layout.kind == "YCCK" else 0
        made.append(Segment(0xEE, b"Adobe" + struct.pack(">HHHB", 100, 0, 0, transform)))
    for number, table in enumerate(tables):
        steps = bytes(table[place] for place in ZIGZAG)
        made.append(Segment(stream.DQT, bytes((number,)) + steps))
    head = struct.pack(">BHHB", 8, height, width, len(layout.tables))
    for number, (factors, table) in enumerate(zip(layout.shrunk, layout.tables, strict=True), 1):
        shares = (across // factors[0]) << 4 | down // factors[1]
        head += bytes((number, shares, tables.index(table)))
    made.append(Segment(0xC2 if progressive else 0xC0, head))
    data = [stream.SOI, *(bytes(segment) for segment in made)]
    planes = planes_of(array, layout.kind)
    for number, (plane, factors, table) in enumerate(
        zip(planes, layout.shrunk, layout.tables, strict=True), 1
    ):
        small = np.rint(shrink(plane, *factors)).clip(0, 255).astype(np.uint8)
        one = Layout("gray", ((1, 1),), (table,), progressive)
        for part in stream.parse(with_pillow(small[:, :, None], one, {}), "JPEG").parts:
            if isinstance(part, Scan):
                header = bytes((1, number)) + part.header[2:]
                data += [bytes(Segment(stream.SOS, header)), part.pieces[0]]
            elif part.marker == stream.DHT:
                data.append(bytes(part))
    return b"".join([*data, stream.EOI])


def planes_of(array: NDArray[np.uint8], kind: Kind) -> list[NDArray[Any]]:
    """Return what is stored of each channel."""
    if kind in ("gray", "RGB"):
        return [array[:, :, index] for index in range(array.shape[2])]
    if kind == "CMYK":
        return [255 - array[:, :, index] for index in range(4)]  # Adobe stores what is not covered
    planes = luma_and_chroma(array[:, :, :3])
    return [*planes, 255 - array[:, :, 3]] if kind == "YCCK" else planes


def luma_and_chroma(colours: NDArray[np.uint8]) -> list[NDArray[Any]]:
    red, green, blue = (colours[:, :, index].astype(np.float32) for index in range(3))
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    return [luma, (blue - luma) / 1.772 + 128, (red - luma) / 1.402 + 128]


def shrink(plane: NDArray[Any], across: int, down: int) -> NDArray[Any]:
    """Return means of blocks; those at the edges repeat the last row and column."""
    if (across, down) == (1, 1):
        return plane
    height, width = plane.shape
    padded = np.pad(plane, ((0, -height % down), (0, -width % across)), "edge")
    blocks = padded.reshape(padded.shape[0] // down, down, padded.shape[1] // across, across)
    return np.asarray(blocks.mean((1, 3), dtype=np.float32))
