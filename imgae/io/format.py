"""What a file format is: how its files are read and written, and what they cannot hold."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from imgae.errors import ImageError, ImageTooLargeError, warn
from imgae.picture.image import Frames, Image
from imgae.picture.pixels import from_float, to_float

MOST_PIXELS: Final = 10**9
"""Pixels of a file, all its pages and frames together, that are read unless a caller says more."""
BELONGINGS: Final = {
    "icc": "colour profile (ICC)",
    "exif": "camera data (EXIF)",
    "xmp": "XMP",
    "iptc": "captions (IPTC)",
    "dpi": "resolution",
    "text": "text",
    "cicp": "colour description (CICP)",
    "extra": "further samples",
}
"""The fields of an Image that not every format holds, and what messages call them."""
ALL: Final = frozenset(BELONGINGS)
MOST_OUTSIDE: Final = 0.5
"""The share of a picture's values that may be clipped; of more, little would be left."""
FAR: Final = 0.1
"""Where values count for that, below 0 and above 1."""


@dataclass(frozen=True)
class File:
    """A picture file to be read: its bytes, its name for messages, and how much may be read."""

    data: bytes
    name: str
    most_pixels: int = MOST_PIXELS

    def check_size(self, width: int, height: int, frames: int = 1) -> None:
        """Raise ImageError for a picture that is empty or has more pixels than may be read.

        Call it with what the file says of itself, before memory is taken for the pixels.
        """
        if width < 1 or height < 1 or frames < 1:
            raise ImageError(f"{self.name}: damaged: it says that it is {width}x{height} pixels")
        pixels = width * height * frames
        if pixels > self.most_pixels:
            each = f", {frames} times" if frames > 1 else ""
            raise ImageTooLargeError(
                f"{self.name}: {width}x{height} pixels{each} are {mega(pixels)} megapixels, "
                f"more than the {mega(self.most_pixels)} that are allowed; allow more with "
                "--max-pixels (max_pixels=...)"
            )

    def check_decoded(self, array: Any, width: int, height: int, channels: int) -> None:
        """Raise ImageError if decoded pixels (H, W) or (H, W, C) are not what the file says."""
        shape = (*array.shape, 1)[:3]
        if shape != (height, width, channels):
            raise ImageError(
                f"{self.name}: damaged: it says {width}x{height} pixels of {channels} channels, "
                f"but holds {shape[1]}x{shape[0]} of {shape[2]}"
            )


def mega(pixels: int) -> str:
    """Return millions, with fractions where there are few."""
    return f"{pixels / 1e6:.0f}" if pixels >= 10**8 else f"{pixels / 1e6:.4g}"


@dataclass(frozen=True)
class Encoding:
    """What a user asks of the file that is written.

    quality: 1 to 100, or None for what the format does by itself: it keeps every pixel, or is as
    good as the file that the picture came from. cmyk: whether a picture that came as CMYK goes
    back to its inks.
    """

    quality: int | None = None
    cmyk: bool = False


@dataclass(frozen=True)
class Limits:
    """The most that files of a format hold.

    bits: of a channel; 32 is float. alpha: whether they hold transparency. gray: whether they hold
    a single channel. side: pixels of height or width. dpi: the largest resolution.
    metadata: bytes of EXIF, and of XMP. None is without limit. lossy: whether there is a quality.
    holds: the fields of BELONGINGS that they hold. private: what of Image.private and
    Frames.private they hold, by its name. frames: which kinds of Frames they hold, besides a single
    picture. deep: whether a picture of more bits that came from such a file goes back as it was.
    inks: whether they hold CMYK.
    """

    bits: int = 32
    alpha: bool = True
    gray: bool = True
    side: int | None = None
    dpi: float | None = None
    metadata: int | None = None
    lossy: bool = False
    deep: bool = False
    holds: frozenset[str] = ALL
    private: frozenset[str] = frozenset()
    frames: frozenset[str] = frozenset()
    inks: bool = False


@dataclass(frozen=True)
class Format:
    """How files of one format are read and written.

    read: from a file to its pictures, upright, each in its own depth and mode. Raises ImageError
    for what imgae does not take, and anything for damaged data. It calls File.check_size before it
    decodes, and File.check_decoded after.
    encode: from pictures within `limits`, and a name for messages, to a whole file's bytes; None
    if imgae only reads the format.
    """

    read: Callable[[File], Frames]
    encode: Callable[[Frames, str, Encoding], bytes] | None
    limits: Limits = Limits()


def check_fits(frames: Frames, limits: Limits, kind: str, name: str) -> None:
    """Raise ImageError if files of a kind cannot hold the pictures at all, whatever is left out."""
    if frames.kind not in (*limits.frames, "picture") and len(frames) > 1:
        others = "WebP, PNG or GIF" if frames.kind == "animation" else "TIFF"
        raise ImageError(
            f"{name}: {kind} holds one picture, and there are {len(frames)} "
            f"{frames_word(frames.kind)}; write {others}"
        )
    for image in frames:
        if limits.side and max(image.height, image.width) > limits.side:
            raise ImageError(
                f"{name}: {image.width}x{image.height} is too large for {kind}, which ends at "
                f"{limits.side} pixels a side; write PNG or TIFF"
            )
        lowest, highest, outside = beyond(image, limits, FAR)
        if outside > MOST_OUTSIDE:
            raise ImageError(
                f"{name}: most of the picture's values, {lowest:g} to {highest:g}, are outside 0 "
                f"to 1, which is all that {kind} holds; write TIFF, or scale them first"
            )


