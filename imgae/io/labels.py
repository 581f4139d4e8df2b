"""Pictures whose pixels are numbers: masks of several labels."""

import contextlib
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from imgae.errors import MaskError, caught_warnings, warn
from imgae.io.files import read_bytes
from imgae.io.samples.palettes import numbers_in
from imgae.picture.arrays import channels_of
from imgae.picture.image import Image
from imgae.picture.mask_values import labels_of
from imgae.picture.orientation import turn

PALETTE: Final = "palette"
LACKING: Final = "colours that its palette lacks"
"""What warnings say of such pixels."""


def read_labels(path: Path, image: Image) -> NDArray[Any]:
    """Return the number of each pixel (H, W): its place in a palette, or its gray.

    path, image: a file, and the picture that was read from it, upright.
    Raises MaskError if the picture is neither gray nor of a palette.
    """
    if image.stored is None or image.stored.mode != PALETTE:
        return labels_of(image)
    numbers = numbers_stored(read_bytes(path))
    if numbers is not None:
        return turn(Image(numbers[:, :, None]), image.turned).pixels[:, :, 0]
    palette = image.stored.details.get(PALETTE)
    found: NDArray[Any] | None = None
    if palette is not None:
        found = numbers_in(channels_of(image), palette)
    if found is None:
        raise MaskError("its pixels are colours, and not the numbers of labels")
    return found


def numbers_stored(data: bytes) -> NDArray[np.uint8] | None:
    """Return what a file of a palette stores for each pixel, or None if Pillow cannot tell.

    Colours do not tell it where a palette has one twice, or lacks some of the numbers.
    """
    try:
        stored = PIL.Image.open(io.BytesIO(data))
        return np.asarray(stored) if stored.mode == "P" else None
    except (OSError, ValueError, SyntaxError, PIL.Image.DecompressionBombError):
        return None


@contextlib.contextmanager
def palettes_may_lack_colours() -> Iterator[None]:
    """Do not warn of numbers without a colour, which labels often are."""
    with caught_warnings() as said:
        yield
    for sentence in said:
        if LACKING not in sentence:
            warn(sentence)
