"""JPEG, with imagecodecs and Pillow."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from imgae.errors import warn
from imgae.io import inks
from imgae.io.format import Encoding, File, Format, Limits, with_bits
from imgae.io.jpeg import belongings, coding, decoding, stream
from imgae.io.jpeg.coding import Layout
from imgae.io.jpeg.stream import LOSSLESS, PROGRESSIVE, Stream
from imgae.io.metadata import upright
from imgae.picture.image import Frames, Image, Stored
from imgae.picture.orientation import SIDEWAYS

QUALITY: Final = 95
"""Of pictures that did not come from a JPEG, which are written without subsampling."""
LAYOUT: Final = "layout"
INKS: Final = inks.MODES


def read(file: File) -> Frames:
    name = file.name
    parsed = stream.parse(file.data, name)
    samples = decoding.decode(parsed, file)
    found = belongings.read(parsed, file.data, name)
    for note in parsed.notes:
        warn(f"{name}: {note}")
    kind = decoding.transform_of(parsed)
    icc, mode = found.icc, ""
    details: dict[str, Any] = {"comments": found.comments}
    bits = parsed.frame.bits
    if kind in INKS:
        if not parsed.find(0xEE, b"Adobe"):
            warn(f"{name}: it does not say how its inks are stored; taken as Adobe's programs do")
        mode, details["icc"] = kind, icc if inks.is_ink_profile(icc) else None
        samples, icc = from_inks(255 - samples, details, name), None
    lossless = parsed.frame.marker == LOSSLESS
    if lossless and kind not in INKS:
        details["lossless"] = True
        mode = "lossless"
    elif bits == 8 and not lossless:
        layout = layout_of(parsed)
        details[LAYOUT] = layout.turned() if found.orientation in SIDEWAYS else layout
    if bits not in (8, 16):
        mode = f"{bits} bits"
    image = Image(
        spread(samples, bits),
        icc=icc,
        exif=found.exif,
        xmp=found.xmp,
        dpi=found.dpi,
        iptc=found.iptc,
        text=found.text,
        private=found.private,
        stored=Stored("JPEG", mode, bits, details),
        quantisation=None if lossless else mean_steps(parsed),
    )
    turned = upright(image, found.orientation or 1)
    if turned.xmp and found.xmp and found.orientation is None:
        turned = replace(turned, xmp=belongings.as_before(turned.xmp, found.xmp))
    return Frames((turned,))


def from_inks(samples: NDArray[Any], details: dict[str, Any], name: str) -> NDArray[Any]:
    """Convert inks to sRGB, and tell of it."""
    icc = details["icc"]
    if icc is not None:
        try:
            rgb = inks.to_rgb(samples, icc)
        except Exception:  # whatever the library meets in a profile
            warn(f"{name}: the colour profile (ICC) of its inks is damaged, and left out")
            details["icc"] = None
        else:
            warn(f"{name}: its colours are inks (CMYK); continued as sRGB, by its colour profile")
            return rgb
    warn(
        f"{name}: its colours are inks (CMYK) without a colour profile; continued as sRGB, each "
        "colour what the inks leave of white"
    )
    return inks.to_rgb(samples, None)


def as_inks(image: Image, details: Mapping[str, Any], name: str) -> tuple[NDArray[Any], Image]:
    """Return a picture's inks, and the picture with their profile."""
    icc = details.get("icc")
    if icc is not None:
        try:
            made = inks.to_inks(image.pixels, icc, image.icc)
        except Exception:
            warn(f"{name}: the profile does not lead from RGB to inks; written without it")
        else:
            return made, replace(image, icc=icc)
    return inks.to_inks(image.pixels, None), replace(image, icc=None)


def spread(samples: NDArray[Any], bits: int) -> Any:
    """Return samples of any number of bits over all of 8 or 16."""
    dtype = np.uint8 if bits <= 8 else np.uint16
    if bits in (8, 16):
        return samples.astype(dtype, copy=False)
    scale = int(np.iinfo(dtype).max) / ((1 << bits) - 1)
    return np.rint(np.arange(1 << bits) * scale).astype(dtype)[samples]


def gathered(pixels: NDArray[Any], bits: int) -> NDArray[Any]:
    """Return the samples of some bits that `spread` has spread."""
    most = int(np.iinfo(pixels.dtype).max)
    dtype = np.uint8 if bits <= 8 else np.uint16
    return np.rint(pixels * np.float64(((1 << bits) - 1) / most)).astype(dtype)


