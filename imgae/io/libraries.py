"""What a program, but no library, may set in the libraries that read pictures; what they print."""

import contextlib
import io
import os
import sys
import threading
from collections.abc import Iterator
from typing import Final

import PIL.Image

STANDARD_ERROR: Final = 2
ONE_AT_A_TIME: Final = threading.Lock()
MOST_HEARD: Final = 1 << 20


def prepare_libraries() -> None:
    """Leave the limit of pixels to --max-pixels."""
    PIL.Image.MAX_IMAGE_PIXELS = None


@contextlib.contextmanager
def overheard(*beginnings: bytes) -> Iterator[list[str]]:
    """Keep from the terminal the lines that a library prints, and collect them.

    beginnings: of the library's lines. What else is printed meanwhile, by other threads, comes out
    after. The list that is given has its lines when the block is left.
    """
    import tempfile  # loads much, and only a few formats need it

    heard: list[str] = []

    def sorted_out(lines: list[bytes]) -> bytes:
        mine = [line for line in lines if line.startswith(beginnings)]
        heard.extend(line.decode("utf-8", "replace").strip() for line in mine)
        return b"".join(line for line in lines if not line.startswith(beginnings))

    with ONE_AT_A_TIME, tempfile.TemporaryFile() as file:
        before, printed = diverted(file.fileno()), io.StringIO()
        try:
            with contextlib.redirect_stdout(printed):
                yield heard
        finally:
            restored(before)
            file.seek(0)
            errors = sorted_out(file.read(MOST_HEARD).splitlines(keepends=True))
            if errors and before is not None:
                os.write(STANDARD_ERROR, errors)
            words = printed.getvalue().encode("utf-8", "replace")
            if others := sorted_out(words.splitlines(keepends=True)):
                sys.stdout.write(others.decode())


def diverted(file: int) -> int | None:
    """Lead standard error into a file; return where it went before, None if nowhere."""
    flush()
    try:
        before = os.dup(STANDARD_ERROR)
    except OSError:
        return None
    os.dup2(file, STANDARD_ERROR)
    return before


def restored(before: int | None) -> None:
    """Undo `diverted`."""
    flush()
    if before is not None:
        os.dup2(before, STANDARD_ERROR)
        os.close(before)


def flush() -> None:
    if sys.stderr:
        sys.stderr.flush()
