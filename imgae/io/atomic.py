"""The one writer of files: they appear under their name whole, or not at all."""

import contextlib
import os
import time
from pathlib import Path
from typing import Final

ABANDONED: Final = 60.0
"""Seconds after which what a process that has ended left behind is taken away.

Younger files may belong to another machine or container that shares the folder.
"""
IN_HAND: Final[set[str]] = set()
"""Names of the files that this process is writing. Others that carry its number are left from an
earlier process of the same number, as a container has after a restart."""
SWEPT: Final[set[Path]] = set()
"""Folders where this process has looked for what others left: looking takes as long as the folder
is large, so it is done before the first file that is written there."""


def write_whole(
    path: Path, data: bytes | memoryview, *, overwrite: bool = True, sync: bool = False
) -> None:
    """Write beside the place, then move into it; leave nothing behind on failure.

    A link is followed to the file that it names. A file that is replaced keeps its permissions, and
    the new one has them before it holds any data. Before the first file that this process writes in
    a folder, what killed processes left there is deleted.
    sync: be sure that the data is on the disk before the file takes its name.
    Raises FileExistsError if the file exists and `overwrite` is false, or another OSError; what was
    there before is then unharmed.
    """
    target = Path(os.path.realpath(path))
    if target.parent not in SWEPT:
        SWEPT.add(target.parent)
        take_away_abandoned(target.parent)
    temporary = target.with_name(f".imgae-{os.getpid()}-{os.urandom(6).hex()}.tmp")
    IN_HAND.add(temporary.name)
    try:
        with temporary.open("xb") as file:
            if overwrite and target.exists():
                temporary.chmod(target.stat().st_mode & 0o7777)
            file.write(data)
            if sync:
                file.flush()
                os.fsync(file.fileno())
        if overwrite:
            temporary.replace(target)
        else:
            place_new(temporary, target)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()
        IN_HAND.discard(temporary.name)


def place_new(temporary: Path, path: Path) -> None:
    """Give a file its name unless another has it already. Raises FileExistsError.

    On a file system without hard links, of two writers at the same moment both may succeed.
    """
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        if path.exists():
            raise FileExistsError(path) from None
        temporary.replace(path)


def take_away_abandoned(folder: Path) -> None:
    """Delete what processes that have ended left in a folder, as after a kill."""
    for path in folder.glob(".imgae-*.tmp"):
        with contextlib.suppress(OSError, ValueError):
            process = int(path.name.split("-")[1])
            old = time.time() - path.stat().st_mtime > ABANDONED
            writing = path.name in IN_HAND if process == os.getpid() else is_running(process)
            if old and not writing:
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
