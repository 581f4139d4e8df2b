"""The one check of whether something can be written to a place, made before the work for it."""

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from imgae.errors import FOR_PYTHON, ImageError, ImgaeError
from imgae.io import remote
from imgae.io.remote import Place

EXISTS: Final = f"{{}}: exists already; add --overwrite{FOR_PYTHON}, or name another"


def check_place(path: Place, overwrite: bool, error: type[ImgaeError] = ImageError) -> None:
    """Raise an error of the class if a file could not be written, as far as can be told before.

    A link is followed to the file that it names.
    """
    if remote.is_remote(path):
        if not overwrite and remote.exists(path):
            raise error(EXISTS.format(path))
        return
    try:
        if not path.parent.is_dir():
            raise error(f"{path}: there is no folder {path.parent}")
        if os.path.lexists(path):
            if path.exists() and not path.is_file():
                raise error(f"{path}: exists and is not an ordinary file")
            if not overwrite:
                raise error(EXISTS.format(path))
        with contextlib.suppress(FileNotFoundError):
            path.stat()  # fails if the name is too long
    except OSError as problem:  # also a folder above that may not be looked into
        raise error(f"{path}: cannot be written: {problem.strerror}") from problem
    folder = Path(os.path.realpath(path)).parent if path.is_symlink() else path.parent
    if not can_hold_files(folder):
        raise error(f"{path}: the folder {folder} cannot be written to")


def check_folder(folder: Place, error: type[ImgaeError] = ImageError) -> None:
    """Raise an error of the class if a folder cannot be made, or not be written to, as far as can
    be told before.
    """
    if remote.is_remote(folder):
        return
    nearest = next(place for place in (folder, *folder.parents) if os.path.lexists(place))
    if nearest.is_symlink() and not nearest.exists():
        raise error(f"{folder}: cannot be made a folder: {nearest} is a link that leads nowhere")
    if not nearest.is_dir():
        raise error(f"{folder}: cannot be made a folder: {nearest} is a file")
    if not can_hold_files(nearest):
        if nearest == folder:
            raise error(f"{folder}: the folder cannot be written to")
        raise error(f"{folder}: cannot be made a folder: the folder {nearest} cannot be written to")
    try:
        folder.stat()
    except FileNotFoundError:
        return
    except OSError as problem:  # a name that is too long
        raise error(f"{folder}: cannot be made a folder: {problem.strerror}") from problem


def make_folder(folder: Place) -> None:
    """Make a folder, and those above it, if it is not there. Raises ImageError."""
    if remote.is_remote(folder):
        remote.make_folder(folder)
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise ImageError(f"{folder}: cannot be made a folder: {problem.strerror}") from problem


@contextlib.contextmanager
def made(folder: Path | None) -> Iterator[None]:
    """Make a folder, and those above it, if one is given; take them away if they stay empty."""
    if folder is None or remote.is_remote(folder):
        yield
        return
    above = [place for place in folder.parents if not place.exists()]
    make_folder(folder)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):  # it holds something
            for place in (folder, *above):
                place.rmdir()


def check_files_in(
    folder: Path, names: Iterable[str], overwrite: bool, error: type[ImgaeError] = ImageError
) -> None:
    """Raise an error of the class if files cannot be written to a folder, which may yet have to be
    made.
    """
    check_folder(folder, error)
    if folder.is_dir():
        for name in names:
            check_place(folder / name, overwrite, error)


def can_hold_files(folder: Path) -> bool:
    """Return whether a file can be made in a folder, by making one.

    The permissions of a folder alone do not tell it: root may pass them, and still a file system
    that is only to be read holds no new file.
    """
    probe = folder / f".imgae-{os.getpid()}-{os.urandom(6).hex()}.tmp"
    try:
        probe.open("xb").close()
    except OSError:
        return False
    finally:  # also where Ctrl-C comes between
        with contextlib.suppress(OSError):
            probe.unlink()
    return True
