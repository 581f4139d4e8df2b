"""The picture as a value: pixels in the file's own type, and what travels with them."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from imgae.errors import ImageError

Pixels = NDArray[np.uint8] | NDArray[np.uint16] | NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Image:
    """A picture in memory, upright, with what its file holds besides pixels.

    pixels: (H, W, 1) gray or (H, W, 3) RGB, of three types: uint8, 0 to 255; uint16, 0 to 65535;
    float32, where 0 is black and 1 is white.
    alpha: (H, W) of the same type, the largest value opaque, or None. Restoration keeps it.
    icc, exif, xmp: the colour profile, camera data and XMP as bytes of the file, or None; exif
    begins as a TIFF does, and says that the picture is upright.
    dpi: pixels per inch across and down, or None.
    turned: the EXIF orientation, 1 to 8, that the file had before the pixels were turned upright.
    quantisation: of a JPEG, the mean steps of its luma and chroma tables, 1 for the whole range; a
    denoiser may use them. None for other files.

    Only pixels are needed. Arrays are held, not copied. Raises ImageError, which says what was
    expected, if shapes or types are others.

    >>> image = imgae.Image(numpy.zeros((480, 640, 3), numpy.uint8))
    >>> image.height, image.width, image.bits, image.mode
    (480, 640, 8, 'RGB')
    >>> image.with_pixels(255 - image.pixels)
    Image(640x480, RGB, 8 bits a channel)
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
        for name, array in (("pixels", self.pixels), ("alpha", self.alpha)):
            if not isinstance(array, np.ndarray) and (name == "pixels" or array is not None):
                kind = type(array).__name__
                raise ImageError(f"an Image holds numpy arrays, but its {name} came as {kind}")
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
        """Rows of pixels."""
        return int(self.pixels.shape[0])

    @property
    def width(self) -> int:
        """Columns of pixels."""
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
        """Return the picture with other pixels, as after restoration; all else is kept.

        Only `quantisation` becomes None: it describes the pixels as the JPEG stored them.
        """
        return replace(self, pixels=pixels, quantisation=None)