def layout_of(parsed: Stream) -> Layout:
    """Return how a file stores its pixels."""
    frame = parsed.frame
    across, down = frame.most
    shrunk = [
        (across // c.across, down // c.down)
        if across % c.across == 0 and down % c.down == 0
        else (1, 1)
        for c in frame.components
    ]
    least = [math.gcd(*(factors[side] for factors in shrunk)) for side in (0, 1)]
    kind: Any = decoding.transform_of(parsed)
    return Layout(
        kind,
        tuple((a // least[0], d // least[1]) for a, d in shrunk),
        tuple(parsed.steps.get(c.number, coding.LUMA) for c in frame.components),
        frame.marker in PROGRESSIVE,
    )


def mean_steps(parsed: Stream) -> tuple[float, float] | None:
    """Return the mean steps of a file's tables of luma and chroma, on [0, 1]."""
    tables = [parsed.steps.get(c.number) for c in parsed.frame.components]
    most = (1 << parsed.frame.bits) - 1
    means = [sum(table) / (most * 64) for table in tables if table]
    return (means[0], means[1] if len(means) > 1 else means[0]) if means else None


def encode(frames: Frames, name: str, encoding: Encoding) -> bytes:
    image = frames[0]
    stored = image.stored
    details = stored.details if stored else {}
    exact = "lossless" in details and encoding.quality is None
    if stored and stored.format == "JPEG" and exact:
        return encode_exact(image, stored, name)
    if image.bits == 16 and "lossless" in details:
        warn(f"{name}: JPEG with a quality holds 8 bits; reduced from 16")
        image = with_bits(image, 8)
    if image.bits == 16:
        return encode_deep(image, encoding, name)
    pixels: NDArray[Any] = image.pixels
    layout = details.get(LAYOUT) if stored and stored.format == "JPEG" else None
    kind: Any = "gray" if pixels.shape[2] == 1 else "YCbCr"
    if stored and encoding.cmyk and stored.mode in INKS and kind != "gray":
        kind = stored.mode
        pixels, image = as_inks(image, details, name)
    elif layout and layout.kind == "RGB" and kind != "gray":
        kind = "RGB"
    if layout is None:
        count = coding.CHANNELS[kind]
        tables = coding.tables_of(kind, encoding.quality or QUALITY)
        layout = Layout(kind, ((1, 1),) * count, tables)
    else:
        layout = layout.as_kind(kind)
        if encoding.quality is not None:
            layout = layout.of_quality(encoding.quality)
        layout = within_8_bits(layout, name)
    return with_belongings(coding.encode(pixels, layout), image, kind != "RGB", name)


def within_8_bits(layout: Layout, name: str) -> Layout:
    """Return tables whose steps go into 8 bits, as every decoder reads them."""
    if max(max(table) for table in layout.tables) > 255:
        warn(f"{name}: steps of its tables over 255 are written as 255")
    tables = tuple(tuple(min(max(s, 1), 255) for s in table) for table in layout.tables)
    return replace(layout, tables=tables)


def encode_exact(image: Image, stored: Stored, name: str) -> bytes:
    """Encode without loss, as the file was."""
    bits = stored.bits
    if image.bits == 8 and bits > 8:
        bits = 8
    samples = image.pixels if bits in (8, 16) else gathered(image.pixels, bits)
    data = imagecodecs.jpeg8_encode(channels(samples), lossless=True, bitspersample=bits)
    return with_belongings(without_header(data, name), image, False, name)


def encode_deep(image: Image, encoding: Encoding, name: str) -> bytes:
    """Encode 12 bits, as the file was; its steps are the finest if no quality is asked for."""
    data = imagecodecs.jpeg8_encode(
        channels(gathered(image.pixels, 12)),
        level=encoding.quality or 100,
        bitspersample=12,
        subsampling="444",
    )
    return with_belongings(without_header(data, name), image, True, name)


def channels(samples: NDArray[Any]) -> NDArray[Any]:
    return np.ascontiguousarray(samples[:, :, 0] if samples.shape[2] == 1 else samples)


def without_header(data: bytes | bytearray, name: str) -> bytes:
    """Return encoded data with Adobe's segment, but without JFIF's."""
    parsed = stream.parse(bytes(data), name)
    parsed.others = [segment for segment in parsed.others if segment.marker == 0xEE]
    return stream.joined(parsed)


def with_belongings(data: bytes, image: Image, jfif: bool, name: str) -> bytes:
    return stream.SOI + belongings.write(image, jfif, name) + data[2:]


FORMAT: Final = Format(
    read,
    encode,
    Limits(
        bits=8,
        alpha=False,
        side=decoding.MOST_SIDE,
        lossy=True,
        deep=True,
        holds=frozenset({"icc", "exif", "xmp", "dpi", "iptc", "text"}),
        private=frozenset({belongings.RESOURCES, belongings.ASPECT}),
        inks=True,
    ),
)
