"""What a TIFF file's tags hold besides pixels, to an Image's fields and back."""

from dataclasses import replace
from typing import Any, Final

from imgae.errors import ImageError
from imgae.io.formats.tiff.build import Builder, numbers, octets, size_of
from imgae.io.formats.tiff.container import Container, Directory, Value
from imgae.io.formats.tiff.notes import tell
from imgae.io.metadata import photoshop
from imgae.io.metadata.directories import EXIF_TAG, GPS_TAG, ICC_TAG, IPTC_TAG, MAKER_NOTE, XMP_TAG
from imgae.io.metadata.exif import (
    JPEG_BEGINNING,
    ORIENTATION_TAG,
    X_RESOLUTION_TAG,
    Y_RESOLUTION_TAG,
)
from imgae.io.metadata.resolution import INCH, PER_INCH, UNIT_TAG, fraction
from imgae.picture.image import Image
from imgae.picture.orientation import SIDEWAYS

DESCRIPTION: Final = 270
PHOTOSHOP: Final = 34377
INTEROPERABILITY: Final = 0xA005
FAR: Final = 60_000
"""Where a maker note may stay in EXIF; other formats end EXIF at 65,533 bytes."""
RATIONAL: Final = 5
NO_RESOLUTION: Final = (1, (1, 1, 1, 1))
"""The unit and fractions of files that have no resolution to give, but hold the tags."""

STRUCTURE: Final = frozenset(
    {*range(254, 260), 262, *range(263, 267), 273, *range(277, 285), 288, 289, 292, 293, 296, 317}
    | {320, 322, 323, 324, 325, 326, 327, 328, 330, 332, 333, 334, 336, *range(338, 342), 347}
    | {*range(512, 522), 529, 530, 531, 532, 559, 32995, 32996, 32997, 32998, 50674, 65000}
    | {ORIENTATION_TAG, ICC_TAG, XMP_TAG, IPTC_TAG, PHOTOSHOP, EXIF_TAG, GPS_TAG}
)
"""Tags that say how pixels are stored, or that are read by themselves."""
WORDS: Final = frozenset(
    {269, DESCRIPTION, 271, 272, 305, 306, 315, 316, 33432, 18246, 18249, 50341}
    | {*range(40091, 40096), 33434, 33437, 34850, 34855, *range(36864, 37500), 42016}
    | {*range(41483, 41996), *range(42032, 42038)}
)
"""Tags about the picture and its camera, which EXIF holds too."""
GEO: Final = frozenset({33550, 33920, 33922, 34264, 34735, 34736, 34737, 42112, 42113, 50909})
COLOURS: Final = frozenset({290, 291, 301, 318, 319, 342})
CURVES: Final = (291, 301)
"""Of COLOURS, those that have a value for each level of a sample."""
PAGE: Final = frozenset({285, 286, 287, 297})
IMAGEJ: Final = frozenset({50838, 50839})
LEFT_OUT: Final = {
    33628: "MetaMorph data",
    33629: "MetaMorph data",
    33630: "MetaMorph data",
    33631: "MetaMorph data",
    34412: "Zeiss LSM data",
    37724: "Photoshop's layers",
    50255: "Photoshop's notes",
}
"""Tags that hold the picture as it was, or say where things lie in the old file."""
GEO_NAME: Final = "GeoTIFF tags"
COLOUR_NAME: Final = "colour tags"
PAGE_NAME: Final = "page names and numbers"
IMAGEJ_NAME: Final = "ImageJ data"
OME_NAME: Final = "OME-XML"
PIXEL_SIZE: Final = "pixel size without a unit"
PHOTOSHOP_NAME: Final = "Photoshop data"
OTHER_NAME: Final = "private TIFF tags"
PRIVATE: Final = frozenset(
    {GEO_NAME, COLOUR_NAME, PAGE_NAME, IMAGEJ_NAME, OME_NAME, PIXEL_SIZE, PHOTOSHOP_NAME}
    | {OTHER_NAME}
)
LARGE: Final = 1 << 16
LARGE_BLOB: Final = 1 << 10
"""Bytes of a private value that is kept: of numbers and text, and of bytes that may be anything."""
RESOURCES_OUT: Final = frozenset({*photoshop.REPEATED, *photoshop.THUMBNAILS})
"""Photoshop's resources of resolution, captions, thumbnails, profile, EXIF and XMP: they lie in
tags of their own, or show the picture as it was."""
KEYWORDS: Final = {
    "Title": 269,
    "Description": DESCRIPTION,
    "Make": 271,
    "Model": 272,
    "Software": 305,
    "Author": 315,
    "Artist": 315,
    "Copyright": 33432,
}
"""Tags for texts of other formats, by their keywords."""


