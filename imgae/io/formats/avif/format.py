"""AVIF: its boxes by hand, its pixels with libavif.

Written without loss unless a quality is asked for: in RGB without subsampling (the matrix is
identity), which decoders give back bit by bit. Viewers turn and crop by the file's own properties
(irot, imir, clap) and pay no heed to the orientation in EXIF; so does this module.
"""

import struct
from dataclasses import dataclass, replace
from fractions import Fraction
from math import lcm
from typing import Any, Final

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from imgae.errors import ImageError, warn
from imgae.io.bmff import boxes
from imgae.io.bmff.boxes import Box, Cursor, Item, Items, box, full_box
from imgae.io.bmff.outer import outermost
from imgae.io.format import Encoding, File, Format, Limits, details_of
from imgae.io.formats.avif.av1 import coded_size, configuration
from imgae.io.formats.avif.items import Part, meta_box, still_file
from imgae.io.formats.avif.sequences import Timing, Track, movie, tracks_of
from imgae.io.metadata.exif import checked, orientation_of
from imgae.io.metadata.resolution import resolution_of, with_resolution
from imgae.io.metadata.upright import upright
from imgae.io.samples.associated import associated, unassociated
from imgae.io.samples.depth import narrowed, widened
from imgae.io.samples.frames import check_one_size, warn_of_different, with_alpha
from imgae.picture.image import Frames, Image, Stored
from imgae.picture.orientation import SIDEWAYS, TURNS, turn

LIGHT: Final = "light levels (CLLI)"
MASTERING: Final = "mastering display (MDCV)"
ASPECT: Final = "pixel aspect"
KEPT: Final = {b"clli": LIGHT, b"mdcv": MASTERING, b"pasp": ASPECT}
"""Properties that Image.private holds as bytes, by its names."""
BOXES: Final = frozenset({b"ftyp", b"meta", b"moov", b"mdat"})
KNOWN: Final = frozenset(
    {b"ispe", b"pixi", b"av1C", b"colr", b"irot", b"imir", b"clap", b"auxC", b"a1op", b"a1lx"}
    | {b"lsel", b"free", b"skip", *KEPT}
)
ALPHA: Final = (
    b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha",
    b"urn:mpeg:hevc:2015:auxid:1",
)
SRGB: Final = (1, 13)
"""Primaries and transfer of sRGB, which a picture has without a word."""
UNSPECIFIED: Final = (2, 2)
BT601: Final = 6
FAST: Final = 9
"""Of libaom, 0 to 10, without loss: files are as large as at 6, and take a third of the time."""
THOROUGH: Final = 6
MOST_PIXELS: Final = 1 << 28
"""Of a picture, where libavif's readers end."""


@dataclass(frozen=True)
class Coded:
    """How AV1 stores a picture: its size, bits of a sample, whether it is gray, subsampling."""

    width: int
    height: int
    bits: int
    gray: bool
    subsampling: str


def read(file: File) -> Frames:
    data, name = file.data, file.name
    top = {one.kind: one for one in reversed(outermost(file, BOXES))}
    items = boxes.items(data, top[b"meta"]) if b"meta" in top else Items(data)
    tracks = tracks_of(data, top[b"moov"]) if b"moov" in top else []
    shown = next((track for track in tracks if track.handler == b"pict"), None)
    major = (*boxes.brands(data), b"")[0]
    if shown is not None and (major != b"avif" or items.primary not in items.items):
        return read_sequence(file, shown, tracks, items)
    if shown is not None and len(shown.durations) > 1:
        warn(f"{name}: it also holds a sequence of pictures, which is left out")
    return Frames((read_still(file, items),))


