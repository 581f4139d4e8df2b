"""The one writer of files: they appear under their name whole, or not at all."""

import contextlib
import os
import time
import zlib
from pathlib import Path
from typing import Final

ABANDONED: Final = 60.0
"""Seconds after which what a process that has ended left behind is taken away."""


def write_whole(
    path: Path, data: bytes | memoryview, *, overwrite: bool = True, sync: bool = False
) -> None:
    """Write beside the place, then move into it; leave nothing behind on failure.

    A link is followed to the file that it names, and a file that is replaced keeps its permissions.
    What a killed process left of the same file is taken away.
    sync: be sure that the data is on the disk before the file takes its name.
    Raises FileExistsError if the file exists and `overwrite` is false, or another OSError; what was
    there before is then unharmed.
    """
    target = Path(os.path.realpath(path))
    beginning = f".imgae-{zlib.crc32(os.fsencode(target.name)):08x}"
    take_away_abandoned(target.parent, beginning)
    temporary = target.with_name(f"{beginning}-{os.getpid()}-{os.urandom(4).hex()}.tmp")
    try:
        with temporary.open("xb") as file:
            file.write(data)
            if sync:
                file.flush()
                os.fsync(file.fileno())
        if overwrite:
            if target.exists():
                temporary.chmod(target.stat().st_mode & 0o7777)
            temporary.replace(target)
        else:
            place_new(temporary, target)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def place_new(temporary: Path, path: Path) -> None:
    """Give a file its name unless another took it meanwhile. Raises FileExistsError."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        if path.exists():
            raise FileExistsError(path) from None
        temporary.replace(path)


def take_away_abandoned(folder: Path, beginning: str) -> None:
    """Delete what processes that have ended left of a file, as after a kill."""
    for path in folder.glob(f"{beginning}-*.tmp"):
        with contextlib.suppress(OSError, ValueError):
            old = time.time() - path.stat().st_mtime > ABANDONED
            if old and not is_running(int(path.name.split("-")[2])):
                path.unlink()


def is_running(process: int) -> bool:
    """Return whether a process of this machine has not ended; True where that is not known."""
    if os.name != "posix":  # elsewhere os.kill would end it
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
