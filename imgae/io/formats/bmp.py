"""BMP, of Windows and OS/2, by hand."""

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from imgae.errors import ImageError, warn
from imgae.io.format import Encoding, File, Format, Limits
from imgae.io.metadata.resolution import METRE
from imgae.io.metadata.upright import upright
from imgae.io.numbers import numbers_at
from imgae.io.samples.packing import packed
from imgae.io.samples.packing import unpacked as bits_apart
from imgae.io.samples.palettes import filled, numbers_in
from imgae.picture.image import Frames, Image, Stored
from imgae.picture.pixels import scale_of

PLAIN, RLE8, RLE4, FIELDS, JPEG, PNG, ALPHA_FIELDS = range(7)
HUFFMAN, RLE24 = "Huffman", "RLE24"
PACKED: Final = {RLE8: 8, RLE4: 4, RLE24: 24}
"""By the compression, the bits of a pixel that it is for."""
EMBEDDED: Final = b"DEBM"
LINKED: Final = b"KNIL"
SRGB: Final = b"BGRs"
FIFTEEN: Final = (0x7C00, 0x3E0, 0x1F, 0)
THIRTY_TWO: Final = (0xFF0000, 0xFF00, 0xFF, 0)
WITH_ALPHA: Final = (0xFF0000, 0xFF00, 0xFF, 0xFF000000)
COLOUR_SPACE: Final = "calibrated colours"
"""Private: the end points and gammas of a BMP, 48 bytes."""


@dataclass(frozen=True)
class Header:
    """What a file says of its pixels. palette: (N, 3) or None. masks: of red, green, blue, alpha.

    begins: where the pixels lie. padded: whether a palette's entries have a fourth byte.
    """

    width: int
    height: int
    bits: int
    begins: int
    downwards: bool = False
    compression: int | str = PLAIN
    masks: tuple[int, int, int, int] = (0, 0, 0, 0)
    density: tuple[int, int] = (0, 0)
    palette: NDArray[np.uint8] | None = None
    icc: bytes | None = None
    calibration: bytes | None = None

    @property
    def row_bytes(self) -> int:
        """Bytes of a row, with those that fill it up to four."""
        return (self.width * self.bits + 31) // 32 * 4


def read(file: File) -> Frames:
    if file.data[:2] == b"BA":
        raise ImageError(f"{file.name}: an OS/2 array of bitmaps; save one of them as BMP")
    header = read_header(file)
    file.check_size(header.width, header.height)
    rows = unpacked(header, file) if header.compression in PACKED else plain_rows(header, file)
    if not header.downwards:
        rows = rows[::-1]
    return Frames((upright(picture(header, rows, file.name), 1),))


def picture(
    header: Header, rows: NDArray[Any], name: str, say: Callable[[str], None] = warn
) -> Image:
    """Return rows of samples, from the top, with what the file says besides."""
    pixels, alpha, mode, bits, details = in_colours(header, rows, name, say)
    dpi = (header.density[0] * METRE, header.density[1] * METRE)
    return Image(
        np.ascontiguousarray(pixels),
        None if alpha is None else np.ascontiguousarray(alpha),
        icc=header.icc,
        dpi=dpi if min(dpi) > 0 else None,
        private={} if header.calibration is None else {COLOUR_SPACE: header.calibration},
        stored=Stored("BMP", mode, bits, details),
    )


