"""The size of a picture, as the beginning of its file tells it, without decoding."""

from collections.abc import Callable
from typing import Final, NamedTuple, cast

import numpy as np

from imgae.errors import ImageError
from imgae.io import remote
from imgae.io.bands.content import Content
from imgae.io.bmff import boxes, stills
from imgae.io.format import File
from imgae.io.formats import table
from imgae.io.numbers import numbers_at
from imgae.io.remote import Place

HEAD: Final = 1 << 16
"""Bytes within which a file of a simple format says its size."""
LONGEST_HEAD: Final = 1 << 20
"""Bytes within which an EXR file says its size, which may come after a preview."""
FETCHED: Final = 1 << 18
"""Bytes that are fetched of a file in a bucket or on a server."""
MOST_WALKED: Final = 1 << 19
"""Bytes of a file that has to be passed through to count its frames."""
MOST_STEPS: Final = 4096
"""Chunks or segments that are passed to find the one that tells the size."""
MOST_PIXELS: Final = 1 << 60


class Size(NamedTuple):
    """What a file's pictures have, as an Image will hold them.

    width, height: as stored; a picture that is turned upright may exchange them. frames: of equal
    size; of several sizes, as many of the largest as all together take. samples: of a pixel, at
    most: with alpha where some pixels may be transparent, and with further channels. item: bytes of
    a sample, 1, 2 or 4.
    """

    width: int
    height: int
    frames: int
    samples: int
    item: int

    @property
    def pixels(self) -> int:
        """Pixels of all frames."""
        return self.width * self.height * self.frames

    @property
    def nbytes(self) -> int:
        """Bytes that all samples take in memory."""
        return self.pixels * self.samples * self.item


def size_of(source: Place | bytes) -> Size | None:
    """Return the size of a picture file from its beginning; None where that does not tell it.

    Never raises for what is damaged or missing.
    """
    if isinstance(source, bytes):
        return measured(source)
    if remote.is_remote(source):
        try:
            return measured(remote.beginning(source, FETCHED))
        except ImageError:
            return None
    try:
        content = Content(source)
    except (OSError, ValueError):  # missing, empty, or a null character in the name
        return None
    try:
        return measured(cast("bytes", content))
    finally:
        content.close()


def measured(data: bytes) -> Size | None:
    try:
        row = table.of_content(data)
        found = MEASURES[row.name](data) if row is not None and row.name in MEASURES else None
    except Exception:  # whatever damaged files lead to
        return None
    return found if found is not None and min(found) > 0 else None


def png(data: bytes) -> Size | None:
    width, height, depth, colour = numbers_at(">IIBB", data, 16)
    samples = {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}[colour]
    frames, at = 1, 8
    for _ in range(MOST_STEPS):
        size, kind = numbers_at(">I4s", data, at)
        if kind == b"acTL":
            (frames,) = numbers_at(">I", data, at + 8)
            samples += colour in (0, 2, 3)  # frames may be transparent where they are small
        elif kind == b"tRNS":
            samples = max(samples, {0: 2}.get(colour, 4))
        elif kind == b"IDAT":
            return Size(width, height, frames, samples, 2 if depth == 16 else 1)
        at += 12 + size
    return None


