"""What a JPEG holds besides pixels, between its segments and the fields of an Image."""

import re
import struct
from dataclasses import dataclass, field
from typing import Any, Final

from imgae.errors import warn
from imgae.io.formats.jpeg import trailer, xmp
from imgae.io.formats.jpeg.stream import APP, COM, Segment, Stream
from imgae.io.metadata import photoshop
from imgae.io.metadata.exif import EXIF_PREFIX, directory, stated_orientation
from imgae.io.metadata.resolution import resolution_of, with_resolution
from imgae.io.metadata.text import COMMENT, as_comment, decoded
from imgae.picture.image import Image
from imgae.picture.orientation import SIDEWAYS

MOST: Final = 65533
"""Bytes that a segment holds."""
APP0, APP1, APP2, APP11, APP12, APP13, APP14 = (0xE0 + n for n in (0, 1, 2, 11, 12, 13, 14))
JFIF: Final = b"JFIF\0"
ICC: Final = b"ICC_PROFILE\0"
MPF: Final = b"MPF\0"
GAIN_MAP: Final = b"urn:iso:std:iso:ts:21496:-1\0"
PHOTOSHOP: Final = b"Photoshop 3.0\0"
ADOBE: Final = b"Adobe"
DUCKY: Final = b"Ducky"
HANDLED: Final = (
    (APP0, JFIF),
    (APP0, b"JFXX\0"),  # a small copy
    (APP1, b"Exif\0"),
    (APP1, xmp.MAIN),
    (APP1, xmp.EXTENSION),
    (APP2, ICC),
    (APP2, MPF),
    (APP2, GAIN_MAP),
    (APP12, DUCKY),
    (APP13, PHOTOSHOP),
    (APP14, ADOBE),
)
"""Segments that are read, or say nothing of what is written."""
NAMES: Final = {b"FPXR": "FlashPix", b"JP": "content credentials (C2PA, JUMBF)"}
MOST_NAMED: Final = 8
"""Segments of no known use that a message names."""
RESOURCES: Final = "Photoshop resources"
ASPECT: Final = "pixel aspect"


@dataclass
class Belongings:
    """What an Image's fields of the same names take. comments: by their text, their bytes."""

    orientation: int | None = None
    icc: bytes | None = None
    exif: bytes | None = None
    xmp: bytes | None = None
    iptc: bytes | None = None
    dpi: tuple[float, float] | None = None
    text: tuple[tuple[str, str], ...] = ()
    private: dict[str, Any] = field(default_factory=dict)
    comments: dict[str, bytes] = field(default_factory=dict)


def read(stream: Stream, data: bytes, name: str) -> Belongings:
    """Read what a file holds besides pixels, and warn of what is not carried on."""
    found = Belongings(icc=read_icc(stream, name), exif=read_exif(stream, name))
    found.orientation = stated_orientation(found.exif)
    read_xmp(stream, data, found, name)
    sizes = read_photoshop(stream, found, name)
    read_resolution(stream, found, sizes)
    texts = []
    for comment in (segment.data for segment in stream.others if segment.marker == COM):
        if text := decoded(comment.rstrip(b"\0")):
            texts.append((COMMENT, text))
            found.comments[text] = comment
    for ducky in stream.find(APP12, DUCKY):
        texts += read_ducky(ducky)
    found.text = tuple(texts)
    tell_of_others(stream, name)
    return found


def tell_of_others(stream: Stream, name: str) -> None:
    unknown: dict[str, None] = {}
    for segment in stream.others:
        if segment.marker not in APP or any(
            segment.marker == marker and segment.data.startswith(beginning)
            for marker, beginning in HANDLED
        ):
            continue
        label = re.match(rb"[\x20-\x7e]{0,24}", segment.data)
        word = label[0] if label else b""
        called = next((n for key, n in NAMES.items() if word.startswith(key)), word.decode())
        unknown[f"APP{segment.marker - 0xE0}" + f" ({called})" * bool(called)] = None
    if unknown:
        more = f" and {len(unknown) - MOST_NAMED} more" * (len(unknown) > MOST_NAMED)
        words = ", ".join(list(unknown)[:MOST_NAMED]) + more
        warn(f"{name}: segments of no known use are left out: {words}")


def read_ducky(data: bytes) -> list[tuple[str, str]]:
    """Return a comment and a copyright from what Photoshop saves for the web."""
    texts, at = [], 0
    while at + 4 <= len(data):
        kind, size = struct.unpack_from(">HH", data, at)
        if kind in (2, 3):
            words = data[at + 8 : at + 4 + size].decode("utf-16-be", "replace").strip("\0")
            if words:
                texts.append(("Copyright" if kind == 3 else COMMENT, words))
        at += 4 + size
        if kind == 0:
            break
    return texts


