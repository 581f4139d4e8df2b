"""JPEG 2000's codestreams: their header by hand, their pixels with OpenJPEG.

A file may be a bare codestream, which says nothing of what its channels mean. JP2 files, of
format.py, hold one in a box.
"""

import io
import struct
from dataclasses import dataclass
from typing import Any, Final

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from imgae.errors import ImageError, warn
from imgae.io.format import Encoding, File, Format, Limits
from imgae.io.metadata.upright import upright
from imgae.io.samples.depth import fits, narrowed, widened
from imgae.picture.image import Frames, Image, Stored

START: Final = b"\xff\x4f\xff\x51"
END: Final = b"\xff\xd9"
COMMENT: Final = 0xFF64
TILE: Final = 0xFF90
MOST_CHANNELS: Final = 64
MOST_TILES: Final = 65535
MOST_BITS: Final = 16
OWN_COMMENTS: Final = (b"Created by OpenJPEG", b"OpenJPH", b"Kakadu", b"Kdu-", b"LEAD")
"""What encoders say of themselves."""


@dataclass(frozen=True)
class Channel:
    """One component: bits of a sample, whether it has a sign, and its steps across and down."""

    bits: int
    signed: bool
    across: int
    down: int


@dataclass(frozen=True)
class Header:
    """What a codestream says of itself before its pixels.

    comments: but for those of encoders. after_size: where the marker after the size begins.
    """

    width: int
    height: int
    channels: tuple[Channel, ...]
    comments: tuple[str, ...]
    after_size: int

    @property
    def subsampled(self) -> bool:
        return any((one.across, one.down) != (1, 1) for one in self.channels)

    @property
    def bits(self) -> int:
        return self.channels[0].bits


