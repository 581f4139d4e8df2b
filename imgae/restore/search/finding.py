"""The pictures that words of a command lead to, each file once."""

import contextlib
import os
import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from imgae.errors import SearchError
from imgae.io import remote
from imgae.io.remote import SCHEME
from imgae.restore.batches.inputs import Search
from imgae.restore.search.choosing import below, matching
from imgae.restore.search.rows import UNKNOWN, Rows, Stamp


class Found(NamedTuple):
    """The pictures that words lead to.

    paths: how messages call each, by its absolute path. problems: sentences about words, or folders
    below them, that lead to none. empty: these, as they are told, and words that are not there.
    """

    paths: dict[str, str]
    problems: list[str]
    empty: tuple[str, ...] = ()


def find(words: str | os.PathLike[str] | Iterable[str | os.PathLike[str]]) -> Found:
    """Find pictures by files, folders, which are searched with all folders in them, and patterns.

    Of links to one file, and names of one, only one counts: a copy is a file of its own.
    Raises SearchError if there are none.
    """
    single = isinstance(words, (str, os.PathLike)) or remote.is_remote(words)
    texts = [str(word) for word in ([words] if single else words)]  # type: ignore[union-attr]
    search = Search(recursive=True)
    paths: dict[str, str] = {}
    for found in search.find(texts):
        paths.setdefault(absolute(found.text), found.text)
    problems = [str(error) for _, error in search.problems]
    if not paths:
        raise SearchError("; ".join(problems) or "no pictures were named")
    gone = [
        text for path, text in paths.items() if SCHEME not in path and not os.path.lexists(path)
    ]
    return Found(once_each(paths), problems, (*(word for word, _ in search.problems), *gone))


def once_each(paths: dict[str, str]) -> dict[str, str]:
    """Return paths without those that lead to the same file as another.

    The one that stays is the file's own path if it is among them, else the first.
    """
    kept: dict[object, str] = {}
    for path in paths:
        key = file_of(path) or path
        if key not in kept or (not is_real(kept[key]) and is_real(path)):
            kept[key] = path
    chosen = set(kept.values())
    return {path: text for path, text in paths.items() if path in chosen}


def file_of(path: str) -> tuple[int, int] | None:
    """Return what is the same for all names of a file, and None where that is not known."""
    if SCHEME in path:
        return None
    try:
        found = os.stat(path)  # noqa: PTH116 - much faster for many names
    except (OSError, ValueError):
        return None
    return (found.st_dev, found.st_ino) if found.st_ino else None


def is_real(path: str) -> bool:
    """Return whether a path leads over no link."""
    return os.path.realpath(path) == path


def not_by_another_name(paths: dict[str, str], known: Rows) -> dict[str, str]:
    """Return paths without those of files that are known by another path already."""
    same: dict[tuple[int, ...], list[str]] = {}
    for path, stamp in zip(known.paths, known.stamps.tolist(), strict=True):
        same.setdefault(tuple(stamp), []).append(path)

    def is_known(path: str) -> bool:
        if path in known.places or (file := file_of(path)) is None:
            return False
        with contextlib.suppress(OSError):
            return any(file_of(other) == file for other in same.get(stamp_of(path), ()))
        return False  # it has just been deleted

    return {path: text for path, text in paths.items() if not is_known(path)}


def check_kept(found: Found, known: Rows, place: Path | None) -> None:
    """Raise SearchError if a word that leads to no picture stands for pictures of an index: a disk
    that is not there, say, is not to cost their vectors.
    """
    for word in found.empty:
        path = os.path.normpath(absolute(word)) if SCHEME not in word else word
        if lost := (below(known.paths, path) or matching(known.paths, path)) - {path}:
            raise SearchError(
                f"{word}: no pictures are found here now, but {place} holds {len(lost)} of it, so "
                "nothing was changed; if they are gone for good, take them out with: imgae index "
                f"remove {shlex.quote(str(place))} {shlex.quote(word)}"
            )


def absolute(text: str) -> str:
    return text if SCHEME in text else os.path.abspath(text)  # noqa: PTH100 - keeps links


def stamp_of(path: str) -> Stamp:
    """Return a file's stamp. Raises OSError."""
    if SCHEME in path:
        return UNKNOWN
    found = os.stat(path)  # noqa: PTH116 - much faster for many names
    return Stamp(found.st_size, found.st_mtime_ns)