def with_metadata(
    image: Image, container: Container, directory: Directory, orientation: int
) -> Image:
    """Return a picture with what its directory holds besides pixels; warns of what is left out."""
    name = container.name
    resources = photoshop_resources(directory, name)
    private: dict[str, Any] = {}
    description = directory.text(DESCRIPTION)
    words = WORDS
    if is_imagej(description):
        words = WORDS - {DESCRIPTION}
        private[IMAGEJ_NAME] = taken(directory, IMAGEJ | {DESCRIPTION})
    elif is_ome(description):
        words = WORDS - {DESCRIPTION}
        private[OME_NAME] = (directory.raw(DESCRIPTION) or b"").rstrip(b"\0")
    for key, tags in ((GEO_NAME, GEO), (COLOUR_NAME, COLOURS), (PAGE_NAME, PAGE)):
        private[key] = taken(directory, tags)
    if private[GEO_NAME] and orientation != 1:
        del private[GEO_NAME]
        tell(f"{name}: its {GEO_NAME} do not hold for the picture turned upright; left out")
    private[OTHER_NAME] = others(directory, name)
    private[PHOTOSHOP_NAME] = kept_resources(resources)
    dpi, resolution = resolution_of(directory, orientation)
    if (
        resolution
        and resolution[0] == 1
        and (IMAGEJ_NAME in private or resolution != NO_RESOLUTION)
    ):
        private[PIXEL_SIZE] = resolution[1]
    exif = exif_of(container, directory, words)
    xmp = directory.raw(XMP_TAG) or resources.get(photoshop.XMP)
    spend(container, len(exif or b"") + len(xmp or b""))
    stored = image.stored
    if stored is not None and resolution is not None and PIXEL_SIZE not in private:
        stored = replace(stored, details={**stored.details, "resolution": resolution})
    return replace(
        image,
        exif=exif,
        xmp=xmp.rstrip(b"\0") or None if xmp else None,
        iptc=directory.raw(IPTC_TAG) or resources.get(photoshop.IPTC),
        dpi=dpi,
        private={key: value for key, value in private.items() if value},
        stored=stored,
    )


def spend(container: Container, size: int) -> None:
    """Raise ImageError when pages together hold far more metadata than the file has bytes."""
    container.metadata_left -= size
    if container.metadata_left < 0:
        raise ImageError(f"{container.name}: damaged: its tags hold more than the file does")


def is_imagej(description: str) -> bool:
    return description.startswith(("ImageJ=", "SCIFIO="))


def is_ome(description: str) -> bool:
    return "<OME" in description[:4096] and "</OME>" in description[-64:]


def taken(directory: Directory, tags: frozenset[int]) -> dict[int, Value]:
    """Return the values of those of the tags that are there."""
    found = ((tag, directory.value(tag)) for tag in directory.places if tag in tags)
    return {tag: value for tag, value in found if value is not None}