def header_of(data: bytes) -> Header:
    """Return a codestream's header. Raises ValueError if it is damaged."""
    if not data.startswith(START) or len(data) < 42:
        raise ValueError("its pixels have no header")
    right, down, left, top, tile_width, tile_height, tile_left, tile_top, count = (
        struct.unpack_from(">8IH", data, 8)
    )
    (length,) = struct.unpack_from(">H", data, 4)
    if not 0 < count <= MOST_CHANNELS or length < 38 + 3 * count or len(data) < 42 + 3 * count:
        raise ValueError(f"it says that it has {count} channels")
    channels = tuple(
        Channel((depth & 127) + 1, depth > 127, across, down)
        for depth, across, down in struct.iter_unpack("BBB", data[42 : 42 + 3 * count])
    )
    if left >= right or top >= down or any(not one.across or not one.down for one in channels):
        raise ValueError("it says that it has no pixels")
    if not tile_width or not tile_height or tile_left > left or tile_top > top:
        raise ValueError("its tiles have no size")
    tiles = -(-(right - tile_left) // tile_width) * -(-(down - tile_top) // tile_height)
    if tiles > MOST_TILES:
        raise ValueError(f"it says that it has {tiles} tiles")
    first = channels[0]
    width = -(-right // first.across) - -(-left // first.across)
    height = -(-down // first.down) - -(-top // first.down)
    if any((one.across, one.down) == (1, 1) for one in channels):
        width, height = right - left, down - top
    return Header(width, height, channels, comments_of(data, 4 + length), 4 + length)


def comments_of(data: bytes, at: int) -> tuple[str, ...]:
    """Return the comments before the first tile, without those of encoders on themselves."""
    found: list[str] = []
    while at + 6 <= len(data) and len(found) < 64:
        marker, length, kind = struct.unpack_from(">HHH", data, at)
        if marker == TILE or marker < 0xFF00 or length < 2:
            break
        text = data[at + 6 : at + 2 + length]
        if marker == COMMENT and kind == 1 and text and not text.startswith(OWN_COMMENTS):
            found.append(text.decode("latin-1"))
        at += 2 + length
    return tuple(found)


def check_channels(file: File, header: Header) -> None:
    """Raise ImageError for samples that an Image cannot hold, and for more than may be read."""
    colours = -(-len(header.channels) // 4)
    file.check_size(header.width, header.height, colours)
    bits = max(one.bits for one in header.channels)
    if bits > MOST_BITS:
        raise ImageError(f"{file.name}: its samples have {bits} bits; imgae takes up to 16")
    if any(one.signed for one in header.channels):
        raise ImageError(f"{file.name}: its samples have a sign, as no picture's have")


def decode(file: File, data: bytes, header: Header) -> NDArray[Any]:
    """Return samples (H, W, C) as a codestream holds them, checked against its header."""
    channels = len(header.channels)
    if not data.endswith(END):
        at = data.rfind(END)
        if 0 < at < len(data) and not data[at + 2 :].strip(b"\0"):
            data = data[: at + 2]
        else:
            warn(f"{file.name}: its pixels have no end marker; it may be cut short")
            data += END
    bits = {one.bits for one in header.channels}
    if header.subsampled or len(bits) > 1:
        return decode_uneven(file, data, header)
    array: NDArray[Any] = imagecodecs.jpeg2k_decode(data)
    if array.ndim == 2:
        array = array[:, :, None]
    file.check_decoded(array, header.width, header.height, channels)
    return array


def decode_uneven(file: File, data: bytes, header: Header) -> NDArray[Any]:
    """Decode channels of different sizes or depths with Pillow, which knows them up to 8 bits.

    Those of different sizes are luma and chroma, and come as RGB.
    """
    import PIL.Jpeg2KImagePlugin

    channels = len(header.channels)
    depths = [one.bits for one in header.channels]
    if (
        max(depths) > 8
        or channels > 4
        or (header.subsampled and (min(depths) < 8 or channels != 3))
    ):
        raise ImageError(
            f"{file.name}: its channels differ in size or depth in a way that imgae does not take"
        )
    try:
        opened = PIL.Jpeg2KImagePlugin.Jpeg2KImageFile(io.BytesIO(data), file.name)
    except SyntaxError as error:
        raise ImageError(f"{file.name}: damaged, or of a kind that cannot be read") from error
    with opened as picture:
        file.check_size(*picture.size)
        array = np.asarray(picture)
        if picture.mode not in ("L", "LA", "RGB", "RGBA"):
            raise ImageError(f"{file.name}: its channels differ in size or depth")
    array = array[:, :, None] if array.ndim == 2 else array
    file.check_decoded(array, header.width, header.height, channels)
    return array >> np.array([8 - bits for bits in depths], np.uint8)


def read(file: File) -> Frames:
    """Read a bare codestream: gray or RGB, with a channel more taken for transparency."""
    header = header_of(file.data)
    check_channels(file, header)
    array = decode(file, file.data, header)
    array = spread(array, header)
    count = array.shape[2]
    colours = 1 if count < 3 else 3
    alpha: Any = None
    extra: Any = None
    if count == colours + 1:
        warn(f"{file.name}: it does not say what its last channel is; taken for transparency")
        alpha = np.ascontiguousarray(array[:, :, colours])
    elif count > colours:
        extra = np.ascontiguousarray(array[:, :, colours:])
    pixels: Any = np.ascontiguousarray(array[:, :, :colours])
    text = tuple(("Comment", one) for one in header.comments)
    stored = stored_as("JPEG 2000 codestream", header)
    return Frames((upright(Image(pixels, alpha, extra=extra, text=text, stored=stored), 1),))


def stored_as(name: str, header: Header, mode: str = "", **details: Any) -> Stored:
    bits = header.bits
    return Stored(name, mode or (f"{bits} bits" if bits not in (8, 16) else ""), bits, details)


def spread(array: NDArray[Any], header: Header) -> NDArray[Any]:
    """Return samples of any depth as uint8 or uint16 over their full range, all of one type."""
    planes = [widened(array[:, :, at], one.bits) for at, one in enumerate(header.channels)]
    deep = any(plane.dtype == np.uint16 for plane in planes)
    if deep:
        planes = [
            plane.astype(np.uint16) * np.uint16(257) if plane.dtype == np.uint8 else plane
            for plane in planes
        ]
    return np.stack(planes, 2)


def bits_of(image: Image, name: str) -> int:
    """Return how many bits a sample of a picture has in a file."""
    bits = image.stored.bits if image.stored else 0
    if image.bits == 16:
        return bits if 8 < bits < 16 else 16
    if not 0 < bits < 8:
        return 8
    arrays = (image.pixels, image.alpha, image.extra)
    if all(array is None or fits(array, bits) for array in arrays):
        return bits
    warn(f"{name}: its pixels are no longer ones of {bits} bits; written with 8")
    return 8


def samples_of(image: Image, bits: int) -> NDArray[Any]:
    """Return colours, alpha and further channels (H, W, C) of so many bits."""
    parts: list[Any] = [image.pixels]
    if image.alpha is not None:
        parts.append(image.alpha[:, :, None])
    if image.extra is not None:
        parts.append(image.extra)
    array: NDArray[Any] = np.concatenate(parts, 2) if len(parts) > 1 else parts[0]
    return narrowed(array, bits)


def codestream(
    array: NDArray[Any], colours: int, bits: int, encoding: Encoding, comments: list[str]
) -> bytes:
    """Return samples (H, W, C) as a codestream, without loss unless a quality is asked for.

    colours: how many of the channels are; three are coded together.
    """
    lossless = encoding.quality in (None, 100)
    decibels = 0 if lossless else round(25 + 0.3 * (encoding.quality or 0))
    side = min(array.shape[:2])
    data = bytes(
        imagecodecs.jpeg2k_encode(
            np.ascontiguousarray(array[:, :, 0] if array.shape[2] == 1 else array),
            level=decibels,
            codecformat="j2k",
            planar=False,
            bitspersample=bits,
            reversible=lossless,
            resolutions=min(6, max(side.bit_length(), 1)),
            mct=colours == 3,
        )
    )
    marks = b"".join(
        struct.pack(">HHH", COMMENT, 4 + len(text), 1) + text
        for text in (comment.encode("latin-1") for comment in comments)
    )
    return with_comments(data, marks)


def with_comments(data: bytes, marks: bytes) -> bytes:
    """Return a codestream with markers before its first tile."""
    at = header_of(data).after_size
    while struct.unpack_from(">H", data, at)[0] != TILE:
        at += 2 + struct.unpack_from(">H", data, at + 2)[0]
    return data[:at] + marks + data[at:]


def comments_to_write(image: Image, name: str) -> list[str]:
    """Return the comments of a picture, with a warning for what text cannot be one."""
    kept = []
    for keyword, text in image.text:
        if keyword != "Comment":
            warn(f"{name}: JPEG 2000 holds no text but comments; {keyword!a} is left out")
        elif any(ord(letter) > 255 for letter in text) or len(text) > 65000:
            warn(f"{name}: a comment is too long for JPEG 2000, or in other letters; left out")
        elif text:
            kept.append(text)
    return kept


def encode(frames: Frames, name: str, encoding: Encoding) -> bytes:
    image = frames[0]
    bits = bits_of(image, name)
    if image.alpha is not None:
        warn(f"{name}: a bare codestream does not say that a channel is transparency; write .jp2")
    colours = image.pixels.shape[2]
    comments = comments_to_write(image, name)
    return codestream(samples_of(image, bits), colours, bits, encoding, comments)


FORMAT: Final = Format(
    read,
    encode,
    Limits(bits=16, lossy=True, holds=frozenset({"extra", "text"})),
)
