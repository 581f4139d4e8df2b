"""Decoding a TIFF picture: its strips or tiles, put together as samples in the file's own type."""

import math
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, Final, NamedTuple

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from imgae.errors import ImageError
from imgae.io.format import File
from imgae.io.formats.tiff.codecs import BYTES, DEFLATED, PICTURES, check_known, is_sound
from imgae.io.formats.tiff.container import Directory
from imgae.io.formats.tiff.layout import FAX, JPEG, OLD_JPEG, YCBCR, Layout
from imgae.io.formats.tiff.notes import also_in_threads, tell

JPEG_TABLES: Final = 347
T4_OPTIONS: Final = 292
LERC_PARAMETERS: Final = 50674
HORIZONTAL: Final = 2
FLOATING: Final = 3
MOST_THREADS: Final = 4
UNSOUND: Final = "{}: a checksum of its data is wrong, so parts of the picture may be damaged"
SMALL: Final = 1 << 20
"""Samples of a picture that is not worth threads."""
SPARSE: Final = "{}: parts of its pixels are not there (a sparse file); taken for 0"


class Segment(NamedTuple):
    """A strip or tile: its place in the file, and in the picture's samples."""

    number: int
    at: int
    size: int
    plane: int
    top: int
    left: int


def decode(layout: Layout, directory: Directory, file: File, order: str) -> NDArray[Any]:
    """Return samples (H, W, S) as stored: uint8, uint16, float16, float32 or float64.

    Integers of other bits keep their values. order: of bytes in the file.
    Raises ImageError, or anything for damaged data.
    """
    check_known(layout.compression, file.name)
    check_predictor(layout, file.name)
    dtype = dtype_of(layout)
    out = np.zeros((layout.height, layout.width, layout.samples), dtype)
    tables = tables_of(layout, directory)
    segments = list(segments_of(layout))
    if not all(segment.size for segment in segments):
        tell(SPARSE.format(file.name))

    def place(segment: Segment) -> None:
        if segment.size:
            decode_segment(segment, layout, out, (file, order, tables))

    if out.size < SMALL or len(segments) == 1:
        for segment in segments:
            place(segment)
    else:
        with ThreadPoolExecutor(min(MOST_THREADS, os.cpu_count() or 1)) as pool:
            for _ in pool.map(also_in_threads(place), segments):
                pass
    return out


def check_predictor(layout: Layout, name: str) -> None:
    predictor = layout.predictor if layout.compression in BYTES else 1
    if predictor in (0, 1):
        return
    whole = layout.bits in ((16, 32, 64) if layout.floats else (8, 16))
    if predictor not in (HORIZONTAL, FLOATING) or not whole or layout.subsampling != (1, 1):
        raise ImageError(f"{name}: its predictor {predictor} of {layout.bits} bits is not read")
    if predictor == FLOATING and not layout.floats:
        raise ImageError(f"{name}: damaged: a predictor of floats, with integers")


def dtype_of(layout: Layout) -> np.dtype[Any]:
    if layout.floats:
        return np.dtype({16: np.float16, 24: np.float32, 32: np.float32}.get(layout.bits, float))
    return np.dtype(np.uint8 if layout.bits <= 8 else np.uint16)


def ordered(dtype: np.dtype[Any], order: str) -> np.dtype[Any]:
    """Return a type with its bytes in the order of a file."""
    return np.dtype(order + dtype.str[1:])


def tables_of(layout: Layout, directory: Directory) -> bytes | None:
    """Return what the segments of a compression have in common."""
    if layout.compression in JPEG:
        return directory.raw(JPEG_TABLES)
    if layout.compression in FAX:
        return directory.number(T4_OPTIONS, 0).to_bytes(8, "little", signed=True)
    parameters = directory.numbers(LERC_PARAMETERS)
    return b"".join(int(number).to_bytes(4, "little") for number in parameters) or None


def segments_of(layout: Layout) -> Iterator[Segment]:
    high, wide = layout.segment
    index = 0
    for plane in range(layout.samples if layout.apart else 1):
        for top in range(0, layout.height, high):
            for left in range(0, layout.width, wide):
                yield Segment(index, layout.places[index], layout.sizes[index], plane, top, left)
                index += 1


def decode_segment(
    segment: Segment, layout: Layout, out: NDArray[Any], source: tuple[File, str, bytes | None]
) -> None:
    """Decode a segment, and put it to its place.

    source: the file, the order of bytes in it, and what segments have in common.
    """
    found = samples_in(segment, layout, source)
    rows, columns = extent(segment, layout)
    target = out[segment.top : segment.top + rows, segment.left : segment.left + columns]
    if layout.apart:
        target[:, :, segment.plane] = found[:, :, 0]
    else:
        target[...] = found


def extent(segment: Segment, layout: Layout) -> tuple[int, int]:
    """Return how many rows and columns of a segment lie in the picture."""
    high, wide = layout.segment
    return min(high, layout.height - segment.top), min(wide, layout.width - segment.left)


def samples_in(
    segment: Segment, layout: Layout, source: tuple[File, str, bytes | None]
) -> NDArray[Any]:
    """Return the samples of a segment that lie in the picture. source: as decode_segment has it."""
    file = source[0]
    rows, columns = extent(segment, layout)
    try:
        found = part_of(segment, layout, (rows, columns), source)
    except Exception:  # codecs raise anything
        if not may_have_fewer(segment, layout):
            raise
        found = np.empty((0, columns, layout.deep), dtype_of(layout))
    if len(found) < rows and may_have_fewer(segment, layout):
        found = part_of_fewer(segment, layout, (rows, columns), source)
    if len(found) < rows:
        raise ImageError(
            f"{file.name}: damaged or cut short: its part {segment.number + 1} holds {len(found)} "
            f"of {rows} rows"
        )
    return found[:rows, :columns]


