"""PNG written by rows: each part filtered and deflated by itself, into one stream."""

import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Final

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from imgae.errors import warn
from imgae.io.bands.writing import GROUP, Write, in_order, regrouped
from imgae.io.format import Encoding
from imgae.io.formats.png.chunks import walked, written
from imgae.io.formats.png.format import Layout, chunks_after, chunks_before, layout_of
from imgae.io.formats.png.pixels import LEVEL, MOST_SIDE
from imgae.picture.image import Frames, Image

ALL_FILTERS: Final = 0xF8
"""For libpng: to take for each row the filter that seems best."""
HEAD: Final = b"\x78\x5e"
"""Of a zlib stream."""
RAW: Final = -15
"""Deflate without that head, and without the checksum at the end."""
MEMORY: Final = 9


def can(path: Path, header: Image) -> bool:
    del path
    return header.width <= MOST_SIDE


def settled(header: Image, name: str) -> tuple[Image, dict[str, Any]]:
    """Return a header that asks for nothing that only all pixels together could allow.

    And the details of how its file was stored.
    """
    stored = header.stored
    if stored is None or stored.format != "PNG":
        return header, {}
    if stored.mode:
        warn(
            f"{name}: a picture this large is not stored as {stored.mode} again; written with "
            f"{header.bits} bits a channel"
        )
    details = {key: value for key, value in stored.details.items() if key != "sBIT"}
    if "sBIT" in stored.details:
        warn(
            f"{name}: the mark that only {max(stored.details['sBIT'])} bits of its pixels count "
            "(sBIT) is left out"
        )
    return replace(header, stored=replace(stored, mode="", details=details)), details


def write(
    file: BinaryIO, header: Image, parts: Iterator[Image], encoding: Encoding, name: str
) -> None:
    del encoding
    header, details = settled(header, name)
    layout = layout_of(Frames((header,)), header.stored, name)
    file.write(b"".join(chunks_before(header, layout, details, [], name)))
    rows = max(1, GROUP // (header.width * 4 * (header.bits // 8)))
    total, head = 1, HEAD
    groups = regrouped(parts, header, rows)
    for filtered, deflated in in_order(work_on(groups, layout, header.height)):
        total = zlib.adler32(filtered, total)
        file.write(written(b"IDAT", head, deflated))
        head = b""
    file.write(written(b"IDAT", struct.pack(">I", total)))
    file.write(b"".join(chunks_after(header)))


def work_on(
    groups: Iterator[Image], layout: Layout, height: int
) -> Iterator[Callable[[], tuple[bytes, bytes]]]:
    """Yield what filters and deflates each group of rows."""
    above: NDArray[Any] | None = None
    left = height
    for group in groups:
        samples = layout.samples(group)
        left -= len(samples)
        yield partial(deflated_rows, samples, above, last=not left)
        above = samples[-1:].copy()


def deflated_rows(
    samples: NDArray[Any], above: NDArray[Any] | None, *, last: bool
) -> tuple[bytes, bytes]:
    """Return filtered rows, and a part of a deflate stream that holds them."""
    filtered = filtered_rows(samples, above)
    packing = zlib.compressobj(LEVEL, zlib.DEFLATED, RAW, MEMORY, zlib.Z_FILTERED)
    deflated = packing.compress(filtered)
    return filtered, deflated + packing.flush(zlib.Z_FINISH if last else zlib.Z_SYNC_FLUSH)


def filtered_rows(samples: NDArray[Any], above: NDArray[Any] | None) -> bytes:
    """Return rows of samples (H, W, C) as PNG filters them. above: the row before, if any."""
    array = samples if above is None else np.concatenate([above, samples])
    plain = np.ascontiguousarray(array[:, :, 0] if array.shape[2] == 1 else array)
    made = memoryview(imagecodecs.png_encode(plain, level=0, filter=ALL_FILTERS))
    stream = b"".join(chunk.data for chunk, _, _ in walked(made) if chunk.kind == b"IDAT")
    rows = zlib.decompress(stream)
    return rows if above is None else rows[len(rows) // len(array) :]


WRITE: Final = Write(can, write)