def others(directory: Directory, name: str) -> dict[int, Value]:
    """Return the tags that nothing is known of, if they are plain; warn of the rest."""
    known = STRUCTURE | WORDS | GEO | COLOURS | PAGE | IMAGEJ
    kept: dict[int, Value] = {}
    lost: dict[str, None] = {}
    for tag, (kind, count, _) in directory.places.items():
        if tag in known:
            continue
        value = directory.value(tag) if count <= LARGE else None
        plain = kind not in (1, 6, 7)
        if (
            tag in LEFT_OUT
            or kind in (13, 18)
            or value is None
            or len(value.raw) > (LARGE if plain else LARGE_BLOB)
            or JPEG_BEGINNING in value.raw
        ):
            lost[LEFT_OUT.get(tag, f"tag {tag}")] = None
        else:
            kept[tag] = value
    for tag in directory.broken:
        if tag not in STRUCTURE or tag in (ICC_TAG, XMP_TAG, IPTC_TAG, EXIF_TAG, GPS_TAG):
            lost[f"tag {tag} (damaged)"] = None
    if lost:
        tell(f"{name}: {', '.join(lost)}: left out")
    return kept


def resolution_of(
    directory: Directory, orientation: int
) -> tuple[tuple[float, float] | None, tuple[int, tuple[int, ...]] | None]:
    """Return pixels per inch, and the file's unit and its fractions for the upright picture."""
    across, down = directory.numbers(X_RESOLUTION_TAG), directory.numbers(Y_RESOLUTION_TAG)
    if len(across) != 2 or len(down) != 2:
        return None, None
    if (
        directory.places[X_RESOLUTION_TAG][0] != RATIONAL
        or directory.places[Y_RESOLUTION_TAG][0] != RATIONAL
    ):
        return None, None
    if not all((*across, *down)):
        return None, None
    unit = directory.number(UNIT_TAG, INCH)
    turned = (*down, *across) if orientation in SIDEWAYS else (*across, *down)
    return dpi_of((unit, (*across, *down))), (unit, turned)


def dpi_of(resolution: tuple[int, tuple[int, ...]]) -> tuple[float, float] | None:
    unit, (a, b, c, d) = resolution
    scale = PER_INCH.get(unit)
    return None if scale is None else (a / b * scale, c / d * scale)


def exif_of(container: Container, directory: Directory, words: frozenset[int]) -> bytes | None:
    """Return the tags of words, of the camera and of the place as EXIF, or None.

    A maker note stays at the place in it that it has in the file, where that is near enough: it
    may say where parts of it lie.
    """
    tags: dict[int, Any] = {**taken(directory, words), **below_of(container, directory)}
    if not tags:
        return None
    total = size_of(tags)
    if total > 32 * len(container.data):
        raise ImageError(f"{container.name}: damaged: its tags overlap")
    note = note_of(container, directory)
    builder = Builder(container.order, False, note if note and note[1] + total < FAR else None)
    builder.put_page(tags)
    return bytes(builder.out)


def below_of(container: Container, directory: Directory) -> dict[int, Any]:
    """Return the directories of camera data and of the place, as tags by their pointers' tags."""
    tags: dict[int, Any] = {}
    for pointer, what in ((EXIF_TAG, "camera data (EXIF)"), (GPS_TAG, "place (GPS)")):
        if pointer not in directory:
            continue
        below = container.metadata_directory(directory, pointer)
        if below is None or not below.places:
            tell(f"{container.name}: its {what} is damaged, and left out")
            continue
        inner: dict[int, Any] = dict(taken(below, frozenset(below.places) - {INTEROPERABILITY}))
        again = container.metadata_directory(below, INTEROPERABILITY)
        if again is not None and again.places:
            inner[INTEROPERABILITY] = taken(again, frozenset(again.places))
        tags[pointer] = inner
    return tags


def note_of(container: Container, directory: Directory) -> tuple[bytes, int] | None:
    """Return the maker note, and where it lies."""
    below = container.metadata_directory(directory, EXIF_TAG)
    note = below.raw(MAKER_NOTE) if below else None
    return (note, below.places[MAKER_NOTE][2]) if below and note else None


def photoshop_resources(directory: Directory, name: str) -> dict[int, bytes]:
    """Return what Photoshop keeps beside a picture, by its numbers; of each the first."""
    resources, whole = photoshop.parse(directory.raw(PHOTOSHOP) or b"")
    if not whole:
        tell(f"{name}: a part of its {PHOTOSHOP_NAME} is damaged, and left out")
    return photoshop.first_of_each(resources)


