"""Deflated bytes of any length, unfolded from where they are needed."""

import threading
import zlib
from collections.abc import Callable
from typing import Any, Final

EVERY: Final = 1 << 24
"""Unfolded bytes between two places from which unfolding can go on."""
PIECE: Final = 1 << 16
"""Bytes that are fed at once."""
SKIPPED: Final = 1 << 20
"""Bytes that are unfolded and forgotten at once on the way to what is sought."""


class Inflating:
    """A zlib stream as bytes that can be read from any place. Threads may share it.

    Going on costs nothing; going back unfolds again from the last place that was marked.
    read: returns so many bytes of the stream from a place on. size: of the stream. every: marks
    are set at multiples of it. Raises zlib.error for damage.
    """

    def __init__(self, read: Callable[[int, int], bytes], size: int, every: int = EVERY) -> None:
        self.source, self.size, self.every = read, size, every
        self.lock = threading.Lock()
        self.at = self.fed = 0
        self.pending = b""
        self.stream = zlib.decompressobj()
        self.marks: dict[int, tuple[int, Any]] = {0: (0, None)}

    def read(self, at: int, count: int) -> bytes:
        """Return unfolded bytes from a place on, fewer if the stream has no more."""
        with self.lock:
            self.go_to(at)
            parts = []
            while count and (part := self.unfolded(count)):
                parts.append(part)
                count -= len(part)
        return b"".join(parts)

    def ended(self) -> bool:
        """Return whether the stream's end has been met."""
        return self.stream.eof

    def go_to(self, at: int) -> None:
        """Unfold up to a place, or to the end of the stream."""
        mark = max(place for place in self.marks if place <= at)
        if at < self.at or mark > self.at:
            self.at, self.pending = mark, b""
            self.fed, stream = self.marks[mark]
            self.stream = stream.copy() if stream else zlib.decompressobj()
        while self.at < at and self.unfolded(min(at - self.at, SKIPPED)):
            pass

    def unfolded(self, most: int) -> bytes:
        """Return the next bytes, up to the next mark; none at the end."""
        most = min(most, self.every - self.at % self.every)
        while True:
            if not self.pending and self.fed < self.size:
                self.pending = self.source(self.fed, min(PIECE, self.size - self.fed))
                self.fed += len(self.pending) or self.size
            found = self.stream.decompress(self.pending, most)
            self.pending = self.stream.unconsumed_tail
            if found or self.stream.eof or (not self.pending and self.fed >= self.size):
                break
        self.at += len(found)
        if found and self.at % self.every == 0 and self.at not in self.marks:
            self.marks[self.at] = self.fed - len(self.pending), self.stream.copy()
        return found
