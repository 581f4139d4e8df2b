"""From samples as a TIFF file stores them to what an Image holds, and back."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from imgae.errors import ImageError
from imgae.io.colour import inks
from imgae.io.colour.cms import lab_to_srgb, srgb_profile
from imgae.io.format import Encoding
from imgae.io.formats.tiff.build import numbers
from imgae.io.formats.tiff.container import Directory, Value
from imgae.io.formats.tiff.layout import (
    BLACK_IS_ZERO,
    CMYK,
    ICC_LAB,
    JPEG,
    LAB,
    MASK,
    OLD_JPEG,
    PALETTE,
    RGB,
    WHITE_IS_ZERO,
    YCBCR,
    Layout,
)
from imgae.io.formats.tiff.notes import tell
from imgae.io.samples.associated import associated, unassociated
from imgae.io.samples.depth import fits, narrowed, widened
from imgae.io.samples.palettes import numbers_in
from imgae.picture.image import Image, Stored
from imgae.picture.pixels import scale_of

COLOUR_MAP: Final = 320
COEFFICIENTS: Final = 529
BLACK_AND_WHITE: Final = 532
UNKNOWN: Final = 0
ASSOCIATED: Final = 1
STRAIGHT: Final = 2
FORMAT: Final = "TIFF"


def image_of(
    array: NDArray[Any], layout: Layout, directory: Directory, icc: bytes | None, name: str
) -> Image:
    """Return samples (H, W, S) as a picture, with its profile and how it was stored."""
    bits = layout.bits
    colours, further = array[:, :, : layout.colours], array[:, :, layout.colours :]
    details: dict[str, Any] = {"compression": layout.compression, "codes": layout.further}
    mode = ""
    if layout.photometric == PALETTE:
        details["deep map"], details["map"] = colour_maps(directory, bits, name)
        colours, mode = details["map"][colours[:, :, 0]], "palette"
        further = widened(further, bits)
        further = (further >> 8).astype(np.uint8) if bits > 8 else further
    elif layout.floats:
        colours, further = single(colours, further, name)
        mode = {16: "half floats", 24: "floats of 24 bits", 64: "double floats"}.get(bits, "")
    else:
        colours, further = widened(colours, bits), widened(further, bits)
        mode = "1 bit" if bits == 1 else "" if bits in (8, 16) else f"{bits} bits"
    if layout.photometric == WHITE_IS_ZERO:
        colours = scale_of(colours.dtype) - colours
        details["photometric"] = WHITE_IS_ZERO
    elif layout.photometric == YCBCR:
        mode = "YCbCr"
        if layout.compression not in (*JPEG, OLD_JPEG) or layout.apart:
            colours = from_ycbcr(colours, directory, name)
    elif layout.photometric == CMYK:
        if layout.floats:
            raise ImageError(f"{name}: its inks (CMYK) are floats; convert it to RGB first")
        check_inks(colours, directory, name)
        mode = "CMYK"
        colours, details["icc"] = inks.to_srgb(colours, icc, name, tell)
        icc = srgb_profile() if details["icc"] else None
    elif layout.photometric in (LAB, ICC_LAB):
        mode, icc = "Lab", srgb_profile()
        colours = from_lab(colours, layout, name)
    stored = Stored(FORMAT, mode, bits, details)
    return split(colours, further, Image(colours_of(colours), icc=icc, stored=stored), name)


def colours_of(array: NDArray[Any]) -> NDArray[Any]:
    return np.ascontiguousarray(array, array.dtype.newbyteorder("="))


def split(colours: NDArray[Any], further: NDArray[Any], image: Image, name: str) -> Image:
    """Add to a picture its alpha, undone if its colours are multiplied by it, and the rest."""
    stored = image.stored
    codes: tuple[int, ...] = stored.details["codes"] if stored else ()
    where = next((k for k, code in enumerate(codes) if code in (ASSOCIATED, STRAIGHT)), None)
    alpha = None if where is None else colours_of(further[:, :, where])
    others = [k for k in range(len(codes)) if k != where]
    pixels = colours_of(colours)
    if alpha is not None and where is not None and codes[where] == ASSOCIATED:
        if pixels.dtype.kind == "u" and (pixels > alpha[:, :, None]).any():
            tell(
                f"{name}: some of its colours are brighter than its transparency allows; they are "
                "cut"
            )
        pixels = unassociated(pixels, alpha)
    if others:
        what = "a further sample" if len(others) == 1 else f"{len(others)} further samples"
        tell(f"{name}: {what} of each pixel, not said to be transparency; kept as they are")
    extra = colours_of(further[:, :, others]) if others else None
    return replace(image, pixels=pixels, alpha=alpha, extra=extra)


def colour_maps(
    directory: Directory, bits: int, name: str
) -> tuple[NDArray[np.uint16], NDArray[np.uint8]]:
    """Return the colours of a palette, (N, 3), as they are to be written and of 8 bits."""
    found = np.array(directory.numbers(COLOUR_MAP), np.int64)
    if len(found) < 3 << bits:
        raise ImageError(
            f"{name}: damaged: its palette has {len(found) // 3} of {1 << bits} colours"
        )
    table = found[: 3 << bits].reshape(3, -1).T & 0xFFFF
    if table.max() <= 255:  # it holds 8 bits where TIFF has 16
        table = table * 257
    return table.astype(np.uint16), np.ascontiguousarray(table >> 8, np.uint8)


def single(
    colours: NDArray[Any], further: NDArray[Any], name: str
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return floats of any size as those of 32 bits."""
    with np.errstate(over="ignore"):
        pixels, rest = colours.astype(np.float32), further.astype(np.float32)
    if colours.dtype == np.float64 and not np.array_equal(pixels, colours, equal_nan=True):
        tell(f"{name}: its floats of 64 bits are rounded to 32")
    return pixels, rest


