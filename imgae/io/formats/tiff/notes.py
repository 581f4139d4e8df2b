"""Warnings of a file with several pages, each sentence once."""

import contextlib
import contextvars
from collections.abc import Callable, Iterator
from typing import Final, TypeVar

from imgae.errors import warn

Item = TypeVar("Item")
Done = TypeVar("Done")
TOLD: Final[contextvars.ContextVar[set[str] | None]] = contextvars.ContextVar("TOLD", default=None)


class Silence(set[str]):
    """All that could be said, as if it had been."""

    def __contains__(self, sentence: object) -> bool:
        return True


@contextlib.contextmanager
def once(told: set[str] | None = None) -> Iterator[None]:
    """Within it, `tell` says each sentence once. told: what has been said already."""
    token = TOLD.set(set() if told is None else told)
    try:
        yield
    finally:
        TOLD.reset(token)


def also_in_threads(function: Callable[[Item], Done]) -> Callable[[Item], Done]:
    """Return a function that warns, where threads call it, as this thread would now."""
    here = contextvars.copy_context()

    def call(item: Item) -> Done:
        return here.copy().run(function, item)

    return call


def tell(sentence: str) -> None:
    """Warn the user of something that a picture or a file could not keep."""
    told = TOLD.get()
    if told is None or sentence not in told:
        warn(sentence)
    if told is not None:
        told.add(sentence)
