"""JPEG XL: pixels with imagecodecs, everything else by hand."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from imgae.errors import ImageError, warn
from imgae.io.bmff import boxes
from imgae.io.bmff.boxes import boxes_until_damage
from imgae.io.colour.cms import space_of
from imgae.io.format import Encoding, File, Format, Limits, details_of
from imgae.io.formats.jxl.colours import LINEAR, cicp_of, is_srgb, of_cicp, profile_of
from imgae.io.formats.jxl.frames import PermutedError, read_frames, with_durations
from imgae.io.formats.jxl.header import (
    BLACK,
    CHANNELS,
    GRAY,
    MAGIC,
    RGB,
    Animation,
    Colour,
    Header,
    read_header,
    with_header,
)
from imgae.io.formats.jxl.profile import read_profile, write_profile
from imgae.io.metadata.exif import EXIF_PREFIX, checked
from imgae.io.metadata.resolution import resolution_of, with_resolution
from imgae.io.metadata.upright import upright
from imgae.io.samples.associated import associated, unassociated
from imgae.io.samples.depth import narrowed, spread
from imgae.io.samples.frames import with_alpha
from imgae.picture.image import Frames, Image, Stored
from imgae.picture.orientation import SIDEWAYS
from imgae.picture.pixels import scale_of

SIGNATURE: Final = b"\0\0\0\x0cJXL \r\n\x87\n"
FILE_TYPE: Final = boxes.box(b"ftyp", b"jxl \0\0\0\0jxl ")
MOST_METADATA: Final = 1 << 26
"""Bytes of a compressed box, once it is not."""
MOST_FRAMES: Final = 100_000
EXACT: Final = 100
"""The quality from which on every sample is kept."""
LINEAR_SRGB: Final = Colour(transfer=LINEAR)
SIDE: Final = 1 << 18
"""Pixels of width or height up to which libjxl goes."""
TICK: Final = 1000
"""In a second, for animations of other formats."""
HALF_LARGEST: Final = 65504
HALF_SMALLEST: Final = 2.0**-14
UNSAID_BOXES: Final = (b"JXL ", b"ftyp", b"jxli", b"free", b"skip", b"jbrd")
"""What says nothing of the picture; jbrd makes the JPEG again that a file was made of."""
OTHER_BOXES: Final = {
    b"jumb": "provenance and other data (JUMBF)",
    b"jhgm": "HDR gain map",
    b"Exif": "second EXIF",
    b"xml ": "second XML",
}


@dataclass
class Container:
    """What the boxes of a file hold. level: the box that asks more of a decoder, or nothing."""

    codestream: bytes
    exif: bytes | None = None
    xmp: bytes | None = None
    level: bytes = b""
    rest: dict[str, None] = field(default_factory=dict)


def read(file: File) -> Frames:
    container = opened(file)
    try:
        header = read_header(container.codestream)
        profile, end = None, header.end
        sides = (header.width, header.height)
        width, height = sides[::-1] if header.orientation in SIDEWAYS else sides
        file.check_size(width, height)
        check_kind(file, header)
        if header.colour.icc:
            profile, end = read_profile(container.codestream, header.end)
        body = -(-end // 8)
        shown, ticks = timing(file, container.codestream, header, body)
    except PermutedError:
        raise ImageError(
            f"{file.name}: an animation whose parts are in another order; its timing is not found"
        ) from None
    except ValueError as error:
        raise ImageError(f"{file.name}: damaged: {error}") from error
    file.check_size(width, height, shown)
    warn_of_the_rest(file, container, header)
    stack = decode(file, container.codestream, header, profile, body)
    channels = colours_of(header) + (header.alpha is not None)
    stack = stack.reshape(-1, *stack.shape[-3:])
    if stack.shape[0] != shown:
        raise ImageError(
            f"{file.name}: damaged: it says {shown} frames, but holds {stack.shape[0]}"
        )
    exif = checked(container.exif, file.name) if container.exif else None
    images = []
    for array, count in zip(stack, ticks, strict=True):
        file.check_decoded(array, width, height, channels)
        image = replace(
            picture_of(array, header, profile),
            exif=exif,
            xmp=container.xmp,
            dpi=resolution_of(exif),
        )
        if header.animation:
            over, under = header.animation.ticks
            image = replace(image, duration=count * under / over)
        images.append(upright(image, 1))  # libjxl has turned it, and EXIF does not count
    loop = header.animation.loops if header.animation else 0
    moving = header.animation is not None and len(images) > 1
    return Frames(tuple(images), "animation" if moving else "picture", loop)


def colours_of(header: Header) -> int:
    return 1 if header.colour.space == GRAY else 3


def opened(file: File) -> Container:  # noqa: C901 - a branch for each kind of box
    """Take a file apart. Raises ImageError if it holds no codestream."""
    data = file.data
    if data.startswith(MAGIC):
        return Container(data)
    found = Container(b"")
    for box in boxes_until_damage(data):
        kind, content = box.kind, box.content(data)
        if kind == b"brob":
            kind = content[:4]
            content = unpacked(file, content) if kind in (b"Exif", b"xml ") else content
        if kind == b"jxlc":
            found.codestream = content
        elif kind == b"jxlp":
            found.codestream += content[4:]
        elif kind == b"jxll":
            found.level = data[box.start : box.end]
        elif kind == b"Exif" and found.exif is None:
            found.exif = content[4 + int.from_bytes(content[:4]) :].removeprefix(EXIF_PREFIX)
        elif kind == b"xml " and found.xmp is None:
            found.xmp = content
        elif kind not in UNSAID_BOXES:
            known = f"box of type {kind.decode()!r}" if kind.isalnum() else "appended data"
            found.rest[OTHER_BOXES.get(kind, known)] = None
    if not found.codestream.startswith(MAGIC):
        raise ImageError(f"{file.name}: damaged: it holds no codestream of JPEG XL")
    found.exif, found.xmp = found.exif or None, found.xmp or None
    return found


def unpacked(file: File, content: bytes) -> bytes:
    """Return what a compressed box of metadata holds; nothing, with a warning, for damage."""
    try:
        size = min(MOST_METADATA, max(1 << 20, len(content) * 64))
        return bytes(imagecodecs.brotli_decode(content[4:], out=size))
    except imagecodecs.BrotliError:
        kind = "EXIF" if content[:4] == b"Exif" else "XMP"
        warn(f"{file.name}: its compressed {kind} is damaged or too large, and left out")
        return b""


def check_kind(file: File, header: Header) -> None:
    """Raise ImageError for samples and colours that are not read."""
    if header.exponent and header.bits not in (16, 32):
        raise ImageError(
            f"{file.name}: its samples are floats of {header.bits} bits; expected 16 or 32"
        )
    if any(one.kind == BLACK for one in header.extra):
        raise ImageError(
            f"{file.name}: its colours are CMYK, which is not read from JPEG XL; convert it first"
        )


def warn_of_the_rest(file: File, container: Container, header: Header) -> None:
    """Warn of what the file holds besides what is read, by name."""
    lost = dict(container.rest)
    others = [one for one in header.extra if one is not header.alpha]
    lost.update(dict.fromkeys(CHANNELS.get(one.kind, "further channel") for one in others))
    if header.intrinsic:
        lost["size to be shown in"] = None
    if header.animation and header.animation.timecodes:
        lost["time codes"] = None
    for thing in lost:
        warn(f"{file.name}: its {thing} is not carried over")
    if not header.exponent and header.bits > 16:
        warn(f"{file.name}: its samples of {header.bits} bits are continued as floats")


def timing(file: File, codestream: bytes, header: Header, body: int) -> tuple[int, Sequence[int]]:
    """Return how many pictures a codestream shows, and for how many ticks each."""
    if header.animation is None:
        return 1, [0]
    most = min(MOST_FRAMES, len(codestream))
    places = read_frames(codestream, header, body, most)
    ticks = [one.duration for one in places if one.shown and (one.duration or one.last)]
    if not ticks:
        raise ImageError(f"{file.name}: damaged: an animation without frames")
    return len(ticks), ticks


def decode(
    file: File, codestream: bytes, header: Header, profile: bytes | None, body: int
) -> NDArray[Any]:
    """Decode all frames, (H, W, C) or (F, H, W, C), in the file's bits."""
    foreign = header.xyb and profile is not None
    if foreign:
        # libjxl gives such pixels in linear sRGB, and in few bits unless floats are asked for.
        if not header.plain or (header.alpha and header.alpha.associated):
            raise ImageError(
                f"{file.name}: its colours are compressed with loss beside a colour profile and "
                "alpha or more, which is not read from JPEG XL; convert it first"
            )
        colour = replace(LINEAR_SRGB, space=header.colour.space)
        floats = replace(header, bits=32, exponent=8, colour=colour)
        codestream = with_header(codestream, header, floats, body=body)
    try:
        array: NDArray[Any] = np.asarray(imagecodecs.jpegxl_decode(codestream))
    except (imagecodecs.JpegxlError, RuntimeError, ValueError) as error:
        raise ImageError(f"{file.name}: its pixels are damaged or cut short") from error
    if colours_of(header) == 1 and header.alpha is None:
        if header.extra:  # further channels come as planes
            array = array[..., 0, :, :]
        array = array[..., None]
    return in_profile(array, header, profile) if foreign and profile else array