def from_ycbcr(colours: NDArray[Any], directory: Directory, name: str) -> NDArray[Any]:
    """Convert luma and chroma (YCbCr) of 8 or 16 bits to RGB."""
    if colours.dtype.kind == "f":
        raise ImageError(f"{name}: its YCbCr are floats; convert it to RGB first")
    said = directory.floats(COEFFICIENTS)
    red, green, blue = said if len(said) == 3 and said[1] else (0.299, 0.587, 0.114)
    white = scale_of(colours.dtype)
    middle = (white + 1) // 2
    levels = directory.floats(BLACK_AND_WHITE)
    if len(levels) < 6 or any(levels[k] == levels[k + 1] for k in (0, 2, 4)):
        levels = (0, white, middle, white, middle, white)
    floats = colours.astype(np.float32)
    spans = (white, white - middle, white - middle)
    luma, blueness, redness = (
        (floats[:, :, k] - levels[2 * k]) * (spans[k] / (levels[2 * k + 1] - levels[2 * k]))
        for k in range(3)
    )
    reds = luma + (2 - 2 * red) * redness
    blues = luma + (2 - 2 * blue) * blueness
    greens = (luma - red * reds - blue * blues) / green
    rgb = np.stack([reds, greens, blues], 2)
    converted: NDArray[Any] = np.clip(np.rint(rgb), 0, white).astype(colours.dtype)
    return converted


def check_inks(colours: NDArray[Any], directory: Directory, name: str) -> None:
    """Raise ImageError for inks that do not reach from 0 to the largest sample."""
    limits = directory.numbers(336)[:2]
    if limits and tuple(limits) not in ((0, scale_of(colours.dtype)), (0, 255), (0, 0)):
        raise ImageError(
            f"{name}: its inks reach from {limits[0]} to {limits[1]}; convert it first"
        )


def from_lab(colours: NDArray[Any], layout: Layout, name: str) -> NDArray[Any]:
    """Convert L*a*b* to sRGB, and tell of it."""
    if layout.bits not in (8, 16) or layout.floats:
        raise ImageError(f"{name}: its colours are L*a*b* of {layout.bits} bits; convert it first")
    tell(f"{name}: its colours are L*a*b*; continued as sRGB, which has not all of them")
    lab = colours.copy()
    if layout.photometric == LAB:  # a and b are signed there
        lab[:, :, 1:] ^= np.array(1 << (layout.bits - 1), lab.dtype)
    elif layout.bits == 16:  # where white is 0xFF00
        lab[:, :, 0] = np.minimum(lab[:, :, 0] * (65535 / 65280), 65535).round()
    return lab_to_srgb(lab)


@dataclass
class Samples:
    """A picture as a file is to store it. array: (H, W, S) of integers or floats."""

    array: NDArray[Any]
    bits: int
    photometric: int
    codes: tuple[int, ...] = ()
    icc: bytes | None = None
    tags: dict[int, Value] = field(default_factory=dict)


