"""What travels in a PNG file besides pixels: read from its chunks, and written as chunks."""

import struct
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from imgae.errors import warn
from imgae.io.colour.cms import check_whole, space_of
from imgae.io.formats.png import profiles
from imgae.io.formats.png.chunks import MOST_METADATA, NEEDED, Chunk, inflate, written
from imgae.io.formats.png.pixels import Header
from imgae.io.metadata import photoshop
from imgae.io.metadata.exif import EXIF_PREFIX, checked, orientation_of
from imgae.io.metadata.resolution import METRE
from imgae.picture.image import Image
from imgae.picture.orientation import SIDEWAYS
from imgae.picture.pixels import scale_of

XMP_KEY: Final = "XML:com.adobe.xmp"
GAMMA: Final = "gamma"
PRIMARIES: Final = "primaries"
ASPECT: Final = "pixel aspect"
BACKGROUND: Final = "background colour"
LANGUAGES: Final = "languages of its texts"
TIME: Final = "time of change"
FURTHER: Final = "further PNG chunks"
STANDING: Final = {
    b"mDCV": "mastering display",
    b"cLLI": "light levels",
    b"sCAL": "physical scale",
    b"pCAL": "calibration of its values",
    b"oFFs": "offset on a page",
    b"sTER": "stereo layout",
}
"""Chunks that are kept as they are, and their names in Image.private."""
OLD_NAMES: Final = {b"mDCv": b"mDCV", b"cLLi": b"cLLI"}
PALETTES: Final = "suggested palettes"
PRIVATE: Final = frozenset(
    {
        GAMMA, PRIMARIES, ASPECT, BACKGROUND, LANGUAGES, TIME, FURTHER, PALETTES,
        *STANDING.values(),
    }
)  # fmt: skip
SRGB_GAMMA: Final = 45455
SRGB_PRIMARIES: Final = (31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)
STRUCTURE: Final = frozenset({b"iDOT"})
"""What only says where in the file the rows begin."""
CREDENTIALS: Final = {b"caBX": "content credentials (C2PA)", b"dSIG": "a digital signature"}
"""What holds for the file as it was."""
PICTURES: Final = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")
"""What in a chunk of another program may be the picture as it was."""
LONG_TEXT: Final = 1024
"""Characters from which a text is compressed."""


@dataclass
class Found:
    """What was read: for the Image, and for its Stored.details."""

    icc: bytes | None = None
    exif: bytes | None = None
    xmp: bytes | None = None
    iptc: bytes | None = None
    dpi: tuple[float, float] | None = None
    cicp: tuple[int, int, int, int] | None = None
    text: list[tuple[str, str]] = field(default_factory=list)
    private: dict[str, Any] = field(default_factory=dict)
    details: dict[str, Any] = field(default_factory=dict)
    orientation: int = 1
    left: int = MOST_METADATA
    kinds: list[tuple[str, str]] = field(default_factory=list)
    languages: list[tuple[str, str, str]] = field(default_factory=list)

    def unfold(self, data: bytes | memoryview) -> bytes:
        """Unfold what is compressed; all of a file together have a bound."""
        unfolded = inflate(data, self.left)
        self.left -= len(unfolded)
        return unfolded


def read(chunks: list[Chunk], header: Header, palette: Any, name: str) -> Found:
    """Return what the chunks of a file hold besides pixels.

    palette: (N, 3), for a background that is a number of it. Warns of what is damaged or cannot be
    kept, each with its name.
    """
    found = Found()
    after = False  # whether the pixels have come
    for chunk in chunks:
        after = after or chunk.kind == b"IDAT"
        if chunk.kind in NEEDED:
            continue
        reader = READERS.get(OLD_NAMES.get(chunk.kind, chunk.kind))
        if not chunk.sound and chunk.kind not in CHECKED:
            warn(
                f"{name}: the checksum of its side chunk {described(chunk)} is wrong; the chunk is "
                "left out"
            )
            continue
        try:
            if reader is not None:
                reader(found, bytes(chunk.data))
            elif chunk.kind == b"bKGD":
                read_background(found, bytes(chunk.data), header, palette)
            else:
                read_other(found, chunk, name, after=after)
        except (ValueError, struct.error, IndexError) as error:
            warn(f"{name}: its {described(chunk)} is damaged ({error}), and left out")
            continue
        if not chunk.sound:
            warn(f"{name}: the checksum of its {described(chunk)} is wrong; what it holds is whole")
    finish(found, name)
    return found