def jpeg(data: bytes) -> Size | None:
    at = 2
    for _ in range(MOST_STEPS):
        while data[at + 1] == 0xFF:
            at += 1
        marker = data[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            bits, height, width, count = numbers_at(">BHHB", data, at + 4)
            return Size(width, height, 1, 1 if count == 1 else 3, 1 if bits <= 8 else 2)
        if data[at] != 0xFF or marker in (0xDA, 0xD9):
            return None
        (length,) = numbers_at(">H", data, at + 2)
        at += 2 + length
    return None


def tiff(data: bytes) -> Size | None:
    from imgae.io.formats.tiff import layout, notes, stacks
    from imgae.io.formats.tiff.container import Container, Directory

    def one(directory: Directory, mask: Directory | None) -> Size:
        bits, samples = layout.bits_and_samples(directory, "")
        compression = directory.number(259, 1)
        kind = layout.photometric_of(directory, compression, samples, "")
        colours = layout.COLOURS[kind]
        shown = 1 if colours == 1 and kind != layout.PALETTE else 3
        floats = layout.sample_kind(directory, bits, "")
        item = 4 if floats else 1 if bits <= 8 or kind == layout.PALETTE else 2
        further = samples - colours + (mask is not None)
        return Size(directory.number(256, 0), directory.number(257, 0), 1, shown + further, item)

    with notes.once(notes.Silence()):
        container = Container(data, "")
        stacks.check_not_raw(container, "")
        pages = stacks.pages_of(container, "")
        sizes = [one(*page) for page in pages]
        if len(sizes) == 1:
            file = File(data, "", MOST_PIXELS)
            found = layout.read_layout(pages[0][0], file)
            frames = len(stacks.in_one_directory(container, pages[0][0], found, file))
            return sizes[0]._replace(frames=frames)
    return together(sizes)


def together(sizes: list[Size]) -> Size:
    """Return the size of several pictures: as many of the largest as take as much."""
    largest = max(sizes, key=lambda size: size.nbytes)
    count = sum(size.nbytes for size in sizes)
    return largest._replace(frames=-(-count // max(1, largest.nbytes)))


def bmp(data: bytes) -> Size | None:
    from imgae.io.formats import bmp as form

    head = form.read_header(File(data[:HEAD], "", MOST_PIXELS))
    if head.palette is not None:
        table = np.zeros((256, 3), np.uint8)
        pixel = np.zeros((1, 1), np.uint8)
        pixels = form.palette_colours(head, head.palette, pixel, table)[0]
        return Size(head.width, head.height, 1, pixels.shape[2], 1)
    most = max((mask >> form.shift_of(mask)).bit_length() for mask in head.masks)
    return Size(head.width, head.height, 1, 3 + (head.masks[3] != 0), 1 if most <= 8 else 2)


def gif(data: bytes) -> Size | None:
    """Pass through a short file, of which each frame may leave some pixels transparent."""
    if len(data) > MOST_WALKED:
        return None
    data = data[:MOST_WALKED]
    width, height, flags = numbers_at("<HHB", data, 6)
    at = 13 + (3 << ((flags & 7) + 1) if flags & 0x80 else 0)
    frames, samples = 0, 3
    while at < len(data) and data[at] != 0x3B:
        kind = data[at]
        at += 1
        if kind == 0x21:
            samples = 4 if data[at] == 0xF9 and data[at + 2] & 1 else samples
            at += 1
        elif kind == 0x2C:
            across, down, local = numbers_at("<4xHHB", data, at)
            samples = samples if frames or (across, down) == (width, height) else 4
            frames += 1
            at += 10 + (3 << ((local & 7) + 1) if local & 0x80 else 0)
        elif kind:
            return None
        if kind:
            while data[at]:
                at += 1 + data[at]
            at += 1
    return Size(width, height, frames, samples, 1)


def webp(data: bytes) -> Size | None:
    at, frames, alpha = 12, 0, False
    size: tuple[int, int] | None = None
    if len(data) < 8 + numbers_at("<I", data, 4)[0] and b"ANIM" in data[:HEAD]:
        return None  # only its beginning is here
    while at + 18 <= len(data):
        kind, length = numbers_at("<4sI", data, at)
        body = data[at + 8 : at + 18]
        if kind == b"VP8X":
            alpha = bool(body[0] & 0x10)
            if body[0] & 2:
                size = (
                    1 + int.from_bytes(body[4:7], "little"),
                    1 + int.from_bytes(body[7:], "little"),
                )
        elif kind == b"VP8L" and body[0] == 0x2F:
            bits = int.from_bytes(body[1:5], "little")
            alpha = alpha or bool(bits >> 28 & 1)
            return Size((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1, 1, 3 + alpha, 1)
        elif kind == b"VP8 ":
            width, height = numbers_at("<HH", body, 6)
            return Size(width & 0x3FFF, height & 0x3FFF, 1, 3 + alpha, 1)
        elif kind == b"ALPH":
            alpha = True
        elif kind == b"ANMF":
            frames += 1
        at += 8 + length + (length & 1)
    return Size(*size, frames, 4, 1) if size else None  # frames need not cover it


def psd(data: bytes) -> Size | None:
    channels, height, width, depth, mode = numbers_at(">HIIHH", data, 12)
    shown, stored = {0: (1, 1), 1: (1, 1), 2: (3, 1), 3: (3, 3), 4: (3, 4), 8: (1, 1), 9: (3, 3)}[
        mode
    ]
    samples = shown + channels - stored + (mode == 2)  # one of its colours may be transparent
    return Size(width, height, 1, samples, {1: 1, 8: 1, 16: 2, 32: 4}[depth])


def pnm(data: bytes) -> Size | None:
    from imgae.io.formats import pnm as form

    sizes: list[Size] = []
    at = 0
    while at < len(data) and len(sizes) < MOST_STEPS:
        begin = data[at : at + HEAD]
        head = form.read_head(File(begin, "", MOST_PIXELS), 0)
        item = 1 if head.largest < 256 else 2
        row = (head.width + 7) // 8 if head.is_bits else head.width * head.channels * item
        sizes.append(Size(head.width, head.height, 1, head.channels, item))
        at += head.cursor.at + row * head.height
        if head.kind <= 3 or at > len(data):  # words are of any length
            return None
        after = data[at : at + HEAD]
        at += len(after) - len(after.lstrip(form.BLANK))
    return together(sizes) if at >= len(data) else None


def pam(data: bytes) -> Size | None:
    from imgae.io.formats import pam as form

    head = form.head_in(File(data[:HEAD], "", MOST_PIXELS))
    return Size(head.width, head.height, 1, head.depth, 1 if head.largest < 256 else 2)


def pfm(data: bytes) -> Size | None:
    from imgae.io.formats import pfm as form

    head = form.read_head(File(data[:HEAD], "", MOST_PIXELS))
    return Size(head.width, head.height, 1, head.channels, 4)


def exr(data: bytes) -> Size | None:
    from imgae.io.formats.exr import openexr

    parts = openexr.parts_of(data[:LONGEST_HEAD])
    return Size(*parts[0].size, 1, len(parts[0].channels), 4) if len(parts) == 1 else None


def codestream(data: bytes) -> Size | None:
    from imgae.io.formats.jpeg2000 import codestream as form

    head = form.header_of(data[:HEAD])
    item = 2 if max(one.bits for one in head.channels) > 8 else 1
    return Size(head.width, head.height, 1, len(head.channels), item)


def jpeg2000(data: bytes) -> Size | None:
    from imgae.io.formats.jpeg2000 import codestream as form
    from imgae.io.formats.jpeg2000 import format as outer

    top = {one.kind: one for one in reversed(list(boxes.boxes(data)))}
    says = outer.description_of(data, top[b"jp2h"])
    begin = top[b"jp2c"].begin
    head = form.header_of(data[begin : begin + HEAD])
    count, bits = len(head.channels), max(one.bits for one in head.channels)
    if says.palette is not None:
        count, bits = len(says.palette.columns), says.palette.bits
    colours, alphas, others = outer.channels_of(count, says)
    samples = min(len(colours), 3) + len(alphas) + len(others)
    return Size(head.width, head.height, 1, samples, 2 if bits > 8 else 1)


def jxl(data: bytes) -> Size | None:
    from imgae.io.formats.jxl import header as form

    stream = data[:HEAD]
    if not stream.startswith(form.MAGIC):
        kept = (one for one in boxes.boxes(data) if one.kind in (b"jxlc", b"jxlp"))
        first = next(kept)
        begin = first.begin + (4 if first.kind == b"jxlp" else 0)
        stream = data[begin : min(first.end, begin + HEAD)]
    head = form.read_header(stream)
    if head.animation is not None:
        return None
    samples = (1 if head.colour.space == form.GRAY else 3) + (head.alpha is not None)
    floats = head.exponent or head.bits > 16
    return Size(head.width, head.height, 1, samples, 4 if floats else 2 if head.bits > 8 else 1)


def heif(data: bytes) -> Size | None:
    found = stills.measured(data)
    return None if found is None else Size(*found[:2], 1, *found[2:])


MEASURES: Final[dict[str, Callable[[bytes], Size | None]]] = {
    "PNG": png,
    "JPEG": jpeg,
    "TIFF": tiff,
    "WebP": webp,
    "AVIF": heif,
    "HEIC": heif,
    "HTJ2K": jpeg2000,
    "JPEG 2000": jpeg2000,
    "JPEG 2000 codestream": codestream,
    "JPEG XL": jxl,
    "GIF": gif,
    "BMP": bmp,
    "PNM": pnm,
    "PAM": pam,
    "PFM": pfm,
    "EXR": exr,
    "PSD": psd,
}
"""By the format; of camera raw files, only decoding tells the size."""