def read_still(file: File, items: Items) -> Image:
    """Return the picture that stands for the file."""
    primary = items.items.get(items.primary)
    if primary is None or primary.kind not in (b"av01", b"grid"):
        kind = primary.kind.decode("latin-1") if primary else "none"
        raise ImageError(f"{file.name}: its picture is of a kind that cannot be read ({kind})")
    tiles = [
        items.items[one] for one in items.referred(b"dimg", primary.number) if one in items.items
    ]
    alpha = alpha_of(items, primary.number)
    coded = coded_as(items.data, primary, tiles or [primary])
    file.check_size(coded.width, coded.height)
    for part in (primary, *tiles, alpha):
        if part is not None and part.kind == b"av01":
            size = coded_size(items.content(part))
            file.check_size(*size)
            if part is primary and not part.property(b"lsel"):
                check_same(file.name, coded, size)
    premultiplied = alpha is not None and alpha.number in items.referred(b"prem", primary.number)
    data = without_association(file.data) if premultiplied else file.data
    array = decoded(data, items, primary, alpha, coded)
    channels = (1 if coded.gray else 3) + (alpha is not None)
    file.check_decoded(array, coded.width, coded.height, channels)
    warn_of_others(file.name, items, primary, tiles, alpha)
    if premultiplied:
        array = divided(array, coded.bits)
    image = image_of(array, coded, alpha is not None, premultiplied=premultiplied)
    return with_properties(image, file, items, primary.properties)


def check_same(name: str, coded: Coded, size: tuple[int, int]) -> None:
    """Raise ImageError if pixels are of another size than the file says; libavif scales them."""
    if size != (coded.width, coded.height):
        raise ImageError(
            f"{name}: damaged: it says {coded.width}x{coded.height} pixels, but holds "
            f"{size[0]}x{size[1]}"
        )


def coded_as(data: bytes, item: Item, parts: list[Item]) -> Coded:
    """Return how an item is stored. parts: those with the pixels, itself or a grid's tiles."""
    extent = item.property(b"ispe")
    codec = next((one.property(b"av1C") for one in parts), None)
    if extent is None or codec is None:
        raise ValueError("it does not say how large its picture is, or how it is stored")
    cursor = Cursor(data, extent)
    cursor.version()
    return Coded(cursor.number(4), cursor.number(4), *configuration(data, codec))


def alpha_of(items: Items, number: int) -> Item | None:
    """Return the item that holds the transparency of another, or None."""
    for origin in items.referring(b"auxl", number):
        item = items.items.get(origin)
        kind = item.property(b"auxC") if item else None
        if item and kind and kind.content(items.data)[4:].split(b"\0")[0] in ALPHA:
            return item
    return None


def decoded(
    data: bytes, items: Items, primary: Item, alpha: Item | None, coded: Coded
) -> NDArray[Any]:
    """Return decoded pixels. A file that libavif is too strict for is put together anew."""
    try:
        array: NDArray[Any] = imagecodecs.avif_decode(data, index=0)
    except imagecodecs.AvifError:
        if primary.kind != b"av01" or (alpha is not None and alpha.kind != b"av01"):
            raise
        parts = [made_part(items, primary, coded)]
        if alpha is not None:
            parts.append(made_part(items, alpha, replace(coded, gray=True)))
        array = imagecodecs.avif_decode(still_file(parts, [], [b"avif", b"mif1", b"miaf"]), index=0)
    return array


def without_association(data: bytes) -> bytes:
    """Return a file that does not say that its colours are multiplied by alpha.

    libavif then hands them over as they are; what it makes of them else is rounded twice.
    """
    for meta in boxes.boxes(data):
        references = boxes.first(data, meta, b"iref", 4) if meta.kind == b"meta" else None
        for one in boxes.inside(data, references, 4) if references else ():
            if one.kind == b"prem":
                at = one.begin - 4
                return data[:at] + b"free" + data[one.begin :]
    return data


def divided(array: NDArray[Any], bits: int) -> NDArray[Any]:
    """Undo the multiplication of colours by alpha, the last channel."""
    colours = unassociated(array[:, :, :-1], array[:, :, -1], (1 << bits) - 1)
    return np.concatenate([colours, array[:, :, -1:]], 2)


def made_part(items: Items, item: Item, coded: Coded) -> Part:
    """Return an item as it must be for a strict decoder; only what its pixels need is kept."""
    channels = 1 if coded.gray else 3
    found = {one.kind: items.data[one.start : one.end] for one in reversed(item.properties)}
    colour = [
        items.data[one.start : one.end]
        for one in item.properties
        if one.kind == b"colr" and one.content(items.data)[:4] == b"nclx"
    ]
    properties = [
        full_box(b"ispe", 0, 0, struct.pack(">II", coded.width, coded.height)),
        full_box(b"pixi", 0, 0, bytes([channels, *[coded.bits] * channels])),
        *(found[kind] for kind in (b"auxC", b"a1op") if kind in found),
        *colour[:1],
    ]
    references = ((b"auxl", (1,)),) if b"auxC" in found else ()
    return Part(
        b"av01",
        items.content(item),
        (*((one, False) for one in properties), (found[b"av1C"], True)),
        references,
    )


