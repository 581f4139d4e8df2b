"""PSD and PSB: the flattened picture that Photoshop keeps beside the layers.

Layers are left out. A file that was saved without the flattened picture is refused.
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from imgae.errors import ImageError, warn
from imgae.io.colour import inks
from imgae.io.colour.cms import lab_to_srgb, srgb_profile
from imgae.io.format import File, Format
from imgae.io.metadata.exif import EXIF_PREFIX, checked
from imgae.io.metadata.photoshop import (
    EXIF,
    ICC,
    IPTC,
    RESOLUTION,
    XMP,
    first_of_each,
    parse,
    read_resolution,
)
from imgae.io.metadata.upright import upright
from imgae.picture.image import Frames, Image, Stored
from imgae.picture.pixels import scale_of, to_float

BITMAP, GRAY, INDEXED, RGB, CMYK, MULTICHANNEL, DUOTONE, LAB = 0, 1, 2, 3, 4, 7, 8, 9
COLOURS: Final = {BITMAP: 1, GRAY: 1, INDEXED: 1, RGB: 3, CMYK: 4, DUOTONE: 1, LAB: 3}
"""Channels of a mode, besides transparency and further ones."""
NAMES: Final = {BITMAP: "1 bit", INDEXED: "palette", CMYK: "CMYK", DUOTONE: "duotone", LAB: "Lab"}
SAMPLES: Final[dict[int, np.dtype[Any]]] = {
    8: np.dtype(">u1"),
    16: np.dtype(">u2"),
    32: np.dtype(">f4"),
}
CAPTION: Final = 1008
TRANSPARENT_INDEX: Final = 1047
VERSION: Final = 1057
PATHS: Final = range(2000, 2999)
MERGED_ALPHA: Final = (b"Mtrn", b"Mt16", b"Mt32")
"""Blocks that say that the flattened picture is transparent."""
LAYERS: Final = (b"Lr16", b"Lr32")
LONG_BLOCKS: Final = frozenset({
    b"LMsk", b"Lr16", b"Lr32", b"Layr", b"Mt16", b"Mt32", b"Mtrn", b"Alph", b"FMsk", b"lnk2",
    b"FEid", b"FXid", b"PxSD",
})  # fmt: skip
"""Blocks whose length has 8 bytes in a PSB."""
MOST_CHANNELS: Final = 56
MOST_BLOCKS: Final = 10_000
MOST_SHRUNK: Final = 1100
"""Times that samples are larger than what is packed; more is a lie."""
SMALL: Final = 1 << 24


@dataclass(frozen=True)
class Document:
    """What a file says of its flattened picture, and where it begins.

    alpha: whether the first further channel is its transparency. layers: how many there are.
    """

    big: bool
    channels: int
    width: int
    height: int
    depth: int
    mode: int
    palette: bytes
    resources: dict[int, bytes]
    alpha: bool
    layers: int
    start: int


def read(file: File) -> Frames:
    document = document_of(file.data)
    check(file, document)
    planes = decode(file, document)
    image = picture(file.name, document, planes)
    return Frames((upright(with_resources(image, document, file.name), 1),))


def document_of(data: bytes) -> Document:
    """Return what a file says of itself. Raises struct.error or ValueError if it is cut short."""
    version, channels, height, width, depth, mode = struct.unpack_from(">H6xHIIHH", data, 4)
    big = version == 2
    palette, at = section(data, 26, ">I")
    resources, at = section(data, at, ">I")
    layers, at = section(data, at, ">Q" if big else ">I")
    count, alpha = layers_of(layers, big)
    return Document(
        big, channels, width, height, depth, mode, bytes(palette),
        first_of_each(parse(bytes(resources))[0]), alpha, count, at,
    )  # fmt: skip


def section(data: bytes, at: int, number: str) -> tuple[memoryview, int]:
    """Return a section that begins with its length, and where the next one begins."""
    (size,) = struct.unpack_from(number, data, at)
    at += struct.calcsize(number)
    if size > len(data) - at:
        raise ValueError("a section is cut short")
    return memoryview(data)[at : at + size], at + size


def layers_of(data: memoryview, big: bool) -> tuple[int, bool]:
    """Return how many layers there are, and whether the flattened picture is transparent."""
    wide = ">Q" if big else ">I"
    step = struct.calcsize(wide)
    if len(data) < step:
        return 0, False
    (size,) = struct.unpack_from(wide, data)
    count = struct.unpack_from(">h", data, step)[0] if 2 <= size <= len(data) - step else 0
    alpha = count < 0
    at = step + size
    if at + 4 <= len(data):
        at += 4 + struct.unpack_from(">I", data, at)[0]  # the global mask
    for key, block in blocks_of(data, at, big):
        alpha |= key in MERGED_ALPHA
        if key in LAYERS and len(block) >= 2 and not count:
            (count,) = struct.unpack_from(">h", block)
            alpha |= count < 0
    return abs(count), alpha


def blocks_of(data: memoryview, at: int, big: bool) -> Iterator[tuple[bytes, memoryview]]:
    """Yield the tagged blocks after the layers, as far as they are whole."""
    for _ in range(MOST_BLOCKS):
        if at + 12 > len(data) or bytes(data[at : at + 4]) not in (b"8BIM", b"8B64"):
            return
        key = bytes(data[at + 4 : at + 8])
        wide = ">Q" if big and key in LONG_BLOCKS else ">I"
        at += 8 + struct.calcsize(wide)
        if at > len(data):
            return
        (size,) = struct.unpack_from(wide, data, at - struct.calcsize(wide))
        yield key, data[at : at + size]
        at += size + -size % 4


def check(file: File, document: Document) -> None:
    """Raise ImageError for what is not read, and for more than the file can hold."""
    name = file.name
    wanted = COLOURS.get(document.mode)
    if wanted is None:
        kind = "Multichannel" if document.mode == MULTICHANNEL else f"number {document.mode}"
        raise ImageError(f"{name}: its colour mode is {kind}; convert it to RGB first")
    bitmap = document.mode == BITMAP
    if document.depth not in ((1,) if bitmap else SAMPLES) or (
        document.mode in (INDEXED, DUOTONE, LAB, CMYK) and document.depth == 32
    ):
        raise ImageError(f"{name}: damaged: {document.depth} bits in such colours")
    if not wanted <= document.channels <= MOST_CHANNELS:
        raise ImageError(f"{name}: damaged: it says that it has {document.channels} channels")
    file.check_size(document.width, document.height, (document.channels + 3) // 4)
    version = document.resources.get(VERSION, b"")
    if len(version) >= 5 and not version[4]:
        raise ImageError(
            f"{name}: holds layers only, and no flattened picture; save it in Photoshop with "
            "'Maximize Compatibility', or flatten it"
        )
    size = row_bytes(document) * document.height * document.channels
    if size > max(SMALL, MOST_SHRUNK * (len(file.data) - document.start)):
        raise ImageError(f"{name}: damaged: too short for the pixels that it says it holds")


def row_bytes(document: Document) -> int:
    return -(-document.width * document.depth // 8)


def decode(file: File, document: Document) -> list[NDArray[Any]]:
    """Return the channels, (H, W) each, of big-endian numbers; of one bit, 1 for black."""
    (compression,) = struct.unpack_from(">H", file.data, document.start)
    row, rows = row_bytes(document), document.height * document.channels
    body = memoryview(file.data)[document.start + 2 :]
    if compression == 0:
        raw = bytes(body[: row * rows])
    elif compression == 1:
        raw = unpacked(body, row, rows, ">u4" if document.big else ">u2")
    elif compression in (2, 3):
        raw = zlib.decompressobj().decompress(body, row * rows)
    else:
        raise ImageError(f"{file.name}: damaged: its compression is number {compression}")
    if len(raw) != row * rows:
        raise ImageError(f"{file.name}: damaged or cut short: some of its pixels are missing")
    lines = np.frombuffer(raw, np.uint8).reshape(document.channels, document.height, row)
    if compression == 3:
        lines = summed(lines, document)
    if document.depth == 1:
        return [np.unpackbits(plane, axis=1, count=document.width) for plane in lines]
    return list(lines.view(SAMPLES[document.depth]))


def unpacked(body: memoryview, row: int, rows: int, number: str) -> bytes:
    """Return lines that are packed as runs (PackBits), after a table of their lengths."""
    lengths = np.frombuffer(body, number, rows).tolist()
    at = rows * np.dtype(number).itemsize
    out = bytearray()
    for length in lengths:
        line = imagecodecs.packbits_decode(bytes(body[at : at + length])) if length else b""
        if len(line) < row:
            raise ValueError("a line of pixels is too short")
        out += line[:row]
        at += length
    return bytes(out)


def summed(lines: NDArray[np.uint8], document: Document) -> NDArray[np.uint8]:
    """Undo the differences between neighbours, as in TIFF."""
    if document.depth == 32:  # of bytes, of which the four of a float lie apart
        sums = np.cumsum(lines, 2, dtype=np.uint8)
        apart = sums.reshape(*sums.shape[:2], 4, document.width)
        return np.ascontiguousarray(apart.swapaxes(2, 3)).reshape(sums.shape)
    dtype = SAMPLES.get(document.depth, SAMPLES[8])
    values = lines.view(dtype).astype(dtype.newbyteorder("="))
    whole = np.cumsum(values, 2, dtype=values.dtype).astype(dtype)
    return whole.view(np.uint8)


def picture(name: str, document: Document, planes: list[NDArray[Any]]) -> Image:
    """Return the flattened picture, with its transparency and further channels."""
    wanted = COLOURS[document.mode]
    colours = np.stack([native(plane) for plane in planes[:wanted]], 2)
    further = [native(plane) for plane in planes[wanted:]]
    alpha = further.pop(0) if further and document.alpha else None
    icc = document.resources.get(ICC) or None
    mode = document.mode
    if mode == BITMAP:
        colours = (1 - colours) * np.uint8(255)
    elif mode == INDEXED:
        index = document.resources.get(TRANSPARENT_INDEX, b"")
        if len(index) == 2 and alpha is None and not further:
            clear = colours[:, :, 0] == struct.unpack(">H", index)[0]
            alpha = np.where(clear, np.uint8(0), np.uint8(255)) if clear.any() else None
        palette = np.frombuffer(document.palette.ljust(768, b"\0")[:768], np.uint8).reshape(3, 256)
        warn(f"{name}: a palette of colours; continued as RGB")
        colours = palette.T[colours[:, :, 0]]
    elif mode == DUOTONE:
        warn(f"{name}: the inks of its duotone are left out; continued as gray")
    if alpha is not None and mode != INDEXED:
        colours = without_white(colours, alpha, mode)
    if mode == CMYK:
        colours, _ = inks.to_srgb(scale_of(colours.dtype) - colours, icc, name)
    elif mode == LAB:
        warn(f"{name}: its colours are Lab; they became RGB, as sRGB")
        colours = lab_to_srgb(colours)
    if mode in (CMYK, LAB):
        icc = srgb_profile()
    return Image(
        np.ascontiguousarray(colours),
        alpha,
        icc=icc if mode not in (BITMAP, DUOTONE) else None,
        extra=np.stack(further, 2) if further and mode != BITMAP else None,
        stored=Stored("PSD", NAMES.get(mode, "")),
    )


def native(plane: NDArray[Any]) -> NDArray[Any]:
    return plane.astype(plane.dtype.newbyteorder("="))


def without_white(colours: NDArray[Any], alpha: NDArray[Any], mode: int) -> NDArray[Any]:
    """Take out the white with which Photoshop flattens what is transparent.

    What is invisible stays as it is.
    """
    white = scale_of(colours.dtype)
    share = to_float(alpha)[:, :, None]
    middle = np.array([white, white // 2 + 1, white // 2 + 1]) if mode == LAB else white
    paper = np.float32(1) * middle
    seen = np.maximum(share, np.float32(1 / 65535))
    straight = (colours - paper * (1 - share)) / seen
    if colours.dtype.kind == "u":
        straight = np.rint(np.clip(straight, 0, white))
    kept: NDArray[Any] = np.where(share > 0, straight, colours).astype(colours.dtype)
    return kept


def with_resources(image: Image, document: Document, name: str) -> Image:
    """Return a picture with what the image resources say of it, and warn of what is left out."""
    found = document.resources
    lost = [f"its {document.layers} layers"] if document.layers else []
    lost += ["its paths"] if any(number in found for number in PATHS) else []
    if lost:
        warn(f"{name}: read as the flattened picture; {' and '.join(lost)} are left out")
    exif = found.get(EXIF)
    caption = found.get(CAPTION, b"")
    words = caption[1 : 1 + caption[0]].decode("mac-roman").strip() if caption else ""
    return replace(
        image,
        exif=checked(EXIF_PREFIX + exif, name) if exif else None,
        xmp=found.get(XMP) or None,
        iptc=found.get(IPTC) or None,
        text=(("Description", words),) if words else (),
        dpi=read_resolution(found.get(RESOLUTION, b"")),
    )


FORMAT: Final = Format(read, None)
