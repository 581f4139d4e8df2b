"""The private folder: what was uploaded, and what came of it, for as long as it is used."""

import contextlib
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from imgae.io import atomic
from imgae.restore.batches.journal import state_folder

LOCK: Final = "lock"
"""The file in a server's folder that is locked while the server runs."""
KEPT: Final = 3600.0
"""Seconds for which something is kept that nobody asks for."""
MOST_ITEMS: Final = 500
MOST_BYTES: Final = 8 << 30


class MissingError(Exception):
    """There is nothing of that id, or no longer."""


class FullError(Exception):
    """What is in use takes all that may be kept."""


@dataclass
class Item:
    """Something that is kept: a folder of its own, and what is known of it.

    kind: "picture", "job" or "archive". path: the file of a picture, or of that which a job is
    about. used: when it was asked for last. users: how many need it now. bytes: of its files, when
    it was used last.
    """

    id: str
    kind: str
    folder: Path
    about: Any = None
    path: Path = Path()
    used: float = 0.0
    users: int = 0
    bytes: int = 0

    def measure(self) -> None:
        self.bytes = 0
        for path in self.folder.rglob("*"):
            with contextlib.suppress(OSError):
                self.bytes += path.stat().st_size if path.is_file() else 0


@dataclass
class Store:
    """What a server keeps, in a folder that nobody else may read.

    now: the clock, in seconds. Use it from one thread.
    """

    root: Path
    lock: int | None
    now: Callable[[], float] = time.monotonic
    items: dict[str, Item] = field(default_factory=dict)

    @classmethod
    def opened(cls) -> "Store":
        """Make a folder for this server. What servers that were killed left goes first."""
        home = state_folder() / "serve"
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        sweep(home)
        root = home / f"{os.getpid()}-{secrets.token_hex(8)}"
        root.mkdir(mode=0o700)
        lock = atomic.created(root / LOCK)
        (root / LOCK).touch()  # also where there are no locks: a folder without is being made
        return cls(root, lock)

    def close(self) -> None:
        """Delete all of it."""
        self.items.clear()
        shutil.rmtree(self.root, ignore_errors=True)
        if self.lock is not None:
            os.close(self.lock)
            self.lock = None

    def new(self, kind: str) -> Item:
        """Make a folder for something new; what nobody used for long goes.

        Raises FullError if what is in use takes all that may be kept.
        """
        self.tidy()
        if len(self.items) >= MOST_ITEMS or self.bytes > MOST_BYTES:
            raise FullError
        name = secrets.token_urlsafe(16)
        folder = self.root / name
        folder.mkdir(mode=0o700)
        item = Item(name, kind, folder, used=self.now())
        self.items[name] = item
        return item

    def get(self, name: str, *kinds: str) -> Item:
        """Return what is kept under an id, of one of these kinds. Raises MissingError."""
        item = self.items.get(name)
        if item is None or item.kind not in kinds:
            raise MissingError(name)
        item.used = self.now()
        return item

    @contextlib.contextmanager
    def using(self, item: Item) -> Iterator[Item]:
        """Keep something for as long as the block runs, even if it is removed meanwhile."""
        item.users += 1
        try:
            yield item
        finally:
            item.users -= 1
            item.used = self.now()
            item.measure()
            if not item.users and item.id not in self.items:
                discard(item)

    def remove(self, item: Item) -> None:
        """Forget something; its files go once nobody uses them."""
        self.items.pop(item.id, None)
        if not item.users:
            discard(item)

    def tidy(self) -> None:
        """Forget what nobody used for long, and the oldest if there is too much."""
        idle = sorted(
            (item for item in self.items.values() if not item.users), key=lambda item: item.used
        )
        for item in idle:
            old = self.now() - item.used > KEPT
            if not old and len(self.items) < MOST_ITEMS and self.bytes <= MOST_BYTES:
                break
            self.remove(item)

    @property
    def bytes(self) -> int:
        """How many bytes are kept."""
        return sum(item.bytes for item in self.items.values())


def discard(item: Item) -> None:
    shutil.rmtree(item.folder, ignore_errors=True)


def sweep(home: Path) -> None:
    """Delete the folders of servers that have ended without doing so, as after a kill."""
    for folder in home.iterdir():
        lock = folder / LOCK
        with contextlib.suppress(OSError, ValueError):
            if lock.is_file():
                if atomic.swept_by_lock(lock):
                    if not lock.is_file():
                        shutil.rmtree(folder, ignore_errors=True)
                    continue
                if not atomic.is_running(int(folder.name.partition("-")[0])):
                    shutil.rmtree(folder, ignore_errors=True)
            elif time.time() - folder.stat().st_mtime > atomic.ABANDONED:
                shutil.rmtree(folder, ignore_errors=True)