def warn_of_others(
    name: str, items: Items, primary: Item, tiles: list[Item], alpha: Item | None
) -> None:
    """Warn of pictures and properties that are not carried over."""
    used = {primary.number, *(one.number for one in tiles)}
    if alpha is not None:
        used |= {alpha.number, *items.referred(b"dimg", alpha.number)}
    others = [one for one in items.items.values() if one.number not in used]
    thumbnails = set(items.referring(b"thmb", primary.number))
    if any(one.kind == b"tmap" for one in others):
        warn(f"{name}: a gain map for bright screens is left out")
    elif any(
        one.kind in (b"av01", b"grid", b"iovl", b"jpeg", b"hvc1") and one.number not in thumbnails
        for one in others
    ):
        warn(f"{name}: it holds further pictures; only the main one is used")
    unknown = {one.kind.decode("latin-1") for one in primary.properties if one.kind not in KNOWN}
    if unknown:
        warn(f"{name}: its properties {', '.join(sorted(unknown))!a} are not known, and left out")


def image_of(
    array: NDArray[Any], coded: Coded, has_alpha: bool, premultiplied: bool = False, **details: Any
) -> Image:
    """Return decoded pixels as a picture of 8 or 16 bits."""
    if array.ndim == 2:
        array = array[:, :, None]
    if coded.bits > 8:
        array = widened(array, coded.bits)
    colours = array[:, :, :-1] if has_alpha else array
    stored = Stored(
        "AVIF",
        f"{coded.bits} bits" if coded.bits > 8 else "",
        coded.bits,
        {"subsampling": coded.subsampling, "premultiplied": premultiplied, **details},
    )
    return Image(
        np.ascontiguousarray(colours),
        np.ascontiguousarray(array[:, :, -1]) if has_alpha else None,
        stored=stored,
    )


def with_properties(image: Image, file: File, items: Items, properties: tuple[Box, ...]) -> Image:
    """Return an upright picture with all that its file says of it."""
    data = items.data
    icc, nclx = boxes.colours_of(data, properties)
    details = {} if image.stored is None else dict(image.stored.details)
    private = {KEPT[one.kind]: one.content(data) for one in properties if one.kind in KEPT}
    if private.get(ASPECT, b"\0" * 8)[:4] == private.get(ASPECT, b"\0" * 8)[4:]:
        private.pop(ASPECT, None)
    exif, xmp = described(items, file.name)
    if nclx and (icc or nclx[:2] not in (SRGB, UNSPECIFIED)):
        details["nclx"] = nclx[:2]
    stored = image.stored and replace(image.stored, details=details)
    image = replace(
        image,
        icc=icc,
        exif=exif,
        xmp=xmp,
        dpi=resolution_of(exif),
        cicp=(*nclx[:2], 0, 1) if nclx and nclx[:2] not in (SRGB, UNSPECIFIED) else None,
        stored=stored,
    )
    turned = orientation_of_properties(data, properties)
    if turned == 1 and orientation_of(exif) != 1:
        warn(
            f"{file.name}: its EXIF says that it is turned, and its own properties do not; viewers "
            "of AVIF go by these, and so it stays"
        )
    if turned in SIDEWAYS and ASPECT in private:
        private[ASPECT] = private[ASPECT][4:8] + private[ASPECT][:4]
    aperture = aperture_of(data, properties, image.width, image.height)
    if aperture is not None:
        warn(f"{file.name}: cropped to its clean aperture; what is outside of it is left out")
    elif any(one.kind == b"clap" for one in properties):
        warn(f"{file.name}: its clean aperture makes no sense, and is not applied")
    return upright(cropped(replace(image, private=private), aperture), turned)