def described(chunk: Chunk) -> str:
    if chunk.kind in (b"tEXt", b"zTXt", b"iTXt"):
        key = bytes(chunk.data[:80]).split(b"\0")[0].decode("latin-1")
        key = "".join(letter if letter.isprintable() else "?" for letter in key)
        return f"{chunk.name} ({key})"
    return chunk.name


def finish(found: Found, name: str) -> None:
    """Take profiles out of the texts, and tell what the colours mean from what is a fallback."""
    kept = []
    for (key, text), kind in zip(found.text, found.kinds, strict=True):
        if key.startswith(profiles.RAW):
            try:
                take_profile(found, key.removeprefix(profiles.RAW).lower(), profiles.decode(text))
            except ValueError as error:
                warn(f"{name}: its {key} is damaged ({error}), and left out")
        else:
            kept.append(((key, text), kind))
    found.text = [pair for pair, _ in kept]
    if kept:
        found.details["texts"] = tuple(kind for _, kind in kept)
    if any(language or translated for _, language, translated in found.languages):
        found.private[LANGUAGES] = tuple(found.languages)
    if found.exif is not None:
        found.exif = checked(found.exif, name)
    if found.exif is not None:
        found.orientation = orientation_of(found.exif)
    tell_colours(found)
    aspect = found.private.get(ASPECT)
    if aspect and found.orientation in SIDEWAYS:
        found.private[ASPECT] = aspect[::-1]


def tell_colours(found: Found) -> None:
    """Keep gamma and primaries among what the pixels mean, unless they are only a fallback."""
    gamma, primaries = found.private.get(GAMMA), found.private.get(PRIMARIES)
    plain = gamma in (None, SRGB_GAMMA) and primaries in (None, SRGB_PRIMARIES)
    if plain or found.icc or found.cicp or "sRGB" in found.details:
        found.details.update({GAMMA: gamma, PRIMARIES: primaries})
        found.private.pop(GAMMA, None)
        found.private.pop(PRIMARIES, None)
    else:  # people's numbers
        if gamma is not None:
            found.private[GAMMA] = gamma / 100000
        if primaries is not None:
            found.private[PRIMARIES] = tuple(value / 100000 for value in primaries)


def take_profile(found: Found, kind: str, data: bytes) -> None:
    """Keep a profile that came as a text, unless the file holds it in its own way too."""
    if kind in ("exif", "app1"):
        if data.startswith(b"http://ns.adobe.com/xap/1.0/\0"):
            found.xmp = found.xmp or data.split(b"\0", 1)[1]
        elif data.startswith((EXIF_PREFIX, b"II*\0", b"MM\0*")):
            found.exif = found.exif or data
        else:
            raise ValueError("neither EXIF nor XMP")
    elif kind in ("iptc", "8bim"):
        captions = profiles.captions_of(data)
        if captions is None:
            raise ValueError("no captions in it")
        found.iptc = found.iptc or captions
    elif kind == "xmp":
        found.xmp = found.xmp or data
    elif kind in ("icc", "icm"):
        found.icc = found.icc or checked_profile(data)
    else:
        raise ValueError("of a kind that is not known")


def checked_profile(data: bytes) -> bytes:
    """Return a colour profile. Raises ValueError if it is none, or not whole."""
    check_whole(data)
    if space_of(data) not in (b"RGB ", b"GRAY"):
        raise ValueError("for colours that PNG has not")
    return data


