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
from imgae.io import boxes
from imgae.io.boxes import Box, Cursor, Item, Items, box, full_box
from imgae.io.depth import narrowed, widened
from imgae.io.exif import orientation_of, resolution_of, with_resolution
from imgae.io.format import Encoding, File, Format, Limits
from imgae.io.metadata import checked, upright
from imgae.picture.image import Frames, Image, Stored
from imgae.picture.orientation import SIDEWAYS, TURNS, turn

LIGHT: Final = "light levels (CLLI)"
MASTERING: Final = "mastering display (MDCV)"
ASPECT: Final = "pixel aspect"
KEPT: Final = {b"clli": LIGHT, b"mdcv": MASTERING, b"pasp": ASPECT}
"""Properties that Image.private holds as bytes, by its names."""
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
ENDLESS: Final = (1 << 64) - 1
SUBSAMPLINGS: Final = {(0, 0): "444", (1, 0): "422", (1, 1): "420"}


@dataclass(frozen=True)
class Coded:
    """How AV1 stores a picture: its size, bits of a sample, whether it is gray, subsampling."""

    width: int
    height: int
    bits: int
    gray: bool
    subsampling: str


class Bits:
    """Reads numbers of any count of bits. Raises ValueError beyond the end."""

    def __init__(self, data: bytes) -> None:
        self.value, self.left = int.from_bytes(data), 8 * len(data)

    def number(self, count: int) -> int:
        self.left -= count
        if self.left < 0:
            raise ValueError("the header of its pixels is cut short")
        return self.value >> self.left & ((1 << count) - 1)


def coded_size(payload: bytes) -> tuple[int, int]:
    """Return width and height from the sequence header of AV1. Raises ValueError without one."""
    at = 0
    for _ in range(16):
        if at + 2 > len(payload):
            break
        kind, extended, sized = payload[at] >> 3 & 15, payload[at] & 4, payload[at] & 2
        at += 2 if extended else 1
        size = len(payload) - at
        if sized:
            size, shift = 0, 0
            while shift < 56 and at < len(payload):
                byte = payload[at]
                at += 1
                size |= (byte & 127) << shift
                shift += 7
                if byte < 128:
                    break
        if kind == 1:
            return sequence_size(Bits(payload[at : at + min(size, 400)]))
        at += size
    raise ValueError("its pixels have no header")


def sequence_size(bits: Bits) -> tuple[int, int]:
    bits.number(4)  # profile and whether it is a still picture
    if bits.number(1):  # the short header of a still picture
        bits.number(5)
    else:
        delay = 0
        modelled = 0
        if bits.number(1):  # timing
            bits.number(64)
            if bits.number(1):
                zeros = 0
                while not bits.number(1):
                    zeros += 1
                bits.number(zeros)
            modelled = bits.number(1)
            if modelled:
                delay = bits.number(5) + 1
                bits.number(42)
        display = bits.number(1)
        for _ in range(bits.number(5) + 1):
            bits.number(12)
            if bits.number(5) > 7:
                bits.number(1)
            if modelled and bits.number(1):
                bits.number(2 * delay + 1)
            if display and bits.number(1):
                bits.number(4)
    across, down = bits.number(4) + 1, bits.number(4) + 1
    return bits.number(across) + 1, bits.number(down) + 1


def read(file: File) -> Frames:
    data, name = file.data, file.name
    top = {one.kind: one for one in reversed(list(boxes.boxes(data)))}
    if any(not one.whole for one in top.values()):
        warn(f"{name}: cut short")
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


