"""Removing noise from pictures that are read by rows, and never lie in memory whole."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from numpy.typing import NDArray

from imgae.errors import ImageError, OptionError
from imgae.io.large import Band, Large
from imgae.io.measure import Size
from imgae.model.machine import free_memory, limited_memory
from imgae.model.stitch import Progress
from imgae.picture.bands import bands_of, one_if_gray, row_bytes
from imgae.picture.image import Image
from imgae.picture.pixels import to_float
from imgae.restore.controls import Controls
from imgae.restore.denoise import Denoiser
from imgae.restore.levels import Given, checked_level
from imgae.restore.memory import needed, size_in_words
from imgae.restore.unseen import OPAQUE_FROM
from imgae.restore.work import EVERY, Course, Denoised, change_between

REALLY: Final = 2 / 3
"""What two models in turn take of what their cards say, since the second is given less."""


ROUGHLY: Final = 1 / 16
"""Of the limit; what is reckoned is not known better."""


@dataclass
class LargeReport:
    """What came of a picture by rows. Its numbers are right once the last band was taken.

    header: the picture without its noise, as `Large.header`.
    """

    header: Image
    course: Course
    removed: float = 0.0
    values: int = 0

    def denoised(self) -> Denoised:
        """Return the same as Denoiser.run, whose image is the header."""
        return self.course.denoised(self.header, self.removed / max(1, self.values))

    def add(self, top: int, before: NDArray[Any], after: NDArray[Any]) -> None:
        """Count what was removed from some rows."""
        rows = slice(-top % EVERY, None, EVERY)
        self.removed += change_between(before[rows], after[rows])
        self.values += before[rows].size


def denoise_large(
    denoiser: Denoiser,
    large: Large,
    sigma: Given = None,
    controls: Controls | None = None,
    progress: Progress | None = None,
) -> tuple[Iterator[Band], LargeReport]:
    """Denoise a picture by rows: return its bands from the top, and what tells how it came about.

    The pixels are those of Denoiser.run. The picture is looked at before this returns; the work is
    done as bands are taken. sigma, controls, progress: as for Denoiser.run; progress is first told
    of the tiles that are looked at, and then, from one on, of those that are denoised.
    Raises ImageError for a picture that can only be denoised whole, with the memory that this
    takes, or whose rows are too long for the limit on memory; OptionError as Denoiser.run does, and
    for a Denoiser that takes pictures whole.
    """
    header = large.header
    if denoiser.tile == 0:
        raise OptionError("tile 0 takes pictures whole, and this one is read by rows; leave it out")
    level = checked_level(sigma, header)
    if reason := why_whole(large):
        raise ImageError(
            f"its {header.width}x{header.height} pixels have to be in memory at once, which takes "
            f"about {size_in_words(needed(size_of(large), 'denoise'))}, because {reason}; allow as "
            "much, or cut it into parts"
        )
    original = one_if_gray(large.pixels)
    course = denoiser.course(header, original, level, controls or Controls(), progress=progress)
    check_room(large, course)
    report = LargeReport(header.with_pixels(header.pixels), course)
    return bands_without_noise(large, course, report, progress), report


def why_whole(large: Large) -> str | None:
    """Return why a picture can only be denoised whole, as after "because"; None if it need not be.

    Transparent pixels are looked for in the file.
    """
    if large.header.pixels.dtype.kind == "f":
        return "they are floats"
    if large.alpha is None:
        return None
    hides = any((to_float(band) < OPAQUE_FROM).any() for band in bands_of(large.alpha))
    return "some are transparent" if hides else None


def size_of(large: Large) -> Size:
    """Return the size of a picture as it lies in memory whole."""
    header = large.header
    parts = [part for part in (header.pixels, header.alpha, header.extra) if part is not None]
    samples = sum(part.size for part in parts) // (header.width * header.height)
    return Size(header.width, header.height, 1, samples, header.pixels.dtype.itemsize)


def check_room(large: Large, course: Course) -> None:
    """Raise ImageError if the limit on memory is too low for one band of tiles."""
    limit = limited_memory()
    if limit is None:
        return
    (plan,), (route,) = course.plans, course.chosen
    rows = max(tile.read.bottom - tile.read.top for tile in plan)
    granule = row_bytes(large.pixels, large.granule)
    pixels = max(tile.read.area for tile in plan)
    room = free_memory() - granule - rows * course.row_bytes
    lacking = int(pixels * route.card.bytes_per_pixel * REALLY) - room
    if lacking > limit * ROUGHLY:
        height, width, _ = course.original.shape
        raise ImageError(
            f"its {width}x{height} pixels need {size_in_words(lacking)} more than the limit on "
            f"memory leaves, even {rows} rows at a time; allow more memory"
        )


def bands_without_noise(
    large: Large, course: Course, report: LargeReport, progress: Progress | None
) -> Iterator[Band]:
    """Return the bands of the result with all that the file holds of them."""

    def pairs() -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
        for rows, original, before, after in course.bands(progress):
            if course.measures_change:
                report.add(rows.start, original, after)
            yield before, after

    channels, height = large.header.pixels.shape[2], large.header.height
    top = 0
    for pixels in course.controls.finished(pairs(), height, course.scale, course.limits):
        rows = slice(top, top + len(pixels))
        top = rows.stop
        alpha, extra = (None if part is None else part[rows] for part in (large.alpha, large.extra))
        yield pixels.repeat(channels // pixels.shape[2], 2), alpha, extra
