"""What an index knows of its pictures: a row for each."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

DIGEST: Final = 20
"""Bytes of the hash of a file's content (BLAKE2b)."""


class Stamp(NamedTuple):
    """What tells that a file is unchanged: its size in bytes, and its time in nanoseconds.

    Both are -1 where that is not known, as of a file on a server.
    """

    size: int
    time: int


UNKNOWN: Final = Stamp(-1, -1)


class Row(NamedTuple):
    """A picture.

    path: of its file, absolute. vector: float32 (D,), of length 1. digest: of its file's content.
    pixels: how many it has.
    """

    path: str
    vector: NDArray[np.float32]
    stamp: Stamp
    digest: bytes
    pixels: int


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows of an index, as columns. Never changed: an index that changes takes others.

    vectors: float32 (N, D), each of length 1. stamps: int64 (N, 2). digests: uint8 (N, DIGEST).
    pixels: int64 (N,).
    """

    paths: tuple[str, ...]
    vectors: NDArray[np.float32]
    stamps: NDArray[np.int64]
    digests: NDArray[np.uint8]
    pixels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.paths)

    @cached_property
    def places(self) -> dict[str, int]:
        """The number of each row, by its path."""
        return {path: number for number, path in enumerate(self.paths)}

    @cached_property
    def contents(self) -> dict[bytes, int]:
        """The number of a row, by the digest of its file."""
        return {digest.tobytes(): number for number, digest in enumerate(self.digests)}

    def row(self, number: int) -> Row:
        size, time = self.stamps[number].tolist()
        return Row(
            self.paths[number],
            self.vectors[number],
            Stamp(size, time),
            self.digests[number].tobytes(),
            int(self.pixels[number]),
        )

    def stamp_of(self, path: str) -> Stamp | None:
        number = self.places.get(path)
        return None if number is None else Stamp(*self.stamps[number].tolist())

    def take(self, numbers: Sequence[int] | NDArray[Any]) -> "Rows":
        """Return some of the rows, in that order."""
        chosen = np.asarray(numbers, np.int64)
        return Rows(
            tuple(self.paths[number] for number in chosen.tolist()),
            self.vectors[chosen],
            self.stamps[chosen],
            self.digests[chosen],
            self.pixels[chosen],
        )

    def without(self, paths: Iterable[str]) -> "Rows":
        gone = set(paths)
        return self.take([n for n, path in enumerate(self.paths) if path not in gone])

    def joined(self, other: "Rows") -> "Rows":
        """Return these rows and those of another; of two with one path, the other's."""
        if not len(other):
            return self
        return self.without(other.paths).followed_by(other)

    def followed_by(self, other: "Rows") -> "Rows":
        """Return these rows and then those of another, also where paths are the same."""
        return Rows(
            self.paths + other.paths,
            np.concatenate([self.vectors, other.vectors]),
            np.concatenate([self.stamps, other.stamps]),
            np.concatenate([self.digests, other.digests]),
            np.concatenate([self.pixels, other.pixels]),
        )


def rows_of(rows: Sequence[Row], dimension: int) -> Rows:
    """Return rows as columns. dimension: the length of their vectors."""
    count = len(rows)
    digests = np.frombuffer(b"".join(row.digest for row in rows), np.uint8)
    return Rows(
        tuple(row.path for row in rows),
        np.array([row.vector for row in rows], np.float32).reshape(count, dimension),
        np.array([row.stamp for row in rows], np.int64).reshape(count, 2),
        digests.reshape(count, DIGEST),
        np.array([row.pixels for row in rows], np.int64),
    )
