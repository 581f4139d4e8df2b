"""Several pictures of a TIFF file: which are pages, slices, masks or smaller copies."""

import json
import math
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from imgae.errors import ImageError
from imgae.io.format import File
from imgae.io.formats.tiff.container import Container, Directory, all_of
from imgae.io.formats.tiff.layout import Layout
from imgae.io.formats.tiff.metadata import DESCRIPTION, LEFT_OUT, is_imagej, is_ome
from imgae.io.formats.tiff.notes import tell
from imgae.io.metadata.directories import EXIF_TAG, GPS_TAG
from imgae.picture.image import Frames

SUBFILE: Final = 254
OLD_SUBFILE: Final = 255
REDUCED: Final = 1
PAGE: Final = 2
MASK: Final = 4
META_MORPH: Final = 33629
POINTERS: Final = (EXIF_TAG, GPS_TAG)
EXIF_THUMBNAIL: Final = 320
"""The most pixels a side of a thumbnail as EXIF has it."""

RAW_TAGS: Final = frozenset({33422, 34310, 50706})
"""The colour filter before a sensor, Leaf's data and DNG's version."""
RAW_COLOURS: Final = (32803, 34892)
RAW_COMPRESSIONS: Final = frozenset({32767, 32769, 32770, 32867, 34713, 65535})
RAW_BEGINNINGS: Final = ((8, b"CR\x02"), (8, b"IIII"), (8, b"MMMM"))
RAW: Final = (
    "{}: a camera raw file, which is read with the extra: pip install 'imgae[formats]'; its name "
    "may have to end in that of its kind, as in .dng"
)


def check_not_raw(container: Container, name: str) -> None:
    """Raise ImageError for a camera's raw file, whose other pictures are only previews."""
    for at, mark in RAW_BEGINNINGS:
        if container.data[at : at + len(mark)] == mark:
            raise ImageError(RAW.format(name))
    for directory in all_of(container.pages):
        if (
            RAW_TAGS & directory.places.keys()
            or directory.number(262, 0) in RAW_COLOURS
            or directory.number(259, 0) in RAW_COMPRESSIONS
        ):
            raise ImageError(RAW.format(name))


def subfile(directory: Directory) -> int:
    """Return what a directory says of its picture, as bits: reduced, page, mask."""
    old = directory.number(OLD_SUBFILE, 0)
    return directory.number(SUBFILE, REDUCED if old == 2 else 0)


def pages_of(container: Container, name: str) -> list[tuple[Directory, Directory | None]]:
    """Return the directories of whole pictures, each with that of its mask or None.

    Warns of the smaller copies that are left out.
    """
    found: list[tuple[Directory, Directory | None]] = []
    copies = 0
    main = container.pages
    if all(subfile(directory) & REDUCED for directory in main):
        below = [child for child in all_of(main) if not subfile(child) & (REDUCED | MASK)]
        if below:
            copies, main = len(main), below
        else:  # only smaller copies of a picture that is elsewhere: then they are the pictures
            tell(f"{name}: it holds only a smaller copy of a picture, by what it says of itself")
            main = [replace(directory, places=without(directory, SUBFILE)) for directory in main]
    for directory in main:
        kind = subfile(directory)
        if kind & MASK and not kind & REDUCED and found and found[-1][1] is None:
            found[-1] = found[-1][0], directory
        elif kind & (REDUCED | MASK) or is_exif_thumbnail(directory, main):
            copies += 1
        else:
            found.append((directory, None))
        if main is container.pages:
            copies += len(list(all_of(directory.children)))
    if not found:
        raise ImageError(f"{name}: damaged: it holds only masks")
    if copies:
        what = "smaller copy of it is" if copies == 1 else "smaller copies of it are"
        tell(f"{name}: {copies} {what} left out, which would show it as it was")
    return found


def without(directory: Directory, tag: int) -> dict[int, tuple[int, int, int]]:
    return {key: place for key, place in directory.places.items() if key != tag}


def is_exif_thumbnail(directory: Directory, main: Sequence[Directory]) -> bool:
    """Return whether a second directory is a small JPEG, as EXIF holds thumbnails."""
    return (
        len(main) == 2
        and directory is main[1]
        and directory.number(259, 1) == 6
        and 513 in directory
        and 0 <= max(directory.number(256, 0), directory.number(257, 0)) <= EXIF_THUMBNAIL
    )


