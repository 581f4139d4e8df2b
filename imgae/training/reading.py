"""Reading of many files by several threads, in order."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import Final, TypeVar

from imgae.model.machine import usable_cpus

Item = TypeVar("Item")
Result = TypeVar("Result")
MOST_THREADS: Final = 8


def read_ahead(
    read: Callable[[Item], Result], items: Iterable[Item], room: Callable[[], int]
) -> Generator[Result, None, None]:
    """Yield what `read` returns for each item, in their order, while threads read those after it.

    room: is asked how many more results there is memory for; so many are begun before they are
    asked for, and one at least.
    """
    threads = min(usable_cpus(), MOST_THREADS)
    waiting: deque[Future[Result]] = deque()
    rest = iter(items)
    with ThreadPoolExecutor(threads) as pool:
        try:
            while True:
                begun = max(1, min(threads, room()))
                for item in islice(rest, max(0, begun - len(waiting))):
                    waiting.append(pool.submit(read, item))
                if not waiting:
                    return
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
