"""PNG files made by hand, byte by byte, for tests."""

import struct
import zlib

import numpy as np

PASSES = [
    (0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)
]  # fmt: skip


def chunk(kind, data=b""):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def rows(samples, depth):
    """Rows of samples (H, W, C) without filters, by going through their bits as text."""
    found = []
    for row in samples.reshape(samples.shape[0], -1).tolist():
        bits = "".join(f"{value:0{depth}b}" for value in row)
        bits += "0" * (-len(bits) % 8)
        found.append(b"\0" + int(bits, 2).to_bytes(len(bits) // 8, "big"))
    return b"".join(found)


def stream(samples, depth, *, interlaced=False):
    if not interlaced:
        return rows(samples, depth)
    parts = [samples[y::down, x::across] for x, y, across, down in PASSES]
    return b"".join(rows(part, depth) for part in parts if part.size)


def header(samples, depth, colour, *, interlaced=False):
    height, width = samples.shape[:2]
    values = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced)
    return chunk(b"IHDR", values)


def png(samples, depth, colour, before=b"", after=b"", end=None, *, interlaced=False):
    """A file of samples (H, W, C), with further chunks before and after the pixels."""
    return b"".join(
        [
            b"\x89PNG\r\n\x1a\n",
            header(samples, depth, colour, interlaced=interlaced),
            before,
            chunk(b"IDAT", zlib.compress(stream(samples, depth, interlaced=interlaced))),
            after,
            chunk(b"IEND") if end is None else end,
        ]
    )


def chunks(data):
    """The chunks of a file as pairs of a name and what it holds."""
    found, at = [], 8
    while at < len(data):
        (size,) = struct.unpack_from(">I", data, at)
        found.append((data[at + 4 : at + 8].decode(), data[at + 8 : at + 8 + size]))
        at += 12 + size
    return found


def control(number, width, height, left=0, top=0, delay=(1, 10), dispose=0, blend=0):
    values = (number, width, height, left, top, *delay, dispose, blend)
    return chunk(b"fcTL", struct.pack(">5I2H2B", *values))


RNG = np.random.default_rng(5)


def random_samples(height, width, channels, depth):
    return RNG.integers(0, 1 << depth, (height, width, channels))
