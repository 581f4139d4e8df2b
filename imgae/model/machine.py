"""What this process may use of the machine: CPUs, memory, instructions."""

import contextlib
import ctypes
import importlib
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import Final

from imgae.errors import ModelError

PROC: Final = Path("/proc")
CGROUPS: Final = Path("/sys/fs/cgroup")
CPUINFO: Final = PROC / "cpuinfo"
VNNI: Final = {"avx512_vnni", "avx_vnni"}
UNKNOWN_MEMORY: Final = 1 << 30
"""Bytes taken to be free where the system does not tell."""
LIBRARIES: Final = ("cv2", "onnxruntime")
"""What ends the process if it finds too little address space when it is loaded."""
LEAST_SPACE: Final = 512 << 20
SPACE_OF_A_THREAD: Final = 64 << 20
"""Bytes of address space; numpy, OpenCV and onnxruntime crashed with less."""
QUOTA_FILES: Final = {"": ("cpu.max",), "cpu": ("cpu.cfs_quota_us", "cpu.cfs_period_us")}
"""By the controller of a cgroup, "" in version 2: what tells its share of CPU time."""
MEMORY_FILES: Final = {
    "": ("memory.max", "memory.current", "active_file", "inactive_file"),
    "memory": (
        "memory.limit_in_bytes",
        "memory.usage_in_bytes",
        "total_active_file",
        "total_inactive_file",
    ),
}
"""By the controller: its limit, its use, files in memory.stat."""

limits: dict[str, int] = {}
"""What this process sets itself."""


def has_vnni() -> bool:
    """Whether the processor multiplies and adds bytes in one instruction.

    False where that is not known: only Linux lists it, for x86 processors.
    """
    try:
        return bool(VNNI & set(CPUINFO.read_text().split()))
    except OSError:
        return False


def limit_cpus(most: int) -> None:
    """Let this process count as one that may use only so many CPUs, as one of several workers."""
    limits["cpus"] = most


def usable_cpus() -> int:
    """Return how many CPUs this process may use, by its affinity, the quotas of its cgroups, and
    `limit_cpus`.
    """
    count = allowed_cpus()
    return min(count, limits.get("cpus", count))


def allowed_cpus() -> int:
    """Return how many CPUs the system lets this process use."""
    if hasattr(os, "sched_getaffinity"):
        count = len(os.sched_getaffinity(0))
    else:
        count = os.cpu_count() or 1
    for quota, period in cgroup_quotas():
        if quota.isdigit():  # neither "max" nor -1
            count = min(count, max(1, round(int(quota) / int(period))))
    return count


def cgroup_quotas() -> list[tuple[str, str]]:
    """Return the quota and the period of CPU time that each cgroup sets this process."""
    found = []
    for controller, files in QUOTA_FILES.items():
        for folder in cgroup_folders(controller):
            try:
                words = [word for name in files for word in (folder / name).read_text().split()]
                quota, period = words
            except (OSError, ValueError):
                continue
            found.append((quota, period))
    return found


class Limit:
    """The bytes that this process and its children may hold in all; None for all that are free."""

    held: int | None = None


def limit_memory(limit: int | None) -> None:
    """Let this process and its children hold so many bytes in all; None lifts the limit.

    Nothing enforces it: what chooses tiles by free_memory() keeps to it.
    """
    Limit.held = limit


def limited_memory() -> int | None:
    """Return the limit that limit_memory has set, or None."""
    return Limit.held


def default_limit() -> int:
    """Return a quarter of what is free, and what this process holds already.

    Of one of several workers it is that worker's share, as of the CPUs, if that is less.
    """
    return held_memory() + unclaimed_memory() // max(4, allowed_cpus() // usable_cpus())


def free_memory() -> int:
    """Return how many bytes this process can still take without driving others out of memory.

    Files that the system keeps in memory count as free, because it gives them up when asked.
    """
    free = unclaimed_memory()
    return free if Limit.held is None else max(0, min(free, Limit.held - held_memory()))


def unclaimed_memory() -> int:
    """Return the bytes that the system and its limits leave, whatever limit_memory says."""
    return max(0, min([available_memory(), *cgroup_memory(), *address_space()]))


def held_memory() -> int:
    """Return the bytes of memory that this process and those it started hold.

    Where the system does not tell, the most that this process ever held, or 0.
    """
    try:
        return sum(resident(number) for number in ["self", *descendants("self")])
    except (OSError, ValueError, IndexError):
        return most_held()


def trim_memory() -> None:
    """Give back to the system what was freed, and the C library keeps; where it can (glibc)."""
    if sys.platform.startswith("linux"):
        with contextlib.suppress(AttributeError, OSError):
            ctypes.CDLL(None).malloc_trim(0)


