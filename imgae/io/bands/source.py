"""What reads a picture by rows, whatever its format."""

from collections import OrderedDict
from dataclasses import replace
from typing import Any, Final, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from imgae.errors import warn
from imgae.io.metadata.upright import renewed
from imgae.picture.image import Image

KEPT: Final = 1 << 26
"""Bytes of decoded parts that are kept for the rows that are asked for next."""


class Part(NamedTuple):
    """A rectangle of a picture: rows and columns, ends not included."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def shape(self) -> tuple[int, int]:
        return self.bottom - self.top, self.right - self.left


class Source(Protocol):
    """A picture file that is read by rows.

    header: as Large has it. granule: rows that the file holds together. read: returns a part as an
    Image without metadata; raises anything for damaged data.
    """

    header: Image
    granule: int

    def read(self, part: Part, /) -> Image: ...


class Kept:
    """Decoded parts, the last ones, up to so many bytes."""

    def __init__(self, most: int) -> None:
        self.most, self.size = most, 0
        self.parts: OrderedDict[int, NDArray[Any]] = OrderedDict()

    def get(self, key: int) -> NDArray[Any] | None:
        found = self.parts.get(key)
        if found is not None:
            self.parts.move_to_end(key)
        return found

    def put(self, key: int, array: NDArray[Any]) -> None:
        if key in self.parts or array.nbytes > self.most:
            return
        self.parts[key] = array
        self.size += array.nbytes
        while self.size > self.most:
            self.size -= self.parts.popitem(last=False)[1].nbytes


class Once:
    """Warns of each thing once, however many parts show it."""

    def __init__(self) -> None:
        self.said: set[str] = set()

    def __call__(self, sentence: str) -> None:
        if sentence not in self.said:
            self.said.add(sentence)
            warn(sentence)


def as_header(image: Image, width: int, height: int) -> Image:
    """Return a picture of one pixel as the header of one of another size, upright as it is."""

    def spread(array: Any) -> Any:
        if array is None:
            return None
        return np.broadcast_to(np.zeros((), array.dtype), (height, width, *array.shape[2:]))

    large = replace(
        image,
        pixels=spread(image.pixels),
        alpha=spread(image.alpha),
        extra=spread(image.extra),
    )
    return renewed(large, (width, height), 1)