def beyond(image: Image, limits: Limits, least: float = 0.0) -> tuple[float, float, float]:
    """Return the lowest and highest value, and the share of values that whole numbers cannot hold.

    The share is 0 of a picture that is not of floats, or is not to become whole numbers. least: how
    far outside 0 to 1 values count; less than rounding does to them is never counted.
    """
    if image.pixels.dtype != np.float32 or limits.bits >= 32:
        return 0.0, 1.0, 0.0
    lowest, highest = float(image.pixels.min()), float(image.pixels.max())
    step = max(0.5 / ((1 << limits.bits) - 1), least)
    if lowest >= -step and highest <= 1 + step:
        return lowest, highest, 0.0
    outside = (image.pixels < -step) | (image.pixels > 1 + step)
    return lowest, highest, float(outside.mean())


def frames_word(kind: str) -> str:
    return {"stack": "slices", "animation": "frames"}.get(kind, "pages")


def fit(frames: Frames, limits: Limits, kind: str, name: str) -> Frames:
    """Leave out what files of a kind cannot hold, with a warning for each that names the file.

    Raises ImageError if the pictures cannot be held at all.
    """
    check_fits(frames, limits, kind, name)
    lost: dict[str, None] = {}  # each sentence once, in order
    images = [fit_image(image, limits, kind, lost) for image in frames]
    private = {key: value for key, value in frames.private.items() if key in limits.private}
    for key in (key for key in frames.private if key not in private):
        lost[f"{kind} holds no {key}; left out"] = None
    for sentence in lost:
        warn(f"{name}: {sentence}")
    return replace(frames, images=tuple(images), private=private)


def fit_image(image: Image, limits: Limits, kind: str, lost: dict[str, None]) -> Image:
    """Leave out what files of a kind cannot hold, and add a sentence for each."""
    image = fit_bits(image, limits, kind, lost)
    if image.alpha is not None and not limits.alpha:
        image = on_white(image, kind, lost)
    if image.pixels.shape[2] == 1 and not limits.gray:
        lost[f"{kind} holds no gray; written as RGB"] = None
        image = replace(image, pixels=image.pixels.repeat(3, 2))
    dropped: dict[str, Any] = {}
    for field, name in BELONGINGS.items():
        value = getattr(image, field)
        if not value if field != "extra" else value is None:
            continue
        if field not in limits.holds:
            lost[f"{kind} holds no {name}; it is left out"] = None
        elif limits.metadata and field in ("exif", "xmp") and len(value) > limits.metadata:
            lost[f"{kind} cannot hold so much {name}; it is left out"] = None
        elif limits.dpi and field == "dpi" and max(value) > limits.dpi:
            lost[f"{kind} holds no {name} of {max(value):g} pixels an inch; it is left out"] = None
        else:
            continue
        dropped[field] = () if field == "text" else None
    private = {key: value for key, value in image.private.items() if key in limits.private}
    lost.update(
        dict.fromkeys(
            f"{kind} holds no {key}; left out" for key in image.private if key not in private
        )
    )
    return replace(image, private=private, **dropped)


def details_of(image: Image, kind: str) -> Mapping[str, Any]:
    """Return what the file of a kind said that a picture came from; {} if it was of another."""
    return image.stored.details if image.stored and image.stored.format == kind else {}


def on_white(image: Image, kind: str, lost: dict[str, None]) -> Image:
    """Lay a picture on white, as viewers show it, and take its transparency away."""
    alpha = to_float(np.asarray(image.alpha))[:, :, None]
    if (alpha >= 1).all():
        return replace(image, alpha=None)
    lost[f"{kind} holds no transparency; the picture is laid on white"] = None
    mixed = 1 + alpha.clip(0, 1) * (to_float(image.pixels) - 1)
    return replace(image, pixels=from_float(mixed, image.pixels.dtype), alpha=None)


def fit_bits(image: Image, limits: Limits, kind: str, lost: dict[str, None]) -> Image:
    """Reduce the bits of a picture to what files of a kind hold, and add a sentence for it."""
    stored_bits = image.stored.bits if image.stored and image.bits == 16 else 0
    bits = stored_bits if 8 < stored_bits < 16 else image.bits
    from_same = image.stored is not None and image.stored.format == kind
    as_it_was = limits.deep and from_same and stored_bits > limits.bits
    if bits <= limits.bits or as_it_was:
        return image
    lost[f"{kind} holds {limits.bits} bits; reduced from {bits}"] = None
    if sentence := lost_range(image, limits.bits, kind):
        lost[sentence] = None
    return with_bits(image, limits.bits)


def lost_range(image: Image, bits: int, kind: str) -> str | None:
    """Return what becomes of floats that integers of so many bits cannot hold, or None."""
    if image.pixels.dtype.kind != "f":
        return None
    least, most = (float(end) for end in (image.pixels.min(), image.pixels.max()))
    half_a_step = 0.5 / (2**bits - 1)
    if least < -half_a_step or most > 1 + half_a_step:
        what = "what lies outside is clipped"
    elif 0 < most < half_a_step:
        what = "all of it becomes black"
    else:
        return None
    return (
        f"{kind} holds values from 0 to 1, and the picture's reach from {least:.4g} to {most:.4g}; "
        f"{what}; write TIFF, EXR or PFM to keep them"
    )


def with_bits(image: Image, bits: int) -> Image:
    """Convert all samples to integers of 8 bits, or of 16 for 9 to 16."""
    dtype = np.uint8 if bits == 8 else np.uint16

    def converted(array: Any) -> Any:
        if array is None or array.dtype == dtype:
            return array
        return from_float(to_float(array), dtype)

    return replace(
        image,
        pixels=converted(image.pixels),
        alpha=converted(image.alpha),
        extra=converted(image.extra),
    )