def in_profile(array: NDArray[Any], header: Header, profile: bytes) -> NDArray[Any]:
    """Bring colours from linear sRGB into a profile, and samples into the header's bits."""
    count = colours_of(header)
    space = "gray" if count == 1 else "rgb"
    linear = profile_of(replace(LINEAR_SRGB, space=header.colour.space)) or b""
    colours = np.ascontiguousarray(array[..., :count]).reshape(-1, 1, count)
    moved = imagecodecs.cms_transform(
        colours[:, :, 0] if count == 1 else colours,
        linear,
        profile,
        colorspace=space,
        outcolorspace=space,
        outdtype=np.float32,
    )
    array = np.array(array, np.float32)
    array[..., :count] = np.reshape(moved, (*array.shape[:-1], count))
    if header.exponent:
        return array
    most = (1 << min(header.bits, 16)) - 1
    dtype: Any = np.uint8 if most < 256 else np.uint16
    rounded: NDArray[Any] = np.rint(np.clip(array, 0, 1) * most).astype(dtype)
    return rounded


def picture_of(array: NDArray[Any], header: Header, profile: bytes | None) -> Image:
    """Return a picture of decoded samples."""
    details: dict[str, Any] = {"colour": header.colour, "tone": header.tone}
    bits, mode = header.bits, ""
    if array.dtype.kind == "f":
        mode = "half floats" if array.dtype == np.float16 else ""
        array = array.astype(np.float32)
    else:
        white, most = (255 if bits <= 8 else 65535), (1 << bits) - 1
        if most != white:
            mode = f"{bits} bits"
            array = spread(np.minimum(array, most), most)
    colours = colours_of(header)
    pixels = np.ascontiguousarray(array[:, :, :colours])
    alpha = np.ascontiguousarray(array[:, :, colours]) if header.alpha else None
    if alpha is not None and header.alpha and header.alpha.associated:
        details["associated"] = True
        pixels = unassociated(pixels, alpha)
    if header.animation:
        details["ticks"] = header.animation.ticks
    icc = profile or profile_of(header.colour)
    cicp = cicp_of(header.colour)
    details["said"] = icc, cicp
    return Image(pixels, alpha, icc=icc, cicp=cicp, stored=Stored("JPEG XL", mode, bits, details))


