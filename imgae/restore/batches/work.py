"""Reading and writing of files in a run, with the hashes that a later run compares."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from imgae.errors import ImageError
from imgae.io import files
from imgae.io.format import MOST_PIXELS, Encoding
from imgae.io.formats import table
from imgae.io.measure import size_of
from imgae.io.metadata.upright import stripped
from imgae.io.places import make_folder
from imgae.model.machine import limited_memory
from imgae.picture.image import Frames
from imgae.restore.batches.engine import STANDARD, Job
from imgae.restore.batches.journal import hash_of
from imgae.restore.batches.outputs import BY_DEFAULT
from imgae.restore.memory import Task as Kind
from imgae.restore.memory import needed, size_in_words


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


def read(
    job: Job, writing: Writing, kind: Kind, max_pixels: int = MOST_PIXELS
) -> tuple[Frames, Path, str]:
    """Return the frames of a picture, the name that its result is encoded for, and its hash.

    Raises ImageError, also if the result cannot be held, or the picture needs too much memory.
    """
    if lacking := too_large(job.source, kind):
        raise lacking
    data, name = bytes_of(job.source)
    frames = files.frames_of(data, name, max_pixels)
    target = job.target
    if target == STANDARD:
        row = table.of_content(data)
        own = row.extensions[0] if row and row.written else BY_DEFAULT
        target = Path(f"standard output{writing.ending or own}")
    files.check_kind(frames, target)
    return frames, target, hash_of(data)


def too_large(source: Path, kind: Kind) -> ImageError | None:
    """Return the error of a picture that needs more memory than limit_memory allows, or None."""
    limit = limited_memory()
    size = None if limit is None or source == STANDARD else size_of(source)
    if limit is None or size is None or (bytes_needed := needed(size, kind)) <= limit:
        return None
    return ImageError(
        f"{source}: {size.width}x{size.height} pixels take about {size_in_words(bytes_needed)} of "
        f"memory, and the limit is {size_in_words(limit)}; allow more with --max-memory "
        "(max_memory=...)"
    )


def read_any(job: Job, kind: Kind, max_pixels: int = MOST_PIXELS) -> tuple[Frames, str]:
    """Return the frames of a picture whose result is of no kind of its own, and its hash."""
    if lacking := too_large(job.source, kind):
        raise lacking
    data, name = bytes_of(job.source)
    return files.frames_of(data, name, max_pixels), hash_of(data)


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
        make_folder(place.parent)
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
