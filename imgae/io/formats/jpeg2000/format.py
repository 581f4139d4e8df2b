"""JPEG 2000 in JP2 files: their boxes by hand, their pixels with OpenJPEG.

Written without loss unless a quality is asked for.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from imgae.errors import ImageError, warn
from imgae.io.bmff import boxes
from imgae.io.bmff.boxes import XMP, Box, Cursor, box
from imgae.io.bmff.outer import outermost
from imgae.io.colour import inks
from imgae.io.colour.cms import space_of
from imgae.io.format import Encoding, File, Format, Limits, details_of
from imgae.io.formats.jpeg2000.codestream import (
    Header,
    bits_of,
    check_channels,
    codestream,
    comments_to_write,
    decode,
    header_of,
    samples_of,
    spread,
    stored_as,
)
from imgae.io.metadata.exif import checked, orientation_of
from imgae.io.metadata.resolution import METRE, resolution_of
from imgae.io.metadata.upright import upright
from imgae.io.numbers import numbers_at
from imgae.io.samples.associated import associated, unassociated
from imgae.io.samples.depth import widened
from imgae.io.samples.palettes import numbers_in
from imgae.picture.image import Frames, Image
from imgae.picture.pixels import scale_of

BEGINNING: Final = b"\0\0\0\x0cjP  \r\n\x87\n"
EXIF: Final = b"JpgTiffExif->JP2"
IPTC: Final = bytes.fromhex("33c7a4d2b81d4723a0baf1a3e097ad38")
GEO: Final = bytes.fromhex("b14bf8bd083d4b43a5ae8cd7d5a6ce03")
GEOTIFF: Final = "GeoJP2"
"""What Image.private holds of the place on a map, as a TIFF without pixels."""
DISPLAY: Final = "resolution of display"
FURTHER: Final = "further JPEG 2000 boxes"
CARRIED: Final = (b"xml ", b"uuid", b"uinf", b"asoc", b"jp2i", b"lbl ")
"""Boxes that are kept as they are where their meaning is not known."""
BOXES: Final = frozenset({b"jP  ", b"ftyp", b"jp2h", b"jp2c", b"rreq", *CARRIED})
SRGB: Final = 16
GRAY: Final = 17
SYCC: Final = 18
CMYK: Final = 12
SPACES: Final = {0: "1 bit", 14: "Lab", 20: "e-sRGB", 21: "ROMM-RGB", 24: "e-sYCC"}
"""Enumerated colour spaces, by what messages call them."""
ALPHA: Final = 1
PREMULTIPLIED: Final = 2
UNSPECIFIED: Final = 65535


@dataclass(frozen=True)
class Palette:
    """Colours by index: (N, C) samples of `bits`, and the columns that channels are made of."""

    bits: int
    colours: NDArray[np.uint16]
    columns: tuple[int, ...]


@dataclass(frozen=True)
class Description:
    """What the header box of a file says.

    width, height, channels: of the codestream. space: the enumerated colour space, or None; icc:
    the profile, or None. definitions: the kind and the colour of channels, by their numbers.
    dpi: pixels per inch, or None. display: the box of another resolution, or None.
    """

    width: int
    height: int
    channels: int
    space: int | None = None
    icc: bytes | None = None
    palette: Palette | None = None
    definitions: Mapping[int, tuple[int, int]] = field(default_factory=dict)
    dpi: tuple[float, float] | None = None
    display: bytes | None = None

    @property
    def colours(self) -> int:
        """How many channels colours have: 1, 3, or 4 for inks; 0 if it does not say."""
        if self.icc:
            return {b"GRAY": 1, b"CMYK": 4}.get(space_of(self.icc), 3)
        return {None: 0, GRAY: 1, CMYK: 4}.get(self.space, 3)


def description_of(data: bytes, header: Box) -> Description:
    """Return what a header box says. Raises ValueError if it is damaged."""
    parts: dict[bytes, Box] = {}
    colours = []
    for one in boxes.inside(data, header):
        parts.setdefault(one.kind, one)
        if one.kind == b"colr":
            colours.append(one.content(data))
    if b"ihdr" not in parts:
        raise ValueError("its header says no size")
    cursor = Cursor(data, parts[b"ihdr"])
    height, width, channels = cursor.number(4), cursor.number(4), cursor.number(2)
    found = Description(width, height, channels)
    for content in colours:
        if content[:1] == b"\1" and len(content) >= 7 and found.space is None:
            found = replace(found, space=int.from_bytes(content[3:7]))
        elif content[:1] in (b"\2", b"\3") and len(content) > 131 and found.icc is None:
            found = replace(found, icc=content[3:])
    if b"cdef" in parts:
        cursor = Cursor(data, parts[b"cdef"])
        entries = {
            cursor.number(2): (cursor.number(2), cursor.number(2)) for _ in range(cursor.number(2))
        }
        found = replace(found, definitions=entries)
    if b"pclr" in parts:
        found = replace(found, palette=palette_of(data, parts[b"pclr"], parts.get(b"cmap")))
    if b"res " in parts:
        found = with_resolutions(found, data, parts[b"res "])
    return found


def palette_of(data: bytes, pclr: Box, cmap: Box | None) -> Palette:
    cursor = Cursor(data, pclr)
    entries, columns = cursor.number(2), cursor.number(1)
    depths = [cursor.number(1) for _ in range(columns)]
    if not 0 < entries <= 1024 or len(set(depths)) != 1 or not depths[0] < 16:
        raise ValueError("its palette is of a kind that cannot be read")
    bits = depths[0] + 1
    wide = 1 if bits <= 8 else 2
    colours = [[cursor.number(wide) for _ in range(columns)] for _ in range(entries)]
    order = tuple(range(columns))
    if cmap is not None:
        cursor = Cursor(data, cmap)
        mapped = [
            (cursor.number(2), cursor.number(1), cursor.number(1)) for _ in range(cursor.left // 4)
        ]
        if any(of or direct != 1 or column >= columns for of, direct, column in mapped):
            raise ValueError("its palette is of a kind that cannot be read")
        order = tuple(column for _, _, column in mapped)
    return Palette(bits, np.array(colours, np.uint16), order)


def with_resolutions(found: Description, data: bytes, res: Box) -> Description:
    """Return a description with the resolution of capture, or else of display."""
    read: dict[bytes, tuple[float, float]] = {}
    raw: dict[bytes, bytes] = {}
    for one in boxes.inside(data, res):
        if one.kind not in (b"resc", b"resd") or one.end - one.begin < 10:
            continue
        numbers = numbers_at(">HHHHbb", data, one.begin)
        if all(numbers[:4]) and all(-20 <= power <= 20 for power in numbers[4:]):
            down = numbers[0] / numbers[1] * 10.0 ** numbers[4] * METRE
            across = numbers[2] / numbers[3] * 10.0 ** numbers[5] * METRE
            read.setdefault(one.kind, (across, down))
            raw.setdefault(one.kind, data[one.start : one.end])
    display = None
    if b"resc" in read and b"resd" in read and read[b"resc"] != read[b"resd"]:
        display = raw[b"resd"]
    return replace(found, dpi=read.get(b"resc") or read.get(b"resd"), display=display)


def read(file: File) -> Frames:
    data, name = file.data, file.name
    top = outermost(file, BOXES)
    header = next((one for one in top if one.kind == b"jp2h"), None)
    streams = [one for one in top if one.kind == b"jp2c"]
    if header is None or not streams:
        raise ValueError("no picture is in it")
    if len(streams) > 1:
        warn(f"{name}: it holds {len(streams)} pictures; only the first is used")
    says = description_of(data, header)
    stream = streams[0].content(data)
    coded = header_of(stream)
    if (says.width, says.height, says.channels) != (coded.width, coded.height, len(coded.channels)):
        raise ImageError(
            f"{name}: damaged: it says {says.width}x{says.height} pixels of {says.channels} "
            f"channels, but holds {coded.width}x{coded.height} of {len(coded.channels)}"
        )
    check_channels(file, coded)
    check_space(name, says)
    array = decode(file, stream, coded)
    image = image_of(name, array, coded, says)
    image = replace(image, dpi=says.dpi, text=tuple(("Comment", one) for one in coded.comments))
    private: dict[str, Any] = {DISPLAY: says.display} if says.display else {}
    image = with_metadata(replace(image, private=private), data, top, name)
    return Frames((upright(image, orientation_of(image.exif)),))


def check_space(name: str, says: Description) -> None:
    """Raise ImageError for colours that an Image cannot hold."""
    known = says.space in (None, SRGB, GRAY, SYCC, CMYK)
    kind = space_of(says.icc)
    if says.icc and kind not in (b"RGB ", b"GRAY", b"CMYK"):
        space = kind.decode("latin-1").strip()
    elif not says.icc and not known:
        space = SPACES.get(says.space or 0, f"of kind {says.space}")
    else:
        return
    raise ImageError(f"{name}: its colours are {space}; convert it to gray or RGB first")


def image_of(name: str, array: NDArray[Any], coded: Header, says: Description) -> Image:
    """Return samples as a picture, by what the file says of its channels."""
    mode = ""
    details: dict[str, Any] = {}
    if says.palette is not None:
        table = widened(says.palette.colours[:, list(says.palette.columns)], says.palette.bits)
        array = by_palette(array, table)
        mode, details = "palette", {"palette": table}
    else:
        array = spread(array, coded)
    order, alphas, others = channels_of(array.shape[2], says)
    if len(order) not in (1, 3, 4) or (len(order) == 4) != (says.colours == 4):
        raise ImageError(
            f"{name}: {len(order)} channels of colour; expected gray or RGB, with or without alpha"
        )
    pixels = np.ascontiguousarray(array[:, :, order])
    if says.space == SYCC and not says.icc and len(order) == 3:
        pixels, mode = pixels if coded.subsampled else rgb_of(pixels), "YCbCr"
    elif coded.subsampled:
        raise ImageError(f"{name}: its channels differ in size, as only those of YCbCr may")
    icc = says.icc
    if says.colours == 4:
        pixels, details["icc"] = inks.to_srgb(pixels, icc, name)
        mode, icc = "CMYK", None
    if icc and (space_of(icc) == b"GRAY") != (len(order) == 1):
        warn(f"{name}: its colour profile is for other channels, and left out")
        icc = None
    alpha: Any = None
    if alphas:
        alpha = np.ascontiguousarray(array[:, :, alphas[0]])
        if says.definitions[alphas[0]][0] == PREMULTIPLIED:
            pixels = unassociated(pixels, alpha)
            details["premultiplied"] = True
    extra: Any = np.ascontiguousarray(array[:, :, others]) if others else None
    stored = stored_as("JPEG 2000", coded, mode, **details)
    if says.palette is not None:
        stored = replace(stored, bits=says.palette.bits)
    return Image(pixels, alpha, icc=icc, extra=extra, stored=stored)


def by_palette(array: NDArray[Any], table: NDArray[Any]) -> NDArray[Any]:
    """Return the colours that indices (H, W, 1) stand for. Raises ValueError for others."""
    if array.shape[2] != 1:
        raise ValueError("it has a palette, and more than one channel")
    indices = array[:, :, 0]
    if indices.max() >= len(table):
        raise ValueError("it holds colours beyond its palette")
    colours: NDArray[Any] = table[indices]
    return colours


def channels_of(count: int, says: Description) -> tuple[list[int], list[int], list[int]]:
    """Return the numbers of the channels of colour in order, of alpha, and of all else."""
    expected = says.colours or (1 if count < 3 else 3)
    if not says.definitions:
        return list(range(min(expected, count))), [], list(range(expected, count))
    colours: dict[int, int] = {}
    alphas: list[int] = []
    others: list[int] = []
    for number in range(count):
        kind, colour = says.definitions.get(number, (UNSPECIFIED, UNSPECIFIED))
        if kind == 0 and 0 < colour <= 4 and colour not in colours:
            colours[colour] = number
        elif kind in (ALPHA, PREMULTIPLIED) and not alphas and colour in (0, 1):
            alphas.append(number)
        else:
            others.append(number)
    return [colours[one] for one in sorted(colours)], alphas, others


def rgb_of(pixels: NDArray[Any]) -> NDArray[Any]:
    """Return sYCC as RGB."""
    scale = scale_of(pixels.dtype)
    luma, blue, red = (pixels[:, :, at].astype(np.float64) for at in range(3))
    blue, red = blue - (scale + 1) // 2, red - (scale + 1) // 2
    planes = (luma + 1.402 * red, luma - 0.344136 * blue - 0.714136 * red, luma + 1.772 * blue)
    return np.stack([np.rint(one).clip(0, scale) for one in planes], 2).astype(pixels.dtype)


def with_metadata(image: Image, data: bytes, top: list[Box], name: str) -> Image:
    """Return a picture with what its file holds in boxes beside the picture."""
    private = dict(image.private)
    exif: bytes | None = None
    further = []
    for one in top:
        if one.kind not in CARRIED or not one.whole:
            continue
        content = one.content(data)
        kind, rest = content[:16], content[16:]
        if one.kind == b"uuid" and kind == EXIF and exif is None and rest:
            exif = checked(rest, name)
        elif one.kind == b"uuid" and kind == XMP and image.xmp is None and rest:
            image = replace(image, xmp=rest)
        elif one.kind == b"uuid" and kind == IPTC and image.iptc is None and rest[:1] == b"\x1c":
            image = replace(image, iptc=rest)
        elif one.kind == b"uuid" and kind == GEO and GEOTIFF not in private and rest:
            private[GEOTIFF] = rest
        else:
            further.append(data[one.start : one.end])
    if further:
        private[FURTHER] = b"".join(further)
    return replace(image, exif=exif, private=private, dpi=image.dpi or resolution_of(exif))


def encode(frames: Frames, name: str, encoding: Encoding) -> bytes:
    """Encode a picture without loss, or by a quality that goes for its transparency too."""
    image = frames[0]
    details = details_of(image, "JPEG 2000")
    colours = image.pixels.shape[2]
    bits = bits_of(image, name)
    premultiplied = image.alpha is not None and bool(details.get("premultiplied"))
    pieces: list[bytes] = []
    channels = None
    came = image.stored if image.stored and image.stored.mode in inks.MODES else None
    if "palette" in details:
        channels, pieces = indexed(image, details["palette"], name)
    if encoding.cmyk and came and colours == 3:
        return encode_inks(image, came.details.get("icc"), name, encoding)
    if channels is None:
        whole = image
        if premultiplied and image.alpha is not None:
            pixels: Any = associated(image.pixels, image.alpha)
            whole = replace(image, pixels=pixels)
        channels = samples_of(whole, bits)
        stream = codestream(channels, colours, bits, encoding, comments_to_write(image, name))
    else:
        stream = codestream(channels, 1, 8, Encoding(), comments_to_write(image, name))
    pieces += definitions(image, colours, premultiplied=premultiplied)
    return file_of(image, stream, [colour_box(image.icc, colours, name), *pieces])


def encode_inks(image: Image, icc: bytes | None, name: str, encoding: Encoding) -> bytes:
    """Encode a picture that came as inks as such again, by their profile."""
    made, icc = inks.of_image(image, icc, name)
    parts: list[Any] = [made]
    parts += [] if image.alpha is None else [image.alpha[:, :, None]]
    parts += [] if image.extra is None else [image.extra]
    bits = 8 * made.dtype.itemsize
    comments = comments_to_write(image, name)
    stream = codestream(np.concatenate(parts, 2), 4, bits, encoding, comments)
    space = b"\2\0\0" + icc if icc else b"\1\0\0" + struct.pack(">I", CMYK)
    pieces = definitions(image, 4, premultiplied=False)
    return file_of(image, stream, [box(b"colr", space), *pieces])


def file_of(image: Image, stream: bytes, pieces: list[bytes]) -> bytes:
    """Return a file of a codestream. pieces: what its header says of colours and channels."""
    coded = header_of(stream)
    depth = coded.bits - 1
    shape = struct.pack(">IIHBBBB", coded.height, coded.width, len(coded.channels), depth, 7, 0, 0)
    header = [box(b"ihdr", shape), *pieces, *resolutions(image)]
    metadata = [
        box(b"uuid", kind, content)
        for kind, content in (
            (EXIF, image.exif),
            (XMP, image.xmp),
            (IPTC, image.iptc),
            (GEO, image.private.get(GEOTIFF)),
        )
        if content
    ]
    return b"".join(
        [
            BEGINNING,
            box(b"ftyp", b"jp2 \0\0\0\0jp2 "),
            box(b"jp2h", *header),
            *metadata,
            image.private.get(FURTHER, b""),
            box(b"jp2c", stream),
        ]
    )


def colour_box(icc: bytes | None, colours: int, name: str) -> bytes:
    if icc and (space_of(icc) == b"GRAY") != (colours == 1):
        warn(f"{name}: its colour profile is for other channels, and left out")
        icc = None
    if icc:
        return box(b"colr", b"\2\0\0", icc)
    return box(b"colr", b"\1\0\0", struct.pack(">I", GRAY if colours == 1 else SRGB))


def definitions(image: Image, colours: int, *, premultiplied: bool) -> list[bytes]:
    """Return the box that says what channels are; none where all are colours in order."""
    entries = [(number, 0, number + 1) for number in range(colours)]
    if image.alpha is not None:
        entries.append((len(entries), PREMULTIPLIED if premultiplied else ALPHA, 0))
    for _ in range(0 if image.extra is None else image.extra.shape[2]):
        entries.append((len(entries), UNSPECIFIED, UNSPECIFIED))
    if len(entries) == colours:
        return []
    packed = (struct.pack(">HHH", *entry) for entry in entries)
    return [box(b"cdef", struct.pack(">H", len(entries)), *packed)]


def resolutions(image: Image) -> list[bytes]:
    """Return the box of resolutions."""
    parts = []
    if image.dpi:
        across, down = (scaled(value / METRE) for value in image.dpi)
        numbers = (*down[:2], *across[:2], down[2], across[2])
        parts.append(box(b"resc", struct.pack(">HHHHbb", *numbers)))
    if DISPLAY in image.private:
        parts.append(image.private[DISPLAY])
    return [box(b"res ", *parts)] if parts else []


def scaled(value: float) -> tuple[int, int, int]:
    """Return a number as numerator and denominator of 16 bits and a power of ten."""
    best, least = (1, 1, 0), float("inf")
    exact = Fraction(value)
    for power in range(11):  # some readers know no negative ones
        part = exact / Fraction(10) ** power
        if not Fraction(1, 65535) < part < 65535:
            continue
        found = part.limit_denominator(max(int(65535 / float(part)), 1) if part > 1 else 65535)
        error = abs(float(found / part) - 1) if found else float("inf")
        if error < least and 0 < found.numerator <= 65535:
            best, least = (found.numerator, found.denominator, power), error
    return best


def indexed(
    image: Image, palette: NDArray[Any], name: str
) -> tuple[NDArray[Any] | None, list[bytes]]:
    """Return indices (H, W, 1) and the boxes of a palette; None if it lacks a colour."""
    parts: list[Any] = [image.pixels]
    if image.alpha is not None:
        parts.append(image.alpha[:, :, None])
    array = np.concatenate(parts, 2)
    alike = array.dtype == palette.dtype and array.shape[2] == palette.shape[1] <= 4
    if alike and len(palette) <= 256:
        indices = numbers_in(array, palette)
        if indices is not None:
            bits = 8 * palette.dtype.itemsize
            count, columns = palette.shape
            head = struct.pack(">HB", count, columns) + bytes([bits - 1] * columns)
            table = palette.astype(palette.dtype.newbyteorder(">")).tobytes()
            maps = (struct.pack(">HBB", 0, 1, column) for column in range(columns))
            return indices[:, :, None], [box(b"pclr", head, table), box(b"cmap", *maps)]
    warn(f"{name}: its colours are no longer those of its palette; written without one")
    return None, []


FORMAT: Final = Format(
    read,
    encode,
    Limits(
        bits=16,
        lossy=True,
        holds=frozenset({"icc", "exif", "xmp", "iptc", "dpi", "text", "extra"}),
        private=frozenset({GEOTIFF, DISPLAY, FURTHER}),
        inks=True,
    ),
)
