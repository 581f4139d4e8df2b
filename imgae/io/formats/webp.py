"""WebP: its chunks and animations by hand, its pixels with libwebp.

Written without loss unless a quality is asked for, whatever the file was that the picture came
from: the picture that comes back has each pixel, and is several times as large as a lossy file.
"""

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

import imagecodecs
import numpy as np
import PIL.Image
import PIL.WebPImagePlugin
from numpy.typing import NDArray

from imgae.errors import ImageError, warn
from imgae.io.colour.cms import space_of
from imgae.io.format import Encoding, File, Format, Limits, details_of
from imgae.io.metadata.exif import checked, orientation_of
from imgae.io.metadata.resolution import resolution_of, with_resolution
from imgae.io.metadata.upright import upright
from imgae.io.samples.frames import (
    bounds,
    check_one_size,
    warn_of_different,
    whole_counts,
    with_alpha,
)
from imgae.picture.arrays import channels_of, split_alpha
from imgae.picture.image import Frames, Image, Stored

FURTHER: Final = "further WebP chunks"
"""What Image.private holds of chunks that only their makers know: pairs of a kind and bytes."""
KNOWN: Final = frozenset({b"VP8X", b"ANIM", b"ANMF", b"ICCP", b"EXIF", b"XMP ", b"ALPH"})
PIXELS: Final = (b"VP8 ", b"VP8L")
ALPHA: Final = 0x10
ANIMATED: Final = 0x02
FLAGS: Final = {b"ICCP": 0x20, b"EXIF": 0x08, b"XMP ": 0x04}
OVERWRITE: Final = 2
"""Of a frame: its pixels take the place of those below, transparent ones too."""
DISPOSED: Final = 1
"""Of a frame: its rectangle becomes transparent after it."""
MOST_CHUNKS: Final = 200_000
LONGEST: Final = (1 << 24) - 1
"""Milliseconds that a frame may last."""
EFFORT: Final = 2
"""Of libwebp, 0 to 6: files are 1 % larger than at 6, and take a tenth of the time."""
LARGE: Final = 1 << 24
EMPTY: Final = 16
"""A canvas of more pixels, and so many times as large as what frames cover, is damage."""
SPARSE: Final = 0.25
"""With this share of a frame's rectangle unchanged, leaving it transparent is tried."""


class Chunk(NamedTuple):
    """A part of a WebP file: its four characters, its bytes, and whether the file has them all."""

    kind: bytes
    data: bytes
    whole: bool = True


@dataclass(frozen=True)
class Part:
    """A frame of an animation as it is stored: a rectangle of the canvas.

    x, y, width, height: in pixels. milliseconds: how long it is shown. flags: OVERWRITE, DISPOSED.
    chunks: of its pixels.
    """

    x: int
    y: int
    width: int
    height: int
    milliseconds: int
    flags: int
    chunks: tuple[Chunk, ...]


def chunks_of(data: bytes, begin: int, end: int) -> Iterator[Chunk]:
    """Yield the chunks that follow each other between two places of a file."""
    at = begin
    for _ in range(MOST_CHUNKS):
        if at + 8 > end:
            return
        kind, size = struct.unpack_from("<4sI", data, at)
        stop = at + 8 + size
        yield Chunk(kind, data[at + 8 : min(stop, end)], stop <= end)
        at = stop + (size & 1)
    raise ValueError(f"more than {MOST_CHUNKS} chunks")


def read(file: File) -> Frames:
    chunks = all_chunks(file)
    canvas = next((one.data for one in chunks if one.kind == b"VP8X" and len(one.data) >= 10), None)
    parts = [one for one in chunks if one.kind == b"ANMF"]
    if canvas is not None and canvas[0] & ANIMATED and parts:
        size = 1 + int.from_bytes(canvas[4:7], "little"), 1 + int.from_bytes(canvas[7:10], "little")
        frames = read_animation(file, chunks, parts, size, bool(canvas[0] & ALPHA))
    else:
        frames = Frames((read_still(file, chunks, canvas),))
    return with_metadata(file.name, frames, chunks)


