"""Where results go: no two to one file, and none over a picture that is still to be read."""

import itertools
import os
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from imgae.io import remote
from imgae.io.formats import table
from imgae.io.remote import Place
from imgae.restore.batches.inputs import Found
from imgae.restore.batches.journal import Journal

Name = Callable[[Path], tuple[str, str]]
"""From a picture to what its result's name begins with, and what it ends in, as ("photo",
".denoised.png")."""


BY_DEFAULT: Final = ".tif"
"""What is written of a format that imgae only reads."""
NUMBER: Final = re.compile(r"(?<=[^/\\\\])-[0-9]+$")
"""What stands at the end of a beginning that was taken already."""
VARIANT: Final = re.compile(r"-[0-9]+(?=\.[^.]+$)")
"""What stands before the ending of a result that is one of several."""


class Planned(NamedTuple):
    """A picture, and where its result goes."""

    found: Found
    text: str

    @property
    def target(self) -> Place:
        return remote.place_of(self.text)


def same(path: Place) -> str:
    """Return what is equal for names that are one file on some machine: where the case of letters,
    or how an accent is written, does not count.
    """
    return folded(remote.key_of(path))


def folded(text: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


class Names:
    """Gives each picture the place of its result, and none the place of another's.

    folder: for all, with the tree below it; None puts each beside its picture. Where a result would
    have the name of another's, or of an input, it gets the ending of its picture, or a number.
    places: the files that are written for a result, if not just it. replaces: whether a result may
    have the place of its own picture. journal: who remembers whose result a file is that is there.
    """

    def __init__(
        self,
        folder: Place | None,
        name: Name,
        *,
        places: Callable[[Place], Sequence[Place]] = lambda _: (),
        replaces: bool = True,
        journal: Journal | None = None,
    ) -> None:
        self.folder, self.name, self.places = folder, name, places
        self.replaces, self.journal = replaces, journal
        self.keys = remote.Keys()
        self.inputs: dict[str, str] = {}
        self.taken: dict[str, str] = {}

    def reads(self, path: Place) -> None:
        """Take note of a picture: no other's result gets its place. That of two links to one
        file, no result does.
        """
        own = self.keys.of(path, follow=False)
        key = self.same(path)
        if self.inputs.setdefault(key, own) != own:
            self.inputs[key] = ""

    def keeps(self, path: Place) -> None:
        """Take note of a file that no result may replace."""
        self.inputs[self.same(path)] = ""

    def same(self, path: Place) -> str:
        return folded(self.keys.of(path))

    def of(self, each: Found) -> Place:
        """Return where the result of a picture goes; of the same picture, always the same."""
        own = self.keys.of(each.text, follow=False)
        start, end = self.name(each.path)
        for changed in starts(start, each.path):
            target = place(each, self.folder, changed, end)
            written = self.places(target) or (target,)
            if all(self.is_free(path, own) for path in written) and not (
                self.journal and not each.named and self.are_of_another(written, each)
            ):
                self.taken.update((self.same(path), own) for path in written)
                return target
        raise AssertionError("there is always another number")

    def is_free(self, path: Place, own: str) -> bool:
        key = self.same(path)
        if key in self.inputs:
            is_own = self.inputs[key] == own and self.keys.of(path) == self.keys.of(own)
            if not (is_own and self.replaces):
                return False
        return self.taken.get(key, own) == own

    def are_of_another(self, files: Iterable[Place], each: Found) -> bool:
        """Return whether a file is there that is known as the result of a picture of another name,
        so that results keep their places when pictures are added.
        """
        assert self.journal
        for path in files:
            entry = self.journal.entry(path)
            other = entry is not None and Path(entry.source).name != each.path.name
            if other and (remote.is_remote(path) or os.path.lexists(path)):
                return True
        return False


def plan(
    found: Sequence[Found],
    folder: Place | None,
    name: Name,
    *,
    places: Callable[[Place], Sequence[Place]] = lambda _: (),
    replaces: bool = True,
    journal: Journal | None = None,
    keeps: Iterable[Place] = (),
) -> list[Planned]:
    """Return where the result of each picture goes.

    Files found in folders that are themselves results of others found are left out. places and so
    on: as for Names. keeps: other files that no result may replace.
    """
    kept = without_results(found, folder, name, journal)
    names = Names(folder, name, places=places, replaces=replaces, journal=journal)
    for each in kept:
        names.reads(each.path)
    for path in keeps:
        names.keeps(path)
    return [Planned(each, str(names.of(each))) for each in kept]


def without_results(
    found: Sequence[Found], folder: Place | None, name: Name, journal: Journal | None = None
) -> list[Found]:
    """Leave out files that are results of others found, by the journal or by their names, with
    changed names too; those that were named stay.
    """
    keys = remote.Keys()
    results = {folded(key) for key in known_results(found, keys, journal)} if journal else set()
    ends = {folded(end) for _, end in (name(each.path) for each in found) if tells_results(end)}
    like_results: dict[str, list[str]] = {}
    for each in found:
        key = folded(keys.of(each.text, follow=False))
        for plain in () if each.named else plain_keys(key, ends):
            like_results.setdefault(plain, []).append(key)
    for each in found if like_results else ():
        own = folded(keys.of(each.text, follow=False))
        start, end = name(each.path)
        for changed in itertools.islice(starts(start, each.path), 2 if tells_results(end) else 0):
            key = folded(keys.of(place(each, folder, changed, end), follow=False))
            results.update(one for one in like_results.get(key, ()) if one != own)
    return [
        each
        for each in found
        if each.named or folded(keys.of(each.text, follow=False)) not in results
    ]


def known_results(found: Sequence[Found], keys: remote.Keys, journal: Journal) -> Iterator[str]:
    """Yield those that are known as results of others found in the same folder."""
    there = {keys.of(each.text, follow=False) for each in found}
    for each in found:
        path = each.path
        entry = None if each.named else journal.entry(path)
        if entry and Path(entry.source).name != path.name:
            source = path.with_name(Path(entry.source).name)
            if keys.of(source, follow=False) in there:
                yield keys.of(path, follow=False)


def tells_results(end: str) -> bool:
    """Return whether the end of a result's name is more than that of any picture."""
    return end != Path(f"_{end}").suffix


def plain_keys(key: str, ends: Iterable[str]) -> Iterator[str]:
    """Yield a name, folded, that ends as results do, and it without the numbers in it."""
    for name in dict.fromkeys((key, VARIANT.sub("", key))):
        for end in ends:
            if name.endswith(end):
                yield name
                yield NUMBER.sub("", name.removesuffix(end)) + end


def suffix_for(source: Path, ending: str | None) -> str:
    """Return what the name of a picture's result ends in."""
    if ending:
        return ending
    row = table.of_name(source)
    return BY_DEFAULT if row is not None and not row.written else source.suffix


def place(each: Found, folder: Place | None, start: str, end: str) -> Path:
    parent = each.path.parent if folder is None else folder.joinpath(*each.below.parts)
    return parent / f"{start}{end}"


def starts(start: str, source: Path) -> Iterator[str]:
    """Yield beginnings of names to try: as it is, with the picture's ending, with numbers."""
    yield start
    ending = source.suffix.lower()
    if ending and not start.endswith(ending):
        start = f"{start}{ending}"
        yield start
    for number in itertools.count(2):
        yield f"{start}-{number}"


def clash(planned: Iterable[Planned]) -> tuple[Path, Path, Path] | None:
    """Return two pictures that were named, and the one place where both results would go, or None.

    Before names are changed: what a command line names itself should be told, not changed.
    """
    taken: dict[str, Path] = {}
    for each in planned:
        if not each.found.named:
            continue
        path = each.found.path
        other = taken.setdefault(same(each.target), path)
        if other is not path:
            return other, path, each.target
    return None
