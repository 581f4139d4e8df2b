"""What this process may use of the machine: CPUs, memory, instructions."""

import os
from pathlib import Path
from typing import Final

CGROUP_CPU: Final = Path("/sys/fs/cgroup/cpu.max")
CPUINFO: Final = Path("/proc/cpuinfo")
VNNI: Final = {"avx512_vnni", "avx_vnni"}
UNKNOWN_MEMORY: Final = 1 << 30
"""Bytes taken to be free where the system does not tell."""


def has_vnni() -> bool:
    """Whether the processor multiplies and adds bytes in one step, as far as it tells.

    True only where Linux lists it for an x86 processor.
    """
    try:
        return bool(VNNI & set(CPUINFO.read_text().split()))
    except OSError:
        return False


def usable_cpus() -> int:
    """Return how many CPUs this process may use: affinity and the cgroup's quota counted."""
    count = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    try:
        quota, period = CGROUP_CPU.read_text().split()
        count = min(count, max(1, round(int(quota) / int(period))))
    except (OSError, ValueError):  # no cgroup, or no quota ("max")
        pass
    return count


def free_memory() -> int:
    """Return the bytes that this process could still take, by /proc and the cgroup's limit."""
    free = [UNKNOWN_MEMORY]
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                free = [int(line.split()[1]) * 1024]
    except (OSError, ValueError):
        if hasattr(os, "sysconf") and "SC_AVPHYS_PAGES" in os.sysconf_names:
            free = [os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")]
    try:
        cgroup = Path("/sys/fs/cgroup")
        limit = int(cgroup.joinpath("memory.max").read_text())
        free.append(max(0, limit - int(cgroup.joinpath("memory.current").read_text())))
    except (OSError, ValueError):  # no cgroup, or no limit ("max")
        pass
    return min(free)
