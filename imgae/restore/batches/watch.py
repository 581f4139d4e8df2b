"""Pictures that arrive in a folder: each is given when it is whole, and again when it is replaced.

The folder is looked at again and again, which works on every file system, those of other machines
included, and needs no library.
"""

import contextlib
import errno
import heapq
import os
import signal
import stat
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, Generic, Protocol, TypeVar

from imgae.errors import ImageError, warn
from imgae.io.formats.table import looks_like_picture

Failure = TypeVar("Failure")

TEMPORARY: Final = (".tmp", ".temp", ".part", ".partial", ".crdownload", ".download", "~")
"""What the names of files that are not finished end in."""
MOST_AT_ONCE: Final = 1024
"""How many pictures are given before the folder is looked at again."""
RESTS: Final = 4
"""How many times as long as looking at the folder took nothing is done, so that looking takes at
most a fifth of the time, however large the folder is."""


STAMP: Final = struct.Struct("<qqQq")
"""What is known of a file: size, time, number, time of change."""


class Stop(Protocol):
    """What ends the watch: a threading.Event is one."""

    def is_set(self) -> bool: ...
    def wait(self, timeout: float) -> bool: ...


Parts = Callable[[Path], tuple[Path, ...]]
"""From a picture to the files that belong to it, as its mask: it is whole when they are, too."""


def no_parts(_: Path) -> tuple[Path, ...]:
    return ()


class Patience(Generic[Failure]):
    """Pictures that could not be read, as they may be only half there, until it is clear that they
    do not change any more.

    `arrivals` gives a picture again that changes. Threads may share one.
    """

    def __init__(
        self,
        seconds: float = 30.0,
        clock: Callable[[], float] = time.monotonic,
        parts: Parts = no_parts,
    ) -> None:
        self.seconds, self.clock, self.parts = seconds, clock, parts
        self.tried: dict[Path, bytes] = {}
        self.held: dict[Path, tuple[float, Failure]] = {}
        self.lock = threading.Lock()

    def trying(self, path: Path, stamp: bytes) -> None:
        """Take note of what a picture is like that is given to be restored."""
        with self.lock:
            self.tried[path] = stamp

    def hold(self, path: Path, failure: Failure) -> None:
        """Keep back that a picture failed."""
        with self.lock:
            self.held[path] = self.clock(), failure

    def forget(self, path: Path) -> None:
        """Let go of a picture that was restored, or has failed for another reason."""
        with self.lock:
            self.tried.pop(path, None)
            self.held.pop(path, None)

    def due(self) -> list[Failure]:
        """Return, once, what is to be reported: the picture is gone, or is still as it was when it
        was tried, for long enough.
        """
        with self.lock:
            found = [path for path, (since, _) in self.held.items() if self.is_due(path, since)]
            return self.let_go(found)

    def rest(self) -> list[Failure]:
        """Return, once, all that is kept back, at the end of the watch."""
        with self.lock:
            return self.let_go(list(self.held))

    def is_due(self, path: Path, since: float) -> bool:
        now = stamp_with(path, self.parts)
        if now is None:
            return True
        waited = self.clock() - since >= self.seconds
        return waited and not replaced(self.tried.get(path, now), now)

    def let_go(self, paths: list[Path]) -> list[Failure]:
        for path in paths:
            self.tried.pop(path, None)
        return [self.held.pop(path)[1] for path in paths]


def arrivals(
    folder: Path,
    *,
    recursive: bool,
    accept: Callable[[Path], bool] = lambda path: looks_like_picture(path.name),
    parts: Parts = no_parts,
    stop: Stop,
    every: float = 0.5,
    settle: float = 2.0,
    patience: Patience[Failure] | None = None,
    idle: Callable[[], object] | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Path]:
    """Yield each picture of a folder when it is whole, in the order of arrival, until it is told to
    stop. Those that are there at the beginning come first, by name.

    A picture is whole if its size and time have stayed the same for a while, and, where that can be
    known, nobody has it open for writing. One that is replaced or changed comes again. Hidden
    files and folders, links to folders, and files with names of unfinished ones are left alone.

    accept: whether a file is one to give, by its name; results must not be, if they lie inside the
    folder. parts: the files that belong to a picture, which comes again if they change. every:
    seconds between two looks. settle: seconds without a change. patience: is told what a picture is
    like when it is given. idle: is called after each look, in the thread that asks for the next
    picture.
    Raises ImageError if the folder cannot be looked into, or is gone.
    """
    folders = Folders(folder, recursive, accept)
    watch = Watch(folders, settle, clock, parts)
    while not stop.is_set():
        began = clock()
        ready = watch.look()
        took = clock() - began
        for path in ready:
            if stop.is_set():
                return
            if stamp := watch.take(path):
                if patience:
                    patience.trying(path, stamp)
                yield path
        if idle:
            idle()
        stop.wait(every if len(ready) == MOST_AT_ONCE else max(every, RESTS * took))