def configuration(data: bytes, codec: Box) -> tuple[int, bool, str]:
    """Return bits of a sample, whether it is gray, and the subsampling."""
    flags = Cursor(data, codec).number(4) >> 8 & 0xFF
    bits = 8 if not flags & 0x40 else 12 if flags & 0x20 else 10
    return bits, bool(flags & 0x10), SUBSAMPLINGS.get((flags >> 3 & 1, flags >> 2 & 1), "444")


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
    most = (1 << bits) - 1
    alpha = array[:, :, -1:].astype(np.uint32)
    colours = (array[:, :, :-1] * np.uint32(most) + alpha // 2) // np.maximum(alpha, 1)
    colours = np.where(alpha == 0, array[:, :, :-1], np.minimum(colours, most))
    return np.concatenate([colours, alpha], 2).astype(array.dtype)


@dataclass(frozen=True)
class Part:
    """An item to be written: its kind, bytes, properties as boxes, and what follows its kind.

    references: kinds, each with the places of the items it is to, counted from 1.
    """

    kind: bytes
    content: bytes
    properties: tuple[tuple[bytes, bool], ...] = ()
    references: tuple[tuple[bytes, tuple[int, ...]], ...] = ()
    tail: bytes = b"\0"


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
    icc, nclx = colours_of(data, properties)
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


def colours_of(
    data: bytes, properties: tuple[Box, ...]
) -> tuple[bytes | None, tuple[int, int, int, int] | None]:
    """Return the ICC profile, and primaries, transfer, matrix and range, or None."""
    icc: bytes | None = None
    nclx: tuple[int, int, int, int] | None = None
    for one in properties:
        content = one.content(data) if one.kind == b"colr" else b""
        if content[:4] in (b"prof", b"rICC"):
            icc = icc or content[4:] or None
        elif content[:4] == b"nclx" and len(content) >= 11:
            nclx = nclx or (*struct.unpack_from(">HHH", content, 4), content[10] >> 7)
    return icc, nclx


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


@dataclass(frozen=True)
class Track:
    """A track of a movie: the number of it, what it holds, how its samples are stored and timed.

    durations: of each sample, in parts of a second of which `timescale` are one. loop: how often it
    is shown, 0 without end. first: where the first sample lies. properties: of its sample entry.
    """

    number: int
    handler: bytes
    width: int
    height: int
    timescale: int
    durations: tuple[int, ...]
    loop: int
    first: tuple[int, int]
    properties: tuple[Box, ...]
    auxiliary_to: tuple[int, ...] = ()


def tracks_of(data: bytes, moov: Box) -> list[Track]:
    """Return the tracks of AV1 in a movie."""
    found = []
    for trak in boxes.inside(data, moov):
        media = boxes.first(data, trak, b"mdia") if trak.kind == b"trak" else None
        table = boxes.descend(data, media, b"minf", b"stbl") if media else None
        if media is None or table is None:
            continue
        parts = {one.kind: one for one in boxes.inside(data, table)}
        entry = next(iter(boxes.inside(data, parts[b"stsd"], 8)), None)
        if entry is None or entry.kind != b"av01":
            continue
        found.append(track_of(data, trak, media, parts, entry))
    return found


def track_of(data: bytes, trak: Box, media: Box, parts: dict[bytes, Box], entry: Box) -> Track:
    handler, header = boxes.first(data, media, b"hdlr"), boxes.first(data, media, b"mdhd")
    tkhd = boxes.first(data, trak, b"tkhd")
    if handler is None or header is None or tkhd is None:
        raise ValueError("a track lacks its headers")
    cursor = Cursor(data, header)
    version, _ = cursor.version()
    cursor.take(16 if version else 8)
    timescale = cursor.number(4)
    cursor = Cursor(data, tkhd)
    version, _ = cursor.version()
    cursor.take(16 if version else 8)
    number = cursor.number(4)
    cursor.take(4)
    length = cursor.number(8 if version else 4)
    endless = length == ((1 << 64) - 1 if version else (1 << 32) - 1)
    sizes = Cursor(data, parts[b"stsz"])
    sizes.version()
    common, count = sizes.number(4), sizes.number(4)
    durations = durations_of(data, parts[b"stts"], count)
    wide = b"co64" in parts
    chunks = Cursor(data, parts[b"co64" if wide else b"stco"])
    chunks.take(8)
    at = chunks.number(8 if wide else 4)
    size = common or (sizes.number(4) if count else 0)
    picture = Cursor(data, entry)
    picture.take(24)
    width, height = picture.number(2), picture.number(2)
    reference = boxes.descend(data, trak, b"tref", b"auxl")
    main: tuple[int, ...] = ()
    if reference is not None:
        content = reference.content(data)
        main = struct.unpack(f">{len(content) // 4}I", content[: len(content) // 4 * 4])
    return Track(
        number,
        handler.content(data)[8:12],
        width,
        height,
        timescale,
        durations,
        loop_of(data, trak, None if endless else length),
        (at, at + size),
        tuple(boxes.inside(data, entry, 78)),
        main,
    )


def durations_of(data: bytes, stts: Box, count: int) -> tuple[int, ...]:
    """Return the duration of each of so many samples."""
    cursor = Cursor(data, stts)
    cursor.version()
    found: list[int] = []
    if count > boxes.MOST_BOXES:
        raise ValueError("it says that it has too many frames")
    for _ in range(cursor.number(4)):
        times, duration = cursor.number(4), cursor.number(4)
        if times > count - len(found):
            raise ValueError("the times of its frames are more than the frames")
        found += [duration] * times
    if len(found) != count:
        raise ValueError("the times of its frames are fewer than the frames")
    return tuple(found)


def loop_of(data: bytes, trak: Box, length: int | None) -> int:
    """Return how often a track is shown, 0 without end. length: of all, None for without end."""
    edits = boxes.descend(data, trak, b"edts", b"elst")
    if edits is None:  # it does not say; viewers repeat it
        return 0
    cursor = Cursor(data, edits)
    version, flags = cursor.version()
    if not flags & 1 or cursor.number(4) != 1:
        return 1
    one = cursor.number(8 if version else 4)
    return 0 if length is None or not one else max(-(-length // one), 1)


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
    details = first.stored.details if first.stored and first.stored.format == "AVIF" else {}
    gray = all(image.pixels.shape[2] == 1 for image in frames)
    bits = bits_of(first)
    options = options_of(first, gray, bits, encoding, str(details.get("subsampling", "444")))
    if frames.kind == "animation":
        return encode_sequence(frames, name, gray, bits, options)
    colours, alpha = samples_of(first, gray, bits)
    premultiplied = alpha is not None and bool(details.get("premultiplied"))
    if premultiplied and alpha is not None:
        colours = multiplied(colours, alpha, bits)
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


def multiplied(colours: NDArray[Any], alpha: NDArray[Any], bits: int) -> NDArray[Any]:
    most = (1 << bits) - 1
    product = colours.astype(np.uint32) * alpha[:, :, None]
    rounded: NDArray[Any] = ((product + most // 2) // most).astype(colours.dtype)
    return rounded


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


def still_file(parts: list[Part], further: list[Part], brands: list[bytes]) -> bytes:
    """Return a file of items, the first of which is the picture."""
    parts = [*parts, *further]
    head = box(b"ftyp", brands[0], bytes(4), *brands[1:])
    begin = len(head) + len(meta_box(parts, [(0, 0)] * len(parts))) + 8
    places = []
    for part in parts:
        places.append((begin, len(part.content)))
        begin += len(part.content)
    return head + meta_box(parts, places) + box(b"mdat", *(part.content for part in parts))


def meta_box(parts: list[Part], places: list[tuple[int, int]]) -> bytes:
    """Return the box that lists items. places: where the bytes of each begin, and how many."""
    count = struct.pack(">H", len(parts))
    kinds, locations, links, properties, associations = [], [], [], [], []
    for number, (part, place) in enumerate(zip(parts, places, strict=True), 1):
        hidden = int(part.kind != b"av01")
        kinds.append(
            full_box(b"infe", 2, hidden, struct.pack(">HH", number, 0), part.kind, part.tail)
        )
        locations.append(struct.pack(">HHHII", number, 0, 1, *place))
        links += [
            box(kind, struct.pack(f">{2 + len(to)}H", number, len(to), *to))
            for kind, to in part.references
        ]
        indices = []
        for content, essential in part.properties:
            properties.append(content)
            indices.append(len(properties) | essential << 7)
        if indices:
            associations.append(struct.pack(">HB", number, len(indices)) + bytes(indices))
    return full_box(
        b"meta",
        0,
        0,
        full_box(b"hdlr", 0, 0, bytes(4), b"pict", bytes(13)),
        full_box(b"pitm", 0, 0, struct.pack(">H", 1)),
        full_box(b"iloc", 0, 0, b"\x44\0", count, *locations),
        full_box(b"iinf", 0, 0, count, *kinds),
        *([full_box(b"iref", 0, 0, *links)] if links else []),
        box(
            b"iprp",
            box(b"ipco", *properties),
            full_box(b"ipma", 0, 0, struct.pack(">I", len(associations)), *associations),
        ),
    )


@dataclass(frozen=True)
class Timing:
    """When frames are shown: parts of a second, each frame's number of them, and the repeats."""

    timescale: int
    durations: tuple[int, ...]
    loop: int

    @property
    def once(self) -> int:
        return sum(self.durations)

    @property
    def length(self) -> int:
        """Of all repeats."""
        return self.once * self.loop if self.loop else ENDLESS


def encode_sequence(
    frames: Frames, name: str, gray: bool, bits: int, options: dict[str, Any]
) -> bytes:
    """Encode an animation: libavif's, with its own timing, profile and metadata."""
    first = frames[0]
    if any((one.width, one.height) != (first.width, first.height) for one in frames):
        raise ImageError(f"{name}: the frames are of different sizes, which AVIF cannot hold")
    if any(belongings(one) != belongings(first) for one in frames):
        warn(f"{name}: AVIF holds one profile and metadata for all frames; those of the first")
    has_alpha = any(image.alpha is not None for image in frames)
    arrays = []
    for image in frames:
        colours, alpha = samples_of(image, gray, bits)
        if has_alpha:
            full = np.full(colours.shape[:2], (1 << bits) - 1, colours.dtype)
            alpha = full if alpha is None else alpha
            colours = np.concatenate([colours, alpha[:, :, None]], 2)
        arrays.append(colours)
    if len(arrays) == 1:  # libavif makes no sequence of one frame
        arrays *= 2
    data = bytes(imagecodecs.avif_encode(np.stack(arrays), **options))
    return retimed(data, first, timing_of(frames, name))


def belongings(image: Image) -> tuple[Any, ...]:
    return image.icc, image.exif, image.xmp, image.dpi, image.cicp


def timing_of(frames: Frames, name: str) -> Timing:
    """Return the times of frames, exact where a fraction of a second can be."""
    seconds = [image.duration or 0.0 for image in frames]
    stored = frames[0].stored
    known = stored.details.get("timescale", 0) if stored and stored.format == "AVIF" else 0
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
    size += len(movie(data, top[b"moov"], image, timing, 0))
    places = [(begin + size, length) for begin, length in places]
    moov = movie(data, top[b"moov"], image, timing, size - mdat.begin)
    return head + meta_box(parts, places) + moov + box(b"mdat", content)


def movie(data: bytes, one: Box, image: Image, timing: Timing, moved: int) -> bytes:
    """Return a box of a movie of libavif's with other times, its samples `moved` bytes further."""
    content = one.content(data)
    if one.kind in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts"):
        parts = (movie(data, part, image, timing, moved) for part in boxes.inside(data, one))
        return box(one.kind, *parts)
    if one.kind == b"stco":
        places = [at + moved for at in numbers(content[8:])]
        return box(one.kind, content[:8], struct.pack(f">{len(places)}I", *places))
    if one.kind == b"stsd":
        entry = next(boxes.inside(data, one, 8))
        auxiliary = any(part.kind == b"auxi" for part in boxes.inside(data, entry, 78))
        more = [] if auxiliary else further_properties(image)
        return box(one.kind, content[:8], box(entry.kind, entry.content(data), *more))
    return box(one.kind, timed(one.kind, content, timing))


def timed(kind: bytes, content: bytes, timing: Timing) -> bytes:
    """Return the content of a box of a movie of libavif's (of version 1) with other times."""
    count = len(timing.durations)
    if kind in (b"mvhd", b"mdhd"):
        length = timing.once if kind == b"mdhd" else timing.length
        times = struct.pack(">QQIQ", 0, 0, timing.timescale, length)
        return content[:4] + times + content[32:]
    if kind == b"tkhd":
        return content[:4] + bytes(16) + content[20:28] + number(timing.length) + content[36:]
    if kind == b"elst":
        repeats = int(timing.loop != 1 and timing.once > 0)
        return struct.pack(">IIQQI", 1 << 24 | repeats, 1, timing.once, 0, 1 << 16)
    if kind == b"stts":
        runs = (struct.pack(">II", 1, duration) for duration in timing.durations)
        return struct.pack(">II", 0, count) + b"".join(runs)
    if kind == b"stsz":
        return content[:8] + struct.pack(">I", count) + content[12 : 12 + 4 * count]
    if kind == b"stsc":
        return content[:12] + struct.pack(">I", count) + content[16:]
    if kind == b"stss":
        kept = [at for at in numbers(content[8:]) if at <= count]
        return content[:4] + struct.pack(f">{1 + len(kept)}I", len(kept), *kept)
    return content


def number(value: int) -> bytes:
    return struct.pack(">Q", value)


def numbers(data: bytes) -> tuple[int, ...]:
    return struct.unpack(f">{len(data) // 4}I", data[: len(data) // 4 * 4])


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
