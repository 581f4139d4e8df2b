"""Turning pictures by the eight orientations of EXIF."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from imgae.picture.image import Image

TURNS: Final[dict[int, Callable[[NDArray[Any]], NDArray[Any]]]] = {
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: a.swapaxes(0, 1)[:, ::-1],
    7: lambda a: a.swapaxes(0, 1)[::-1, ::-1],
    8: lambda a: a.swapaxes(0, 1)[::-1],
}
"""By orientation, what makes the stored pixels upright; 1 is upright already."""


SIDEWAYS: Final = (5, 6, 7, 8)
"""Orientations that exchange height and width."""


def turn(image: Image, orientation: int) -> Image:
    """Turn stored pixels, alpha and resolutions upright; an unknown orientation turns nothing."""
    turned = TURNS.get(orientation, np.asarray)
    return replace(
        image,
        pixels=np.ascontiguousarray(turned(image.pixels)),
        alpha=None if image.alpha is None else np.ascontiguousarray(turned(image.alpha)),
        extra=None if image.extra is None else np.ascontiguousarray(turned(image.extra)),
        dpi=turned_dpi(image.dpi, orientation),
    )


def turned_dpi(dpi: tuple[float, float] | None, orientation: int) -> tuple[float, float] | None:
    """Return the resolutions across and down of a stored picture after it is turned upright."""
    return dpi[::-1] if dpi and orientation in SIDEWAYS else dpi