def described(items: Items, name: str) -> tuple[bytes | None, bytes | None]:
    """Return EXIF and XMP."""
    exif: bytes | None = None
    xmp: bytes | None = None
    for item in items.described:
        try:
            content = items.content(item)
        except ValueError:
            warn(f"{name}: its {item.kind.decode('latin-1')} is cut short, and left out")
            continue
        if item.kind == b"Exif" and exif is None:
            start = 4 + int.from_bytes(content[:4])
            exif = checked(content[start:] or content[4:], name) if len(content) > 4 else None
        elif item.kind == b"mime" and b"rdf+xml" in item.content_type:
            xmp = xmp or content or None
        else:
            what = (item.content_type or item.kind).decode("latin-1")
            warn(f"{name}: its data of kind {what!a} is left out")
    return exif, xmp


def orientation_of_properties(data: bytes, properties: tuple[Box, ...]) -> int:
    """Return the orientation, as EXIF numbers it, that turning and mirroring add up to."""
    start = np.arange(6).reshape(2, 3)
    grid = start
    for one in properties:
        value = Cursor(data, one).number(1) if one.kind in (b"irot", b"imir") else 0
        if one.kind == b"irot":
            grid = np.rot90(grid, value & 3)
        elif one.kind == b"imir":
            grid = grid[:, ::-1] if value & 1 else grid[::-1]
    return next(
        (number for number, turned in TURNS.items() if np.array_equal(turned(start), grid)), 1
    )


def aperture_of(
    data: bytes, properties: tuple[Box, ...], width: int, height: int
) -> tuple[slice, slice] | None:
    """Return the rows and columns that a clean aperture shows; None without one of whole pixels."""
    clap = next((one for one in properties if one.kind == b"clap"), None)
    if clap is None:
        return None
    cursor = Cursor(data, clap)
    values = [(int.from_bytes(cursor.take(4), signed=True), cursor.number(4)) for _ in range(4)]
    if not all(below for _, below in values):
        return None
    sides = []
    for whole, extent, offset in zip((width, height), values[:2], values[2:], strict=True):
        length = Fraction(*extent)
        begin = Fraction(*offset) + Fraction(whole, 2) - length / 2
        if length < 1 or length.denominator != 1 or begin.denominator != 1:
            return None
        if not 0 <= begin <= whole - length:
            return None
        sides.append(slice(int(begin), int(begin + length)))
    return sides[1], sides[0]


def cropped(image: Image, aperture: tuple[slice, slice] | None) -> Image:
    if aperture is None:
        return image
    pixels: Any = np.ascontiguousarray(image.pixels[aperture])
    alpha: Any = None if image.alpha is None else np.ascontiguousarray(image.alpha[aperture])
    return replace(image, pixels=pixels, alpha=alpha)


def read_sequence(file: File, track: Track, tracks: list[Track], items: Items) -> Frames:
    """Return every frame of a sequence."""
    count = len(track.durations)
    codec = next((one for one in track.properties if one.kind == b"av1C"), None)
    if codec is None or not track.timescale:
        raise ValueError("its sequence does not say how it is stored, or timed")
    alpha = next((one for one in tracks if track.number in one.auxiliary_to), None)
    coded = Coded(track.width, track.height, *configuration(file.data, codec))
    file.check_size(coded.width, coded.height, count)
    for one in (track, *([alpha] if alpha else [])):
        size = coded_size(file.data[slice(*one.first)])
        file.check_size(*size, count)
        if one is track:
            check_same(file.name, coded, size)
    array = imagecodecs.avif_decode(file.data)
    if count == 1 and array.shape[:2] == (coded.height, coded.width):
        array = array[None]
    if array.ndim == 3:
        array = array[..., None]
    if len(array) != count:
        raise ValueError(f"it says {count} frames, and {len(array)} could be read")
    channels = (1 if coded.gray else 3) + (alpha is not None)
    file.check_decoded(array[0], coded.width, coded.height, channels)
    primary = items.items.get(items.primary)
    said = [one.kind for one in track.properties]
    properties = track.properties
    if primary is not None:
        properties += tuple(
            one for one in primary.properties if one.kind not in said or one.kind == b"colr"
        )
    images = [
        replace(
            image_of(frame, coded, alpha is not None, timescale=track.timescale),
            duration=duration / track.timescale,
        )
        for frame, duration in zip(array, track.durations, strict=True)
    ]
    first = with_properties(images[0], file, items, properties)
    aperture = aperture_of(file.data, properties, coded.width, coded.height)
    images = [turn(cropped(image, aperture), first.turned) for image in images]
    images = [
        replace(first, pixels=image.pixels, alpha=image.alpha, duration=image.duration)
        for image in images
    ]
    return Frames(tuple(images), "animation", track.loop)