def encode(frames: Frames, name: str, encoding: Encoding) -> bytes:
    images = alike(frames, name)
    image = images[0]
    colour, profile = colour_for(image, name)
    if image.pixels.shape[2] == 1 and colour.space != GRAY:
        images = [replace(one, pixels=one.pixels.repeat(3, 2)) for one in images]
        image = images[0]
    lossless = encoding.quality is None or encoding.quality >= EXACT
    if not lossless and not lossy_fits(image, colour):
        warn(
            f"{name}: written without loss, whatever the quality: JPEG XL is compressed with loss "
            "only for 8 bits in sRGB or floats in linear sRGB"
        )
        lossless = True
    array, bits = samples_of(images, exact=lossless)
    if len(images) == 1:
        array = array[0] if array.shape[3] > 1 else array[0, :, :, 0]
    options: dict[str, Any] = {"level": encoding.quality}
    if lossless:  # a twelfth of the time of the usual effort, and 3 % more bytes
        options = {"lossless": True, "effort": 2}
    encoded = imagecodecs.jpegxl_encode(
        array,
        bitspersample=bits,
        usecontainer=True,
        **options,
    )
    container = opened(File(bytes(encoded), name))
    old = read_header(container.codestream)
    new = replace(old, tone=stored_detail(image, "tone"))
    if lossless:
        new = replace(new, colour=colour)
    if stored_detail(image, "associated") and new.extra:
        new = replace(new, extra=(replace(new.extra[0], associated=True),))
    codestream = container.codestream
    if len(images) > 1:
        codestream, animation = with_timing(codestream, old, images, frames.loop)
        new = replace(new, animation=animation)
    packed = write_profile(profile) if profile and new.colour.icc else None
    codestream = with_header(codestream, old, new, packed)
    return contained(codestream, image, container.level)


