"""Printing to streams that may be closed, gone, or unable to hold a name."""

import contextlib
import sys
import warnings
from collections.abc import Iterator
from typing import TextIO

from imgae.errors import ImgaeWarning


def say(line: str, stream: TextIO | None) -> None:
    """Print a line; where nobody listens any more, go on without."""
    if stream is None:  # closed before we started
        return
    encoding = stream.encoding or "utf-8"
    with contextlib.suppress(OSError, ValueError):
        print(line.encode(encoding, "backslashreplace").decode(encoding), file=stream, flush=True)


def short_of_memory(error: Exception) -> str | None:
    """Return a sentence if an error means that memory ran out, also while a library was loaded."""
    signs = ("bad_alloc", "map segment", "allocate memory")
    loading = isinstance(error, ImportError) and any(sign in str(error) for sign in signs)
    if not (loading or isinstance(error, MemoryError)):
        return None
    return (
        "too little memory; end other programs, use smaller tiles (--tile 128) or fewer threads "
        "(--threads 1), or make the picture smaller"
    )


def result(line: str) -> None:
    """Print what was asked for, on standard output."""
    say(line, sys.stdout)


def note(line: str) -> None:
    """Print something by the way, on standard error."""
    say(f"imgae: note: {line}", sys.stderr)


@contextlib.contextmanager
def warnings_as_notes() -> Iterator[None]:
    """Print an ImgaeWarning of what is done inside as a note, once it is done."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ImgaeWarning)
        try:
            yield
        finally:
            for warning in caught:
                if issubclass(warning.category, ImgaeWarning):
                    note(str(warning.message))


@contextlib.contextmanager
def only_own_warnings(debug: bool) -> Iterator[None]:
    """Print an ImgaeWarning as a note, and what other libraries warn of only with --debug."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", ImgaeWarning)
        usual = warnings.showwarning

        def show(
            message: Warning | str,
            category: type[Warning],
            filename: str,
            lineno: int,
            file: TextIO | None = None,
            line: str | None = None,
        ) -> None:
            if issubclass(category, ImgaeWarning):
                note(str(message))
            elif debug:
                usual(message, category, filename, lineno, file, line)

        warnings.showwarning = show
        yield
