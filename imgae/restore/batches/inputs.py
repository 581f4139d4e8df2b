"""Which pictures a run is about: files, folders, patterns, lists of these."""

import contextlib
import fnmatch
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

from imgae.errors import ImageError, ImgaeError
from imgae.io import remote
from imgae.io.formats.table import listed, looks_like_picture
from imgae.io.remote import Place

LIST: Final = "@"
"""What stands before the name of a list; the list "-" is standard input."""
PATTERN: Final = re.compile(r"[*?\[]")


class Found(NamedTuple):
    """A picture, or what was named as one: little, since there may be a million.

    text: its path. below: its folders under the one that was named. named: whether it was named
    itself, and not found in a folder, by a pattern or in a list.
    """

    text: str
    below: Path = Path()
    named: bool = False

    @property
    def path(self) -> Place:
        return remote.place_of(self.text)


@dataclass
class Search:
    """Finds pictures by the words of a command.

    recursive: whether folders in folders are searched. leave_out: a folder that is not searched, as
    that of the results. ignored: counts the files in folders whose names are not those of pictures.
    left_out: how many files are not taken, as results or masks. problems: sentences about words
    that lead to nothing.
    """

    recursive: bool = False
    leave_out: Place | None = None
    ignored: int = 0
    left_out: int = 0

    def __post_init__(self) -> None:
        self.problems: list[tuple[str, ImgaeError]] = []

    def find(self, words: Sequence[str]) -> list[Found]:
        """Return what is found, in the order of the words and of names.

        A file that is found again is left out; one that is named itself twice is there twice.
        """
        several = name_several_folders(words)
        found: list[Found] = []
        seen: dict[str, bool] = {}
        keys = remote.Keys()
        for word in words:
            for each in self.of_word(word, several=several, from_list=False):
                path = keys.of(each.path, follow=False)
                if path not in seen or (each.named and seen[path]):
                    found.append(each)
                    seen[path] = each.named
        return found

    def of_word(self, word: str, *, several: bool, from_list: bool) -> Iterator[Found]:
        if remote.SCHEME in word:
            yield from self.at(word, several=several, from_list=from_list)
        elif os.path.isdir(word):
            yield from self.in_folder(Path(word), several=several)
        elif not from_list and (name := list_named(word)):
            yield from self.in_list(name)
        elif PATTERN.search(word) and not os.path.lexists(word):
            yield from self.by_pattern(word)
        else:
            yield Found(word, named=not from_list)

    def at(self, word: str, *, several: bool, from_list: bool) -> Iterator[Found]:
        """Yield what is found in a bucket or on a server."""
        try:
            place = remote.place_of(word)
            if PATTERN.search(word):
                yield from self.matching(word, place)
            elif names_folder(word):
                yield from self.below(place, Path(place.name) if several else Path())
            else:
                yield Found(str(place), named=not from_list)
        except ImgaeError as error:
            self.problems.append((word, error))

    def matching(self, word: str, pattern: Place) -> Iterator[Found]:
        if not remote.is_remote(pattern):
            yield from self.by_pattern(str(pattern))
            return
        parts = word.split("/")
        first = next(index for index, part in enumerate(parts) if PATTERN.search(part))
        fixed = remote.place_of("/".join(parts[:first]) + "/")
        count = 0
        for place in remote.matching(pattern, fixed):
            count += 1
            inner = relative(place.parent, fixed)
            yield Found(str(place), inner if "**" in word else Path())
        if not count:
            self.tell(pattern, f"{pattern}: no file matches this pattern")

    def below(self, folder: Place, top: Path) -> Iterator[Found]:
        if not remote.is_remote(folder):
            yield from self.in_folder(folder, several=bool(top.parts))
            return
        out = None if self.leave_out is None else f"{str(self.leave_out).rstrip('/')}/"
        count = 0
        for place, _ in remote.files_in(folder, recursive=self.recursive):
            if place.name.startswith(".") or (out and str(place).startswith(out)):
                continue
            if looks_like_picture(place.name):
                count += 1
                yield Found(str(place), top / relative(place.parent, folder))
            else:
                self.ignored += 1
        if not count:
            self.tell(folder, f"{folder}: no pictures in this folder; imgae reads {listed()}")

    def in_folder(self, folder: Path, *, several: bool) -> Iterator[Found]:
        """Yield the pictures of a folder; several: whether others are searched besides."""
        top = Path(folder.resolve().name) if several else Path()
        count = folders = 0
        known = len(self.problems)
        for path, below in self.walk(folder, Path()):
            count += 1
            yield Found(path, top / below)
        if count or len(self.problems) > known:
            return
        if not self.recursive:
            folders = sum(1 for entry in entries(folder) if is_folder(entry))
        more = ", but folders: add --recursive" if folders else f"; imgae reads {listed()}"
        self.tell(folder, f"{folder}: no pictures in this folder{more}")

    def walk(self, folder: Path, below: Path) -> Iterator[tuple[str, Path]]:
        """Yield the pictures of a folder, and then those of its folders. Links to folders are not
        followed, so that none is searched twice.
        """
        folders = []
        try:
            inside = entries(folder)
        except OSError as error:
            self.tell(folder, f"{folder}: the folder cannot be read: {error.strerror}")
            return
        for entry in inside:
            if entry.name.startswith("."):
                continue
            if is_folder(entry):
                folders.append(entry.name)
            elif looks_like_picture(entry.name):
                yield entry.path, below
            else:
                self.ignored += 1
        if not self.recursive:
            return
        for name in folders:
            if self.leave_out is None or (folder / name).resolve() != self.leave_out:
                yield from self.walk(folder / name, below / name)

    def by_pattern(self, pattern: str) -> Iterator[Found]:
        """Yield what a pattern matches, which the shell left as it was; ** goes into folders."""
        fixed = fixed_part(pattern)
        folder, rest = Path(*fixed), Path(pattern).parts[len(fixed) :]
        count = 0
        for path in sorted(set(matches(folder, rest))):
            count += 1
            below = path.parent.relative_to(folder) if "**" in pattern else Path()
            yield Found(str(path), below)
        if not count:
            self.tell(Path(pattern), f"{pattern}: no file matches this pattern")

    def in_list(self, name: str) -> Iterator[Found]:
        """Yield what a list names: a file, folder or pattern a line, or between null characters."""
        import sys

        try:
            data = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
        except OSError as error:
            self.tell(Path(name), f"{name}: the list cannot be read: {error.strerror}")
            return
        words = [os.fsdecode(line) for line in lines_of(data)]
        if not words:
            self.tell(Path(name), f"{name}: the list is empty")
        several = name_several_folders(words)
        for word in words:
            yield from self.of_word(word, several=several, from_list=True)

    def tell(self, path: Place, sentence: str) -> None:
        self.problems.append((str(path), ImageError(sentence)))


