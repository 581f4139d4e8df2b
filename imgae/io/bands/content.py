"""A file of which parts are read when they are needed."""

import contextlib
import mmap
import os
import threading
from pathlib import Path

from imgae.errors import ImageError


class Content:
    """The bytes of a file: content[begin:end] reads them. Threads may share it.

    mapped: the same bytes as a mapping, for what looks at few of them. Pixels are read, not mapped:
    a file that gets shorter would end the process, and mapped pages count as its memory.
    Raises OSError if the file cannot be opened, or is empty.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.file = path.open("rb", buffering=0)
        self.lock = threading.Lock()
        try:
            self.before = os.fstat(self.file.fileno())
            self.mapped = mmap.mmap(self.file.fileno(), 0, access=mmap.ACCESS_READ)
        except BaseException:
            self.file.close()
            raise

    def __len__(self) -> int:
        return self.before.st_size

    def __getitem__(self, key: slice) -> bytes:
        begin, end, _ = key.indices(len(self))
        left = max(0, end - begin)
        parts = []
        with self.lock:
            self.file.seek(begin)
            while left and (part := self.file.read(left)):
                parts.append(part)
                left -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def check(self) -> None:
        """Raise ImageError if the file has been written to since it was opened."""
        now = os.fstat(self.file.fileno())
        if (now.st_mtime_ns, now.st_size) != (self.before.st_mtime_ns, self.before.st_size):
            raise ImageError(f"{self.path}: changed while it was read; try again once it is whole")

    def close(self) -> None:
        with contextlib.suppress(BufferError):  # what still looks at it closes it later
            self.mapped.close()
        self.file.close()
