"""Work that goes on though nobody waits for it any more: only the time and the server end it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from imgae.model.machine import stoppable


def never() -> bool:
    return False


ENDING: ContextVar[Callable[[], bool]] = ContextVar("ENDING", default=never)
"""What tells whether this thread's work is to end, also where it is finished for others to come."""


@contextmanager
def endable(asked: Callable[[], bool]) -> Iterator[None]:
    """Have what is finished inside, in this thread, end all the same once `asked` says so."""
    token = ENDING.set(asked)
    try:
        yield
    finally:
        ENDING.reset(token)


@contextmanager
def finished() -> Iterator[None]:
    """Have work inside go on though it is to stop, unless it is to end."""
    with stoppable(ENDING.get()):
        yield
