"""Encoding the samples of a picture as strips of a TIFF file."""

import math
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, NamedTuple

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from imgae.io.formats.tiff.build import numbers
from imgae.io.formats.tiff.codecs import packed
from imgae.io.formats.tiff.colours import Samples
from imgae.io.formats.tiff.container import Value
from imgae.io.formats.tiff.layout import PALETTE
from imgae.io.formats.tiff.segments import HORIZONTAL, MOST_THREADS, SMALL, ordered

NONE: Final = 1
LZW: Final = 5
DEFLATE: Final = 8
KEPT: Final = (NONE, LZW)
"""Compressions that a file is written with again; all others are written with deflate."""
STRIP: Final = 1 << 19
"""Bytes of a strip, about, before it is compressed."""
FLOATS: Final = 3
WHOLE: Final = (8, 16, 32)
"""Bits of samples that are not packed."""


class Strips(NamedTuple):
    """A picture as it is written: its strips, and the tags that say how it is stored."""

    parts: list[bytes]
    tags: dict[int, Value]


class Plan(NamedTuple):
    """How strips are stored: their compression, whether samples are predicted, and their rows."""

    compression: int
    predicted: bool
    rows: int


def planned(samples: Samples, details: Mapping[str, Any]) -> Plan:
    """Return how to store samples. details: as strips_of has them."""
    _, width, deep = samples.array.shape
    said = details.get("compression")
    compression = said if said in KEPT else DEFLATE
    predicted = (
        compression != NONE and samples.array.dtype.kind == "u" and samples.bits in WHOLE
    ) and samples.photometric != PALETTE
    row = math.ceil(width * deep * samples.bits / 8)
    return Plan(compression, predicted, max(1, STRIP // row))


def strips_of(samples: Samples, details: Mapping[str, Any], order: str) -> Strips:
    """Return samples as strips. details: how the file stored them that the picture came from."""
    array = np.ascontiguousarray(samples.array)
    height = len(array)
    plan = planned(samples, details)

    def part(top: int) -> bytes:
        return encoded(array[top : top + plan.rows], samples.bits, plan, order)

    tops = range(0, height, plan.rows)
    if array.size < SMALL:
        parts = [part(top) for top in tops]
    else:
        with ThreadPoolExecutor(min(MOST_THREADS, os.cpu_count() or 1)) as pool:
            parts = list(pool.map(part, tops))
    return Strips(parts, tags_for(samples, plan, height))


def tags_for(samples: Samples, plan: Plan, height: int) -> dict[int, Value]:
    """Return the tags that say how a picture of so many rows is stored."""
    _, width, deep = samples.array.shape
    tags = {
        256: numbers(4, width),
        257: numbers(4, height),
        258: numbers(3, *[samples.bits] * deep),
        259: numbers(3, plan.compression),
        262: numbers(3, samples.photometric),
        277: numbers(3, deep),
        278: numbers(4, min(height, plan.rows)),
        284: numbers(3, 1),
        **samples.tags,
    }
    if plan.predicted:
        tags[317] = numbers(3, HORIZONTAL)
    if samples.codes:
        tags[338] = numbers(3, *samples.codes)
    if samples.array.dtype.kind == "f":
        tags[339] = numbers(3, *[FLOATS] * deep)
    return tags


def encoded(rows: NDArray[Any], bits: int, plan: Plan, order: str) -> bytes:
    """Return rows (H, W, S) as a strip."""
    compression = plan.compression
    if bits not in WHOLE:
        raw = packed(rows.reshape(len(rows), -1), bits)
    else:
        if plan.predicted:
            rows = imagecodecs.delta_encode(rows, axis=-2)
        raw = rows.astype(ordered(rows.dtype, order), copy=False).tobytes()
    if compression == NONE:
        return raw
    encode = imagecodecs.lzw_encode if compression == LZW else imagecodecs.deflate_encode
    return bytes(encode(raw))