def read_header(file: File) -> Header:
    data, name = file.data, file.name
    begins, size = numbers_at("<II", data, 10)
    if len(data) < 14 + size:
        raise ImageError(f"{name}: damaged or cut short: its header is not whole")
    if size == 12:
        width, height, _, bits = numbers_at("<4H", data, 18)
        header = Header(width, height, bits, begins)
        return check_bits(with_palette(header, file, 26, 3, 0), name)
    width, height, _, bits = numbers_at("<iiHH", data, 18)
    rest = data[30 : 14 + size].ljust(24, b"\0")
    compression, _, across, down, used, _ = struct.unpack_from("<IIiiII", rest)
    header = Header(
        width, abs(height), bits, begins, height < 0, compression,
        density=(max(across, 0), max(down, 0)),
    )  # fmt: skip
    if size in (16, 64) or (16 < size < 40):  # OS/2
        kinds = {3: HUFFMAN, 4: RLE24}
        header = replace(header, compression=kinds.get(compression, compression))
    after = 14 + size
    if header.compression in (FIELDS, ALPHA_FIELDS) or size >= 52:
        count = 4 if size >= 56 or header.compression == ALPHA_FIELDS else 3
        masks = numbers_at(f"<{count}I", data, 54)
        if header.compression in (FIELDS, ALPHA_FIELDS):
            header = replace(header, masks=(*masks, 0)[:4])
        after = max(after, 54 + 4 * count if header.compression != PLAIN else after)
    header = with_colour_space(header, file, size)
    return check_bits(with_palette(header, file, after, 4, used), name)


def with_colour_space(header: Header, file: File, size: int) -> Header:
    """Add the profile or the calibration that the longer headers have."""
    if size < 108:
        return header
    data = file.data
    kind = data[70:74]
    if kind == bytes(4) and any(data[74:122]):
        return replace(header, calibration=data[74:122])
    if kind == LINKED:
        warn(f"{file.name}: its colour profile is another file, and is left out")
    elif kind == EMBEDDED and size >= 124:
        offset, length = numbers_at("<II", data, 126)
        profile = data[14 + offset : 14 + offset + length]
        if offset and length and len(profile) == length and profile[36:40] == b"acsp":
            return replace(header, icc=profile)
        warn(f"{file.name}: its colour profile is damaged, and left out")
    return header


