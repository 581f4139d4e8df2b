"""What writes a picture by rows, whatever its format."""

import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple, TypeVar

import numpy as np

from imgae.io.format import Encoding
from imgae.picture.image import Image

T = TypeVar("T")
MOST_THREADS: Final = 4
GROUP: Final = 1 << 22
"""Bytes of rows that are taken together, about."""


class Write(NamedTuple):
    """How a format is written by rows.

    can: whether it can a picture, from the path to write to and the picture's header. write: to an
    open file, a picture of a header within the format's limits, from pictures of its rows; name is
    for messages.
    """

    can: Callable[[Path, Image], bool]
    write: Callable[[BinaryIO, Image, Iterator[Image], Encoding, str], None]


def regrouped(parts: Iterator[Image], header: Image, rows: int) -> Iterator[Image]:
    """Yield the rows of parts again in parts of so many rows each, the last with what is left.

    Each has the header's metadata, and no further samples if the header has none.
    """
    waiting: list[Image] = []
    count = 0
    for part in parts:
        at = 0
        while at < part.height:
            taken = rows_of(part, at, at + rows - count)
            at += taken.height
            count += taken.height
            waiting.append(taken)
            if count == rows:
                yield joined(waiting, header)
                waiting, count = [], 0
    if waiting:
        yield joined(waiting, header)


def rows_of(image: Image, top: int, bottom: int) -> Image:
    return replace(
        image,
        pixels=image.pixels[top:bottom],
        alpha=None if image.alpha is None else image.alpha[top:bottom],
        extra=None if image.extra is None else image.extra[top:bottom],
    )


def joined(parts: list[Image], header: Image) -> Image:
    def together(field: str) -> Any:
        if getattr(header, field) is None:
            return None
        arrays = [getattr(part, field) for part in parts]
        return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)

    return replace(
        header, pixels=together("pixels"), alpha=together("alpha"), extra=together("extra")
    )


def in_order(work: Iterator[Callable[[], T]]) -> Iterator[T]:
    """Do pieces of work in a few threads, and yield their results in order; few wait at a time."""
    threads = min(MOST_THREADS, os.cpu_count() or 1)
    waiting: deque[Future[T]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        for piece in work:
            waiting.append(pool.submit(piece))
            if len(waiting) > 2 * threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