def all_chunks(file: File) -> list[Chunk]:
    """Return a file's chunks, with a note of what is wrong with its length."""
    data, name = file.data, file.name
    says = 8 + int.from_bytes(data[4:8], "little")
    chunks = list(chunks_of(data, 12, min(says, len(data))))
    shown = [one for one in chunks if one.kind in (*PIXELS, b"ANMF")]
    if says < len(data) and not (shown and all(one.whole for one in shown)):
        warn(f"{name}: it says that it is {says} bytes long, and is {len(data)}; read to its end")
        return list(chunks_of(data, 12, len(data)))
    if says > len(data) + 1:
        warn(f"{name}: cut short: it says that it is {says} bytes long, and is {len(data)}")
    elif len(data) > says + (says & 1):
        warn(f"{name}: {len(data) - says} bytes after its end; left out")
    return chunks


def size_of(chunks: list[Chunk] | tuple[Chunk, ...]) -> tuple[int, int, bool]:
    """Return width and height of stored pixels, and whether they are transparent in places.

    Raises ValueError without pixels, or if they do not begin as they should.
    """
    for kind, data, _ in chunks:
        if kind == b"VP8L" and len(data) >= 5 and data[0] == 0x2F:
            bits = int.from_bytes(data[1:5], "little")
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1, bool(bits >> 28 & 1)
        if kind == b"VP8 " and len(data) >= 10 and data[3:6] == b"\x9d\x01\x2a":
            width, height = struct.unpack_from("<HH", data, 6)
            return width & 0x3FFF, height & 0x3FFF, any(one.kind == b"ALPH" for one in chunks)
        if kind in PIXELS:
            break
    raise ValueError("no picture is in it")


def decode(file: File, chunks: list[Chunk] | tuple[Chunk, ...]) -> NDArray[Any]:
    """Return stored pixels (H, W, 3), or (H, W, 4) with alpha, checked against their header."""
    width, height, transparent = size_of(chunks)
    held: dict[bytes, bytes] = {}
    for one in chunks:
        held.setdefault(one.kind, one.data)
    kind = next(one.kind for one in chunks if one.kind in PIXELS)
    pixels = [(kind, held[kind])]
    if kind == b"VP8 " and transparent:
        extent = struct.pack("<I", ALPHA) + three(width - 1) + three(height - 1)
        pixels = [(b"VP8X", extent), (b"ALPH", held[b"ALPH"]), *pixels]
    array: NDArray[Any] = imagecodecs.webp_decode(riff(pixels), hasalpha=transparent)
    file.check_decoded(array, width, height, 3 + transparent)
    return array


def read_still(file: File, chunks: list[Chunk], canvas: bytes | None) -> Image:
    width, height, _ = size_of(chunks)
    file.check_size(width, height)
    if canvas is not None:
        says = 1 + int.from_bytes(canvas[4:7], "little"), 1 + int.from_bytes(canvas[7:10], "little")
        if says != (width, height):
            raise ImageError(
                f"{file.name}: damaged: it says {says[0]}x{says[1]} pixels, but holds "
                f"{width}x{height}"
            )
    pixels = next(one for one in chunks if one.kind in PIXELS)
    if not pixels.whole:
        warn(f"{file.name}: its pixels are cut short")
    array = decode(file, chunks)
    colours, alpha = split_alpha(array, array.shape[2] == 4)
    if alpha is None and canvas is not None and canvas[0] & ALPHA:
        alpha = np.full(colours.shape[:2], 255, np.uint8)
    return Image(colours, alpha, stored=stored_as(pixels.kind))


def stored_as(kind: bytes, **details: Any) -> Stored:
    return Stored("WebP", details={"lossless": kind == b"VP8L", **details})


