"""The picture as a value: pixels in the file's own type, and what travels with them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, overload

import numpy as np
from numpy.typing import NDArray

from imgae.errors import ImageError

Pixels = NDArray[np.uint8] | NDArray[np.uint16] | NDArray[np.float32]


@dataclass(frozen=True)
class Stored:
    """How a file stored a picture, for a file of the same format to store it so again.

    format: the file's format, as in "TIFF". mode: how pixels were stored where an Image holds them
    in another way, as in "palette", "1 bit", "CMYK" or "12 bits"; "" where it does not.
    bits: of a sample in the file, as 12 in a TIFF of 12 bits, whose pixels an Image holds as
    uint16 from 0 to 65535.
    details: what else the format's own module reads and writes, such as a JPEG's tables.
    """

    format: str
    mode: str = ""
    bits: int = 0
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Image:
    """A picture in memory, upright, with what its file holds besides pixels.

    pixels: (H, W, 1) gray or (H, W, 3) RGB, of three types: uint8, 0 to 255; uint16, 0 to 65535;
    float32, where 0 is black and 1 is white.
    alpha: (H, W) of the same type, the largest value opaque, or None. Restoration keeps it.
    icc, exif, xmp: the colour profile, camera data and XMP as bytes of the file, or None; exif
    begins as a TIFF does, and says that the picture is upright.
    iptc: captions and keywords of the press (IPTC-IIM) as bytes, or None.
    text: what the file says in words besides, as pairs of a keyword and a text.
    dpi: pixels per inch across and down, or None.
    cicp: the code points of ITU-T H.273 that say what the colours mean: primaries, transfer,
    matrix, and 1 for the full range; or None.
    extra: (H, W, K) further samples of the same type, such as infrared, or None. They are kept.
    private: what only files of its format hold, by a name for people, as in "GeoTIFF tags".
    duration: of a frame of an animation, how long it is shown, in seconds; or None.
    stored: how the file stored the picture, or None.
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
    iptc: bytes | None = None
    text: tuple[tuple[str, str], ...] = ()
    cicp: tuple[int, int, int, int] | None = None
    extra: Pixels | None = None
    private: Mapping[str, Any] = field(default_factory=dict)
    duration: float | None = None
    stored: Stored | None = None

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
        extra = self.extra
        if extra is not None and (extra.shape[:2] != shape[:2] or extra.dtype != dtype):
            raise ImageError(
                f"extra is {extra.dtype} {extra.shape}; expected {dtype} {(*shape[:2], 'K')}"
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


@dataclass(frozen=True, eq=False)
class Frames(Sequence[Image]):
    """The pages or frames of a file, in their order: a sequence of Image.

    images: one or more. kind: "picture" for a single one; "pages", each of its own size and kind;
    "stack", slices that belong together; or "animation", frames shown one after another, each whole
    and with its duration.
    loop: how often an animation is shown, 0 without end. private: what only files of its format
    hold for all of them, by a name for people.

    >>> frames = imgae.read_frames("loop.gif")
    >>> len(frames), frames.kind, frames[0].duration
    (12, 'animation', 0.04)
    """

    images: tuple[Image, ...]
    kind: Literal["picture", "pages", "stack", "animation"] = "picture"
    loop: int = 0
    private: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.images:
            raise ImageError("Frames hold one picture at least")

    def __len__(self) -> int:
        return len(self.images)

    def __iter__(self) -> Iterator[Image]:
        return iter(self.images)

    @overload
    def __getitem__(self, index: int) -> Image: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Image]: ...
    def __getitem__(self, index: int | slice) -> Image | Sequence[Image]:
        return self.images[index]

    def with_images(self, images: Sequence[Image]) -> "Frames":
        """Return the same with other pictures, one for each."""
        if len(images) != len(self.images):
            raise ImageError(f"{len(images)} pictures for {len(self.images)} frames")
        return replace(self, images=tuple(images))
