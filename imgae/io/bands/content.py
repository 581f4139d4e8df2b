"""A file of which parts are read when they are needed."""

import os
import threading
from pathlib import Path
from typing import Final, overload

from imgae.errors import ImageError

AT_ONCE: Final = 1 << 14
"""Bytes that are read together where fewer are asked for, since their neighbours follow."""


class Content:
    """The bytes of a file, as what looks at bytes needs them: content[begin:end] reads them.

    They are read, not mapped: a file that gets shorter would end the process, and mapped pages
    count as its memory. Where the file has become shorter, fewer bytes come. Threads may share it.
    Raises OSError if the file cannot be opened, and ValueError if it is empty.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.file = path.open("rb", buffering=0)
        self.lock = threading.Lock()
        self.before = os.fstat(self.file.fileno())
        self.begin, self.near = 0, b""
        if not self.before.st_size:
            self.file.close()
            raise ValueError(f"{path}: empty")

    def __len__(self) -> int:
        return self.before.st_size

    @overload
    def __getitem__(self, key: int) -> int: ...

    @overload
    def __getitem__(self, key: slice) -> bytes: ...

    def __getitem__(self, key: int | slice) -> int | bytes:
        if isinstance(key, int):
            return self[key : key + 1][0]
        begin, end, _ = key.indices(len(self))
        with self.lock:
            if end - begin >= AT_ONCE:
                return self.read(begin, end - begin)
            if not self.begin <= begin <= end <= self.begin + len(self.near):
                self.begin, self.near = begin, self.read(begin, AT_ONCE)
            return self.near[begin - self.begin : max(begin, end) - self.begin]

    def read(self, begin: int, left: int) -> bytes:
        parts = []
        self.file.seek(begin)
        while left > 0 and (part := self.file.read(left)):
            parts.append(part)
            left -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def find(self, sought: bytes, begin: int, end: int) -> int:
        """Return where bytes are first found in a part of the file, or -1, as bytes.find does."""
        at = self[begin:end].find(sought)
        return at if at < 0 else begin + at

    def check(self) -> None:
        """Raise ImageError if the file has been written to since it was opened."""
        now = os.fstat(self.file.fileno())
        if (now.st_mtime_ns, now.st_size) != (self.before.st_mtime_ns, self.before.st_size):
            raise ImageError(f"{self.path}: changed while it was read; try again once it is whole")

    def close(self) -> None:
        self.file.close()
