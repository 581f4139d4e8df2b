"""Where results go: no two to one file, and none over a picture that is still to be read."""

import itertools
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from imgae.io import remote
from imgae.io.formats import table
from imgae.io.remote import Place
from imgae.restore.batches.inputs import Found

Name = Callable[[Path], tuple[str, str]]
"""From a picture to what its result's name begins with, and what it ends in, as ("photo",
".denoised.png")."""


BY_DEFAULT: Final = ".tif"
"""What is written of a format that imgae only reads."""
NUMBER: Final = re.compile(r"(?<=[^/\\\\])-[0-9]+$")
"""What stands at the end of a beginning that was taken already."""


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
    """

    def __init__(self, folder: Place | None, name: Name) -> None:
        self.folder, self.name = folder, name
        self.inputs: set[str] = set()
        self.taken: dict[str, str] = {}

    def of(self, each: Found) -> Place:
        """Return where the result of a picture goes; of the same picture, always the same."""
        own = remote.key_of(each.text)
        start, end = self.name(each.path)
        for changed in starts(start, each.path):
            target = place(each, self.folder, changed, end)
            key = same(target)
            free = key not in self.inputs or remote.key_of(target) == own
            if free and self.taken.setdefault(key, own) == own:
                return target
        raise AssertionError("there is always another number")


def plan(found: Sequence[Found], folder: Place | None, name: Name) -> list[Planned]:
    """Return where the result of each picture goes.

    Files found in folders that are themselves results of others found are left out.
    """
    kept = without_results(found, folder, name)
    names = Names(folder, name)
    names.inputs = {same(each.path) for each in kept}
    return [Planned(each, str(names.of(each))) for each in kept]


def without_results(found: Sequence[Found], folder: Place | None, name: Name) -> list[Found]:
    """Leave out files that are results of others found, with changed names too; those that were
    named stay.
    """
    ends = {folded(end) for _, end in (name(each.path) for each in found) if tells_results(end)}
    like_results: dict[str, list[Place]] = {}
    for each in found:
        for key in () if each.named else plain_keys(each.path, ends):
            like_results.setdefault(key, []).append(each.path)
    results = set[Place]()
    for each in found if like_results else ():
        start, end = name(each.path)
        for changed in itertools.islice(starts(start, each.path), 2 if tells_results(end) else 0):
            key = same(place(each, folder, changed, end))
            results.update(path for path in like_results.get(key, ()) if path != each.path)
    return [each for each in found if each.named or each.path not in results]


def tells_results(end: str) -> bool:
    """Return whether the end of a result's name is more than that of any picture."""
    return end != Path(f"_{end}").suffix


def plain_keys(path: Place, ends: Iterable[str]) -> Iterator[str]:
    """Yield a name that ends as results do, as `same` makes it, and it without its number."""
    key = same(path)
    for end in ends:
        if key.endswith(end):
            yield key
            yield NUMBER.sub("", key.removesuffix(end)) + end


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