def read_icc(stream: Stream, name: str) -> bytes | None:
    """Join a profile from its parts, in whatever order they come."""
    segments = stream.find(APP2, ICC)
    parts = {segment[0]: segment[2:] for segment in segments if len(segment) > 2}
    if not segments:
        return None
    count = max((segment[1] for segment in segments if len(segment) > 2), default=0)
    if set(parts) != set(range(1, count + 1)):
        warn(f"{name}: its colour profile lacks parts, and is left out")
        return None
    return b"".join(parts[number] for number in sorted(parts))


def read_exif(stream: Stream, name: str) -> bytes | None:
    """Join camera data; those of over 64 KB come in several segments."""
    segments = [segment[1:] for segment in stream.find(APP1, b"Exif\0")]
    if not segments:
        return None
    exif = segments[0]
    for segment in segments[1:]:
        if segment[:4] in (b"II*\0", b"MM\0*"):
            if segment != exif:
                warn(f"{name}: it has camera data (EXIF) twice; the second are left out")
            break
        exif += segment
    try:
        order = {b"II*\0": "<", b"MM\0*": ">"}[exif[:4]]
        (start,) = struct.unpack_from(order + "I", exif, 4)
        directory(exif, order, start)
    except (KeyError, struct.error):
        if any(exif):
            warn(f"{name}: its camera data (EXIF) is damaged, and left out")
        return None
    return exif


def as_before(fresh: bytes, before: bytes) -> bytes:
    """Return XMP with the orientation that it had before.

    Viewers follow EXIF and not XMP. A file whose XMP alone asks for a turn is not turned, and goes
    on to ask for it.
    """
    pattern = re.compile(rb"(tiff:Orientation(?:=[\"']|>))([0-9]+)")
    found = pattern.search(before)
    return fresh if found is None else pattern.sub(rb"\g<1>" + found[2], fresh)


def read_xmp(stream: Stream, data: bytes, found: Belongings, name: str) -> None:
    """Read XMP without what it says of other parts of the file, and warn of these parts."""
    whole, wrong = xmp.read(stream.find(APP1, xmp.MAIN), stream.find(APP1, xmp.EXTENSION))
    if wrong:
        warn(f"{name}: it {wrong}")
    claims: list[str] = []
    if whole is not None:
        found.xmp, claims = xmp.without_claims(whole)
    listed = next(iter(stream.find(APP2, MPF)), None)
    parts = dict.fromkeys(trailer.contents(data, stream.end, listed))
    if stream.find(APP2, GAIN_MAP):
        parts.setdefault(xmp.GAIN_MAP)
    missing = [claim for claim in claims if claim not in parts and claim != xmp.PARTS]
    inside = [claim for claim in missing if claim in (xmp.DEPTH, xmp.COPY)]
    parts.update(dict.fromkeys(inside))
    missing = [claim for claim in missing if claim not in inside]
    if parts:
        them = "them" if len(parts) > 1 else "it"
        warn(f"{name}: left out, with what says that the file holds {them}: {', '.join(parts)}")
    if missing and not parts:
        warn(f"{name}: its XMP speaks of {', '.join(missing)}, which the file lacks; taken out")


def read_photoshop(stream: Stream, found: Belongings, name: str) -> tuple[float, float] | None:
    """Read captions, keep what is harmless, and return the resolution."""
    resources, whole = photoshop.parse(b"".join(stream.find(APP13, PHOTOSHOP)))
    if not whole:
        warn(f"{name}: its Photoshop resources are damaged; what follows the damage is left out")
    by_number = photoshop.first_of_each(resources)
    found.iptc = photoshop.without_preview(by_number.get(photoshop.IPTC, b"")) or None
    kept, paths, copies = [], False, False
    for resource in resources:
        if resource.number in (*photoshop.REPEATED, *photoshop.THUMBNAILS):
            continue
        if resource.number in photoshop.PATHS and found.orientation not in (None, 1):
            paths = True
        elif photoshop.PICTURE in resource.data:
            copies = True
        else:
            kept.append(resource.block)
    if paths:
        warn(f"{name}: its clipping paths do not turn with the picture; left out")
    if copies:
        warn(f"{name}: pictures inside its Photoshop resources are left out")
    if kept:
        found.private[RESOURCES] = b"".join(kept)
    return photoshop.read_resolution(by_number.get(photoshop.RESOLUTION, b""))