def read_profile(found: Found, data: bytes) -> None:
    key, rest = data.split(b"\0", 1)
    if rest[:1] != b"\0":
        raise ValueError("compressed in an unknown way")
    found.icc = checked_profile(found.unfold(rest[1:]))
    found.details["profile name"] = key.decode("latin-1")


def read_exif(found: Found, data: bytes) -> None:
    if data:
        found.exif = data


def read_plain_text(found: Found, data: bytes) -> None:
    key, _, text = data.partition(b"\0")
    add_text(found, key.decode("latin-1"), text.decode("latin-1"), "tEXt")


def read_packed_text(found: Found, data: bytes) -> None:
    key, rest = data.split(b"\0", 1)
    if rest[:1] != b"\0":
        raise ValueError("compressed in an unknown way")
    add_text(found, key.decode("latin-1"), found.unfold(rest[1:]).decode("latin-1"), "zTXt")


def read_wide_text(found: Found, data: bytes) -> None:
    key, rest = data.split(b"\0", 1)
    compressed, method = rest[0], rest[1]
    language, translated, content = rest[2:].split(b"\0", 2)
    if compressed:
        if method:
            raise ValueError("compressed in an unknown way")
        content = found.unfold(content)
    if key.decode("latin-1") == XMP_KEY:
        found.xmp = content or found.xmp
        return
    name = key.decode("latin-1")
    found.languages.append(
        (name, language.decode("latin-1"), translated.decode("utf-8", "replace"))
    )
    kind = "iTXt compressed" if compressed else "iTXt"
    add_text(found, name, content.decode("utf-8", "replace"), kind)


def add_text(found: Found, key: str, text: str, kind: str) -> None:
    if key == XMP_KEY:  # by a program that knew no iTXt
        found.xmp = found.xmp or text.encode("latin-1" if kind != "iTXt" else "utf-8", "replace")
        return
    found.text.append((key, text))
    found.kinds.append((key, kind))


def read_gamma(found: Found, data: bytes) -> None:
    (value,) = struct.unpack(">I", data)
    if not value:
        raise ValueError("zero")
    found.private[GAMMA] = value


def read_primaries(found: Found, data: bytes) -> None:
    found.private[PRIMARIES] = struct.unpack(">8I", data)


def read_intent(found: Found, data: bytes) -> None:
    if len(data) != 1 or data[0] > 3:
        raise ValueError("no rendering intent")
    found.details["sRGB"] = data[0]


def read_code_points(found: Found, data: bytes) -> None:
    found.cicp = struct.unpack(">4B", data)


def read_significant(found: Found, data: bytes) -> None:
    if not 1 <= len(data) <= 4 or not all(data):
        raise ValueError("no bits")
    found.details["sBIT"] = data


def read_density(found: Found, data: bytes) -> None:
    across, down, unit = struct.unpack(">IIB", data)
    if not across or not down:
        raise ValueError("zero")
    if unit == 1:
        found.dpi = across * METRE, down * METRE
    elif across != down:
        found.private[ASPECT] = across, down
    else:
        found.details["pHYs"] = across


def read_time(found: Found, data: bytes) -> None:
    year, *rest = struct.unpack(">H5B", data)
    found.private[TIME] = (year, *rest)


def read_histogram(found: Found, data: bytes) -> None:
    found.details["hIST"] = data


def read_suggested(found: Found, data: bytes) -> None:
    found.private[PALETTES] = (*found.private.get(PALETTES, ()), data)