def encode(frames: Frames, name: str, encoding: Encoding) -> bytes:
    """Encode pictures without loss, or by a quality; transparency of one picture without loss."""
    first = frames[0]
    if first.width * first.height > MOST_PIXELS:
        raise ImageError(
            f"{name}: {first.width}x{first.height} pixels are more than readers of AVIF take, "
            f"{MOST_PIXELS / 1e6:.0f} million; write PNG or TIFF"
        )
    details = details_of(first, "AVIF")
    gray = all(image.pixels.shape[2] == 1 for image in frames)
    bits = bits_of(first)
    options = options_of(first, gray, bits, encoding, str(details.get("subsampling", "444")))
    if frames.kind == "animation":
        return encode_sequence(frames, name, gray, bits, options)
    colours, alpha = samples_of(first, gray, bits)
    premultiplied = alpha is not None and bool(details.get("premultiplied"))
    if premultiplied and alpha is not None:
        colours = associated(colours, alpha, (1 << bits) - 1)
    data = bytes(imagecodecs.avif_encode(squeezed(colours), **options))
    colour, brands = encoded_part(data)
    properties = (*colour.properties, *((one, False) for one in further_properties(first)))
    parts = [replace(colour, properties=properties)]
    if alpha is not None:
        options |= {"level": 100, "pixelformat": "400", "speed": FAST, "matrix": BT601}
        part, _ = encoded_part(bytes(imagecodecs.avif_encode(alpha, **options)))
        kept = [one for one in part.properties if one[0][4:8] != b"colr"]
        auxiliary = full_box(b"auxC", 0, 0, ALPHA[0] + b"\0")
        parts.append(
            replace(part, properties=(*kept, (auxiliary, True)), references=((b"auxl", (1,)),))
        )
        if premultiplied:
            parts[0] = replace(parts[0], references=((b"prem", (2,)),))
    return still_file(parts, described_parts(first), brands)


def bits_of(image: Image) -> int:
    """Return how many bits a sample has in a file: 8, 10 or 12."""
    if image.bits == 8:
        return 8
    return 10 if image.stored and 8 < image.stored.bits <= 10 else 12


def options_of(
    image: Image, gray: bool, bits: int, encoding: Encoding, subsampling: str
) -> dict[str, Any]:
    """Return what imagecodecs takes for the colours of a picture."""
    lossless = encoding.quality in (None, 100)
    unsaid = UNSPECIFIED if image.icc else SRGB
    primaries, transfer = image.cicp[:2] if image.cicp else unsaid
    return {
        "level": 100 if encoding.quality is None else encoding.quality,
        "speed": FAST if lossless else THOROUGH,
        "bitspersample": bits,
        "pixelformat": "400" if gray else "444" if lossless else subsampling,
        "primaries": primaries,
        "transfer": transfer,
        "matrix": 0 if lossless and not gray else BT601,
    }


def samples_of(image: Image, gray: bool, bits: int) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Return colours (H, W, 1 or 3) and alpha (H, W) of so many bits."""
    colours: NDArray[Any] = image.pixels
    alpha: NDArray[Any] | None = image.alpha
    if bits > 8:
        colours = narrowed(colours, bits)
        alpha = None if alpha is None else narrowed(alpha, bits)
    if not gray and colours.shape[2] == 1:
        colours = colours.repeat(3, 2)
    return colours, alpha


def squeezed(array: NDArray[Any]) -> Any:
    """Return gray (H, W, 1) as (H, W), and all else as it is."""
    return np.ascontiguousarray(array[..., 0] if array.shape[-1] == 1 else array)


def encoded_part(data: bytes) -> tuple[Part, list[bytes]]:
    """Return the picture of a file that libavif wrote as an item, and the file's brands."""
    meta = next(one for one in boxes.boxes(data) if one.kind == b"meta")
    items = boxes.items(data, meta)
    item = items.items[items.primary]
    return Part(b"av01", items.content(item), copied(data, item)), list(boxes.brands(data))


