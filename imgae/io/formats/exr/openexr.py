"""The structure of OpenEXR files: their headers, and files of scan lines written anew.

Attributes are kept as bytes, so that those of any type go from file to file unchanged.
"""

import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

MAGIC: Final = b"v/1\x01"
LONG_NAMES: Final = 0x400
DEEP: Final = 0x800
MULTIPART: Final = 0x1000
TYPES: Final[dict[int, np.dtype[Any]]] = {
    0: np.dtype("<u4"),
    1: np.dtype("<f2"),
    2: np.dtype("<f4"),
}
"""Of a channel's samples, by their numbers in the file."""
LINES: Final = 16
"""Scan lines that are compressed together, as the compression ZIP has it."""
ZIP: Final = 3
LONGEST_NAME: Final = 255
SHORT_NAME: Final = 31
MOST_PARTS: Final = 1024
MOST_ATTRIBUTES: Final = 4096

Attributes = Mapping[str, tuple[str, bytes]]
"""By their names, their types and values."""


@dataclass(frozen=True)
class Channel:
    """What a header says of a channel. kind: of its samples, a key of TYPES."""

    kind: int
    linear: int
    sampling: tuple[int, int]


@dataclass(frozen=True)
class Part:
    """What a header says of one part of a file. window: left, top, right and bottom, inclusive."""

    attributes: Attributes
    channels: Mapping[str, Channel]
    window: tuple[int, int, int, int]
    display: tuple[int, int, int, int]
    deep: bool

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        left, top, right, bottom = self.window
        return right - left + 1, bottom - top + 1

    def words(self, name: str) -> str:
        """Return an attribute that is a string, or ""."""
        kind, value = self.attributes.get(name, ("", b""))
        if kind != "string":
            return ""
        try:
            return value.decode()
        except UnicodeDecodeError:
            return value.decode("latin-1")

    def floats(self, name: str, kind: str, count: int) -> tuple[float, ...] | None:
        """Return an attribute that consists of floats, or None."""
        found, value = self.attributes.get(name, ("", b""))
        if found != kind or len(value) != 4 * count:
            return None
        return struct.unpack(f"<{count}f", value)


def parts_of(data: bytes) -> list[Part]:
    """Return what a file's headers say. Raises ValueError for damaged ones."""
    (flags,) = struct.unpack_from("<I", data, 4)
    if flags & 0xFF not in (1, 2):
        raise ValueError(f"version {flags & 0xFF} of OpenEXR")
    parts: list[Part] = []
    at = 8
    while len(parts) < MOST_PARTS:
        attributes, at = attributes_at(data, at)
        if not attributes:
            break
        parts.append(part_of(attributes, bool(flags & DEEP)))
        if not flags & MULTIPART:
            break
    if not parts:
        raise ValueError("no header")
    return parts


def with_plain_words(data: bytes, parts: Sequence[Part]) -> bytes:
    """Return a file with "?" for letters that are not UTF-8, which OpenEXR's Python refuses."""
    for part in parts:
        for name, (kind, value) in part.attributes.items():
            if kind == "string" and "\ufffd" in value.decode("utf-8", "replace"):
                head = name.encode() + b"\0string\0" + struct.pack("<I", len(value))
                plain = bytes(letter if letter < 128 else ord("?") for letter in value)
                data = data.replace(head + value, head + plain, 1)
    return data


def attributes_at(data: bytes, at: int) -> tuple[dict[str, tuple[str, bytes]], int]:
    """Return the attributes of a header, and where it ends."""
    found: dict[str, tuple[str, bytes]] = {}
    for _ in range(MOST_ATTRIBUTES):
        if at >= len(data):
            raise ValueError("its header is cut short")
        if data[at] == 0:
            return found, at + 1
        name, at = word_at(data, at)
        kind, at = word_at(data, at)
        (size,) = struct.unpack_from("<I", data, at)
        at += 4
        if size > len(data) - at:
            raise ValueError("its header is cut short")
        found.setdefault(name, (kind, data[at : at + size]))
        at += size
    raise ValueError("its header has too many attributes")


def word_at(data: bytes, at: int) -> tuple[str, int]:
    end = data.find(b"\0", at, at + LONGEST_NAME + 1)
    if end < 0:
        raise ValueError("its header is damaged")
    return data[at:end].decode("utf-8", "replace"), end + 1


