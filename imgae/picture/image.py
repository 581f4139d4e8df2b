"""The picture as a value: pixels in the file's own type, and what travels with them."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from imgae.errors import ImageError

Pixels = NDArray[np.uint8] | NDArray[np.uint16] | NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Image:
    """A picture in memory, upright.

    pixels: (H, W, C), C 1 (gray) or 3 (RGB), uint8, uint16 or float32; floats on [0, 1].
    alpha: (H, W) of the same type, or None. Never changed by restoration.
    icc, exif, xmp: the file's own bytes, or None; exif has its orientation reset.
    turned: the EXIF orientation, 1 to 8, by which the pixels were turned upright.
    quantisation: of a JPEG, the mean steps of its tables of luma and chroma, on [0, 1].
    Raises ImageError if shapes or types are others. Arrays are held, not copied.
    """

    pixels: Pixels
    alpha: Pixels | None = None
    icc: bytes | None = None
    exif: bytes | None = None
    xmp: bytes | None = None
    dpi: tuple[float, float] | None = None
    turned: int = 1
    quantisation: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        shape, dtype = self.pixels.shape, self.pixels.dtype
        if len(shape) != 3 or shape[2] not in (1, 3) or 0 in shape:
            raise ImageError(f"pixels have shape {shape}; expected (H, W, 1) or (H, W, 3)")
        if dtype not in (np.uint8, np.uint16, np.float32):
            raise ImageError(f"pixels are {dtype}; expected uint8, uint16 or float32")
        if self.alpha is not None and (self.alpha.shape != shape[:2] or self.alpha.dtype != dtype):
            raise ImageError(
                f"alpha is {self.alpha.dtype} {self.alpha.shape}; expected {dtype} {shape[:2]}"
            )

    def __repr__(self) -> str:
        return f"Image({self.width}x{self.height}, {self.mode}, {self.bits} bits a channel)"

    @property
    def height(self) -> int:
        return int(self.pixels.shape[0])

    @property
    def width(self) -> int:
        return int(self.pixels.shape[1])

    @property
    def bits(self) -> int:
        """8, 16 or 32 bits per channel."""
        return int(self.pixels.dtype.itemsize) * 8

    @property
    def mode(self) -> str:
        """What is in it, for people: "gray", "gray+alpha", "RGB" or "RGB+alpha"."""
        name = "gray" if self.pixels.shape[2] == 1 else "RGB"
        return name if self.alpha is None else name + "+alpha"

    def with_pixels(self, pixels: Pixels) -> "Image":
        """Return the same picture with other pixels."""
        return replace(self, pixels=pixels)
