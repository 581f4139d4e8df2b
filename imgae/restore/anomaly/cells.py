"""Cells of good pictures, to learn from."""

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgae.model import session
from imgae.model.stitch import Patient, plan_for
from imgae.picture.image import Image
from imgae.picture.pixels import to_nchw
from imgae.picture.tiling import Tile
from imgae.restore.anomaly.normal import CELL, LOOKS, NEAR, Floats
from imgae.restore.anomaly.statistics import Cells


def fingerprint(image: Image) -> bytes:
    """Return what is equal for equal pixels."""
    digest = hashlib.blake2b(repr(image.pixels.shape).encode(), digest_size=20)
    digest.update(np.ascontiguousarray(image.pixels).tobytes())
    return digest.digest()


def cells_of(
    model: session.OnnxModel, image: Image, most: int, random: np.random.Generator
) -> Cells:
    """Return some cells of a picture, by a model of their channels.

    most: cells, drawn evenly over the picture.
    """
    rows, columns = -(-image.height // CELL), -(-image.width // CELL)
    places = random.choice(rows * columns, min(most, rows * columns), replace=False)
    row, column = np.divmod(np.sort(places), columns)
    found: list[list[Floats]] = []
    order: list[NDArray[Any]] = []
    plan = plan_for(model.card, image.height, image.width, "auto")

    def look(tile: Tile) -> None:
        read, keep = (box.in_cells(CELL) for box in tile)
        here = (row >= keep.top) & (row < keep.bottom)
        here &= (column >= keep.left) & (column < keep.right)
        if here.any():
            seen = model.outputs(image=to_nchw(image.pixels[tile.read.slices]))
            at = row[here] - read.top, column[here] - read.left
            found.append([channels[0][:, *at].T for channels in seen])
            order.append(np.flatnonzero(here))

    patient = Patient(plan, [model])
    for tile in plan:
        patient(tile, look)
    reach = NEAR // CELL
    inside = share_inside(row, rows, reach) * share_inside(column, columns, reach)
    outside = (1 - inside[np.concatenate(order)]).astype(np.float32)
    looks = tuple(
        np.concatenate(parts).reshape(len(outside), look.parts**2, -1)
        for look, parts in zip(LOOKS, zip(*found, strict=True), strict=True)
    )
    return Cells(looks, outside)


def share_inside(place: NDArray[Any], count: int, reach: int) -> NDArray[np.float64]:
    """Return how much of the windows around places lies on 0 to count. reach: to each side."""
    first, last = np.maximum(place - reach, 0), np.minimum(place + reach, count - 1)
    return np.asarray((last - first + 1) / (2 * reach + 1))
