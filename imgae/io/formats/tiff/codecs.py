"""The compressions of TIFF: from a segment's bytes to bytes, or to a picture of its own."""

import zlib
from collections.abc import Callable
from typing import Any, Final

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from imgae.errors import ImageError
from imgae.io.formats.tiff.layout import CMYK, FAX, ICC_LAB, LAB, RGB, YCBCR, Layout

PIECE: Final = 1 << 20
DEFLATED: Final = (8, 32946)
NAMES: Final = {
    32766: "NeXT",
    32809: "ThunderScan",
    32895: "IT8",
    32909: "PixarLog",
    32908: "PixarFilm",
    34661: "JBIG",
    34676: "SGI logarithms",
    34677: "SGI logarithms",
    34715: "JBIG2",
    22610: "JPEG XR",
    34934: "JPEG XR",
    9: "JBIG",
    10: "JBIG",
    34718: "MDI",
    34719: "MDI",
    34720: "MDI",
    65000: "EER",
}
"""What compressions that are not read are called."""


def inflate(data: bytes, size: int) -> bytes:
    """Undo deflate, up to a size: some files hold more, and some have a wrong checksum."""
    try:
        return bytes(imagecodecs.deflate_decode(data, out=size))
    except Exception:  # its errors are classes of modules that may be missing
        return zlib.decompressobj().decompress(data, size)


def is_sound(data: bytes, unfolded: bytes) -> bool:
    """Return whether data of deflate is right to its end, and so is its checksum.

    unfolded: what `inflate` made of it. Data that holds more, or after which something follows, is
    right too.
    """
    if zlib.adler32(unfolded) == int.from_bytes(data[-4:], "big"):
        return True
    stream, left, most = zlib.decompressobj(), data, 64 * len(unfolded) + PIECE
    try:
        while left and not stream.eof and most > 0:
            most -= len(stream.decompress(left, PIECE))
            left = stream.unconsumed_tail
    except zlib.error:
        return False
    return stream.eof or most <= 0


def unpack_runs(data: bytes, size: int) -> bytes:
    try:
        return bytes(imagecodecs.packbits_decode(data, out=size))
    except Exception:  # it holds more than it should, 128 times its size at most
        return bytes(imagecodecs.packbits_decode(data))


BYTES: Final[dict[int, Callable[[bytes, int], bytes]]] = {
    1: lambda data, size: data[:size],
    5: lambda data, size: bytes(imagecodecs.lzw_decode(data, out=size)),
    8: inflate,
    32773: unpack_runs,
    32946: inflate,
    34925: lambda data, size: bytes(imagecodecs.lzma_decode(data, out=size)),
    34926: lambda data, size: bytes(imagecodecs.zstd_decode(data, out=size)),
    50000: lambda data, size: bytes(imagecodecs.zstd_decode(data, out=size)),
}
"""By its number, what decodes a compression to a given number of bytes at most."""


def decode_jpeg(data: bytes, out: NDArray[Any], layout: Layout, tables: bytes | None) -> None:
    check_within(jpeg_size(data), out)
    colours: dict[str, Any] = {}
    photometric = layout.photometric
    if layout.apart or layout.deep == 1:
        colours = {"colorspace": "GRAYSCALE", "outcolorspace": "GRAYSCALE"}
    elif photometric == YCBCR:
        colours = {"colorspace": "YCBCR", "outcolorspace": "RGB"}
    elif photometric == RGB and layout.deep == 3:
        stored = "YCBCR" if data[6:10] == b"JFIF" else "RGB"
        colours = {"colorspace": stored, "outcolorspace": "RGB"}
    elif photometric in (LAB, ICC_LAB) and layout.deep == 3:
        colours = {"colorspace": "RGB", "outcolorspace": "RGB"}
    elif photometric == CMYK and layout.deep == 4:
        colours = {"colorspace": "CMYK", "outcolorspace": "CMYK"}
    try:
        imagecodecs.jpeg8_decode(data, tables=tables, out=out, **colours)
    except Exception as error:
        if jpeg_frame(data) != 0xC3:  # of SOF3, which is lossless
            raise
        array = imagecodecs.ljpeg_decode(data)
        if array.size != out.size:
            raise ValueError("a part of another size") from error
        out[...] = array.reshape(out.shape)


def jpeg_segments(data: bytes) -> list[tuple[int, int]]:
    """Return markers of a JPEG up to its pixels, and where what they hold begins."""
    found, at = [], 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        found.append((marker, at + 4))
        if marker == 0xDA:
            break
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return found


FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def jpeg_frame(data: bytes) -> int:
    """Return the marker of a JPEG's frame, which says how it is coded; 0 if there is none."""
    return next((marker for marker, _ in jpeg_segments(data) if marker in FRAMES), 0)


def jpeg_size(data: bytes) -> tuple[int, int]:
    """Return height and width of a JPEG, (0, 0) if it does not say."""
    for marker, at in jpeg_segments(data):
        if marker in FRAMES:
            return int.from_bytes(data[at + 1 : at + 3], "big"), int.from_bytes(
                data[at + 3 : at + 5], "big"
            )
    return 0, 0


def check_within(size: tuple[int, int], out: NDArray[Any]) -> None:
    """Raise ValueError for a part that says it is much larger than its place."""
    if size[0] * size[1] > out.shape[0] * out.shape[1]:
        raise ValueError("a part of another size")