def read_resolution(
    stream: Stream, found: Belongings, resource: tuple[float, float] | None
) -> None:
    """Take the resolution of JFIF, else of EXIF, else of Photoshop."""
    found.dpi = resolution_of(found.exif) or resource
    for header in stream.find(APP0, JFIF)[:1]:
        if len(header) < 7:
            continue
        unit, across, down = struct.unpack_from(">BHH", header, 2)
        if not across or not down:
            continue
        if unit in (1, 2):
            scale = 2.54 if unit == 2 else 1.0
            found.dpi = across * scale, down * scale
        elif across != down:
            turned = found.orientation in SIDEWAYS
            found.private[ASPECT] = (down, across) if turned else (across, down)


def write(image: Image, jfif: bool, name: str) -> bytes:
    """Return the segments of a picture's belongings.

    jfif: whether the file may have a JFIF segment. With one, decoders take RGB for YCbCr.
    """
    made: list[Segment] = []
    exif, resources = image.exif, image.private.get(RESOURCES, b"")
    if jfif:
        made.append(Segment(APP0, JFIF + b"\1\1" + density(image, name) + b"\0\0"))
    elif image.dpi:
        resources += photoshop.resolution(image.dpi)
        exif = exif or with_resolution(None, image.dpi)
    if exif:
        parts = chunks(exif, MOST - len(EXIF_PREFIX))
        if len(parts) > 1:
            warn(
                f"{name}: camera data (EXIF) of {len(exif)} bytes take {len(parts)} segments, "
                "which not every program reads"
            )
        made += [Segment(APP1, EXIF_PREFIX + part) for part in parts]
    if image.xmp:
        made += xmp_segments(image.xmp, name)
    if image.iptc:
        resources += photoshop.resource(photoshop.IPTC, image.iptc)
    made += [Segment(APP13, PHOTOSHOP + part) for part in chunks(resources, MOST - len(PHOTOSHOP))]
    if image.icc:
        made += icc_segments(image.icc, name)
    return b"".join(bytes(segment) for segment in made + comment_segments(image, name))


def chunks(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


def xmp_segments(whole: bytes, name: str) -> list[Segment]:
    main, extension = xmp.split(whole)
    if extension and xmp.read([main], extension)[1]:
        warn(f"{name}: XMP of {len(whole)} bytes is no XML that JPEG can hold; it is left out")
        return []
    segments = [Segment(APP1, xmp.EXTENSION + part) for part in extension]
    return [Segment(APP1, xmp.MAIN + main), *segments]


def icc_segments(icc: bytes, name: str) -> list[Segment]:
    parts = chunks(icc, MOST - len(ICC) - 2)
    if len(parts) > 255:
        warn(f"{name}: JPEG cannot hold a colour profile of {len(icc)} bytes; it is left out")
        return []
    return [
        Segment(APP2, ICC + bytes((number, len(parts))) + part)
        for number, part in enumerate(parts, 1)
    ]


def comment_segments(image: Image, name: str) -> list[Segment]:
    """Return texts as comments; those that came as comments in the bytes that they came in."""
    stored = image.stored.details.get("comments", {}) if image.stored else {}
    made = []
    for key, text in image.text:
        data = as_comment(key, text).encode("utf-8", "surrogateescape")
        data = stored.get(text, data) if key == COMMENT else data
        if len(data) > MOST:
            warn(f"{name}: JPEG cannot hold a text of {len(data)} bytes ({key}); it is left out")
        else:
            made.append(Segment(COM, data))
    return made


def density(image: Image, name: str) -> bytes:
    """Return the unit and the two numbers of a JFIF segment."""
    if image.dpi is None:
        across, down = image.private.get(ASPECT, (1, 1))
        return struct.pack(">BHH", 0, across, down)
    choices = []
    for unit, scale in ((1, 1.0), (2, 2.54)):
        exact = [value / scale for value in image.dpi]
        rounded = [round(value) for value in exact]
        if all(1 <= value <= 65535 for value in rounded):
            wrong = max(abs(a - b) / b for a, b in zip(rounded, exact, strict=True))
            choices.append((wrong, unit, rounded))
    if not choices:
        warn(f"{name}: JPEG holds no resolution of {max(image.dpi):g} pixels an inch; left out")
        return struct.pack(">BHH", 0, 1, 1)
    _, unit, rounded = min(choices)
    return struct.pack(">BHH", unit, *rounded)
