"""The pixels of a JPEG, and whether all of them are in the file.

Decoders of JPEG say nothing of damaged data: what lacks becomes gray. So a file is decoded again
with other bytes after its data. If a pixel changes, it was made of what is not in the file.
"""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Final

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from imgae.errors import ImageError
from imgae.io.format import File
from imgae.io.formats.jpeg.stream import (
    ARITHMETIC,
    LOSSLESS,
    PROGRESSIVE,
    Frame,
    Scan,
    Stream,
    joined,
)

TAILS: Final = (b"\x55\xaa" * 32, b"\xaa\x55" * 32)
"""What is put after the data; one begins with the bit 0, the other with 1."""
STRONG: Final = (*TAILS, b"\xfe" * 64, b"\xf8" * 64)
"""The same, and two whose rare codes stand for large values."""
WITHOUT: Final = 4
"""Bytes at the end of a scan that some pixel is made of."""
MOST_SIDE: Final = 65500
"""Where the decoder ends."""


def check_readable(frame: Frame, file: File) -> None:
    """Raise ImageError for a picture that is not read, before memory is taken for it."""
    name, channels = file.name, len(frame.components)
    if frame.height == 0:
        raise ImageError(f"{name}: its height is given after its pixels (DNL), which is not read")
    file.check_size(frame.width, frame.height)
    if max(frame.width, frame.height) > MOST_SIDE:
        raise ImageError(
            f"{name}: {frame.width}x{frame.height} pixels; JPEGs are read up to {MOST_SIDE} a side"
        )
    if channels not in (1, 3, 4):
        raise ImageError(f"{name}: {channels} channels of unknown meaning; expected 1, 3 or 4")
    lossless = frame.marker == LOSSLESS
    if not (frame.bits in (8, 12) or (lossless and 2 <= frame.bits <= 16)):
        raise ImageError(f"{name}: {frame.bits} bits a sample, which is not read as JPEG")
    if channels == 4 and frame.bits != 8:
        raise ImageError(f"{name}: inks of {frame.bits} bits, which are not read")


def decode(stream: Stream, file: File) -> NDArray[Any]:
    """Return the pixels (H, W, C) as the file stores them; gray, RGB, or inks as they are.

    Raises ImageError if some are not in the file, and adds to the stream's notes.
    """
    frame = stream.frame
    check_readable(frame, file)
    check_scans(stream, file.name)
    pixels = pixels_of(joined(stream))
    file.check_decoded(pixels, frame.width, frame.height, len(frame.components))
    if not stream.ended:
        stream.notes.append("it has no end marker, but every pixel is there")
    check_complete(stream, pixels, file.name)
    return pixels


def pixels_of(data: bytes, luma: bool = False) -> NDArray[Any]:
    array = imagecodecs.jpeg8_decode(data, outcolorspace="GRAYSCALE" if luma else None)
    return array[:, :, None] if array.ndim == 2 else array


def check_scans(stream: Stream, name: str) -> None:
    """Raise ImageError if scans lack, or are too short for their blocks."""
    frame = stream.frame
    numbers = [component.number for component in frame.components]
    left = {number: np.full(64, -1) for number in numbers}
    for scan in stream.scans:
        count = scan.header[0] if scan.header else 0
        if count < 1 or len(scan.header) < 4 + 2 * count:
            raise ImageError(f"{name}: damaged: the beginning of a scan is cut short")
        chosen = list(scan.header[1 : 1 + 2 * count : 2])
        if not set(chosen) <= set(numbers):
            raise ImageError(f"{name}: damaged: a scan of a channel that is not described")
        first, last, shift = scan.header[1 + 2 * count : 4 + 2 * count]
        if frame.marker not in PROGRESSIVE:
            first, last, shift = 0, 63, 0
        for number in chosen:
            left[number][first : last + 1] = shift & 15
        check_length(frame, scan, chosen, first, name)
    check_levels(stream, list(left.values()), name)


def check_levels(stream: Stream, left: list[NDArray[Any]], name: str) -> None:
    """Raise ImageError if a channel has no scan, or an unended file not all of them."""
    if any(levels[0] < 0 for levels in left):
        raise ImageError(f"{name}: damaged or cut short: a channel's pixels are missing")
    if any((levels != 0).any() for levels in left):
        if not stream.ended:
            raise ImageError(f"{name}: cut short: its last scans are missing")
        stream.notes.append("its finest scans are missing; read as it is")