def resident(number: str) -> int:
    """Return the bytes of memory that a process holds."""
    pages = int(PROC.joinpath(number, "statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def descendants(number: str) -> list[str]:
    """Return the numbers of the processes that one has started, and those of theirs."""
    found = []
    for path in PROC.joinpath(number, "task").glob("*/children"):
        with contextlib.suppress(OSError):  # it has ended
            for child in path.read_text().split():
                found += [child, *descendants(child)]
    return [child for child in found if PROC.joinpath(child, "statm").is_file()]


def most_held() -> int:
    """Return the most bytes of memory that this process has held, or 0 if that is not known."""
    try:
        import resource  # not on Windows
    except ImportError:
        return 0
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def check_address_space(threads: int | None = None) -> None:
    """Raise ModelError if the limit on this process's address space is too low for its libraries.

    They would end the process with lines of their own, or none.
    """
    one = LEAST_SPACE + SPACE_OF_A_THREAD
    needed = LEAST_SPACE + SPACE_OF_A_THREAD * (threads or usable_cpus())
    for left in address_space():
        if left < needed:
            raise ModelError(
                f"this process may take only {max(left, 0) >> 20} MiB of address space (ulimit "
                f"-v), and imgae needs {needed >> 20}; raise that limit"
                + (", or use fewer threads (--threads 1)" if left >= one else "")
            )
    if address_space():  # loaded now, before pictures take what they need
        for library in LIBRARIES:
            importlib.import_module(library)


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


class Interruption:
    """Whether models are to stop before they run again."""

    asked = False


@contextlib.contextmanager
def interrupted() -> Iterator[None]:
    """Have models that run in other threads meanwhile raise an error, so that these end soon."""
    Interruption.asked = True
    try:
        yield
    finally:
        Interruption.asked = False


LOOK: Final = 0.1
"""Seconds between two looks whether work is to stop."""
STOPPING: ContextVar[Callable[[], bool] | None] = ContextVar("STOPPING", default=None)
"""What tells whether the work of this thread is to stop; None if nothing stops it."""


@contextlib.contextmanager
def stoppable(asked: Callable[[], bool]) -> Iterator[None]:
    """Have models that run inside, in this thread, raise an error once `asked` says so."""
    token = STOPPING.set(asked)
    try:
        yield
    finally:
        STOPPING.reset(token)


def check_stopped() -> None:
    """Raise ModelError if the work of this thread is to stop."""
    asked = STOPPING.get()
    if Interruption.asked or (asked is not None and asked()):
        raise ModelError("interrupted")


@contextlib.contextmanager
def on_stop(end: Callable[[], None]) -> Iterator[None]:
    """Call `end`, from another thread, if the work of this thread is to stop while this runs.

    A run of a model takes seconds, and holds its thread all the time.
    """
    asked = STOPPING.get()
    if asked is None:
        yield
        return
    done = threading.Event()

    def watch() -> None:
        while not done.wait(LOOK):
            if asked():
                end()
                return

    threading.Thread(target=watch, daemon=True).start()
    try:
        yield
    finally:
        done.set()


def available_memory() -> int:
    """Return the bytes that the whole system has available."""
    try:
        for line in PROC.joinpath("meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError):
        if hasattr(os, "sysconf") and "SC_AVPHYS_PAGES" in os.sysconf_names:
            return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return UNKNOWN_MEMORY


def cgroup_memory() -> list[int]:
    """Return the bytes that are left of each limit that a cgroup sets this process."""
    left = []
    for controller, (limit, usage, *files) in MEMORY_FILES.items():
        for folder in cgroup_folders(controller):
            try:
                free = int((folder / limit).read_text()) - int((folder / usage).read_text())
            except (OSError, ValueError):  # no such file, or no limit ("max")
                continue
            left.append(free + sum(stat_of(folder).get(name, 0) for name in files))
    return left


def stat_of(folder: Path) -> dict[str, int]:
    """Return what a cgroup's memory.stat says, by name; nothing if it cannot be read."""
    try:
        lines = [line.split() for line in (folder / "memory.stat").read_text().splitlines()]
        return {name: int(value) for name, value in lines}
    except (OSError, ValueError):
        return {}


def cgroup_folders(controller: str) -> list[Path]:
    """Return the folders of this process's cgroup and of all above it.

    controller: "" for version 2, or a controller of version 1. A container may be told the path
    that its cgroup has outside, which leads nowhere inside; its own limits are at the root.
    """
    try:
        lines = PROC.joinpath("self/cgroup").read_text().splitlines()
    except OSError:
        return []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controller in controllers.split(","):
            parts = Path(path).parts[1:]
            deepest = 0 if ".." in parts else len(parts)
            return [CGROUPS.joinpath(controller, *parts[:n]) for n in range(deepest, -1, -1)]
    return []


def address_space() -> list[int]:
    """Return the bytes left of the limit on this process's address space, if it has one."""
    try:
        import resource  # not on Windows

        limit, _ = resource.getrlimit(resource.RLIMIT_AS)
        if limit == resource.RLIM_INFINITY:
            return []
        pages = int(PROC.joinpath("self/statm").read_text().split()[0])
    except (ImportError, OSError, ValueError):
        return []
    return [limit - pages * resource.getpagesize()]