def read_background(found: Found, data: bytes, header: Header, palette: Any) -> None:
    """Keep the background as a colour of the picture's own depth."""
    if header.colour == 3:
        found.private[BACKGROUND] = tuple(int(value) for value in palette[data[0], :3])
        return
    values = struct.unpack(">H" if header.colour in (0, 4) else ">3H", data)
    most = (1 << header.depth) - 1
    full = 65535 if header.depth == 16 else 255
    found.private[BACKGROUND] = tuple((value & most) * full // most for value in values)


def read_other(found: Found, chunk: Chunk, name: str, *, after: bool) -> None:
    """Keep a chunk that is not known, if its name says that it may be copied."""
    kind = chunk.kind
    if kind in STRUCTURE:
        return
    if kind in CREDENTIALS:
        warn(f"{name}: {CREDENTIALS[kind]} ({chunk.name}) no longer holds, and is left out")
    elif kind[3:].isupper():
        warn(f"{name}: its chunk {chunk.name}, which may depend on the pixels, is left out")
    else:
        data = bytes(chunk.data)
        if any(magic in data for magic in PICTURES):
            warn(f"{name}: its chunk {chunk.name} holds another picture, and is left out")
            return
        kept = found.private.get(FURTHER, ())
        found.private[FURTHER] = (*kept, (chunk.name, data, after))


def standing(name: str) -> Callable[[Found, bytes], None]:
    def keep(found: Found, data: bytes) -> None:
        found.private[name] = data

    return keep


READERS: Final[Mapping[bytes, Callable[[Found, bytes], None]]] = {
    b"iCCP": read_profile,
    b"eXIf": read_exif,
    b"tEXt": read_plain_text,
    b"zTXt": read_packed_text,
    b"iTXt": read_wide_text,
    b"gAMA": read_gamma,
    b"cHRM": read_primaries,
    b"sRGB": read_intent,
    b"cICP": read_code_points,
    b"sBIT": read_significant,
    b"pHYs": read_density,
    b"tIME": read_time,
    b"hIST": read_histogram,
    b"sPLT": read_suggested,
    **{kind: standing(name) for kind, name in STANDING.items()},
}
CHECKED: Final = frozenset({b"iCCP", b"zTXt"})
"""What holds a checksum of its own besides that of the chunk."""


def colour_chunks(image: Image, details: Mapping[str, Any]) -> list[bytes]:
    """Return the chunks that say what the colours mean, which come before a palette."""
    found = []
    private = image.private
    if image.cicp:
        primaries, transfer, matrix, whole = image.cicp
        # Decoded pixels are RGB of the full range, whatever the file had that they came from.
        said = (primaries, transfer, 0, whole if matrix == 0 else 1)
        found.append(written(b"cICP", bytes(said)))
    found += [
        written(kind, private[STANDING[kind]])
        for kind in (b"mDCV", b"cLLI")
        if STANDING[kind] in private
    ]
    if image.icc:
        name = text_key(details.get("profile name", "ICC profile"), "ICC profile")
        found.append(written(b"iCCP", name, b"\0\0", zlib.compress(image.icc)))
    elif "sRGB" in details and not {GAMMA, PRIMARIES} & private.keys():
        found.append(written(b"sRGB", bytes([details["sRGB"]])))
    gamma = round(private[GAMMA] * 100000) if GAMMA in private else details.get(GAMMA)
    if gamma:
        found.append(written(b"gAMA", struct.pack(">I", gamma)))
    places = details.get(PRIMARIES)
    if PRIMARIES in private:
        places = tuple(round(value * 100000) for value in private[PRIMARIES])
    if places:
        found.append(written(b"cHRM", struct.pack(">8I", *places)))
    return found


def background_chunk(image: Image, colour: int, depth: int, palette: Any) -> list[bytes]:
    """Return the background as a file of that colour type holds it."""
    background = image.private.get(BACKGROUND)
    if not background:
        return []
    if colour == 3:
        wanted = background * 3 if len(background) == 1 else background
        places = np.flatnonzero((np.asarray(palette)[:, :3] == wanted).all(1))
        return [written(b"bKGD", bytes([places[0]]))] if len(places) else []
    most, full = (1 << depth) - 1, scale_of(image.pixels.dtype)
    values = [round(value * most / full) for value in background]
    if colour in (0, 4):
        return [written(b"bKGD", struct.pack(">H", values[0]))]
    return [written(b"bKGD", struct.pack(">3H", *(values * 3 if len(values) == 1 else values)))]


def side_chunks(image: Image, details: Mapping[str, Any], name: str) -> list[bytes]:
    """Return the chunks that come after a palette and before the pixels."""
    found = []
    private = image.private
    if image.dpi:
        density = [round(value / METRE) for value in image.dpi]
        if min(density) < 1:
            warn(f"{name}: PNG holds no resolution as small as {min(image.dpi):g}; left out")
        else:
            found.append(written(b"pHYs", struct.pack(">IIB", *density, 1)))
    elif ASPECT in private:
        found.append(written(b"pHYs", struct.pack(">IIB", *private[ASPECT], 0)))
    elif "pHYs" in details:
        found.append(written(b"pHYs", struct.pack(">IIB", details["pHYs"], details["pHYs"], 0)))
    found += [written(b"sPLT", data) for data in private.get(PALETTES, ())]
    found += [
        written(kind, private[key])
        for kind, key in STANDING.items()
        if key in private and kind not in (b"mDCV", b"cLLI")
    ]
    if image.exif:
        found.append(written(b"eXIf", image.exif))
    if image.xmp:
        found.append(written(b"iTXt", XMP_KEY.encode(), b"\0\0\0\0\0", image.xmp))
    if image.iptc:
        text = profiles.encode("iptc", photoshop.resource(photoshop.IPTC, image.iptc))
        key = (profiles.RAW + "iptc").encode()
        found.append(written(b"zTXt", key, b"\0\0", zlib.compress(text.encode())))
    found += text_chunks(image, details)
    if TIME in private:
        found.append(written(b"tIME", struct.pack(">H5B", *private[TIME])))
    found += further_chunks(image, after=False)
    return found


def further_chunks(image: Image, *, after: bool) -> list[bytes]:
    """Return the chunks of other programs that come before or after the pixels."""
    return [
        written(kind.encode(), data)
        for kind, data, place in image.private.get(FURTHER, ())
        if place == after
    ]


def text_key(key: str, otherwise: str) -> bytes:
    """Return a keyword as PNG allows it: 1 to 79 printable letters of Latin-1."""
    allowed = "".join(letter for letter in key if letter.isprintable() and ord(letter) < 256)
    return " ".join(allowed.split())[:79].strip().encode("latin-1") or otherwise.encode()


def text_chunks(image: Image, details: Mapping[str, Any]) -> list[bytes]:
    """Return the texts, each in the kind of chunk that it came in if it still goes into it."""
    kinds = list(details.get("texts", ()))
    languages = list(image.private.get(LANGUAGES, ()))
    found = []
    for key, text in image.text:
        kind = taken(kinds, key)
        language = taken(languages, key) if kind and kind[1].startswith("iTXt") else None
        found.append(
            text_chunk(
                text_key(key, "Comment"),
                text.replace("\0", " "),
                kind[1] if kind else "",
                language[1:] if language else ("", ""),
            )
        )
    return found


def taken(entries: list[Any], key: str) -> Any:
    """Take the first entry that begins with a key out of a list; None if there is none."""
    for entry in entries:
        if entry[0] == key:
            entries.remove(entry)
            return entry
    return None


def text_chunk(key: bytes, text: str, kind: str, language: tuple[str, str]) -> bytes:
    try:
        plain = text.encode("latin-1")
    except UnicodeEncodeError:
        plain = None
    if plain is None or kind.startswith("iTXt"):
        content = text.encode("utf-8", "replace")
        pack = kind == "iTXt compressed" or (not kind and len(content) > LONG_TEXT)
        content = zlib.compress(content) if pack else content
        code = language[0].encode("latin-1", "replace")
        head = [key, b"\0", bytes([pack]), b"\0", code, b"\0", language[1].encode(), b"\0"]
        return written(b"iTXt", *head, content)
    if kind == "zTXt" or (not kind and len(plain) > LONG_TEXT):
        return written(b"zTXt", key, b"\0\0", zlib.compress(plain))
    return written(b"tEXt", key, b"\0", plain)
