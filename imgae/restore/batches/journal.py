"""What earlier runs wrote: so that a run that was ended, even by a kill, can go on.

A journal is a file of lines of JSON in the user's folder for states, one for each folder that
results are written to; nothing is left among the pictures. Before a picture is begun, and after it
is written, a line is added. A line that a kill cut short counts as not there.
"""

import contextlib
import json
import os
from collections.abc import Iterable
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final, NamedTuple

from imgae.io.atomic import write_whole

HASH_BYTES: Final = 20
MOST_OLD: Final = 3
LINES: Final = 1000
"""A journal is written anew if it has more than so many lines for each result, and so many more."""
FOLDER: Final = "IMGAE_STATE"
"""The environment variable that names another folder."""


class Entry(NamedTuple):
    """What is known of a result.

    source: the picture that it was made of. made: what it was made with, as `made_with` gives it;
    "" if it was begun, and neither done nor failed since. output: the hash of its own bytes.
    """

    source: str
    made: str = ""
    output: str = ""


def made_with(key: str, inputs: Iterable[str]) -> str:
    """Return what is equal for equal keys of tasks and hashes of all files that were read."""
    return hash_of("\0".join((key, *inputs)).encode())


def hash_of(data: bytes | memoryview) -> str:
    return blake2b(data, digest_size=HASH_BYTES).hexdigest()


def hash_of_file(path: Path) -> str:
    """Return the hash of a file's bytes. Raises OSError."""
    found = blake2b(digest_size=HASH_BYTES)
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            found.update(piece)
    return found.hexdigest()


def state_folder() -> Path:
    """Return the folder for what is remembered between runs."""
    if named := os.environ.get(FOLDER):
        return Path(named)
    import platformdirs

    return Path(platformdirs.user_state_dir("imgae", appauthor=False))


class Journal:
    """What earlier runs, and this one, wrote to any folder.

    folder: where journals are. writes: whether anything is remembered of this run.
    """

    def __init__(self, folder: Path | None = None, *, writes: bool = True) -> None:
        self.folder = (folder or state_folder()) / "journals"
        self.writes = writes
        self.whole: set[str] = set()
        self.known: dict[str, dict[str, Entry]] = {}
        self.problem: str | None = None
        """Why nothing can be remembered, or None."""

    def entry(self, place: Path) -> Entry | None:
        """Return what is known of a result, or None."""
        return self.of_folder(place).get(place.name)

    def wrote(self, place: Path) -> bool:
        """Return whether a file has the name of a result that is known."""
        return self.entry(place) is not None

    def started(self, places: Iterable[Path], source: Path) -> None:
        """Remember that files that are not there yet, or may be replaced, are ours from now on."""
        for place in places:
            self.add(place, Entry(str(source)))

    def done(self, place: Path, entry: Entry) -> None:
        """Remember a result."""
        self.add(place, entry)

    def failed(self, places: Iterable[Path]) -> None:
        """Forget what was started and did not come to anything."""
        for place in places:
            self.add(place, None)

    def add(self, place: Path, entry: Entry | None) -> None:
        if not self.writes:
            return
        if (known := self.known.get(folder_of(place))) is not None:
            known.pop(place.name, None)
            if entry:
                known[place.name] = entry
        row: dict[str, Any] = {"name": place.name, **(entry._asdict() if entry else {})}
        file_name = self.file_of(place)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with file_name.open("ab") as file:
                if file_name.name not in self.whole:
                    self.whole.add(file_name.name)
                    file.write(b"\n" * cut_short(file_name))
                file.write(json.dumps(row).encode() + b"\n")
        except OSError as error:
            self.problem = f"{self.folder}: cannot be written: {error.strerror}"

    def of_folder(self, place: Path) -> dict[str, Entry]:
        folder = folder_of(place)
        if folder not in self.known:
            self.known[folder] = self.load(self.file_of(place))
        return self.known[folder]

    def load(self, path: Path) -> dict[str, Entry]:
        """Read a journal, the last line for each name; one of mostly old lines is written anew."""
        found: dict[str, Entry] = {}
        count = 0
        with contextlib.suppress(OSError), path.open("rb") as lines:
            for line in lines:
                count += 1
                with contextlib.suppress(ValueError, KeyError, TypeError):
                    row = json.loads(line)
                    name = str(row["name"])
                    found.pop(name, None)
                    if "source" in row:
                        found[name] = Entry(*(str(row[part]) for part in Entry._fields))
        if count > MOST_OLD * len(found) + LINES and self.writes:
            rows = (json.dumps({"name": name, **each._asdict()}) for name, each in found.items())
            with contextlib.suppress(OSError):
                write_whole(path, "".join(f"{row}\n" for row in rows).encode())
        return found

    def file_of(self, place: Path) -> Path:
        name = blake2b(folder_of(place).encode("utf-8", "surrogateescape"), digest_size=16)
        return self.folder / f"{name.hexdigest()}.jsonl"


def cut_short(path: Path) -> bool:
    """Return whether a kill cut the last line, so that what is added has to begin a new one."""
    with path.open("rb") as file:
        if not file.seek(0, os.SEEK_END):
            return False
        file.seek(-1, os.SEEK_END)
        return file.read(1) != b"\n"


def folder_of(place: Path) -> str:
    """Return the folder of a file under its one real name."""
    return os.path.realpath(place.parent) if isinstance(place, Path) else str(place.parent)