def in_one_directory(
    container: Container, directory: Directory, layout: Layout, file: File
) -> list[Layout]:
    """Return the layouts of all slices that lie behind the picture of a single directory.

    ImageJ, tifffile and MetaMorph save stacks so; of other files that is the picture alone.
    Raises ImageError if slices are missing.
    """
    description = directory.text(DESCRIPTION)
    count = 1
    if len(container.pages) == 1:
        if is_imagej(description):
            count = number_in(description, "images", 1)
        elif META_MORPH in directory.places:
            count = directory.places[META_MORPH][1]
        elif META_MORPH in directory.broken:
            raise ImageError(f"{file.name}: a damaged MetaMorph stack")
        else:
            count = shaped_count(description, layout)
    if count <= 1:
        return [layout]
    size = sum(layout.sizes)
    ends = zip(layout.places, layout.sizes, strict=True)
    apart = any(
        at + length != following
        for (at, length), following in zip(ends, layout.places[1:], strict=False)
    )
    if layout.compression != 1 or apart or size != picture_bytes(layout):
        raise ImageError(
            f"{file.name}: it says that it is a stack of {count} slices, but holds only one"
        )
    file.check_size(layout.width, layout.height, count)
    if layout.places[0] + count * size > len(file.data):
        there = (len(file.data) - layout.places[0]) // size
        raise ImageError(f"{file.name}: cut short: {there} of its {count} slices are there")
    return [
        replace(layout, places=tuple(at + k * size for at in layout.places)) for k in range(count)
    ]


def picture_bytes(layout: Layout) -> int:
    row = math.ceil(layout.width * layout.deep * layout.bits / 8)
    return row * layout.height * (layout.samples if layout.apart else 1)


def number_in(description: str, key: str, default: int) -> int:
    """Return a number of ImageJ's description, as in images=5."""
    found = re.search(rf"^{key}=(\d{{1,9}})\s*$", description, re.MULTILINE)
    return int(found[1]) if found else default


def shape_in(description: str) -> list[int] | None:
    """Return the shape of an array that tifffile says, or None."""
    if not description.startswith('{"shape"') or len(description) > 1 << 16:
        return None
    try:
        shape = json.loads(description)["shape"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    whole = isinstance(shape, list) and all(isinstance(n, int) and n > 0 for n in shape)
    return shape if whole else None


def shaped_count(description: str, layout: Layout) -> int:
    shape = shape_in(description)
    picture = layout.width * layout.height * layout.samples
    return math.prod(shape) // picture if shape and math.prod(shape) % picture == 0 else 1


def kind_of(pages: Sequence[Directory], count: int) -> Any:
    """Return the kind of Frames that a file's pictures are."""
    if count == 1:
        return "picture"
    description = pages[0].text(DESCRIPTION)
    stack = is_imagej(description) or is_ome(description) or shape_in(description)
    return "stack" if stack or META_MORPH in pages[0].places else "pages"


def check_further_data(container: Container, layouts: Sequence[Layout], name: str) -> None:
    """Warn of a file that holds more than its directories say, as slices of an unknown program."""
    if any(tag in directory for directory in container.pages for tag in (*LEFT_OUT, *POINTERS)):
        return
    size = sum(sum(layout.sizes) for layout in layouts)
    largest = max(picture_bytes(layout) for layout in layouts)
    said = sum(
        count * 8
        for directory in all_of(container.pages)
        for _, count, _ in directory.places.values()
    )
    if all(layout.compression == 1 for layout in layouts) and len(layouts) == len(
        list(all_of(container.pages))
    ):
        left = len(container.data) - size - said
        if left >= largest + (1 << 12):
            tell(
                f"{name}: {left} bytes of it are not said to be a picture, and are left out; it "
                "may hold further slices"
            )


def shaped_description(text: bytes, count: int, shape: tuple[int, ...]) -> bytes | None:
    """Return what tifffile says of an array, as far as it holds of so many pictures of a shape.

    None if nothing is left to say.
    """
    said = json.loads(text)
    if said["shape"][-len(shape) :] == list(shape) and math.prod(
        said["shape"]
    ) == count * math.prod(shape):
        kept = {key: value for key, value in said.items() if key != "truncated"}
        return json.dumps(kept).encode()
    kept = {key: value for key, value in said.items() if key not in ("shape", "axes", "truncated")}
    return json.dumps({"shape": [count, *shape], **kept}).encode() if kept or count > 1 else None


def imagej_description(frames: Frames, text: bytes | None) -> bytes | None:
    """Return ImageJ's description of so many slices: what it said, as far as it holds.

    text: what it said, or None. None for a single picture of which nothing is said.
    """
    count = len(frames)
    if text is None:
        return b"ImageJ=1.53k\nimages=%d\nslices=%d\n" % (count, count) if count > 1 else None
    said = text.rstrip(b"\0")
    if number_in(said.decode("latin-1"), "images", 1) == count:
        return said
    lines = [
        line
        for line in said.split(b"\n")
        if not re.match(rb"(images|channels|slices|frames|hyperstack)=", line)
    ]
    if count > 1:
        lines[1:1] = [b"images=%d" % count, b"slices=%d" % count]
    return b"\n".join(lines)