class Watch:
    """What is known of the pictures in a folder: numbers only, and of those that are there."""

    def __init__(
        self,
        folders: "Folders",
        settle: float,
        clock: Callable[[], float],
        parts: Parts = no_parts,
    ) -> None:
        self.folders, self.settle, self.clock, self.parts = folders, settle, clock, parts
        self.given: dict[int, bytes] = {}
        self.waiting: dict[int, tuple[bytes, float]] = {}

    def look(self) -> list[Path]:
        """Look at every picture once, and return those that have settled, the first to be so
        first, but not more than MOST_AT_ONCE.
        """
        given, waiting = self.given, self.waiting
        self.given, self.waiting = {}, {}
        now = self.clock()

        def settled() -> Iterator[tuple[float, str]]:
            for name in self.folders.files():
                key = hash(name)
                before = given.get(key)
                if before is None and not (key in waiting or self.folders.accept(Path(name))):
                    continue
                stamp = stamp_with(name, self.parts)
                if stamp is None:
                    continue
                if before is not None and not replaced(before, stamp):
                    self.given[key] = before
                    continue
                known, since = waiting.get(key, (stamp, now))
                if replaced(known, stamp):
                    since = now
                self.waiting[key] = stamp, since
                if now - since >= self.settle:
                    yield since, name

        return [Path(name) for _, name in heapq.nsmallest(MOST_AT_ONCE, settled())]

    def take(self, path: Path) -> bytes | None:
        """Return what a picture is like if it is still whole; from then on it counts as given."""
        key, stamp = hash(str(path)), stamp_with(path, self.parts)
        if stamp is None:
            return None
        unfinished = map(is_being_written, (path, *self.parts(path)))
        if replaced(self.waiting[key][0], stamp) or any(unfinished):
            self.waiting[key] = stamp, self.clock()
            return None
        del self.waiting[key]
        self.given[key] = stamp
        return stamp


class Folders:
    """A folder, with those inside it if wanted, and which of its files may be pictures."""

    def __init__(self, folder: Path, recursive: bool, accept: Callable[[Path], bool]) -> None:
        self.folder, self.recursive, self.accept = folder, recursive, accept
        self.refused: set[Path] = set()

    def files(self) -> Iterator[str]:
        """Yield the files that are not hidden or unfinished by their names, each folder's by name,
        before those of the folders inside it.
        """
        left = [str(self.folder)]
        while left:
            place = left.pop()
            names: list[str] = []
            inner: list[str] = []
            try:
                with os.scandir(place) as entries:
                    for entry in entries:
                        if entry.name.startswith("."):
                            continue
                        if entry.is_dir(follow_symlinks=False):
                            inner.append(str(Path(place, entry.name)))
                        elif not entry.name.lower().endswith(TEMPORARY):
                            names.append(entry.name)
            except OSError as error:
                self.cannot_look(Path(place), error)
            beginning = str(Path(place, "_"))[:-1]
            for name in sorted(names):
                yield beginning + name
            if self.recursive:
                left += sorted(inner, reverse=True)

    def cannot_look(self, place: Path, error: OSError) -> None:
        """Raise ImageError for the folder itself; of one inside it, tell it once."""
        gone = isinstance(error, FileNotFoundError | NotADirectoryError)
        if place == self.folder:
            if gone:
                raise ImageError(f"{place}: there is no such folder to watch, or no longer")
            raise ImageError(f"{place}: the folder cannot be looked into: {error.strerror}")
        if not gone and place not in self.refused:
            self.refused.add(place)
            warn(f"{place}: the folder cannot be looked into: {error.strerror}; it is left out")


def stamp_of(path: str | Path) -> bytes | None:
    """Return what changes when an ordinary file does; None if there is no such file."""
    try:
        found = os.stat(path)  # noqa: PTH116 - much faster for many names
    except (OSError, ValueError):
        return None
    if not stat.S_ISREG(found.st_mode):
        return None
    inode = found.st_ino & 0xFFFF_FFFF_FFFF_FFFF
    return STAMP.pack(found.st_size, found.st_mtime_ns, inode, found.st_ctime_ns)


def stamp_with(path: str | Path, parts: Parts) -> bytes | None:
    """Return the stamp of a file, and of those that belong to it; None if there is no such file."""
    found = stamp_of(path)
    if found is None or parts is no_parts:
        return found
    return found + b"".join(stamp_of(part) or b"" for part in parts(Path(path)))


def replaced(before: bytes, now: bytes) -> bool:
    """Return whether a file has other content, or others belong to it, as far as stamps tell.

    Another number alone says nothing: some network file systems give new ones to the same files.
    Another time of change alone comes from new permissions.
    """
    if before == now or len(before) != len(now):
        return before != now
    for one, other in zip(STAMP.iter_unpack(before), STAMP.iter_unpack(now), strict=True):
        size_and_time, number, changed = slice(0, 2), 2, 3
        if one[size_and_time] != other[size_and_time]:
            return True
        if one[number] != other[number] and one[changed] != other[changed]:
            return True
    return False


if sys.platform == "linux":

    def is_being_written(path: Path) -> bool:
        """Return whether somebody has a file open for writing; False where that is not known.

        Linux gives nobody a lease to read what another may write. Other systems, file systems of
        other machines and files of other users tell nothing.
        """
        import fcntl  # not there on other systems

        try:
            number = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            # Who opens the file meanwhile waits until the lease is given back, and this process
            # gets a signal, which by default would end it: one that is passed over.
            fcntl.fcntl(number, fcntl.F_SETSIG, signal.SIGURG)
            fcntl.fcntl(number, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        except OSError as error:
            return error.errno == errno.EAGAIN
        else:
            with contextlib.suppress(OSError):
                fcntl.fcntl(number, fcntl.F_SETLEASE, fcntl.F_UNLCK)
            return False
        finally:
            os.close(number)

else:

    def is_being_written(path: Path) -> bool:  # noqa: ARG001 - nothing here tells it
        """Return whether somebody has a file open for writing; False, as that is not known here."""
        return False