def with_palette(header: Header, file: File, at: int, entry: int, used: int) -> Header:
    if header.bits > 8:
        return header
    most = 1 << header.bits
    count = min(used or most, most)
    if at < header.begins < at + entry * count:  # fewer than it says
        count = (header.begins - at) // entry
    table = np.frombuffer(file.data[at : at + entry * count], np.uint8)
    table = table[: len(table) // entry * entry].reshape(-1, entry)
    if not len(table):
        raise ImageError(f"{file.name}: damaged or cut short: a BMP of a palette that has none")
    return replace(header, palette=table[:, 2::-1])


def check_bits(header: Header, name: str) -> Header:
    """Return the header with its masks. Raises ImageError for kinds that are not read."""
    kind = header.compression
    if kind in (JPEG, PNG):
        raise ImageError(f"{name}: a BMP that holds a {'JPEG' if kind == JPEG else 'PNG'}")
    if kind == HUFFMAN:
        raise ImageError(f"{name}: a BMP of OS/2 with Huffman's compression, which is not read")
    if kind not in (PLAIN, FIELDS, ALPHA_FIELDS, *PACKED):
        raise ImageError(f"{name}: damaged: BMP has no compression {kind}")
    if header.bits not in (1, 2, 4, 8, 16, 24, 32) or PACKED.get(kind, header.bits) != header.bits:
        raise ImageError(f"{name}: damaged: a BMP of {header.bits} bits a pixel")
    if kind in (FIELDS, ALPHA_FIELDS):
        if header.bits not in (16, 32):
            raise ImageError(f"{name}: damaged: a BMP of {header.bits} bits with masks")
        check_masks(header, name)
        return header
    masks = {16: FIFTEEN, 32: THIRTY_TWO}.get(header.bits, header.masks)
    return replace(header, masks=masks)


def check_masks(header: Header, name: str) -> None:
    together = 0
    for index, mask in enumerate(header.masks):
        bits = mask >> shift_of(mask)
        whole = bits & (bits + 1) == 0
        if not whole or mask & together or mask >> header.bits or (not mask and index < 3):
            raise ImageError(f"{name}: damaged: the masks of its colours overlap or have gaps")
        if bits > 0xFFFF:
            raise ImageError(f"{name}: a colour of more than 16 bits, which is not read")
        together |= mask


def shift_of(mask: int) -> int:
    """Return the lowest bit that is set."""
    return (mask & -mask).bit_length() - 1 if mask else 0


def plain_rows(header: Header, file: File) -> NDArray[Any]:
    """Return the pixels in the order of the file: numbers (H, W), or bytes (H, W, 2, 3 or 4)."""
    size = header.row_bytes * header.height
    data = np.frombuffer(file.data, np.uint8)[header.begins :]
    last = header.row_bytes * (header.height - 1) + (header.width * header.bits + 7) // 8
    if len(data) < last or header.begins < 14:
        raise ImageError(f"{file.name}: damaged or cut short: its pixels are not whole")
    if len(data) < size:  # the last row is not filled up
        data = np.pad(data, (0, size - len(data)))
    return samples_in(header, data[:size].reshape(header.height, header.row_bytes))


def samples_in(header: Header, rows: NDArray[np.uint8]) -> NDArray[Any]:
    """Return what rows of bytes hold: numbers (H, W), or bytes (H, W, 2, 3 or 4)."""
    if header.bits >= 16:
        count = header.bits // 8
        return rows[:, : header.width * count].reshape(len(rows), header.width, count)
    if header.bits == 8:
        return rows[:, : header.width]
    return bits_apart(rows, header.bits)[:, : header.width]


def unpacked(header: Header, file: File) -> NDArray[np.uint8]:
    """Unfold runs of equal pixels. What a file jumps over has the first colour of its palette."""
    width, height = header.width, header.height
    wide = 3 if header.compression == RLE24 else 1
    if width * height > (len(file.data) + 1) << 16:
        raise ImageError(f"{file.name}: damaged: far fewer pixels than it says")
    canvas = np.zeros((height, width, wide), np.uint8)
    x, y = 0, 0
    left = 2 * height * (width + 1) + 1024  # steps: each of a sound file goes on by a pixel
    for step in runs(file.data, header.begins, wide, four=header.compression == RLE4):
        left -= 1
        if not left:
            raise ImageError(f"{file.name}: damaged: its packed pixels do not go on")
        if step is None:
            if y < height - 1 or (y == height - 1 and x < width):
                raise ImageError(f"{file.name}: damaged or cut short: its pixels are not whole")
            warn(f"{file.name}: its packed pixels have no end; all rows were there")
        elif isinstance(step, tuple):
            across, down = step
            x, y = (x + across if across >= 0 else 0), y + down
        elif y >= height or x > width:
            raise ImageError(f"{file.name}: damaged: its pixels go beyond its rows")
        else:
            canvas[y, x : x + len(step)] = step[: width - x]
            x = min(x + len(step), width)
    return canvas if wide == 3 else canvas[:, :, 0]


def runs(
    data: bytes, at: int, wide: int, *, four: bool
) -> Iterator[NDArray[np.uint8] | tuple[int, int] | None]:
    """Yield pixels (N, wide), moves across and down, and None if the data ends without its end.

    A move to the next row has -1 across. four: whether two pixels are in a byte.
    """
    while at + 2 <= len(data):
        count, value = data[at], data[at + 1]
        at += 2
        if count == 0 and value == 0:
            yield -1, 1
        elif count == 0 and value == 1:
            return
        elif count == 0 and value == 2:
            if at + 2 > len(data):
                break
            yield data[at], data[at + 1]
            at += 2
        else:
            size, filled = wide, 0
            if count:
                at -= 1
            else:
                count = value
                size = (count + 1) // 2 if four else count * wide
                filled = size % 2
            part = np.frombuffer(data[at : at + size], np.uint8)
            if len(part) < size:
                break
            at += size + filled
            if four:
                part = np.stack([part >> 4, part & 15], 1).ravel()
            yield np.resize(part.reshape(-1, wide), (count, wide))
    yield None


def in_colours(
    header: Header, rows: NDArray[Any], name: str, say: Callable[[str], None] = warn
) -> tuple[NDArray[Any], NDArray[Any] | None, str, int, dict[str, Any]]:
    """Return pixels, alpha, and Stored's mode, bits and details."""
    palette = header.palette
    if palette is not None:
        return palette_colours(header, palette, rows, filled(palette, rows, name, say))
    if header.bits == 24:
        return rows[:, :, ::-1], None, "", 8, {}
    masks = header.masks
    if header.bits == 32 and masks in (THIRTY_TWO, WITH_ALPHA):
        if masks == WITH_ALPHA and rows[:, :, 3].any():
            return rows[:, :, 2::-1], rows[:, :, 3], "", 8, {}
        if masks == WITH_ALPHA:
            warn(f"{name}: wholly transparent, which viewers show as opaque; so it is taken")
        if (rows[:, :, 3] != rows[0, 0, 3]).any():
            warn(f"{name}: a fourth channel that BMP gives no meaning is left out")
        return rows[:, :, 2::-1], None, "", 8, {}
    words = np.ascontiguousarray(rows).view("<u2" if header.bits == 16 else "<u4")[:, :, 0]
    most = max((mask >> shift_of(mask)).bit_length() for mask in masks)
    dtype = np.uint8 if most <= 8 else np.uint16
    channels = [field_of(words, mask, dtype) for mask in masks]
    pixels = np.stack(channels[:3], 2)
    mode = f"{header.bits} bits a pixel"
    return pixels, channels[3] if masks[3] else None, mode, most, {"masks": masks}


def field_of(words: NDArray[Any], mask: int, dtype: Any) -> NDArray[Any]:
    """Return what a mask picks out of words, spread over the whole range."""
    if not mask:
        return np.zeros(words.shape, dtype)
    shift = shift_of(mask)
    most, full = mask >> shift, scale_of(dtype)
    table = np.rint(np.arange(most + 1) * full / most).astype(dtype)
    values: NDArray[Any] = table[(words & words.dtype.type(mask)) >> words.dtype.type(shift)]
    return values


def palette_colours(
    header: Header,
    palette: NDArray[np.uint8],
    numbers: NDArray[np.uint8],
    table: NDArray[np.uint8],
) -> tuple[NDArray[Any], NDArray[Any] | None, str, int, dict[str, Any]]:
    """Return a palette's colours: gray if it is 256 grays in their order, or black and white.

    table: the palette, filled up.
    """
    if len(palette) == 256 and (palette == np.arange(256)[:, None]).all():
        return numbers[:, :, None], None, "", 8, {}
    if header.bits == 1 and sorted(map(tuple, palette.tolist())) == [(0, 0, 0), (255, 255, 255)]:
        return table[numbers][:, :, :1], None, "1 bit", 1, {"palette": palette}
    return table[numbers], None, "palette", header.bits, {"palette": palette}


def encode(frames: Frames, name: str, encoding: Encoding) -> bytes:  # noqa: ARG001 - a Format's signature
    image = frames[0]
    stored = image.stored if image.stored is not None and image.stored.format == "BMP" else None
    masks = (0, 0, 0, 0)
    palette: NDArray[np.uint8] | None = None
    kept = as_stored(image, stored)
    if stored is not None and stored.mode and kept is None and stored.bits <= 8:
        said = {"1 bit": "black and white", "palette": "the colours of its palette"}
        warn(
            f"{name}: its pixels no longer fit into {said.get(stored.mode, stored.mode)}; written "
            f"with 8 bits a channel"
        )
    rows: NDArray[Any]
    if kept is not None:
        bits, rows, palette, masks = kept
    elif image.pixels.shape[2] == 1 and image.alpha is None:
        bits, rows = 8, image.pixels[:, :, 0]
        palette = np.arange(256, dtype=np.uint8)[:, None].repeat(3, 1)
    else:
        colours = image.pixels[:, :, ::-1]
        if colours.shape[2] == 1:
            colours = colours.repeat(3, 2)
        if image.alpha is None:
            bits, rows = 24, colours.reshape(image.height, -1)
        else:
            bits, masks = 32, WITH_ALPHA
            rows = np.concatenate([colours, image.alpha[:, :, None]], 2).reshape(image.height, -1)
    return whole_file(image, bits, np.asarray(rows, np.uint8), palette, masks)


Kept = tuple[int, NDArray[np.uint8], NDArray[np.uint8] | None, tuple[int, int, int, int]]


def as_stored(image: Image, stored: Stored | None) -> Kept | None:
    """Return bits, rows, palette and masks as the file had them, or None if they do not fit."""
    if stored is None or not stored.mode or stored.bits > 8:
        return None
    if "palette" in stored.details:
        return in_palette(image, stored.details["palette"], stored.bits)
    return in_fields(image, stored.details["masks"], 16 if stored.mode.startswith("16") else 32)


def in_palette(image: Image, palette: NDArray[np.uint8], bits: int) -> Kept | None:
    """Return the picture as numbers of a palette, or None if it lacks a colour."""
    colours: NDArray[np.uint8] = np.asarray(image.pixels, np.uint8)
    if colours.shape[2] == 1:
        colours = colours.repeat(3, 2)
    numbers = None if image.alpha is not None else numbers_in(colours, palette)
    if numbers is None:
        return None
    return bits, numbers if bits == 8 else packed(numbers, bits), palette, (0, 0, 0, 0)


def in_fields(image: Image, masks: tuple[int, int, int, int], width: int) -> Kept | None:
    """Return the picture as words of 16 or 32 bits, or None if a value changes by it."""
    if image.pixels.shape[2] != 3 or (image.alpha is not None) != bool(masks[3]):
        return None
    words = np.zeros(image.pixels.shape[:2], np.uint32)
    channels = [image.pixels[:, :, k] for k in range(3)]
    if image.alpha is not None:
        channels.append(image.alpha)
    for channel, mask in zip(channels, masks, strict=False):
        shift = shift_of(mask)
        value = np.rint(channel * ((mask >> shift) / 255)).astype(np.uint32)
        if (field_of(value, mask >> shift, np.uint8) != channel).any():
            return None
        words |= value << np.uint32(shift)
    rows = words.astype("<u2" if width == 16 else "<u4").view(np.uint8)
    return width, rows.reshape(image.height, -1), None, masks


def whole_file(
    image: Image,
    bits: int,
    rows: NDArray[np.uint8],
    palette: NDArray[np.uint8] | None,
    masks: tuple[int, int, int, int],
) -> bytes:
    """Return the bytes of a file: with the shortest header that holds what there is."""
    rows = np.pad(rows, ((0, 0), (0, -rows.shape[1] % 4)))[::-1]
    calibration = image.private.get(COLOUR_SPACE)
    size = 124 if image.icc else 108 if masks[3] or calibration else 40
    across, down = (round(value / METRE) for value in image.dpi or (0, 0))
    table = b"" if palette is None else np.pad(palette[:, ::-1], ((0, 0), (0, 1))).tobytes()
    fields = struct.pack("<4I", *masks)
    compression = FIELDS if any(masks) else PLAIN
    loose = fields[:12] if any(masks) and size == 40 else b""
    begins = 14 + size + len(loose) + len(table)
    colours = 0 if palette is None else len(palette)
    header = struct.pack(
        "<IiiHHIIiiII", size, image.width, image.height, 1, bits, compression, rows.size,
        across, down, colours, 0,
    )  # fmt: skip
    if size > 40:
        kind = EMBEDDED if image.icc else bytes(4) if calibration else SRGB
        header += fields + kind + (calibration or bytes(48))
    if size == 124:
        profile = image.icc or b""
        header += struct.pack("<4I", 4, begins - 14 + rows.size, len(profile), 0)
    end = image.icc or b""
    head = struct.pack("<2sIHHI", b"BM", begins + rows.size + len(end), 0, 0, begins)
    return b"".join([head, header, loose, table, rows.tobytes(), end])


FORMAT: Final = Format(
    read,
    encode,
    Limits(
        bits=8,
        side=(1 << 31) - 1,
        dpi=(1 << 31) * METRE,
        holds=frozenset({"icc", "dpi"}),
        private=frozenset({COLOUR_SPACE}),
    ),
)