def part_of(
    segment: Segment,
    layout: Layout,
    cut: tuple[int, int],
    source: tuple[File, str, bytes | None],
) -> NDArray[Any]:
    """Return the samples of a segment. cut: rows and columns of it that lie in the picture."""
    file, order, tables = source
    data = file.data[segment.at : segment.at + segment.size]
    if layout.reversed_bits and (layout.compression in FAX or layout.compression in BYTES):
        data = bytes(imagecodecs.bitorder_decode(data))
    if layout.compression in PICTURES:
        return decode_picture(data, layout, cut, tables)
    rows = cut[0] if layout.tile is None else layout.segment[0]
    return decode_bytes(data, layout, order, rows, file.name)


def may_have_fewer(segment: Segment, layout: Layout) -> bool:
    """Return whether a segment is of chroma in a plane of its own, which may have fewer pixels."""
    return layout.apart and segment.plane > 0 and layout.subsampling != (1, 1)


def part_of_fewer(
    segment: Segment,
    layout: Layout,
    cut: tuple[int, int],
    source: tuple[File, str, bytes | None],
) -> NDArray[Any]:
    """Return the samples of a segment that stand for several pixels each, repeated for all."""
    across, down = (max(1, number) for number in layout.subsampling)
    fewer = replace(
        layout,
        width=math.ceil(layout.width / across),
        rows=math.ceil(layout.rows / down),
        tile=layout.tile and (math.ceil(layout.tile[0] / across), math.ceil(layout.tile[1] / down)),
        subsampling=(1, 1),
    )
    smaller = math.ceil(cut[0] / down), math.ceil(cut[1] / across)
    return part_of(segment, fewer, smaller, source).repeat(down, 0).repeat(across, 1)


def decode_picture(
    data: bytes, layout: Layout, cut: tuple[int, int], tables: bytes | None
) -> NDArray[Any]:
    """Decode a segment that says its own size: the segment's whole, or what of it is needed."""
    high, wide = layout.segment
    sizes = {cut: None, (high, wide): None, (cut[0], wide): None}
    if layout.compression == OLD_JPEG or layout.tile is not None:
        sizes = dict.fromkeys([(high, wide), *sizes])
    problem: Exception = ValueError("empty")
    for size in sizes:
        found = np.zeros((*size, layout.deep), dtype_of(layout))
        try:
            PICTURES[layout.compression](data, found, layout, tables)
        except Exception as error:  # codecs raise anything
            problem = error
        else:
            return found
    raise problem


def decode_bytes(data: bytes, layout: Layout, order: str, rows: int, name: str) -> NDArray[Any]:
    """Decode a segment of bytes, and undo what was done for compression; whole rows only.

    rows: of a segment with subsampled chroma. name: of the file. Warns where a checksum is wrong.
    """
    high, wide = layout.segment
    if layout.subsampling != (1, 1) and layout.photometric == YCBCR and not layout.apart:
        return decode_subsampled(data, layout, rows)
    row = math.ceil(layout.packed_bits / 8)
    raw = BYTES[layout.compression](data, high * row)
    if layout.compression in DEFLATED and not is_sound(data, raw):
        tell(UNSOUND.format(name))
    whole = min(len(raw) // row, high)
    shape = (whole, wide, layout.deep)
    raw = raw[: whole * row]
    if layout.bits == 24 and layout.floats:
        return np.asarray(
            imagecodecs.float24_decode(raw, byteorder="<" if order == "<" else ">"), np.float32
        ).reshape(shape)
    dtype = dtype_of(layout)
    if layout.predictor == FLOATING:
        packed = np.frombuffer(raw, dtype).reshape(shape)
        return np.asarray(imagecodecs.floatpred_decode(packed, axis=-2))
    if layout.bits in (8, 16, 32, 64):
        found = np.frombuffer(raw, ordered(dtype, order)).astype(dtype, copy=False)
        found = found.reshape(shape)
        if layout.predictor == HORIZONTAL:
            integers = found.view(f"u{dtype.itemsize}")
            return np.asarray(imagecodecs.delta_decode(integers, axis=-2)).view(dtype)
        return found
    values = imagecodecs.packints_decode(raw, dtype, layout.bits, runlen=wide * layout.deep)
    return np.asarray(values).reshape(shape)


def decode_subsampled(data: bytes, layout: Layout, rows: int) -> NDArray[Any]:
    """Decode luma with chroma of fewer pixels (YCbCr), which lie together in blocks."""
    across, down = layout.subsampling
    if across not in (1, 2, 4) or down not in (1, 2, 4) or layout.bits != 8 or layout.samples != 3:
        raise ImageError("a chroma subsampling that is not read")
    wide, high = math.ceil(layout.segment[1] / across), math.ceil(rows / down)
    block = across * down + 2
    raw = np.frombuffer(BYTES[layout.compression](data, wide * high * block), np.uint8)
    whole = len(raw) // (wide * block)
    blocks = raw[: whole * wide * block].reshape(whole, wide, block)
    luma = blocks[:, :, :-2].reshape(whole, wide, down, across).swapaxes(1, 2)
    chroma = blocks[:, :, -2:].repeat(down, 0).repeat(across, 1)
    planes = [luma.reshape(whole * down, wide * across, 1), chroma]
    return np.concatenate(planes, 2)[:, : layout.segment[1]]
