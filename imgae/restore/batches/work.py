"""Reading and writing of files in a run, with the hashes that a later run compares."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

from imgae.errors import ImageError, ImageTooLargeError, named
from imgae.io import files, places
from imgae.io.format import MOST_PIXELS, Encoding
from imgae.io.formats import table
from imgae.io.measure import Size, size_of
from imgae.io.metadata.upright import stripped
from imgae.io.remote import is_folder
from imgae.model.machine import limited_memory
from imgae.picture.image import Frames, Image
from imgae.restore.batches.engine import STANDARD, Job
from imgae.restore.batches.journal import hash_of
from imgae.restore.batches.outputs import BY_DEFAULT
from imgae.restore.memory import Task as Kind
from imgae.restore.memory import needed, size_in_words

Found = TypeVar("Found")


@dataclass(frozen=True)
class Writing:
    """How results are written: in what format, as the ending of a name, or None for the picture's
    own; how encoded; whether without metadata.
    """

    ending: str | None = None
    encoding: Encoding = files.AS_IT_IS
    strip: bool = False

    def of(self, frames: Frames) -> Frames:
        """Return frames as they are to be written."""
        return stripped(frames) if self.strip else frames


AS_IT_IS: Final = Writing()


class Read(NamedTuple):
    """What a picture file holds. data: its bytes, if they came from standard input."""

    frames: Frames
    input_hash: str
    data: bytes | None
    format: table.Row | None


def read(source: Path, kind: Kind, max_pixels: int = MOST_PIXELS, *, tiled: bool = True) -> Read:
    """Read a picture, of a file or of standard input.

    tiled: whether networks take it in tiles. Raises ImageError, also if it needs too much memory.
    """
    measured = None if source == STANDARD else size_of(source)
    check_memory(source, measured, kind, tiled=tiled)
    data, name = bytes_of(source)
    if source == STANDARD:
        measured = size_of(data)
        check_memory(source, measured, kind, tiled=tiled)
    frames = files.frames_of(data, name, max_pixels)
    if measured is None:
        check_memory(source, size_in_memory(frames), kind, tiled=tiled)
    kept = data if source == STANDARD else None
    return Read(frames, hash_of(data), kept, table.of_content(data))


def target_of(job: Job, found: Read, writing: Writing) -> Path:
    """Return the name that the result of a picture is encoded for.

    Raises ImageError if a file of that name cannot hold it.
    """
    target = job.target
    if target == STANDARD:
        row = found.format
        own = row.extensions[0] if row and row.written else BY_DEFAULT
        target = Path(f"standard output{writing.ending or own}")
    files.check_kind(found.frames, target)
    return target


def check_memory(source: Path, size: Size | None, kind: Kind, *, tiled: bool = True) -> None:
    """Raise ImageError for a picture that needs more memory than limit_memory allows.

    size: None if it is not known.
    """
    limit = limited_memory()
    if limit is None or size is None or not is_too_large(size, kind, tiled=tiled):
        return
    count = needed(size, kind, tiled=tiled)
    name = "standard input" if source == STANDARD else source
    whole = "" if tiled else " without tiles"
    raise ImageTooLargeError(
        f"{name}: {size.width}x{size.height} pixels{whole} take about {size_in_words(count)} of "
        f"memory, and the limit is {size_in_words(limit)}; allow more with --max-memory "
        "(max_memory=...)"
    )


def is_too_large(size: Size, kind: Kind, *, tiled: bool = True) -> bool:
    """Return whether a picture needs more memory than limit_memory allows."""
    limit = limited_memory()
    return limit is not None and needed(size, kind, tiled=tiled) > limit


def size_in_memory(frames: Frames) -> Size:
    """Return a size that stands for frames that were read, though they may be of several sizes."""
    sizes = [(image.pixels, image.alpha, image.extra) for image in frames]
    counts = [sum(part.nbytes for part in parts if part is not None) for parts in sizes]
    largest = frames[counts.index(max(counts))]
    item = largest.pixels.dtype.itemsize
    samples = max(counts) // (largest.width * largest.height * item)
    return Size(largest.width, largest.height, -(-sum(counts) // max(counts)), samples, item)


def check_place(path: Path, *, overwrite: bool, makes: bool) -> None:
    """Raise ImageError if a picture could not be written there. makes: whether its folder is made
    if it is not there.
    """
    files.writer_for(path)
    if is_folder(path.parent) or not makes:
        places.check_place(path, overwrite)
    else:
        places.check_folder(path.parent)


def each(frames: Frames, work: Callable[[Image], Image], source: Path) -> Frames:
    """Return frames with what `work` makes of each. Raises its ImgaeError with the file's name."""
    return frames.with_images(of_each(frames, work, source))


def of_each(frames: Frames, work: Callable[[Image], Found], source: Path) -> list[Found]:
    """Return what `work` finds in each frame. Raises its ImgaeError with the file's name."""
    done = []
    for number, image in enumerate(frames, 1):
        which = f", picture {number} of {len(frames)}" if len(frames) > 1 else ""
        with named(f"{source}{which}"):
            done.append(work(image))
    return done


def single(frames: Frames, source: Path, what: str) -> Image:
    """Return the only picture of a file. Raises ImageError if it holds several."""
    if len(frames) > 1:
        raise ImageError(f"{source}: holds {len(frames)} pictures; {what} takes single ones")
    return frames[0]


def recorded(frames: Frames, input_hash: str, outputs: Sequence[str]) -> dict[str, Any]:
    """Return what every record says of a picture. outputs: the hashes of what was written."""
    return {
        "width": frames[0].width,
        "height": frames[0].height,
        "frames": len(frames),
        "pixels": sum(image.width * image.height for image in frames),
        "input_hash": input_hash,
        "output_hashes": list(outputs),
    }


def bytes_of(source: Path) -> tuple[bytes, str]:
    """Return what a file or standard input holds, and what messages call it. Raises ImageError."""
    if source != STANDARD:
        return files.read_bytes(source), str(source)
    data = sys.stdin.buffer.read() if sys.stdin else b""
    if not data:
        raise ImageError("standard input: empty, 0 bytes")
    return data, "standard input"


def write(job: Job, place: Path, frames: Frames, target: Path, writing: Writing = AS_IT_IS) -> str:
    """Write a result, and return its hash. place: where to; target: the name of its format."""
    return put(job, place, files.encode(writing.of(frames), target, writing.encoding))


def put(job: Job, place: Path, data: bytes) -> str:
    """Write bytes to their place whole or not at all, and return their hash."""
    if place == STANDARD:
        write_standard(data)
        return hash_of(data)
    if job.makes:
        places.make_folder(place.parent)
    files.write_file(place, data, job.overwrite)
    return hash_of(data)


def write_standard(data: bytes) -> None:
    """Write all bytes to standard output. Raises ImageError; BrokenPipeError if nobody reads."""
    stream, left = sys.stdout.buffer, memoryview(data)
    try:
        while left:  # where Python does not buffer, a write may take a part
            left = left[stream.write(left) or 0 :]
        stream.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise ImageError(f"standard output: cannot be written: {error.strerror}") from error