def part_of(attributes: Attributes, deep: bool) -> Part:
    """Return what the attributes of a header say of the pixels. Raises ValueError."""
    try:
        window = attributes["dataWindow"][1]
        display = attributes["displayWindow"][1]
        listed = attributes["channels"][1]
    except KeyError as error:
        raise ValueError(f"its header lacks {error}") from error
    channels: dict[str, Channel] = {}
    at = 0
    while at < len(listed) and listed[at]:
        name, at = word_at(listed, at)
        kind, linear, across, down = struct.unpack_from("<iB3xii", listed, at)
        at += 16
        if kind not in TYPES or across < 1 or down < 1:
            raise ValueError(f"its channel {name} is damaged")
        channels[name] = Channel(kind, linear, (across, down))
    kind_of = attributes.get("type", ("", b""))[1]
    left, top, right, bottom = struct.unpack("<4i", window)
    display_of = struct.unpack("<4i", display)
    return Part(
        attributes,
        channels,
        (left, top, right, bottom),
        (display_of[0], display_of[1], display_of[2], display_of[3]),
        deep or kind_of.startswith(b"deep"),
    )


def file_of(parts: Sequence[tuple[Attributes, Mapping[str, tuple[NDArray[Any], int]]]]) -> bytes:
    """Return a file of scan lines, compressed without loss.

    parts: of each its attributes, besides those that say how its pixels are stored; and by its
    channels' names their samples (H, W), of the types of TYPES, and whether they are perceptually
    linear. Several parts need a unique attribute "name" each.
    """
    several = len(parts) > 1
    headers, bodies = [], []
    longest = 0
    for attributes, channels in parts:
        names = sorted(channels, key=str.encode)
        height = next(iter(channels.values()))[0].shape[0]
        chunks = -(-height // LINES)
        whole = {
            **attributes,
            "channels": ("chlist", channel_list(names, channels)),
            "compression": ("compression", bytes([ZIP])),
            "lineOrder": ("lineOrder", b"\0"),
        }
        if several:
            whole["type"] = ("string", b"scanlineimage")
            whole["chunkCount"] = ("int", struct.pack("<i", chunks))
        longest = max([longest, *(len(name.encode()) for name in [*whole, *names])])
        headers.append(
            b"".join(
                name.encode()
                + b"\0"
                + kind.encode()
                + b"\0"
                + struct.pack("<I", len(value))
                + value
                for name, (kind, value) in sorted(whole.items())
            )
            + b"\0"
        )
        (top,) = struct.unpack_from("<i", attributes["dataWindow"][1], 4)
        bodies.append(list(chunks_of([channels[name][0] for name in names], top)))
    flags = 2 | MULTIPART * several | LONG_NAMES * (longest > SHORT_NAME)
    head = MAGIC + struct.pack("<I", flags) + b"".join(headers) + b"\0" * several
    at = len(head) + 8 * sum(map(len, bodies))
    tables, out = [], []
    for number, body in enumerate(bodies):
        for chunk in body:
            whole_chunk = struct.pack("<i", number) * several + chunk
            tables.append(struct.pack("<Q", at))
            out.append(whole_chunk)
            at += len(whole_chunk)
    return b"".join([head, *tables, *out])


def channel_list(names: Sequence[str], channels: Mapping[str, tuple[NDArray[Any], int]]) -> bytes:
    kinds = {dtype: kind for kind, dtype in TYPES.items()}
    out = b""
    for name in names:
        array, linear = channels[name]
        out += name.encode() + b"\0"
        out += struct.pack("<iB3xii", kinds[array.dtype.newbyteorder("<")], linear, 1, 1)
    return out + b"\0"


def chunks_of(planes: Sequence[NDArray[Any]], top: int) -> list[bytes]:
    """Return blocks of scan lines, each with its place and its size before it."""
    out = []
    for first in range(0, planes[0].shape[0], LINES):
        rows = [
            np.ascontiguousarray(plane[first : first + LINES]).view(np.uint8) for plane in planes
        ]
        raw = np.concatenate(rows, 1).ravel()
        halves = np.concatenate([raw[::2], raw[1::2]])
        steps = halves.copy()
        steps[1:] = halves[1:] - halves[:-1] + np.uint8(128)
        packed = zlib.compress(steps.tobytes(), 4)
        if len(packed) >= raw.size:
            packed = raw.tobytes()
        out.append(struct.pack("<ii", top + first, len(packed)) + packed)
    return out
