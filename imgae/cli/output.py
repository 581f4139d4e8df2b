"""Printing to streams that may be closed, gone, or unable to hold a name."""

import contextlib
import io
import os
import re
import sys
import warnings
from collections.abc import Iterator
from typing import TextIO

from imgae.errors import FOR_PYTHON, ImgaeWarning

CONTROLS = re.compile(r"[\0-\x08\x0b-\x1f\x7f-\x9f]")  # but the tab and the line break


def say(line: str, stream: TextIO | None) -> None:
    """Print a line; where nobody listens any more, go on without.

    Control characters, as names may hold, are shown as escapes; line breaks stay. What a message
    says for callers from Python is left out.
    """
    if stream is None:  # closed before we started
        return
    line = line.replace(FOR_PYTHON, "")
    encoding = stream.encoding or "utf-8"
    line = CONTROLS.sub(lambda found: repr(found[0])[1:-1], line)
    with contextlib.suppress(OSError, ValueError):
        print(line.encode(encoding, "backslashreplace").decode(encoding), file=stream, flush=True)


def one_line(text: object) -> str:
    """Return a text, as of an error or a path, with its line breaks as escapes."""
    return str(text).replace("\n", "\\n").replace("\r", "\\r")


def result(line: str) -> None:
    """Print what was asked for, on standard output."""
    say(line, sys.stdout)


def note(line: str) -> None:
    """Print something by the way, on standard error."""
    say(f"imgae: note: {one_line(line)}", sys.stderr)


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


def keep_errors_to_ourselves() -> None:
    """Show on standard error only what this program prints, and nothing of C libraries.

    Decoders print there what they make of damaged files, which imgae says in a sentence. They write
    to descriptor 2, which leads nowhere from now on, and sys.stderr to a copy of it. For programs
    only: it changes the process.
    """
    if sys.stderr is None:
        return
    with contextlib.suppress(OSError):
        own = os.dup(2)
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 2)
        os.close(nowhere)
        raw = io.FileIO(own, "w")
        sys.stderr = io.TextIOWrapper(
            io.BufferedWriter(raw), sys.stderr.encoding, "backslashreplace", line_buffering=True
        )