def check_length(frame: Frame, scan: Scan, chosen: list[int], first: int, name: str) -> None:
    """Raise ImageError if a scan holds less than the fewest bits that its blocks can take."""
    across, down = frame.most
    components = [c for c in frame.components if c.number in chosen]
    side = 1 if frame.marker == LOSSLESS else 8
    if len(components) == 1:
        only = components[0]
        width = ceil_div(frame.width * only.across, across)
        height = ceil_div(frame.height * only.down, down)
        columns, rows = ceil_div(width, side), ceil_div(height, side)
        blocks = 1
    else:
        columns = ceil_div(frame.width, side * across)
        rows = ceil_div(frame.height, side * down)
        blocks = sum(c.across * c.down for c in components)
    units = columns * rows
    if scan.interval:
        expected = ceil_div(units, scan.interval)
        if frame.marker == LOSSLESS:
            expected = len(scan.pieces)
        numbers = bytes(0xD0 + index % 8 for index in range(len(scan.restarts)))
        if len(scan.pieces) < expected or scan.restarts != numbers:
            raise ImageError(f"{name}: damaged or cut short: parts of its pixels are missing")
    bits = 2 if frame.marker not in (LOSSLESS, *PROGRESSIVE) else 1
    held = 8 * sum(len(piece) for piece in scan.pieces)
    if first == 0 and frame.marker not in ARITHMETIC and units * blocks * bits > held:
        raise ImageError(f"{name}: damaged or cut short: it holds too little for its pixels")


def check_complete(stream: Stream, pixels: NDArray[Any], name: str) -> None:
    """Raise ImageError if pixels were made of what is not in the file."""
    frame = stream.frame
    short = ImageError(f"{name}: damaged or cut short: some of its pixels are missing")
    if frame.marker in ARITHMETIC:
        # Its encoders leave out zeros at the end, and the last block may need what is not there.
        across, down = (16 * share for share in frame.most)
        for tail in TAILS:
            changed = (pixels_of(joined(stream, tail)) != pixels).any(2)
            if stream.ended:
                changed[-down:, -across:] = False
            if changed.any():
                raise short
        return
    if stream.ended:
        complete = is_complete(stream, pixels)
    else:
        complete = all(np.array_equal(pixels_of(joined(stream, tail)), pixels) for tail in TAILS)
    if not complete:
        raise short


def is_complete(stream: Stream, pixels: NDArray[Any]) -> bool:
    """Return whether all pixels are in a file that has an end; adds to the stream's notes."""
    frame = stream.frame
    luma = len(frame.components) == 3 and frame.bits == 8 and frame.marker != LOSSLESS
    luma = luma and transform_of(stream) != "RGB"  # then it shows what all channels would
    files = [joined(stream, TAILS[0])]
    if could_be_too_long(stream):
        files.append(joined(stream, TAILS[0], WITHOUT))
    if luma:
        files.append(joined(stream))
    with ThreadPoolExecutor(len(files)) as pool:  # decoders leave Python's lock to others
        changed, *others = pool.map(partial(pixels_of, luma=luma), files)
    plain = others.pop() if luma else pixels
    if not np.array_equal(changed, plain):
        return False
    if others and is_too_long(stream, pixels, plain, others[0]):
        stream.notes.append("it holds more data than its pixels take, as if it were damaged")
    return True


def could_be_too_long(stream: Stream) -> bool:
    """Return whether it can be told that data is left over.

    Scans of progressive files are not looked at, since their last bits often change no pixel; nor
    are pictures so small that there is little to take away.
    """
    small = any(len(scan.pieces[-1]) < 4 * WITHOUT for scan in stream.scans)
    return stream.frame.marker not in PROGRESSIVE and not small


def is_too_long(
    stream: Stream, pixels: NDArray[Any], plain: NDArray[Any], cut: NDArray[Any]
) -> bool:
    """Return whether no pixel is made of the last bytes.

    plain, cut: with and without these bytes. Where the last row is of one value, it is not told.
    """
    if plain[-1].min() == plain[-1].max() or not np.array_equal(cut, plain):
        return False
    return all(np.array_equal(pixels_of(joined(stream, tail, WITHOUT)), pixels) for tail in STRONG)


def ceil_div(value: int, by: int) -> int:
    return -(-value // by)


def transform_of(stream: Stream) -> str:
    """Return what the channels are, as decoders take them: gray, YCbCr, RGB, CMYK or YCCK."""
    components = stream.frame.components
    adobe = next((data for data in stream.find(0xEE, b"Adobe") if len(data) >= 7), None)
    if len(components) == 1:
        return "gray"
    if len(components) == 4:
        return "YCCK" if adobe and adobe[6] == 2 else "CMYK"
    if any(len(data) >= 9 for data in stream.find(0xE0, b"JFIF\0")[:1]):
        return "YCbCr"
    if adobe:
        return "RGB" if adobe[6] == 0 else "YCbCr"
    numbers = bytes(component.number for component in components)
    if stream.frame.marker == LOSSLESS and numbers != b"\1\2\3":
        return "RGB"
    return "RGB" if numbers == b"RGB" else "YCbCr"
