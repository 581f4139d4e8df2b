"""JPEG, with imagecodecs and Pillow."""

import math
from dataclasses import replace
from typing import Any, Final

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from imgae.errors import warn
from imgae.io.colour import inks
from imgae.io.format import Encoding, File, Format, Limits, with_bits
from imgae.io.formats.jpeg import coding, decoding, metadata, stream
from imgae.io.formats.jpeg.coding import Layout
from imgae.io.formats.jpeg.stream import LOSSLESS, PROGRESSIVE, Stream
from imgae.io.metadata.upright import upright
from imgae.io.samples.depth import narrowed, widened
from imgae.picture.image import Frames, Image, Stored
from imgae.picture.orientation import SIDEWAYS

QUALITY: Final = 95
"""Of pictures that did not come from a JPEG, which are written without subsampling."""
LAYOUT: Final = "layout"
INKS: Final = ("CMYK", "YCCK")


def read(file: File) -> Frames:
    name = file.name
    parsed = stream.parse(file.data, name)
    samples = decoding.decode(parsed, file)
    found = metadata.read(parsed, file.data, name)
    for note in parsed.notes:
        warn(f"{name}: {note}")
    kind = decoding.transform_of(parsed)
    icc, mode = found.icc, ""
    details: dict[str, Any] = {"comments": found.comments}
    bits = parsed.frame.bits
    if kind in INKS:
        if not parsed.find(0xEE, b"Adobe"):
            warn(f"{name}: it does not say how its inks are stored; taken as Adobe's programs do")
        mode, icc = kind, None
        samples, details["icc"] = inks.to_srgb(255 - samples, found.icc, name)
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
        widened(samples, bits),
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
        turned = replace(turned, xmp=metadata.as_before(turned.xmp, found.xmp))
    return Frames((turned,))


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
        pixels, profile = inks.of_image(image, details.get("icc"), name)
        image = replace(image, icc=profile)
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
    dtype = np.uint8 if bits <= 8 else np.uint16
    samples = image.pixels if bits in (8, 16) else narrowed(image.pixels, bits).astype(dtype)
    data = imagecodecs.jpeg8_encode(channels(samples), lossless=True, bitspersample=bits)
    return with_belongings(without_header(data, name), image, False, name)


def encode_deep(image: Image, encoding: Encoding, name: str) -> bytes:
    """Encode 12 bits, as the file was; its steps are the finest if no quality is asked for."""
    data = imagecodecs.jpeg8_encode(
        channels(narrowed(image.pixels, 12)),
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
    return stream.SOI + metadata.write(image, jfif, name) + data[2:]


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
        private=frozenset({metadata.RESOURCES, metadata.ASPECT}),
    ),
)
