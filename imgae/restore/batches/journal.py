"""What earlier runs wrote: so that a run that was ended, even by a kill, can go on.

A journal is a file of lines of JSON in the user's folder for states, one for each folder that
results are written to; nothing is left among the pictures. Before a picture is begun, and after it
is written, a line is added. A line that a kill cut short counts as not there.
"""

import contextlib
import json
import os
from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final, NamedTuple

HASH_BYTES: Final = 20
FOLDER: Final = "IMGAE_STATE"
"""The environment variable that names another folder."""


class Entry(NamedTuple):
    """What is known of a result: whether it is done, of what, and its own hash."""

    done: bool
    key: str = ""
    inputs: tuple[str, ...] = ()
    output: str = ""


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

    def started(self, places: Sequence[Path]) -> None:
        """Remember that files that are not there yet, or may be replaced, are ours from now on."""
        for place in places:
            self.add(place, Entry(done=False))

    def done(self, place: Path, key: str, inputs: Sequence[str], output: str) -> None:
        """Remember a result: what it was made with, the hashes of what it was made of, its own."""
        self.add(place, Entry(True, key, tuple(inputs), output))

    def add(self, place: Path, entry: Entry) -> None:
        if not self.writes:
            return
        if (known := self.known.get(folder_of(place))) is not None:
            known[place.name] = entry
        row: dict[str, Any] = {"name": place.name, **entry._asdict()}
        line = json.dumps(row) + "\n"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            file_name = self.file_of(place)
            with file_name.open("ab") as file:
                if file_name.name not in self.whole:
                    self.whole.add(file_name.name)
                    file.write(b"\n" * cut_short(file_name))
                file.write(line.encode())
        except OSError as error:
            self.problem = f"{self.folder}: cannot be written: {error.strerror}"

    def of_folder(self, place: Path) -> dict[str, Entry]:
        folder = folder_of(place)
        if folder not in self.known:
            self.known[folder] = self.load(self.file_of(place))
        return self.known[folder]

    def load(self, path: Path) -> dict[str, Entry]:
        """Read a journal, the last line for each name."""
        found: dict[str, Entry] = {}
        lines = []
        with contextlib.suppress(OSError):
            lines = path.read_bytes().split(b"\n")
        for line in lines:
            with contextlib.suppress(ValueError, KeyError, TypeError):
                row = json.loads(line)
                entry = Entry(
                    bool(row["done"]), str(row["key"]), tuple(row["inputs"]), str(row["output"])
                )
                found[str(row["name"])] = entry
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
