"""EXR: scene-linear floats, decoded by OpenEXR and written without loss, halves as halves.

An Image of an EXR is linear; a colour profile says so to other formats. Channels that are no
colours, such as depth and masks, are kept as they are, and so are parts without colours.
"""

import io
import struct
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import OpenEXR
from numpy.typing import NDArray

from imgae.errors import ImageError, warn
from imgae.io.colour.cms import REC_709, linear_profile, to_linear
from imgae.io.format import Encoding, File, Format, Limits
from imgae.io.formats.exr import openexr
from imgae.io.formats.exr.openexr import Part
from imgae.io.libraries import overheard
from imgae.io.metadata.upright import upright
from imgae.picture.image import Frames, Image, Stored

COMPLAINTS: Final = (b"<python_buffer>: (EXR_", b"Warning: Exception raised reading pixel data")
"""What OpenEXR's lines on damaged files begin with."""
CHANNELS: Final = "further channels"
PARTS: Final = "further parts"
ATTRIBUTES: Final = "EXR attributes"
DISPLAY: Final = "display window"
SHAPE: Final = "shape of pixels"
STRUCTURE: Final = frozenset({
    "channels", "compression", "dataWindow", "displayWindow", "lineOrder", "pixelAspectRatio",
    "screenWindowCenter", "screenWindowWidth", "tiles", "type", "chunkCount", "version", "name",
    "view", "xDensity", "dwaCompressionLevel", "maxSamplesPerPixel", "preview", "oiio:SHA-1",
    "oiio:AverageColor",
})  # fmt: skip
"""Attributes that are no text, nor carried as bytes; the last four are of the old pixels."""
COLOURS: Final = ("R", "G", "B")
LEAST_ALPHA: Final = 2.0**-10
"""Colours under less than this are kept as they are: nothing of them is to be seen."""
MOST_SHRUNK: Final = 4096
"""Times that samples are larger than a file; more is a lie."""
SMALL: Final = 1 << 26
LARGEST_HALF: Final = 65504.0


@dataclass(frozen=True)
class Samples:
    """The samples of a channel, (H, W), and whether they are perceptually linear."""

    array: NDArray[Any]
    linear: int


def read(file: File) -> Frames:
    parts = openexr.parts_of(file.data)
    check(file, parts)
    decoded = decode(file, parts)
    images, further = [], []
    for number, (part, channels) in enumerate(zip(parts, decoded, strict=True)):
        layer = colours_of(part)
        if layer is None and len(parts) > 1:
            further.append((number, dict(part.attributes), channels))
        else:
            images.append(image_of(file, part, channels, layer))
    if not images:
        raise ImageError(f"{file.name}: holds no colours (R, G and B, or Y) in any of its parts")
    private = {PARTS: further} if further else {}
    return Frames(tuple(images), "pages" if len(images) > 1 else "picture", private=private)


def decode(file: File, parts: list[Part]) -> list[dict[str, Samples]]:
    """Return the samples of each part. Raises ImageError for damaged files."""
    data = io.BytesIO(openexr.with_plain_words(file.data, parts))
    with overheard(*COMPLAINTS) as complaints:
        try:
            opened = OpenEXR.File(data, separate_channels=True)
            found = [dict(part.channels) for part in opened.parts]
        except (RuntimeError, ValueError, OSError) as error:
            raise ImageError(
                f"{file.name}: damaged or cut short (OpenEXR cannot open it)"
            ) from error
    if complaints or len(found) != len(parts):
        raise ImageError(f"{file.name}: damaged or cut short: OpenEXR cannot decode all its pixels")
    return [samples_of(file, part, one) for part, one in zip(parts, found, strict=True)]