def read_animation(
    file: File, chunks: list[Chunk], parts: list[Chunk], size: tuple[int, int], transparent: bool
) -> Frames:
    """Return every frame as a whole picture."""
    width, height = size
    whole = [one for one in parts if one.whole]
    if len(whole) < len(parts):
        warn(f"{file.name}: its last frame is cut short, and left out")
    file.check_size(width, height, len(whole))
    found = [part_of(one.data, size) for one in whole]
    check_covered(file.name, found, size)
    control = next((one.data for one in chunks if one.kind == b"ANIM"), b"")[:6].ljust(6, b"\0")
    images = []
    stored = stored_as(found[0].chunks[-1].kind if found[0].chunks else b"", background=control[:4])
    for part, canvas in zip(found, composited(file, found, size), strict=True):
        pixels, alpha = split_alpha(canvas, has_alpha=True)
        images.append(Image(pixels, alpha, duration=part.milliseconds / 1000, stored=stored))
    if not transparent and all(
        (image.alpha == np.uint8(255)).all() for image in images if image.alpha is not None
    ):
        images = [replace(image, alpha=None) for image in images]
    return Frames(tuple(images), "animation", int.from_bytes(control[4:6], "little"))


def check_covered(name: str, parts: list[Part], size: tuple[int, int]) -> None:
    """Raise ImageError for a large canvas of which the frames cover next to nothing.

    A broken byte makes such a one of a small file, and gigabytes of emptiness of every frame.
    """
    across = max(part.x + part.width for part in parts) - min(part.x for part in parts)
    down = max(part.y + part.height for part in parts) - min(part.y for part in parts)
    if size[0] * size[1] > max(LARGE, EMPTY * across * down):
        raise ImageError(
            f"{name}: damaged: it says that it is {size[0]}x{size[1]} pixels, and its frames cover "
            f"{across}x{down}"
        )


def part_of(data: bytes, size: tuple[int, int]) -> Part:
    """Return a stored frame. Raises ValueError if it does not lie within the canvas."""
    if len(data) < 16:
        raise ValueError("a frame is too short")
    x, y, width, height, milliseconds = (
        int.from_bytes(data[at : at + 3], "little") for at in range(0, 15, 3)
    )
    x, y, width, height = 2 * x, 2 * y, width + 1, height + 1
    if x + width > size[0] or y + height > size[1]:
        raise ValueError("a frame reaches beyond the picture")
    chunks = tuple(chunks_of(data, 16, len(data)))
    if size_of(chunks)[:2] != (width, height):
        raise ValueError("a frame's pixels are of another size than the frame")
    return Part(x, y, width, height, milliseconds, data[15] & 3, chunks)


def composited(file: File, parts: list[Part], size: tuple[int, int]) -> Iterator[NDArray[np.uint8]]:
    """Yield the canvas (H, W, 4) with each frame on it, as libwebp composites them."""
    canvas = np.zeros((size[1], size[0], 4), np.uint8)
    before: Part | None = None
    fresh = True  # whether nothing of former frames is below this one
    for part in parts:
        array = decode(file, part.chunks)
        fills = (part.width, part.height) == size
        opaque = array.shape[2] == 3
        fresh = (
            before is None
            or (fills and (opaque or bool(part.flags & OVERWRITE)))
            or (bool(before.flags & DISPOSED) and (fresh or (before.width, before.height) == size))
        )
        if before is not None and before.flags & DISPOSED:
            place_of(canvas, before)[:] = 0
        if fresh:
            canvas[:] = 0
        below = place_of(canvas, part)
        if opaque:
            below[:, :, :3], below[:, :, 3] = array, 255
        elif fresh or part.flags & OVERWRITE:
            below[:] = array
        else:
            below[:] = blended(array, below)
            if before is not None and before.flags & DISPOSED:  # nothing is left to blend with
                inner = np.zeros(canvas.shape[:2], bool)
                place_of(inner, before)[:] = True
                inner = place_of(inner, part)
                below[inner] = array[inner]
        before = part
        yield canvas.copy()


