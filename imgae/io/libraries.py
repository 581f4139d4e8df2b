"""What a program, but no library, may set in the libraries that read pictures; what they print."""

import contextlib
import logging
import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from typing import Final

import PIL.Image

STANDARD_ERROR: Final = 2
ONE_AT_A_TIME: Final = threading.Lock()
MOST_HEARD: Final = 1 << 20


def prepare_libraries() -> None:
    """Leave the limit of pixels to --max-pixels, and silence tifffile's own messages."""
    PIL.Image.MAX_IMAGE_PIXELS = None
    logging.getLogger("tifffile").setLevel(logging.CRITICAL + 1)


@contextlib.contextmanager
def overheard(beginning: bytes) -> Iterator[list[str]]:
    """Keep from the terminal the lines that a C library prints, and collect them.

    beginning: of the library's lines. What else is printed meanwhile, by other threads, comes out
    after. The list that is given has its lines when the block is left.
    """
    heard: list[str] = []
    with ONE_AT_A_TIME, tempfile.TemporaryFile() as file:
        if sys.stderr:
            sys.stderr.flush()
        try:
            before = os.dup(STANDARD_ERROR)
        except OSError:  # there is no terminal, nor anything else, to keep it from
            yield heard
            return
        os.dup2(file.fileno(), STANDARD_ERROR)
        try:
            yield heard
        finally:
            if sys.stderr:
                sys.stderr.flush()
            os.dup2(before, STANDARD_ERROR)
            os.close(before)
            file.seek(0)
            lines = file.read(MOST_HEARD).splitlines(keepends=True)
            heard += [
                line.decode("utf-8", "replace").strip()
                for line in lines
                if line.startswith(beginning)
            ]
            others = b"".join(line for line in lines if not line.startswith(beginning))
            if others:
                os.write(STANDARD_ERROR, others)