def check(file: File, parts: list[Part]) -> None:
    """Raise ImageError for what cannot be read, and for more than the file can hold."""
    needed = 0
    for part in parts:
        if part.deep:
            raise ImageError(
                f"{file.name}: holds deep data, several samples a pixel; flatten it first"
            )
        across, down = part.size
        file.check_size(across, down, sum(len(one.channels) for one in parts) // 4 + 1)
        needed += (
            across
            * down
            * sum(openexr.TYPES[channel.kind].itemsize for channel in part.channels.values())
        )
        if part.attributes.get("tiles", ("", b""))[1][8:9] not in (b"", b"\0", b"\x10"):
            warn(f"{file.name}: the smaller copies of its picture (mipmap) are left out")
    if needed > max(SMALL, MOST_SHRUNK * len(file.data)):
        raise ImageError(f"{file.name}: damaged: too short for the pixels that it says it holds")


def samples_of(file: File, part: Part, found: Mapping[str, Any]) -> dict[str, Samples]:
    """Return the channels that have a sample for every pixel. Raises ImageError."""
    whole: dict[str, Samples] = {}
    across, down = part.size
    for name, channel in part.channels.items():
        if channel.sampling != (1, 1):
            continue
        array = found[name].pixels
        file.check_decoded(array, across, down, 1)
        if array.dtype != openexr.TYPES[channel.kind]:
            raise ImageError(f"{file.name}: damaged: its channel {name} is of another type")
        whole[name] = Samples(array, channel.linear)
    return whole


def colours_of(part: Part) -> str | None:
    """Return what stands before the names of the channels that are the picture, or None.

    Channels without such a prefix are the picture; else those of the first layer with colours,
    where one that is named as the combined one comes first.
    """
    found = part.channels
    layers = {name.rpartition(".")[0] for name in found}
    layers = {layer for layer in layers if set(plain_of(found, layer)) >= set(COLOURS)} or {
        layer for layer in layers if "Y" in plain_of(found, layer)
    }
    for wanted in ("", *sorted(layers, key=lambda it: ("combined" not in it.lower(), it))):
        if wanted in layers:
            return wanted
    return None


def plain_of(channels: Mapping[str, Any], layer: str) -> list[str]:
    """Return the last parts of the names of a layer's channels."""
    return [name.rpartition(".")[2] for name in channels if name.rpartition(".")[0] == layer]


def image_of(file: File, part: Part, channels: Mapping[str, Samples], layer: str | None) -> Image:
    """Return the picture of a part."""
    name = file.name
    if layer is None:
        raise ImageError(
            f"{name}: holds no colours (R, G and B, or Y), only {', '.join(part.channels)[:200]}"
        )
    before = f"{layer}." if layer else ""
    plain = plain_of(part.channels, layer)
    gray = "R" not in plain
    if gray and ("RY" in plain or "BY" in plain):
        raise ImageError(f"{name}: holds luminance and chroma (Y, RY, BY); convert it to RGB first")
    wanted = [before + one for one in (("Y",) if gray else COLOURS)]
    odd = [one for one in wanted if one not in channels or channels[one].array.dtype.kind != "f"]
    if odd:
        raise ImageError(f"{name}: its channel {odd[0]} holds whole numbers, or not all pixels")
    pixels = np.stack([channels[one].array for one in wanted], 2).astype(np.float32)
    alpha = None
    if f"{before}A" in channels and channels[f"{before}A"].array.dtype.kind == "f":
        wanted.append(f"{before}A")
        alpha = channels[wanted[-1]].array.astype(np.float32)
    lost = [one for one in part.channels if one not in channels]
    if lost:
        warn(f"{name}: its channels {', '.join(lost)} do not hold all pixels; they are left out")
    kept = {one: samples for one, samples in channels.items() if one not in wanted}
    details: dict[str, Any] = {
        "names": wanted,
        "types": [channels[one].array.dtype for one in wanted],
        "linear": [channels[one].linear for one in wanted],
        "associated": None if alpha is None else pixels,
        "name": part.words("name"),
        "view": part.words("view"),
        "window": part.window,
        "chromaticities": part.attributes.get("chromaticities"),
        "colours": chromaticities_of(part),
        "screen": {
            one: part.attributes[one]
            for one in ("screenWindowCenter", "screenWindowWidth")
            if one in part.attributes
        },
    }
    image = Image(
        pixels if alpha is None else straight(pixels, alpha),
        alpha,
        stored=Stored("EXR", "associated alpha" if alpha is not None else "", details=details),
    )
    private: dict[str, Any] = {CHANNELS: kept} if kept else {}
    return upright(with_belongings(image, part, private, name), 1)


def with_belongings(image: Image, part: Part, private: dict[str, Any], name: str) -> Image:
    """Return a picture with what the header says of it."""
    ratio = (part.floats("pixelAspectRatio", "float", 1) or (1.0,))[0]
    if ratio != 1:
        private[SHAPE] = ratio
    if part.display != part.window:
        private[DISPLAY] = part.display
    further = {
        one: attribute
        for one, attribute in part.attributes.items()
        if one not in STRUCTURE and attribute[0] != "string" and one != "chromaticities"
    }
    if further:
        private[ATTRIBUTES] = further
    density = part.floats("xDensity", "float", 1)
    is_density = density is not None and 0 < density[0] < 1e6 and 0 < ratio < 1e6
    gray = image.pixels.shape[2] == 1
    icc = linear_profile(gray, chromaticities_of(part))
    if icc is None:
        warn(f"{name}: its chromaticities are no colours; those of Rec. 709 are taken")
        icc = linear_profile(gray, REC_709)
    return replace(
        image,
        icc=icc,
        text=tuple(
            (one, part.words(one))
            for one, (kind, _) in part.attributes.items()
            if kind == "string" and one not in STRUCTURE
        ),
        dpi=(density[0], density[0] * ratio) if density and is_density else None,
        private=private,
    )


def chromaticities_of(part: Part) -> tuple[float, ...]:
    """Return x and y of red, green, blue and white; of Rec. 709 if they are near or not said."""
    found = part.floats("chromaticities", "chromaticities", 8)
    return REC_709 if found is None or np.allclose(found, REC_709, atol=1e-4) else found


def straight(pixels: NDArray[np.float32], alpha: NDArray[np.float32]) -> NDArray[np.float32]:
    """Undo the multiplication of colours by alpha, where there is enough of it."""
    divisor = np.where(np.abs(alpha) >= LEAST_ALPHA, alpha, np.float32(1))
    return np.asarray(pixels / divisor[:, :, None], np.float32)


def associated(image: Image, details: Mapping[str, Any], name: str) -> NDArray[np.float32]:
    """Multiply colours by alpha; where nothing changed they are the file's own.

    Colours that are hidden shine in an EXR; those that come from one are meant to.
    """
    pixels: NDArray[Any] = image.pixels
    alpha: NDArray[Any] | None = image.alpha
    if alpha is None:
        return np.asarray(pixels, np.float32)
    if "associated" not in details:
        if pixels[alpha == 0].any():
            warn(f"{name}: EXR holds no colours under what is transparent; they are left out")
        return np.asarray(pixels * alpha[:, :, None], np.float32)
    factor = np.where(np.abs(alpha) >= LEAST_ALPHA, alpha, np.float32(1))
    product = pixels * factor[:, :, None]
    before = details["associated"]
    if before is not None and before.shape == pixels.shape:
        product = np.where(straight(before, alpha) == pixels, before, product)
    return np.asarray(product, np.float32)


def encode(frames: Frames, name: str, encoding: Encoding) -> bytes:  # noqa: ARG001 - a Format's signature
    parts = [part_from(image, name) for image in frames]
    if len(parts) > 1 or frames.private.get(PARTS):
        names = {attributes["name"][1] for attributes, _ in parts if "name" in attributes}
        for number, (attributes, _) in enumerate(parts):
            attributes.setdefault("name", string(unused(names, f"page {number + 1}")))
        for number, attributes, channels in frames.private.get(PARTS, ()):
            kept = {
                one: attribute
                for one, attribute in attributes.items()
                if one not in STRUCTURE or one in WITH_PARTS
            }
            named = {one: (samples.array, samples.linear) for one, samples in channels.items()}
            if named:
                parts.insert(number, (kept, named))
    return openexr.file_of(parts)


WITH_PARTS: Final = ("name", "view", "dataWindow", "displayWindow", "pixelAspectRatio",
                     "screenWindowCenter", "screenWindowWidth", "xDensity")  # fmt: skip


def unused(names: set[bytes], wanted: str) -> str:
    """Return a name that no part has, and take note of it."""
    while wanted.encode() in names:
        wanted += "'"
    names.add(wanted.encode())
    return wanted


def part_from(
    image: Image, name: str
) -> tuple[dict[str, tuple[str, bytes]], dict[str, tuple[NDArray[Any], int]]]:
    """Return the attributes and channels of a picture."""
    stored = image.stored
    details = stored.details if stored and stored.format == "EXR" else {}
    colours = details.get("colours", REC_709)
    gray = image.pixels.shape[2] == 1
    eight = image.bits == 8
    if image.bits != 32 or image.icc not in (None, linear_profile(gray, colours)):
        image = to_linear(image, name)
        details = {**details, "chromaticities": None}
    layer = details.get("names", ["R"])[0].rpartition(".")[0]
    before = f"{layer}." if layer else ""
    names = [before + one for one in [*(("Y",) if gray else COLOURS), "A"]]
    if image.alpha is None:
        names.pop()
    known = dict(zip(details.get("names", ()), details.get("types", ()), strict=True))
    linear = dict(zip(details.get("names", ()), details.get("linear", ()), strict=True))
    planes = [*np.moveaxis(associated(image, details, name), 2, 0)]
    if image.alpha is not None:
        planes.append(image.alpha)
    other = np.dtype("<f2") if eight else np.dtype("<f4")
    for one in (before + "R", before + "Y"):  # of which gray becomes RGB, or RGB gray
        other = known.get(one, other)
    channels = {
        one: (of_type(plane, known.get(one, other)), linear.get(one, 0))
        for one, plane in zip(names, planes, strict=True)
    }
    for one, samples in image.private.get(CHANNELS, {}).items():
        if samples.array.shape == (image.height, image.width):
            channels.setdefault(one, (samples.array, samples.linear))
    return attributes_of(image, details), channels


def of_type(plane: NDArray[np.float32], dtype: np.dtype[Any]) -> NDArray[Any]:
    if dtype.itemsize == 2:
        plane = np.clip(plane, -LARGEST_HALF, LARGEST_HALF)
    return plane.astype(dtype)


def attributes_of(image: Image, details: Mapping[str, Any]) -> dict[str, tuple[str, bytes]]:
    """Return what a header says of a picture, besides its channels."""
    window = details.get("window", (0, 0, image.width - 1, image.height - 1))
    if (window[2] - window[0] + 1, window[3] - window[1] + 1) != (image.width, image.height):
        window = (0, 0, image.width - 1, image.height - 1)
    ratio = image.private.get(SHAPE, 1.0)
    made: dict[str, tuple[str, bytes]] = {
        "screenWindowCenter": ("v2f", bytes(8)),
        "screenWindowWidth": ("float", struct.pack("<f", 1.0)),
        **details.get("screen", {}),
        "dataWindow": ("box2i", struct.pack("<4i", *window)),
        "displayWindow": ("box2i", struct.pack("<4i", *image.private.get(DISPLAY, window))),
        "pixelAspectRatio": ("float", struct.pack("<f", ratio)),
        **image.private.get(ATTRIBUTES, {}),
    }
    if details.get("chromaticities"):
        made["chromaticities"] = details["chromaticities"]
    if image.dpi:
        made["xDensity"] = ("float", struct.pack("<f", image.dpi[0]))
    for keyword, words in image.text:
        key = keyword.replace("\0", " ").encode()[: openexr.LONGEST_NAME].decode("utf-8", "ignore")
        if key and key not in STRUCTURE and key not in made:
            made[key] = string(words)
    for key in ("name", "view"):
        if details.get(key):
            made[key] = string(details[key])
    return made


def string(words: str) -> tuple[str, bytes]:
    return "string", words.encode()


FORMAT: Final = Format(
    read,
    encode,
    Limits(
        holds=frozenset({"icc", "dpi", "text"}),
        private=frozenset({CHANNELS, PARTS, ATTRIBUTES, DISPLAY, SHAPE}),
        frames=frozenset({"pages", "stack"}),
    ),
)