def place_of(canvas: NDArray[Any], part: Part) -> NDArray[Any]:
    return canvas[part.y : part.y + part.height, part.x : part.x + part.width]


def blended(above: NDArray[np.uint8], below: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return colours with alpha laid over others, rounded as libwebp does."""
    cover = above[:, :, 3:].astype(np.uint64)
    left = below[:, :, 3:].astype(np.uint64) * (256 - cover) >> np.uint64(8)
    alpha = cover + left
    scale = np.uint64(1 << 24) // np.maximum(alpha, 1)
    colours = (above[:, :, :3] * cover + below[:, :, :3] * left) * scale >> np.uint64(24)
    both = np.concatenate([colours, alpha], 2).astype(np.uint8)
    return np.where(cover == 0, below, np.where(cover == 255, above, both))


def with_metadata(name: str, frames: Frames, chunks: list[Chunk]) -> Frames:
    """Return upright pictures with what their file holds besides pixels."""
    held: dict[bytes, bytes] = {}
    further = []
    for one in chunks:
        if one.kind in KNOWN and one.whole:
            held.setdefault(one.kind, one.data)
        elif one.kind == b"XMP\0" and one.whole:  # of writers that mistook the fourth letter
            held.setdefault(b"XMP ", one.data)
        elif one.kind not in (*KNOWN, *PIXELS) and one.whole:
            further.append((one.kind, one.data))
    raw = held.get(b"EXIF")
    exif = checked(raw, name) if raw else None
    orientation = orientation_of(exif)
    images = [
        upright(
            replace(
                image,
                icc=held.get(b"ICCP") or None,
                exif=exif,
                xmp=held.get(b"XMP ") or None,
                dpi=resolution_of(exif),
            ),
            orientation,
        )
        for image in frames
    ]
    if further:
        images[0] = replace(images[0], private={FURTHER: tuple(further)})
    return frames.with_images(images)


def three(number: int) -> bytes:
    return number.to_bytes(3, "little")


def riff(chunks: list[tuple[bytes, bytes]]) -> bytes:
    """Return the bytes of a file that consists of chunks."""
    content = b"".join(
        kind + struct.pack("<I", len(data)) + data + b"\0" * (len(data) & 1)
        for kind, data in chunks
    )
    return b"RIFF" + struct.pack("<I", len(content) + 4) + b"WEBP" + content


def encode(frames: Frames, name: str, encoding: Encoding) -> bytes:
    """Encode pictures without loss, or by a quality. Pixels of full transparency keep colours."""
    image = frames[0]
    metadata = metadata_chunks(image, name)
    further = image.private.get(FURTHER, ())
    flags = sum(FLAGS[kind] for kind, _ in metadata)
    flags |= ALPHA * any(one.alpha is not None for one in frames)
    if frames.kind == "animation":
        flags |= ANIMATED
        pixels = animation(frames, name, encoding)
    else:
        pixels = encoded(channels_of(image), encoding)
    extent = struct.pack("<I", flags) + three(image.width - 1) + three(image.height - 1)
    before = [one for one in metadata if one[0] == b"ICCP"]
    after = [one for one in metadata if one[0] != b"ICCP"]
    if flags or further:
        pixels = [(b"VP8X", extent), *before, *pixels, *after, *further]
    return riff(pixels)


def metadata_chunks(image: Image, name: str) -> list[tuple[bytes, bytes]]:
    icc = image.icc
    if space_of(icc) == b"GRAY":
        warn(f"{name}: WebP holds no colour profile (ICC) of gray; it is left out")
        icc = None
    found = (
        (b"ICCP", icc),
        (b"EXIF", with_resolution(image.exif, image.dpi)),
        (b"XMP ", image.xmp),
    )
    return [(kind, data) for kind, data in found if data]


def encoded(array: NDArray[Any], encoding: Encoding) -> list[tuple[bytes, bytes]]:
    """Return the chunks of the pixels of a picture (H, W, 3 or 4)."""
    options: dict[str, Any] = {"exact": True}
    if encoding.quality is None:
        options |= {"lossless": True, "method": EFFORT}
    else:
        options |= {"quality": encoding.quality, "method": 4}
    out = io.BytesIO()
    PIL.Image.fromarray(np.ascontiguousarray(array)).save(out, "WEBP", **options)
    data = out.getvalue()
    return [
        (one.kind, one.data)
        for one in chunks_of(data, 12, len(data))
        if one.kind in (*PIXELS, b"ALPH")
    ]


def animation(frames: Frames, name: str, encoding: Encoding) -> list[tuple[bytes, bytes]]:
    """Return the chunks of an animation: of each frame, the rectangle that changes."""
    first = frames[0]
    check_one_size(frames, "WebP", name)
    warn_of_different(frames, ("icc", "exif", "xmp", "dpi"), "WebP", name)
    if frames.loop > 65535:
        warn(f"{name}: WebP repeats up to 65535 times, not {frames.loop}; it is without end")
    loop = frames.loop if frames.loop <= 65535 else 0
    kept = details_of(first, "WebP")
    chunks = [(b"ANIM", kept.get("background", bytes(4)) + struct.pack("<H", loop))]
    alike = any(one.alpha is not None for one in frames)
    before: NDArray[Any] | None = None
    for image, milliseconds in zip(frames, times(frames, name), strict=True):
        array = channels_of(with_alpha(image) if alike else image)
        chunks.append((b"ANMF", frame_chunk(array, before, milliseconds, encoding)))
        before = array
    return chunks


def times(frames: Frames, name: str) -> list[int]:
    """Return how many milliseconds each frame is shown, so that no error adds up."""
    wanted = [1000 * (image.duration or 0) for image in frames]
    found = whole_counts(wanted)
    if any(abs(a - b) > 1e-6 * max(b, 1) for a, b in zip(found, wanted, strict=True)):
        warn(f"{name}: WebP counts in milliseconds; times of frames are rounded to them")
    if max(found) > LONGEST:
        warn(f"{name}: WebP shows a frame for {LONGEST / 1000:g} seconds at most")
    return [min(one, LONGEST) for one in found]


def frame_chunk(
    array: NDArray[Any], before: NDArray[Any] | None, milliseconds: int, encoding: Encoding
) -> bytes:
    """Return a frame: the rectangle that is different from the frame before it."""
    height, width = array.shape[:2]
    top, bottom, left, right = 0, height, 0, width
    changed = None
    if before is not None and encoding.quality is None:
        changed = (array != before).any(2)
        rows, columns = bounds(changed)
        top, left = rows.start & ~1, columns.start & ~1
        bottom, right = rows.stop, columns.stop
    part = array[top:bottom, left:right]
    chunks, flags = encoded(part, encoding), OVERWRITE
    if changed is not None:
        same = ~changed[top:bottom, left:right]
        solid = part.shape[2] == 3 or bool((part[:, :, 3][~same] == 255).all())
        if solid and same.mean() >= SPARSE:
            sparse = np.full((*part.shape[:2], 4), 255, np.uint8)
            sparse[:, :, : part.shape[2]] = part
            sparse[same] = 0
            other = encoded(sparse, encoding)
            if total(other) < total(chunks):
                chunks, flags = other, 0
    head = b"".join(
        three(one)
        for one in (left // 2, top // 2, right - left - 1, bottom - top - 1, milliseconds)
    )
    return head + bytes([flags]) + riff(chunks)[12:]


def total(chunks: list[tuple[bytes, bytes]]) -> int:
    return sum(len(data) for _, data in chunks)


FORMAT: Final = Format(
    read,
    encode,
    Limits(
        bits=8,
        gray=False,
        side=16383,
        lossy=True,
        holds=frozenset({"icc", "exif", "xmp", "dpi"}),
        private=frozenset({FURTHER}),
        frames=frozenset({"animation"}),
    ),
)