def with_timing(
    codestream: bytes, header: Header, images: Sequence[Image], loop: int
) -> tuple[bytes, Animation]:
    """Return a codestream whose frames have the durations of pictures, and what its header says."""
    ticks, durations = ticks_of(images)
    places = read_frames(codestream, header, -(-header.end // 8), MOST_FRAMES)
    return with_durations(codestream, places, durations), Animation(ticks, loop)


def contained(codestream: bytes, image: Image, level: bytes) -> bytes:
    """Return a codestream as a file, in boxes if there is something to put beside it."""
    exif = with_resolution(image.exif, image.dpi)
    if not (exif or image.xmp or level):
        return codestream
    parts = [SIGNATURE, FILE_TYPE, level]
    if exif:
        parts.append(boxes.box(b"Exif", bytes(4), exif))
    if image.xmp:
        parts.append(boxes.box(b"xml ", image.xmp))
    return b"".join([*parts, boxes.box(b"jxlc", codestream)])


def stored_detail(image: Image, key: str) -> Any:
    """Return what the JPEG XL file that a picture came from said, or None."""
    return details_of(image, "JPEG XL").get(key)


def alike(frames: Frames, name: str) -> list[Image]:
    """Return the frames with the same channels. Raises ImageError if they differ otherwise."""
    sizes = {(one.width, one.height, one.bits) for one in frames}
    if len(sizes) > 1:
        raise ImageError(f"{name}: the frames of an animation differ in size or depth")
    channels = max(one.pixels.shape[2] for one in frames)
    has_alpha = any(one.alpha is not None for one in frames)
    images = []
    for one in frames:
        image = one
        if image.pixels.shape[2] < channels:
            image = replace(image, pixels=image.pixels.repeat(3, 2))
        images.append(with_alpha(image) if has_alpha else image)
    return images


def colour_for(image: Image, name: str) -> tuple[Colour, bytes | None]:
    """Return what a header is to say of the colours, and a profile to follow it or None."""
    space = GRAY if image.pixels.shape[2] == 1 else RGB
    known = stored_detail(image, "colour")
    if known and stored_detail(image, "said") == (image.icc, image.cicp) and known.space == space:
        return known, image.icc if known.icc else None
    if image.cicp:
        described = of_cicp(image.cicp, space)
        if described:
            if image.icc and profile_of(described) != image.icc:
                warn(
                    f"{name}: JPEG XL holds a colour description or a profile, and not both; the "
                    "profile is left out"
                )
            return described, None
        warn(f"{name}: JPEG XL does not hold the colour description {image.cicp}; it is left out")
    if image.icc:
        kind = space_of(image.icc)
        if kind == b"RGB " or (kind == b"GRAY" and space == GRAY):
            return Colour(GRAY if kind == b"GRAY" else RGB, icc=True), image.icc
        warn(f"{name}: its colour profile is not for such pixels; it is left out")
    return Colour(space), None


def lossy_fits(image: Image, colour: Colour) -> bool:
    """Return whether the encoder takes a picture for what it is, when it may change samples."""
    if image.bits == 8:
        return is_srgb(colour)
    return image.bits == 32 and replace(colour, space=RGB, intent=1) == LINEAR_SRGB


def samples_of(images: Sequence[Image], *, exact: bool) -> tuple[NDArray[Any], int | None]:
    """Return the samples of frames, (F, H, W, C), in the bits that a file of theirs has."""
    stack = []
    for image in images:
        pixels = image.pixels
        if image.alpha is None:
            stack.append(pixels)
            continue
        if stored_detail(image, "associated"):
            pixels = associated(pixels, image.alpha)
        stack.append(np.concatenate([pixels, image.alpha[:, :, None]], 2))
    array = np.stack(stack)
    stored = images[0].stored
    bits = stored.bits if stored and exact else 0
    if array.dtype == np.float32:
        return (array.astype(np.float16) if bits == 16 and are_halves(array) else array), None
    white = scale_of(array.dtype)
    if not white.bit_length() // 2 < bits < white.bit_length() and not 0 < bits < 8:
        return array, None
    if (bits <= 8) != (white == 255):
        return array, None
    return narrowed(array, bits), bits


def are_halves(array: NDArray[Any]) -> bool:
    """Return whether half floats hold all values, as the codec keeps them: none too near to 0."""
    if (np.abs(array) > HALF_LARGEST).any():
        return False
    tiny = (array != 0) & (np.abs(array) < HALF_SMALLEST)
    return not tiny.any() and np.array_equal(array.astype(np.float16), array)


def ticks_of(images: Sequence[Image]) -> tuple[tuple[int, int], list[int]]:
    """Return how many ticks a second has, and for how many each frame is shown, one at least."""
    ticks = stored_detail(images[0], "ticks")
    over, under = ticks or (TICK, 1)
    durations = [max(1, round((one.duration or 0) * over / under)) for one in images]
    return (over, under), durations


FORMAT: Final = Format(
    read,
    encode,
    Limits(
        lossy=True,
        side=SIDE,
        holds=frozenset({"icc", "exif", "xmp", "dpi", "cicp"}),
        frames=frozenset({"animation"}),
    ),
)
