"""The one writer of files: they appear under their name whole, or not at all."""

import contextlib
import functools
import hashlib
import os
import platform
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final, cast

try:
    import fcntl
except ImportError:  # not on Windows
    fcntl = None  # type: ignore[assignment]

ABANDONED: Final = 60.0
"""Seconds after which what a process that has ended left behind is taken away, where no lock tells
that it has ended.

Younger files may belong to another machine that shares the folder.
"""
IN_HAND: Final[set[str]] = set()
"""Names of the files that this process is writing. Others that carry its number are left from an
earlier process of the same number, as a container has after a restart."""
SWEPT: Final[set[Path]] = set()
"""Folders where this process has looked for what others left: looking takes as long as the folder
is large, so it is done before the first file that is written there."""
BOOT: Final = Path("/proc/sys/kernel/random/boot_id")
"""What is the same for all processes that see each other's locks, containers among them."""


def write_whole(
    path: Path, data: bytes | memoryview, *, overwrite: bool = True, sync: bool = False
) -> None:
    """Write bytes as whole_file does. Raises what it does."""
    with whole_file(path, overwrite=overwrite, sync=sync) as file:
        file.write(data)


@contextlib.contextmanager
def whole_file(path: Path, *, overwrite: bool = True, sync: bool = False) -> Iterator[BinaryIO]:
    """Give a file to write to, which takes its name when the block is left without an error.

    It lies beside the place, and is then moved into it; nothing is left behind on failure. It can
    be read and sought in. A link is followed to the file that it names. A file that is replaced
    keeps its permissions, and the new one has them before it holds any data. Before the first file
    that this process writes in a folder, what killed processes left there is deleted.
    sync: be sure that the data is on the disk before the file takes its name.
    Raises FileExistsError if the file exists and `overwrite` is false, or another OSError; what was
    there before is then unharmed.
    """
    target = Path(os.path.realpath(path))
    if target.parent not in SWEPT:
        SWEPT.add(target.parent)
        sweep(target.parent)
    with temporary_beside(target) as temporary:
        with temporary.open("r+b") as file:
            if overwrite and target.exists():
                temporary.chmod(target.stat().st_mode & 0o7777)
            yield cast("BinaryIO", file)
            if sync:
                file.flush()
                os.fsync(file.fileno())
        if overwrite:
            temporary.replace(target)
        else:
            place_new(temporary, target)


@contextlib.contextmanager
def temporary_beside(target: Path) -> Iterator[Path]:
    """Give an empty file in a target's folder, locked where there are locks, and take it away."""
    path, lock = made_beside(target)
    try:
        yield path
    finally:
        with contextlib.suppress(OSError):
            path.unlink()
        if lock is not None:
            os.close(lock)
        IN_HAND.discard(path.name)


def made_beside(target: Path) -> tuple[Path, int | None]:
    """Make an empty file; return what holds its lock, or None where there are no locks.

    Its name then does not say the machine: nobody is to expect a lock.
    """
    name = f".imgae-{os.getpid()}-{os.urandom(6).hex()}"
    path = target.with_name(f"{name}-{machine()}.tmp")
    IN_HAND.add(path.name)
    try:
        lock = created(path)
        if lock is not None and is_at(lock, path):
            return path, lock
        if lock is None:
            IN_HAND.discard(path.name)
            unlocked = target.with_name(f"{name}.tmp")
            IN_HAND.add(unlocked.name)
            os.close(opened(unlocked))
            return unlocked, None
        os.close(lock)
        IN_HAND.discard(path.name)
    except BaseException:
        IN_HAND.discard(path.name)
        raise
    return made_beside(target)  # it was swept before it was locked


def opened(path: Path) -> int:
    return os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | getattr(os, "O_CLOEXEC", 0), 0o666)


def created(path: Path) -> int | None:
    """Make a file and lock it; return what holds the lock, None, and no file, without locks."""
    if fcntl is None:
        return None
    number = opened(path)
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:  # being swept
        return number
    except OSError:
        os.close(number)
        path.unlink()
        return None
    return number


@contextlib.contextmanager
def held(path: Path) -> Iterator[bool]:
    """Lock a file by its name while the block runs, and give whether that is ours.

    False: another process, or another block of this one, holds it. The file is made where it is not
    there, and deleted at the end; one that a kill left is not locked. Where there are no locks, it
    is True for all. Raises OSError if the file cannot be made.
    """
    if fcntl is None:
        yield True
        return
    while True:
        number = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(number)
            yield False
            return
        except OSError:  # a file system without locks
            break
        if is_at(number, path):
            break
        os.close(number)  # the one that held it has just deleted it
    try:
        yield True
    finally:
        with contextlib.suppress(OSError):
            path.unlink()
        os.close(number)


def is_at(number: int, path: Path) -> bool:
    """Return whether a locked file has its name still, and is locked by this process."""
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.path.samestat(os.fstat(number), path.stat())
    except OSError:
        return False


@functools.cache
def machine() -> str:
    """Return a mark of this machine since it started."""
    try:
        said = BOOT.read_bytes()
    except OSError:
        said = platform.node().encode()
    return hashlib.blake2b(said, digest_size=4).hexdigest()


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


def sweep(folder: Path) -> None:
    """Delete what processes that have ended left in a folder, as after a kill.

    Files of this machine are locked while they are written: one that is not is left. Where there
    are no locks, and for files of other machines, a file goes that is old, and whose process does
    not run here.
    """
    for path in folder.glob(".imgae-*.tmp"):
        with contextlib.suppress(OSError, ValueError):
            _, number, *rest = path.name.removesuffix(".tmp").split("-")
            process = int(number)
            if path.name in IN_HAND or (rest[1:] == [machine()] and swept_by_lock(path)):
                continue
            old = time.time() - path.stat().st_mtime > ABANDONED
            if old and (process == os.getpid() or not is_running(process)):
                path.unlink()


def swept_by_lock(path: Path) -> bool:
    """Delete a file unless somebody holds its lock; return whether locks could tell."""
    if fcntl is None:
        return False
    try:
        number = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except PermissionError:  # some file systems lock only what may be written, others this too
        number = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink()
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(number)
    return True


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