def list_named(word: str) -> str:
    """Return the name of the list that a word of a command names, or ""."""
    return word[1:] if word.startswith(LIST) and not os.path.lexists(word) else ""


def lines_of(data: bytes) -> list[bytes]:
    """Return the names in a list, without a byte order mark, empty lines, and spaces at ends."""
    if b"\0" in data:
        return [part for part in data.split(b"\0") if part]
    stripped = (line.strip() for line in data.removeprefix(b"\xef\xbb\xbf").splitlines())
    return [line for line in stripped if line]


def names_folder(word: str) -> bool:
    """Return whether a word names a folder that is there. Raises ImgaeError, as for no server."""
    if remote.SCHEME not in word:
        return os.path.isdir(word)
    return not PATTERN.search(word) and remote.is_folder(remote.place_of(word))


def may_name_several(word: str) -> bool:
    """Return whether a word names a folder, a list or a pattern. Raises ImgaeError."""
    pattern = PATTERN.search(word) and (remote.SCHEME in word or not os.path.lexists(word))
    return bool(pattern or list_named(word)) or names_folder(word)


def name_several_folders(words: Sequence[str]) -> bool:
    """Return whether more than one word names a folder, as far as servers tell."""
    count = 0
    for word in words:
        with contextlib.suppress(ImgaeError):  # told where the word is looked up
            count += names_folder(word)
    return count > 1


def relative(place: Any, above: Any) -> Path:
    """Return the folders from one folder to another below it, of a bucket or a server."""
    return Path(place.path.strip("/").removeprefix(above.path.strip("/")).strip("/"))


def fixed_part(pattern: str) -> list[str]:
    """Return the folders at the beginning of a pattern that hold no signs of one."""
    fixed = []
    for part in Path(pattern).parts[:-1]:
        if PATTERN.search(part):
            break
        fixed.append(part)
    return fixed


def matches(folder: Path, parts: Sequence[str]) -> Iterator[Path]:
    """Yield the files below a folder that the parts of a pattern match.

    ** goes into folders, but neither hidden ones nor links, which may lead in circles.
    """
    first, *rest = parts
    try:
        inside = entries(folder)
    except OSError:
        return
    if first == "**":
        yield from matches(folder, rest or ["*"])
        for entry in inside:
            if is_folder(entry) and not entry.name.startswith("."):
                yield from matches(folder / entry.name, parts)
        return
    for entry in inside:
        hidden = entry.name.startswith(".") and not first.startswith(".")
        if hidden or not (entry.name == first or fnmatch.fnmatch(entry.name, first)):
            continue
        leads_on = os.path.isdir(entry.path)
        if rest and leads_on:
            yield from matches(folder / entry.name, rest)
        elif not rest and not leads_on:
            yield folder / entry.name


def entries(folder: Path) -> list["os.DirEntry[str]"]:
    """Return what a folder holds, by name. Raises OSError."""
    with os.scandir(folder) as found:
        return sorted(found, key=lambda entry: entry.name)


def is_folder(entry: "os.DirEntry[str]") -> bool:
    return entry.is_dir(follow_symlinks=False)
