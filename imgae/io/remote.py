"""Files that are on no disk of this machine: in buckets and on servers, by universal-pathlib.

A place is a Path, or a UPath for a text such as s3://bucket/photo.jpg. What follows place_of takes
a UPath; imgae.io.files and imgae.io.places take either.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, TypeAlias, TypeGuard

from imgae.errors import ImageError, ImageNotFoundError, MissingExtraError, needs_extra, reason

Place: TypeAlias = Path | Any
"""A Path or a UPath, whose library is optional and has no types to check."""
SCHEME: Final = "://"
LOCAL: Final = ("file://", "local://")
OBJECTS: Final = frozenset(
    ("memory", "s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "oss", "oci", "hf")
)
"""Protocols of stores where a file appears whole or not at all, and that have no folders."""


def place_of(text: str | os.PathLike[str]) -> Place:
    """Return what names a file: a Path, or a UPath for a text such as s3://bucket/photo.jpg.

    Raises MissingExtraError if its library, or that of its protocol, is not installed; ImageError
    if there is no such protocol.
    """
    if is_remote(text):
        return text
    text = os.fspath(text)
    if SCHEME not in text:
        return Path(text)
    for start in LOCAL:
        if text.startswith(start):
            return Path(text.removeprefix(start))
    with needs_extra("cluster", text):
        from upath import UPath
    try:
        place = UPath(text)
        _ = place.fs  # loads the library of the protocol
    except ImportError as error:
        raise MissingExtraError(f"{text}: a package for it is missing: {error}") from error
    except ValueError as error:
        kind = text.split(SCHEME)[0]
        raise ImageError(f"{text}: no kind of place is called {kind}{SCHEME}") from error
    except Exception as error:
        raise ImageError(f"{text}: cannot be reached: {reason(error)}") from error
    return place


def is_remote(place: object) -> TypeGuard[Any]:
    """Return whether a place is a UPath."""
    return not isinstance(place, (str, os.PathLike)) and hasattr(place, "fs")


def read(place: Any) -> bytes:
    """Return what a file holds. Raises ImageError, which is ImageNotFoundError if there is none."""
    with told(place, "read"):
        data: bytes = place.fs.cat_file(place.path)
    if not data:
        raise ImageError(f"{place}: empty, 0 bytes")
    return data


def check_source(place: Any) -> None:
    """Raise ImageError if a place is no file."""
    with told(place, "read"):
        kind = place.fs.info(place.path)["type"]
    if kind == "directory":
        raise ImageError(
            f"{place}: a folder, not a picture; name the pictures in it, for instance {place}/*"
        )


def exists(place: Any) -> bool:
    """Return whether a file or folder is there. Raises ImageError if that cannot be told."""
    with told(place, "read"):
        return bool(place.fs.exists(place.path))


def is_folder(place: Place) -> bool:
    """Return whether a place is a folder, or the beginning of names in a bucket."""
    if not is_remote(place):
        return os.path.isdir(place)
    with told(place, "read"):
        return bool(place.fs.isdir(place.path))


def is_same(one: Place, other: Place) -> bool:
    """Return whether two names are of one file, through links too."""
    return key_of(one) == key_of(other)


class Keys:
    """What is equal for all names of one file. Each folder is looked at once, since there may be a
    million files.
    """

    def __init__(self) -> None:
        self.folders: dict[str, str] = {}

    def of(self, place: Place | str, *, follow: bool = True) -> str:
        """Return the real name of a file, which may not be there.

        follow: whether a link counts as what it leads to, which is what one writes to; or as a file
        of its own.
        """
        if is_remote(place) or SCHEME in str(place):
            return str(place)
        folder, name = os.path.split(place)
        if name in ("", os.curdir, os.pardir):
            return os.path.realpath(place)
        above = os.path.join(os.getcwd(), folder)  # noqa: PTH109, PTH118 - faster for many
        if above not in self.folders:
            self.folders[above] = os.path.realpath(above)
        path = os.path.join(self.folders[above], name)  # noqa: PTH118
        return os.path.realpath(path) if follow and os.path.islink(path) else path  # noqa: PTH114


def key_of(place: Place | str) -> str:
    """Return what is equal for all names of one file, through links too."""
    return Keys().of(place)


def beginning(place: Any, count: int) -> bytes:
    """Return the first bytes of a file. Raises ImageError."""
    with told(place, "read"):
        found: bytes = place.fs.cat_file(place.path, start=0, end=count)
    return found


def matching(pattern: Any, fixed: Any) -> Iterator[Any]:
    """Yield the files that match a pattern, by name. fixed: the folder before its first sign."""
    with told(fixed, "read"):
        found = sorted(name for name, about in glob(pattern) if about["type"] == "file")
    above = fixed.path.strip("/")
    for name in found:
        yield fixed / name.strip("/").removeprefix(above).lstrip("/")


def glob(pattern: Any) -> list[tuple[str, dict[str, Any]]]:
    return list(pattern.fs.glob(pattern.path, detail=True).items())


def files_in(folder: Any, *, recursive: bool = False) -> Iterator[tuple[Any, int]]:
    """Yield the files of a folder and their sizes, by name; then those of its folders.

    One folder at a time is listed, so that millions of files take no memory. Raises ImageError.
    """
    with told(folder, "read"):
        found = folder.fs.ls(folder.path, detail=True)
    above = folder.path.rstrip("/")
    entries = sorted((each for each in found if each["name"].rstrip("/") != above), key=name_of)
    for each in entries:
        if each["type"] == "file":
            yield folder / name_of(each), int(each["size"] or 0)
    if recursive:
        for each in entries:
            if each["type"] == "directory":
                yield from files_in(folder / name_of(each), recursive=True)


def name_of(entry: dict[str, Any]) -> str:
    return str(entry["name"]).rstrip("/").rpartition("/")[2]


def make_folder(folder: Any) -> None:
    """Make a folder where there are such. Raises ImageError."""
    if not has_objects(folder):
        with told(folder, "made a folder"):
            folder.fs.makedirs(folder.path, exist_ok=True)


def write(place: Any, data: bytes | memoryview, *, overwrite: bool = True) -> None:
    """Write a file whole or not at all. Raises FileExistsError, or ImageError if it fails.

    A store of objects takes an object whole. Elsewhere the file is written beside its place and
    moved into it; where the server does not move a file over another, there is a moment without
    either.
    """
    if not overwrite and exists(place):
        raise FileExistsError(str(place))
    fs, path, data = place.fs, place.path, bytes(data)
    if has_objects(place):
        with told(place, "written"):
            fs.pipe_file(path, data)
        return
    head, _, _ = path.rpartition("/")
    temporary = f"{head}/.imgae-{os.urandom(6).hex()}.tmp"
    try:
        with told(place, "written"):
            fs.pipe_file(temporary, data)
            move(fs, temporary, path)
    finally:
        with contextlib.suppress(Exception):
            if fs.exists(temporary):
                fs.rm_file(temporary)


def move(fs: Any, here: str, there: str) -> None:
    """Move a file to where another may be, which some servers refuse to replace."""
    try:
        fs.mv(here, there)
    except OSError:
        if not fs.exists(there):
            raise
        fs.rm_file(there)
        fs.mv(here, there)


def has_objects(place: Any) -> bool:
    return place.protocol in OBJECTS


@contextlib.contextmanager
def told(place: Any, doing: str) -> Iterator[None]:
    """Turn what a library raises into an ImageError."""
    try:
        yield
    except FileNotFoundError as error:
        if doing == "read":
            raise ImageNotFoundError(f"{place}: no such file") from error
        raise ImageError(f"{place}: cannot be {doing}: {reason(error)}") from error
    except (ImageError, MemoryError):
        raise
    except Exception as error:  # each library has its own
        raise ImageError(f"{place}: cannot be {doing}: {reason(error)}") from error