def copied(data: bytes, item: Item) -> tuple[tuple[bytes, bool], ...]:
    """Return the properties of an item as bytes, and whether a reader has to know them."""
    return tuple((data[one.start : one.end], one.kind == b"av1C") for one in item.properties)


def further_properties(image: Image) -> list[bytes]:
    """Return the boxes of a picture's profile and of what only such files hold."""
    found = [box(b"colr", b"prof", image.icc)] if image.icc else []
    found += [box(kind, image.private[key]) for kind, key in KEPT.items() if key in image.private]
    return found


def described_parts(image: Image) -> list[Part]:
    """Return EXIF and XMP as items that speak of the first."""
    about = ((b"cdsc", (1,)),)
    exif = with_resolution(image.exif, image.dpi)
    parts = []
    if exif:
        parts.append(Part(b"Exif", bytes(4) + exif, references=about))
    if image.xmp:
        tail = b"\0application/rdf+xml\0"
        parts.append(Part(b"mime", image.xmp, references=about, tail=tail))
    return parts


def encode_sequence(
    frames: Frames, name: str, gray: bool, bits: int, options: dict[str, Any]
) -> bytes:
    """Encode an animation: libavif's, with its own timing, profile and metadata."""
    first = frames[0]
    check_one_size(frames, "AVIF", name)
    warn_of_different(frames, ("icc", "exif", "xmp", "dpi", "cicp"), "AVIF", name)
    has_alpha = any(image.alpha is not None for image in frames)
    arrays = []
    for image in frames:
        colours, alpha = samples_of(with_alpha(image) if has_alpha else image, gray, bits)
        if alpha is not None:
            colours = np.concatenate([colours, alpha[:, :, None]], 2)
        arrays.append(colours)
    if len(arrays) == 1:  # libavif makes no sequence of one frame
        arrays *= 2
    data = bytes(imagecodecs.avif_encode(np.stack(arrays), **options))
    return retimed(data, first, timing_of(frames, name))


def timing_of(frames: Frames, name: str) -> Timing:
    """Return the times of frames, exact where a fraction of a second can be."""
    seconds = [image.duration or 0.0 for image in frames]
    known = details_of(frames[0], "AVIF").get("timescale", 0)
    exact = lcm(*(Fraction(one).limit_denominator(100_000).denominator for one in seconds))
    for timescale in (known, 1000, exact if exact < 1 << 31 else 90_000, 90_000):
        counts = tuple(round(one * timescale) for one in seconds)
        if timescale and all(
            abs(count / timescale - one) < 1e-7 for count, one in zip(counts, seconds, strict=True)
        ):
            break
    else:
        warn(f"{name}: the times of its frames are rounded to parts of 1/90000 second")
    return Timing(timescale, counts, frames.loop)


def retimed(data: bytes, image: Image, timing: Timing) -> bytes:
    """Return a sequence of libavif's with other times, and with metadata."""
    top = {one.kind: one for one in boxes.boxes(data)}
    items = boxes.items(data, top[b"meta"])
    parts, places = [], []
    mdat = top[b"mdat"]
    for item in items.items.values():
        references = tuple(
            (kind, to) for kind, origin, to in items.references if origin == item.number
        )
        more = further_properties(image) if item.number == items.primary else []
        properties = (*copied(data, item), *((one, False) for one in more))
        parts.append(Part(item.kind, b"", properties, references))
        begin, end = item.extents[0]
        places.append((begin - mdat.begin, end - begin))
    content = mdat.content(data)
    for part in described_parts(image):
        places.append((len(content), len(part.content)))
        content += part.content
        parts.append(part)
    head = data[: top[b"ftyp"].end]
    size = len(head) + len(meta_box(parts, places)) + 8
    more = further_properties(image)
    size += len(movie(data, top[b"moov"], timing, more, 0))
    places = [(begin + size, length) for begin, length in places]
    moov = movie(data, top[b"moov"], timing, more, size - mdat.begin)
    return head + meta_box(parts, places) + moov + box(b"mdat", content)


FORMAT: Final = Format(
    read,
    encode,
    Limits(
        bits=12,
        side=32768,  # where libavif's readers end
        lossy=True,
        holds=frozenset({"icc", "exif", "xmp", "dpi", "cicp"}),
        private=frozenset(KEPT.values()),
        frames=frozenset({"animation"}),
    ),
)
