"""How many pictures may be at work at once."""

from collections.abc import Callable

from imgae.io.measure import Size, size_of
from imgae.restore.batches.engine import Job
from imgae.restore.memory import Task as Kind
from imgae.restore.memory import needed

SMALLEST = Size(1, 1, 1, 3, 1)


def room_for(kind: Kind, limit: int, *, tiled: bool = True) -> tuple[Callable[[Job], int], int]:
    """Return what tells the bytes that a job needs, and how many there are for all at once.

    limit: for the whole process. What imgae and its models take is counted once. A picture that
    does not tell its size counts as all. tiled: whether networks take pictures in tiles.
    """
    base = needed(SMALLEST, kind)

    def cost(job: Job) -> int:
        size = size_of(job.source)
        return needed(size, kind, tiled=tiled) - base if size else limit

    return cost, max(1, limit - base)


def is_tiled(settings: object) -> bool:
    """Return whether networks take pictures in tiles, and not as a whole.

    settings: a Denoiser, an Inpainter, the options of a command, or what has no `tile`.
    """
    return getattr(settings, "tile", "auto") != 0
