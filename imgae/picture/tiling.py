"""Tiles of a picture: integer geometry, no pixels.

A tile is read with a halo and only its inner part is kept. If the halo is at least the network's
receptive radius, and every tile is read from a multiple of the network's stride, the kept parts
together are what the network gives on the whole picture.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

LEAST_SIDE: Final = 128
"""Pixels; smaller tiles spend their time on being started."""
LEAST_HALF: Final = 32
"""Pixels on a side of the smallest part of a tile that is still tried where memory is short."""


class Box(NamedTuple):
    """Rows top to bottom and columns left to right, ends excluded."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def area(self) -> int:
        return (self.bottom - self.top) * (self.right - self.left)

    @property
    def slices(self) -> tuple[slice, slice]:
        return slice(self.top, self.bottom), slice(self.left, self.right)

    def within(self, outer: "Box") -> "Box":
        """Return this box in the coordinates of one that contains it."""
        return Box(
            self.top - outer.top,
            self.left - outer.left,
            self.bottom - outer.top,
            self.right - outer.left,
        )

    def in_cells(self, side: int) -> "Box":
        """Return this box in cells of side x side pixels; one that an end cuts counts as whole."""
        top, left = self.top // side, self.left // side
        return Box(top, left, -(-self.bottom // side), -(-self.right // side))


class Tile(NamedTuple):
    """What to read, and the part of it to keep."""

    read: Box
    keep: Box


@dataclass(frozen=True)
class TilePlan:
    """Tiles that cover a picture; their `keep` boxes contain every pixel exactly once.

    tile_height, tile_width: what a tile keeps, at most; rounded up to the stride; 0 is all of it.
    halo: read around it where the picture goes on; rounded up to the stride.
    """

    height: int
    width: int
    tile_height: int
    tile_width: int
    halo: int
    stride: int

    def __post_init__(self) -> None:
        if min(self.height, self.width, self.stride) < 1:
            raise ValueError(f"a plan needs sizes from 1, got {self}")
        if min(self.tile_height, self.tile_width, self.halo) < 0:
            raise ValueError(f"a plan needs tiles and a halo from 0, got {self}")

    def __iter__(self) -> Iterator[Tile]:
        for top, bottom in spans(self.height, self.tile_height, self.stride):
            for left, right in spans(self.width, self.tile_width, self.stride):
                keep = Box(top, left, bottom, right)
                yield Tile(self.around(keep), keep)

    def __len__(self) -> int:
        rows = spans(self.height, self.tile_height, self.stride)
        return len(rows) * len(spans(self.width, self.tile_width, self.stride))

    def bands(self) -> Iterator[list[Tile]]:
        """Return the tiles side by side that keep the same rows, band by band from the top."""
        for _, tiles in itertools.groupby(self, lambda tile: tile.keep.top):
            yield list(tiles)

    def halves(self, tile: Tile) -> list[Tile]:
        """Cut what a tile keeps across its longer side; return none if that is too short."""
        top, left, bottom, right = tile.keep
        tall = bottom - top >= right - left
        start, end = (top, bottom) if tall else (left, right)
        middle = start + round_up((end - start) // 2, self.stride)
        if middle - start < LEAST_HALF or middle >= end:
            return []
        if tall:
            parts = [Box(top, left, middle, right), Box(middle, left, bottom, right)]
        else:
            parts = [Box(top, left, bottom, middle), Box(top, middle, bottom, right)]
        return [Tile(self.around(part), part) for part in parts]

    def around(self, keep: Box) -> Box:
        halo = round_up(self.halo, self.stride)
        return Box(
            max(keep.top - halo, 0),
            max(keep.left - halo, 0),
            min(keep.bottom + halo, self.height),
            min(keep.right + halo, self.width),
        )

    @property
    def pixels_read(self) -> int:
        """How many pixels all tiles read together: what the plan costs."""
        rows = read_total(self.height, self.tile_height, self.halo, self.stride)
        return rows * read_total(self.width, self.tile_width, self.halo, self.stride)


def plan_within(
    height: int, width: int, halo: int, stride: int, most: int, most_rows: int | None = None
) -> TilePlan:
    """Return the plan that reads the fewest pixels with no tile above `most` pixels.

    The whole picture if it fits, full-width bands or blocks otherwise. A limit below a tile of the
    least side and its halo is raised to that, so no plan reads more than 4 times the picture.
    most_rows: how many rows a tile may read, at least that side and its halo; None for any number.
    """
    around, side = 2 * round_up(halo, stride), least_side(halo, stride)
    most = max(most, (side + around) ** 2)
    most_rows = height if most_rows is None else max(most_rows, side + around)
    if height * width <= most and height <= most_rows:
        return TilePlan(height, width, 0, 0, halo, stride)
    best = TilePlan(height, width, side, side, halo, stride)
    for columns in range(1, 257):
        tile_width = round_up(-(-width // columns), stride)
        read_width = min(width, tile_width + around)
        rows_read = min(most // read_width, most_rows)
        tile_height = (rows_read - around) // stride * stride
        if tile_height < stride:
            continue
        # The same number of bands, as even as they can be.
        bands = -(-height // tile_height)
        tile_height = round_up(-(-height // bands), stride)
        plan = TilePlan(height, width, tile_height, tile_width, halo, stride)
        if plan.pixels_read < best.pixels_read:
            best = plan
        if tile_width == stride:
            break
    return best


def least_side(halo: int, stride: int) -> int:
    """Return the least pixels on a side that are worth a tile: 128, and two halos.

    The halo of a smaller tile costs more than the tile: with a halo of 304, one that keeps 8 x 8
    pixels reads 616 x 616.
    """
    return round_up(max(LEAST_SIDE, 2 * halo), stride)


def spans(length: int, tile: int, stride: int) -> list[tuple[int, int]]:
    size = round_up(tile, stride) or length
    return [(start, min(start + size, length)) for start in range(0, length, size)]


def read_total(length: int, tile: int, halo: int, stride: int) -> int:
    halo = round_up(halo, stride)
    return sum(
        min(end + halo, length) - max(start - halo, 0) for start, end in spans(length, tile, stride)
    )


def round_up(value: int, multiple: int) -> int:
    return -(-value // multiple) * multiple