def decode_jpeg2000(data: bytes, out: NDArray[Any], layout: Layout, tables: bytes | None) -> None:
    del layout, tables
    at = data.find(b"\xff\x4f\xff\x51")
    right, low, left, top = (
        int.from_bytes(data[at + k : at + k + 4], "big") for k in (8, 12, 16, 20)
    )
    if at < 0:
        raise ValueError("no picture in a part of its pixels")
    check_within((max(low - top, 0), max(right - left, 0)), out)
    found = imagecodecs.jpeg2k_decode(data)
    out[...] = found.reshape(out.shape) if found.size == out.size else raise_size()


def raise_size() -> Any:
    raise ValueError("a part of another size")


def decode_webp(data: bytes, out: NDArray[Any], layout: Layout, tables: bytes | None) -> None:
    del tables
    imagecodecs.webp_decode(data, hasalpha=True if layout.deep == 4 else None, out=out)


def decode_lerc(data: bytes, out: NDArray[Any], layout: Layout, tables: bytes | None) -> None:
    """Decode LERC. tables: LercParameters, of which the second says how LERC is compressed."""
    del layout
    packed = int.from_bytes((tables or b"")[4:8], "little")
    if packed == 1:
        data = inflate(data, 2 * out.nbytes + (1 << 16))
    elif packed == 2:
        data = bytes(imagecodecs.zstd_decode(data, out=2 * out.nbytes + (1 << 16)))
    flat = out[:, :, 0] if out.shape[2] == 1 else out
    imagecodecs.lerc_decode(data, out=flat)


def simply(decoder: str) -> Callable[[bytes, NDArray[Any], Layout, bytes | None], None]:
    """Return what decodes a segment that is a whole picture of another format."""

    def decode(data: bytes, out: NDArray[Any], layout: Layout, tables: bytes | None) -> None:
        del layout, tables
        flat = out[:, :, 0] if out.shape[2] == 1 else out
        getattr(imagecodecs, decoder)(data, out=flat)

    return decode


def decode_png(data: bytes, out: NDArray[Any], layout: Layout, tables: bytes | None) -> None:
    """Decode PNG from its chunks of pixels alone, and only whole ones: of others, libpng talks."""
    del layout, tables
    kept, at = [data[:8]], 8
    while at + 12 <= len(data):
        end = at + 12 + int.from_bytes(data[at : at + 4], "big")
        if end > len(data) or zlib.crc32(data[at + 4 : end - 4]) != int.from_bytes(
            data[end - 4 : end], "big"
        ):
            raise ValueError("a damaged part")
        if data[at + 4 : at + 8] in (b"IHDR", b"PLTE", b"IDAT", b"IEND"):
            kept.append(data[at:end])
        at = end
    flat = out[:, :, 0] if out.shape[2] == 1 else out
    imagecodecs.png_decode(b"".join(kept), out=flat)


TAILS: Final = tuple(
    (pattern * 16)[k:] for pattern in (b"\x92\x49\x24", b"\x35\x4d", b"\x9b\xa6") for k in (0, 1)
)
"""What no fax ends in, and decoders find rows in."""


def decode_fax(data: bytes, out: NDArray[Any], layout: Layout, tables: bytes | None) -> None:
    """Decode the compressions of fax machines. tables: T4Options, little-endian.

    The decoder leaves rows white for which there is no data. Where the last row is white, the
    data is decoded once more with something after it: if that shows, rows were missing.
    """
    options = int.from_bytes(tables or b"", "little")
    found = fax_rows(data, out.shape, layout.compression, options)
    if not found[-1].any():
        for tail in TAILS:
            again = fax_rows(data + tail, out.shape, layout.compression, options)
            if not np.array_equal(found, again):
                raise ValueError("rows are missing in a part of its pixels")
    out[...] = found


def fax_rows(
    data: bytes, shape: tuple[int, ...], compression: int, options: int
) -> NDArray[np.uint8]:
    height, width = shape[:2]
    if compression == 3:
        found = imagecodecs.ccittfax3_decode(data, height, width, t4options=options)
    elif compression == 2:
        found = imagecodecs.ccittrle_decode(data, height, width)
    else:
        found = imagecodecs.ccittfax4_decode(data, height, width)
    return np.asarray(found, np.uint8).reshape(shape)


PICTURES: Final[dict[int, Callable[[bytes, NDArray[Any], Layout, bytes | None], None]]] = {
    **dict.fromkeys(FAX, decode_fax),
    **dict.fromkeys((6, 7), decode_jpeg),
    **dict.fromkeys((33003, 33004, 33005, 34712), decode_jpeg2000),
    **dict.fromkeys((50002, 52546), simply("jpegxl_decode")),
    **dict.fromkeys((50001, 34927), decode_webp),
    34887: decode_lerc,
    34933: decode_png,
}
"""By its number, what decodes a compression into an array of exactly a segment's size."""


def check_known(compression: int, name: str) -> None:
    """Raise ImageError for a compression that is not read."""
    if compression not in BYTES and compression not in PICTURES:
        what = NAMES.get(compression, f"of an unknown kind ({compression})")
        raise ImageError(
            f"{name}: its compression is {what}, which imgae does not read; save it with LZW, "
            "deflate or none"
        )


def packed(array: NDArray[Any], bits: int) -> bytes:
    """Return rows (H, N) of integers of so many bits, each row filled up to whole bytes."""
    return bytes(
        imagecodecs.packints_encode(np.ascontiguousarray(array), bits, runlen=array.shape[1])
    )
