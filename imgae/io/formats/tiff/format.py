"""TIFF: its structure is read and written here; imagecodecs undoes the compressions."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np

from imgae.errors import ImageTooLargeError
from imgae.io.format import ALL, Encoding, File, Format, Limits, details_of
from imgae.io.formats.tiff import stacks
from imgae.io.formats.tiff.build import MOST_CLASSIC, Builder, numbers, octets, size_of
from imgae.io.formats.tiff.colours import FORMAT as NAME
from imgae.io.formats.tiff.colours import Samples, image_of, samples_of
from imgae.io.formats.tiff.container import Container, Directory
from imgae.io.formats.tiff.layout import MASK, Layout, read_layout
from imgae.io.formats.tiff.metadata import (
    DESCRIPTION,
    IMAGEJ_NAME,
    OME_NAME,
    PRIVATE,
    exif_tags,
    tags_of,
    with_metadata,
)
from imgae.io.formats.tiff.notes import once, tell
from imgae.io.formats.tiff.segments import decode
from imgae.io.formats.tiff.strips import NONE, Strips, strips_of
from imgae.io.metadata.directories import EXIF_TAG, ICC_TAG, MAKER_NOTE
from imgae.io.metadata.exif import ORIENTATION_TAG
from imgae.io.metadata.upright import upright
from imgae.picture.image import Frames, Image
from imgae.picture.pixels import scale_of

USER_COMMENT: Final = 37510
"""A text of EXIF, whose letters may be of two bytes."""
DPI: Final = float((1 << 32) - 1)
PIXEL_TYPE: Final = re.compile(rb'(<(?:\w+:)?Pixels\b[^>]*?\bType=")[^"]*')
"""Where OME-XML says what a sample is."""
FILE_NAME: Final = re.compile(rb' FileName="([^"]*)"')


def read(file: File) -> Frames:
    with once():
        container = Container(file.data, file.name)
        stacks.check_not_raw(container, file.name)
        pages = stacks.pages_of(container, file.name)
        layouts = [read_layout(page, file) for page, _ in pages]
        if len(pages) == 1:
            layouts = stacks.in_one_directory(container, pages[0][0], layouts[0], file)
            pages *= len(layouts)
        check_total(layouts, file)
        stacks.check_further_data(container, layouts, file.name)
        images = [
            read_page(container, page, layout, file)
            for page, layout in zip(pages, layouts, strict=True)
        ]
        return Frames(tuple(images), stacks.kind_of([page for page, _ in pages], len(images)))


def check_total(layouts: Sequence[Layout], file: File) -> None:
    """Raise ImageError if all pages together have more pixels than may be read."""
    pixels = sum(layout.width * layout.height for layout in layouts)
    if pixels > file.most_pixels:
        raise ImageTooLargeError(
            f"{file.name}: its {len(layouts)} pages are {pixels / 1e6:.0f} megapixels together, "
            f"more than the {file.most_pixels / 1e6:.4g} that are allowed; allow more with "
            "--max-pixels (max_pixels=...)"
        )


def read_page(
    container: Container, page: tuple[Directory, Directory | None], layout: Layout, file: File
) -> Image:
    directory, mask = page
    array = decode(layout, directory, file, container.order)
    file.check_decoded(array, layout.width, layout.height, layout.samples)
    image = image_of(array, layout, directory, directory.raw(ICC_TAG), file.name)
    if mask is not None:
        image = with_mask(image, container, mask, file)
    if image.stored is not None:
        said = {"order": container.order, "page": stacks.subfile(directory) & stacks.PAGE}
        image = replace(
            image, stored=replace(image.stored, details={**image.stored.details, **said})
        )
    orientation = directory.number(ORIENTATION_TAG, 1)
    return upright(with_metadata(image, container, directory, orientation), orientation)


def with_mask(image: Image, container: Container, mask: Directory, file: File) -> Image:
    """Return a picture with the mask of its own directory as alpha."""
    layout = read_layout(mask, file)
    size = layout.width, layout.height
    if image.alpha is not None or size != (image.width, image.height) or layout.samples != 1:
        tell(f"{file.name}: its mask does not fit its picture; left out")
        return image
    inside = decode(layout, mask, file, container.order)[:, :, 0] > 0
    white = scale_of(image.pixels.dtype)
    alpha: Any = np.where(inside, white, 0).astype(image.pixels.dtype)
    stored = image.stored
    if stored is not None:
        stored = replace(stored, details={**stored.details, "mask": True})
    return replace(image, alpha=alpha, stored=stored)


def encode(frames: Frames, name: str, encoding: Encoding) -> bytes:
    with once():
        order = order_of(frames[0], name)
        if any(image.duration is not None for image in frames):
            tell(f"{name}: TIFF holds no timing; its frames are written as pages")
        pages: list[tuple[Strips, dict[int, Any]]] = []
        first_note = None
        in_a_row = False
        for number, image in enumerate(frames):
            exif, note = exif_tags(image.exif, name)
            if not number:
                first_note, in_a_row = note, is_in_a_row(frames, exif)
            pages += pages_for(image, exif, encoding, order, name, plain=in_a_row)
        describe(pages[0], frames, name)
        total = sum(sum(map(len, strips.parts)) + size_of(tags) for strips, tags in pages)
        builder = Builder(order, total > MOST_CLASSIC, first_note)
        ahead = builder.put_in_a_row([strips.parts for strips, _ in pages]) if in_a_row else []
        for number, (strips, tags) in enumerate(pages):
            places = ahead[number] if ahead else [builder.put(part) for part in strips.parts]
            kind = 16 if builder.big else 4
            tags[273] = numbers(kind, *places)
            tags[279] = numbers(kind, *map(len, strips.parts))
            builder.put_page(tags)
        return bytes(builder.out)


def is_in_a_row(frames: Frames, exif: dict[int, Any]) -> bool:
    """Return whether all slices are to lie one after another as they are: a stack of ImageJ.

    ImageJ, and what reads its files, looks for the slices behind the first picture, whatever the
    other directories say. exif: what exif_tags returns for the first.
    """
    first = frames[0]
    alike = {(image.pixels.shape, image.pixels.dtype, image.alpha is None) for image in frames}
    masked = any(details_of(image, NAME).get("mask") for image in frames)
    if len(frames) == 1 or len(alike) > 1 or masked:
        return False
    said = DESCRIPTION in exif or OME_NAME in first.private or "Description" in dict(first.text)
    return IMAGEJ_NAME in first.private or (frames.kind == "stack" and not said)


def order_of(image: Image, name: str) -> str:
    """Return the byte order to write in: some values are only right in that of their file."""
    if data := image.private.get(IMAGEJ_NAME):
        return str(next(iter(data.values())).order)
    camera = exif_tags(image.exif, name)[0].get(EXIF_TAG, {})
    if image.exif and {MAKER_NOTE, USER_COMMENT} & camera.keys():
        return ">" if image.exif[:2] == b"MM" else "<"
    return str(details_of(image, NAME).get("order", "<"))


def pages_for(
    image: Image, exif: dict[int, Any], encoding: Encoding, order: str, name: str, *, plain: bool
) -> list[tuple[Strips, dict[int, Any]]]:
    """Return a picture as it is to be written: its page and, if it had one, that of its mask.

    plain: without compression, whatever its file had.
    """
    details = details_of(image, NAME)
    mask = image.alpha if details.get("mask") and image.alpha is not None else None
    if mask is not None and ((mask == 0) | (mask == scale_of(mask.dtype))).all():
        image = replace(image, alpha=None)
    else:
        mask = None
    samples = samples_of(image, encoding, name)
    strips = strips_of(samples, {"compression": NONE} if plain else details, order)
    tags = {**tags_of(image, exif, samples.bits, samples.icc, name), **strips.tags}
    if details.get("page"):
        tags[stacks.SUBFILE] = numbers(4, stacks.PAGE)
    pages = [(strips, tags)]
    if mask is not None:
        inside = Samples((mask > 0).astype(np.uint8)[:, :, None], 1, MASK)
        drawn = strips_of(inside, {}, order)
        kind = stacks.MASK | details.get("page", 0)
        pages.append((drawn, {**drawn.tags, stacks.SUBFILE: numbers(4, kind)}))
    return pages


def describe(page: tuple[Strips, dict[int, Any]], frames: Frames, name: str) -> None:
    """Bring up to date what the first page says of all, as ImageJ and OME do."""
    strips, tags = page
    private = frames[0].private
    description = tags.get(DESCRIPTION)
    text = None if description is None else description.raw
    if IMAGEJ_NAME in private or (frames.kind == "stack" and text is None):
        said = stacks.imagej_description(frames, text if IMAGEJ_NAME in private else None)
        if said is not None:
            tags[DESCRIPTION] = octets(2, said)
    elif OME_NAME in private:
        tags[DESCRIPTION] = octets(2, ome_description(private[OME_NAME], frames, name))
    elif text is not None and stacks.shape_in(text.rstrip(b"\0").decode("latin-1")):
        samples = int.from_bytes(strips.tags[277].raw, "little")
        shape = (frames[0].height, frames[0].width, *[samples] * (samples > 1))
        said = stacks.shaped_description(text.rstrip(b"\0"), len(frames), shape)
        tags.pop(DESCRIPTION)
        if said is not None:
            tags[DESCRIPTION] = octets(2, said)


def ome_description(text: bytes, frames: Frames, name: str) -> bytes:
    """Return OME-XML that is true of the file: of one name, and of its samples' type."""
    names = set(FILE_NAME.findall(text))
    if len(names) > 1:
        tell(f"{name}: its {OME_NAME} speaks of {len(names)} files, of which this is one")
    elif names:
        text = FILE_NAME.sub(b"", text)
    kinds = {8: b"uint8", 16: b"uint16", 32: b"float"}
    said = PIXEL_TYPE.search(text)
    if said is None or said[0].endswith(b'"bit'):
        return text
    return PIXEL_TYPE.sub(rb"\g<1>" + kinds[frames[0].bits], text)


FORMAT: Final = Format(
    read,
    encode,
    Limits(
        dpi=DPI,
        holds=ALL - {"cicp"},
        private=PRIVATE,
        frames=frozenset({"pages", "stack", "animation"}),
        inks=True,
    ),
)