def samples_of(image: Image, encoding: Encoding, name: str) -> Samples:
    """Return a picture as a file stores it: as the file did that it came from, where it fits."""
    stored = image.stored if image.stored and image.stored.format == FORMAT else Stored("")
    details: Mapping[str, Any] = stored.details
    bits = image.bits
    gray = image.pixels.shape[2] == 1
    further, codes = further_of(image, details)
    pixels = image.pixels
    if ASSOCIATED in codes and image.alpha is not None:
        pixels = associated(pixels, image.alpha)
    samples = Samples(pixels, bits, BLACK_IS_ZERO if gray else RGB, codes, image.icc)
    if stored.mode == "CMYK" and encoding.cmyk:
        as_inks(samples, details, image, name)
    elif stored.mode == "palette":
        as_palette(samples, stored, name)
    elif stored.mode == "half floats" and bits == 32:
        as_halves(samples, name)
    elif 8 < stored.bits < 16 and bits == 16:
        samples.bits = stored.bits
    elif stored.bits < 8 and stored.bits and bits == 8:
        as_few_bits(samples, stored, name)
    elif stored.mode in ("floats of 24 bits", "double floats"):
        tell(f"{name}: TIFF is written with floats of 32 bits, not {stored.bits}")
    white = details.get("photometric") == WHITE_IS_ZERO and samples.photometric == BLACK_IS_ZERO
    if white and samples.array.dtype.kind == "u":
        samples.array = scale_of(samples.array.dtype) - samples.array
        samples.photometric = WHITE_IS_ZERO
    if samples.photometric != PALETTE and samples.array.dtype.kind == "u":
        samples.array = narrowed(samples.array, samples.bits)
        further = [narrowed(part, samples.bits) for part in further]
    further = [part.astype(samples.array.dtype, copy=False) for part in further]
    samples.array = np.concatenate([samples.array, *further], 2) if further else samples.array
    return samples


def further_of(
    image: Image, details: Mapping[str, Any]
) -> tuple[list[NDArray[Any]], tuple[int, ...]]:
    """Return alpha and further samples, each (H, W, 1), in the file's order, and their codes."""
    others = [] if image.extra is None else list(np.moveaxis(image.extra[..., None], 2, 0))
    said: tuple[int, ...] = details.get("codes", ())
    where = next((k for k, code in enumerate(said) if code in (ASSOCIATED, STRAIGHT)), 0)
    kept = [code for k, code in enumerate(said) if k != where or code == UNKNOWN]
    codes = kept if len(kept) == len(others) else [UNKNOWN] * len(others)
    if image.alpha is not None:
        alpha = said[where] if said and said[where] in (ASSOCIATED, STRAIGHT) else STRAIGHT
        where = min(where, len(others))
        others.insert(where, image.alpha[:, :, None])
        codes.insert(where, alpha)
    return others, tuple(codes)


def as_inks(samples: Samples, details: Mapping[str, Any], image: Image, name: str) -> None:
    if samples.array.dtype.kind == "f":
        tell(f"{name}: inks (CMYK) are not written as floats; written as RGB")
        return
    image = replace(image, pixels=samples.array)
    samples.array, samples.icc = inks.of_image(image, details.get("icc"), name, tell)
    samples.photometric = CMYK
    samples.tags[332] = numbers(3, 1)


def as_palette(samples: Samples, stored: Stored, name: str) -> None:
    """Store a picture by its palette, if that has all its colours."""
    table: NDArray[np.uint8] = stored.details["map"]
    if samples.codes or samples.array.dtype != np.uint8:
        tell(f"{name}: not written with its palette of colours, which has no transparency")
        return
    rgb = np.broadcast_to(samples.array, (*samples.array.shape[:2], 3))
    places = numbers_in(rgb, table)
    if places is None:
        tell(f"{name}: its palette of colours does not have all that it shows now; written as RGB")
        return
    samples.array = places.astype(np.uint8 if stored.bits <= 8 else np.uint16)[:, :, None]
    samples.bits, samples.photometric, samples.icc = stored.bits, PALETTE, samples.icc
    samples.tags[COLOUR_MAP] = numbers(3, *stored.details["deep map"].T.ravel().tolist())


def as_halves(samples: Samples, name: str) -> None:
    """Store floats as those of 16 bits, if none is beyond them."""
    with np.errstate(over="ignore"):
        halves = samples.array.astype(np.float16)
    if not np.isfinite(halves).all():
        tell(f"{name}: its values are too large for floats of 16 bits; written with 32")
        return
    samples.array, samples.bits = halves, 16


def as_few_bits(samples: Samples, stored: Stored, name: str) -> None:
    """Store fewer than 8 bits, if the values are among those that they have."""
    if fits(samples.array, stored.bits):
        samples.bits = stored.bits
        return
    had = "1 bit" if stored.bits == 1 else f"{stored.bits} bits"
    tell(f"{name}: the result needs more than {had} a sample; written with 8")


__all__ = ["MASK", "STRAIGHT", "UNKNOWN", "Samples", "image_of", "samples_of", "single"]