def kept_resources(resources: dict[int, bytes]) -> dict[int, bytes]:
    return {number: value for number, value in resources.items() if number not in RESOURCES_OUT}


def tags_of(
    image: Image, exif: dict[int, Any], bits: int, icc: bytes | None, name: str
) -> dict[int, Any]:
    """Return the tags of what a picture holds besides pixels. exif: what exif_tags returns."""
    tags: dict[int, Any] = {}
    for key in (OTHER_NAME, GEO_NAME, COLOUR_NAME, PAGE_NAME, IMAGEJ_NAME):
        tags.update(image.private.get(key, {}))
    for tag in CURVES:
        if tag in tags and tags[tag].count not in (1 << bits, 3 << bits):
            del tags[tag]
            tell(f"{name}: its tone curve is for samples of other bits; left out")
    if OME_NAME in image.private:
        tags[DESCRIPTION] = octets(2, image.private[OME_NAME])
    tags = {**exif, **tags}
    add_text(tags, image, name)
    if icc:
        tags[ICC_TAG] = octets(7, icc)
    if image.xmp:
        tags[XMP_TAG] = octets(1, image.xmp)
    if image.iptc:
        tags[IPTC_TAG] = octets(7, image.iptc)
    if resources := image.private.get(PHOTOSHOP_NAME):
        captions = {photoshop.IPTC: image.iptc} if image.iptc else {}
        made = (photoshop.resource(*one) for one in {**captions, **resources}.items())
        tags[PHOTOSHOP] = octets(1, b"".join(made))
    tags.update(resolution_tags(image))
    return tags


def add_text(tags: dict[int, Any], image: Image, name: str) -> None:
    lost = []
    for keyword, text in image.text:
        tag = KEYWORDS.get(keyword)
        if tag is None or (tag in tags and not says(tags[tag], text)):
            lost.append(keyword)
        elif tag not in tags:
            tags[tag] = octets(2, text.encode())
    if lost:
        tell(f"{name}: TIFF has no tag for its text {', '.join(dict.fromkeys(lost))}; left out")


def says(value: Any, text: str) -> bool:
    """Return whether a tag's value is a text."""
    return isinstance(value, Value) and value.raw.rstrip(b"\0 ") == text.encode().rstrip()


def exif_tags(exif: bytes | None, name: str) -> tuple[dict[int, Any], tuple[bytes, int] | None]:
    """Return what EXIF holds as tags of a picture's directory, with those below.

    And the maker note and its place, if that is near enough to be kept.
    """
    if not exif:
        return {}, None
    try:
        container = Container(exif, name)
    except ImageError:
        tell(f"{name}: its camera data (EXIF) is damaged, and left out")
        return {}, None
    main = container.pages[0]
    tags: dict[int, Any] = dict(taken(main, frozenset(main.places) - STRUCTURE))
    note = note_of(container, main)
    return {**tags, **below_of(container, main)}, note if note and note[1] < FAR else None


def resolution_tags(image: Image) -> dict[int, Value]:
    """Return the resolution as the file had it, if it is still that; or pixels per inch."""
    details = image.stored.details if image.stored else {}
    unit = INCH
    parts: tuple[int, ...] = ()
    if image.dpi is None:
        if PIXEL_SIZE in image.private:
            unit, parts = 1, image.private[PIXEL_SIZE]
        elif details.get("resolution") == NO_RESOLUTION:
            unit, parts = NO_RESOLUTION
        else:
            return {}
    elif "resolution" in details and dpi_of(details["resolution"]) == image.dpi:
        unit, parts = details["resolution"]
    else:
        parts = (*fraction(image.dpi[0]), *fraction(image.dpi[1]))
    return {
        X_RESOLUTION_TAG: numbers(RATIONAL, *parts[:2]),
        Y_RESOLUTION_TAG: numbers(RATIONAL, *parts[2:]),
        UNIT_TAG: numbers(3, unit),
    }
