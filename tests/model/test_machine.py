import ctypes
import sys

import pytest
from broken import BROKEN, RIGHT, fails_if

from imgae import ModelError
from imgae.model import machine

GIB = 1 << 30


@pytest.fixture
def linux(tmp_path, monkeypatch):
    """A made-up Linux with 8 GiB available and no cgroup; returns what writes a file of it."""
    monkeypatch.setattr(machine, "PROC", tmp_path / "proc")
    monkeypatch.setattr(machine, "CGROUPS", tmp_path / "cgroup")
    monkeypatch.setattr(machine, "address_space", list)

    def write(name, text):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n")

    write("proc/meminfo", f"MemTotal: 1 kB\nMemAvailable: {8 * GIB >> 10} kB")
    return write


def version_2(linux, folder=""):
    """A cgroup with a limit of 4 GiB: 3 GiB in use, 2 of them files that were read."""
    linux("proc/self/cgroup", f"0::/{folder}")
    linux(f"cgroup/{folder}/memory.max", 4 * GIB)
    linux(f"cgroup/{folder}/memory.current", 3 * GIB)
    linux(f"cgroup/{folder}/memory.stat", f"anon 9\ninactive_file {GIB}\nactive_file {GIB}")


def version_1(linux, folder=""):
    linux("proc/self/cgroup", f"4:memory:/{folder}\n0::/")
    linux(f"cgroup/memory/{folder}/memory.limit_in_bytes", 4 * GIB)
    linux(f"cgroup/memory/{folder}/memory.usage_in_bytes", 3 * GIB)
    files = f"inactive_file 7\ntotal_inactive_file {GIB}\ntotal_active_file {GIB}"
    linux(f"cgroup/memory/{folder}/memory.stat", files)


def test_memory_that_the_system_has_is_free(linux):
    assert machine.free_memory() == 8 * GIB


@pytest.mark.parametrize("make", [version_2, version_1])
@pytest.mark.parametrize("folder", ["", "user.slice/app.scope"])
def test_files_that_the_system_keeps_in_memory_count_as_free(linux, make, folder):
    make(linux, folder)
    assert machine.free_memory() == 3 * GIB


@pytest.mark.parametrize("make", [version_2, version_1])
def test_a_container_that_sees_only_its_own_cgroup_has_its_limit(linux, make):
    make(linux)
    linux("proc/self/cgroup", "4:memory:/docker/0123\n0::/docker/0123")
    assert machine.free_memory() == 3 * GIB


def test_the_limit_of_a_cgroup_above_counts_too(linux):
    version_2(linux, "user.slice/app.scope")
    linux("cgroup/user.slice/memory.max", 4 * GIB)
    linux("cgroup/user.slice/memory.current", 4 * GIB)
    assert machine.free_memory() == 0


def test_a_cgroup_above_its_limit_leaves_nothing(linux):
    version_2(linux)
    linux("cgroup/memory.current", 9 * GIB)
    assert machine.free_memory() == 0


@pytest.mark.parametrize("limit", ["max", "9223372036854771712", "nonsense"])
def test_a_cgroup_without_a_limit_leaves_what_the_system_has(linux, limit):
    version_2(linux)
    linux("cgroup/memory.max", limit)
    assert machine.free_memory() == 8 * GIB


def test_a_cgroup_that_does_not_list_its_files_is_taken_as_full_as_it_says(linux, tmp_path):
    version_2(linux)
    (tmp_path / "cgroup/memory.stat").unlink()
    assert machine.free_memory() == GIB


def test_a_limit_of_the_address_space_counts(monkeypatch):
    resource = pytest.importorskip("resource", reason="this system has no such limits")
    if not machine.PROC.joinpath("self/statm").is_file():
        pytest.skip("this system does not tell how much address space is taken")
    most = 1 << 40
    monkeypatch.setattr(resource, "getrlimit", lambda _: (most, most))
    (left,) = machine.address_space()
    assert 0 < left < most
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1, 1))
    assert machine.free_memory() == 0


def test_a_system_without_such_limits_has_none(monkeypatch):
    monkeypatch.setitem(sys.modules, "resource", None)
    assert machine.address_space() == []
    assert machine.free_memory() > 0


@pytest.mark.parametrize("broken", [RIGHT, BROKEN])
def test_usable_cpus_are_those_that_the_process_may_run_on(linux, monkeypatch, broken):
    monkeypatch.setattr(machine.os, "sched_getaffinity", lambda _: {3, 5, 6}, raising=False)
    monkeypatch.setattr(machine.os, "cpu_count", lambda: 64)
    if broken:
        monkeypatch.delattr(machine.os, "sched_getaffinity")
    with fails_if(broken):
        assert machine.usable_cpus() == 3


@pytest.mark.parametrize(("known", "count"), [(12, 12), (None, 1)])
def test_where_a_system_has_no_affinity_all_cpus_are_usable(linux, monkeypatch, known, count):
    monkeypatch.delattr(machine.os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(machine.os, "cpu_count", lambda: known)
    assert machine.usable_cpus() == count


@pytest.mark.parametrize(
    ("quota", "count"), [("250000 100000", 2), ("1000 100000", 1), ("max 100000", 16)]
)
def test_a_quota_of_the_cgroup_is_counted(linux, monkeypatch, quota, count):
    monkeypatch.setattr(machine.os, "sched_getaffinity", lambda _: set(range(16)), raising=False)
    linux("proc/self/cgroup", "0::/")
    assert machine.usable_cpus() == 16
    linux("cgroup/cpu.max", quota)
    assert machine.usable_cpus() == count


@pytest.mark.parametrize(("quota", "count"), [("250000", 2), ("-1", 16)])
def test_a_quota_of_an_older_cgroup_is_counted(linux, monkeypatch, quota, count):
    monkeypatch.setattr(machine.os, "sched_getaffinity", lambda _: set(range(16)), raising=False)
    linux("proc/self/cgroup", "4:cpu,cpuacct:/box\n0::/")
    linux("cgroup/cpu/box/cpu.cfs_quota_us", quota)
    linux("cgroup/cpu/box/cpu.cfs_period_us", "100000")
    assert machine.usable_cpus() == count


def test_too_low_a_limit_of_the_address_space_is_one_sentence(monkeypatch):
    monkeypatch.setattr(machine, "usable_cpus", lambda: 8)
    monkeypatch.setattr(machine, "address_space", lambda: [700 << 20])
    told = r"only 700 MiB of address space \(ulimit -v\), and imgae needs 1024;.* fewer threads"
    with pytest.raises(ModelError, match=told):
        machine.check_address_space()
    machine.check_address_space(2)
    monkeypatch.setattr(machine, "address_space", lambda: [500 << 20])
    with pytest.raises(ModelError, match=r"needs 576; raise that limit$"):
        machine.check_address_space(1)
    monkeypatch.setattr(machine, "address_space", list)
    machine.check_address_space()


def test_under_a_limit_libraries_are_loaded_before_pictures_take_memory(monkeypatch):
    loaded = []
    monkeypatch.setattr(machine.importlib, "import_module", loaded.append)
    monkeypatch.setattr(machine, "address_space", list)
    machine.check_address_space(1)
    assert loaded == []
    monkeypatch.setattr(machine, "address_space", lambda: [4 << 30])
    machine.check_address_space(1)
    assert loaded == ["cv2", "onnxruntime"]


def holding(linux, number, pages):
    linux(f"proc/{number}/statm", f"{4 * pages} {pages} 7 1 0 99 0")


@pytest.fixture
def limited(linux, monkeypatch):
    """A process of 100 pages, its child of 10, and its child of 1; returns the bytes of a page."""
    holding(linux, "self", 100)
    holding(linux, "20", 10)
    holding(linux, "21", 1)
    linux("proc/self/task/7/children", "20 99")  # 99 has ended
    linux("proc/20/task/20/children", "21")
    monkeypatch.setattr(machine.Limit, "held", None)
    return machine.os.sysconf("SC_PAGE_SIZE")


def test_what_a_process_and_its_children_hold_is_counted(limited):
    assert machine.held_memory() == 111 * limited


def test_what_is_free_keeps_to_the_limit_that_was_set(limited):
    assert machine.free_memory() == 8 * GIB
    machine.limit_memory(1000 * limited)
    assert machine.limited_memory() == 1000 * limited
    assert machine.free_memory() == 889 * limited
    machine.limit_memory(9)
    assert machine.free_memory() == 0
    machine.limit_memory(100 * GIB)
    assert machine.free_memory() == 8 * GIB
    machine.limit_memory(None)
    assert machine.free_memory() == 8 * GIB


def test_a_quarter_of_what_is_free_is_the_limit_by_itself(limited):
    machine.limit_memory(1)  # whatever was set before
    assert machine.default_limit() == 111 * limited + 2 * GIB


def test_what_a_process_holds_is_known_without_a_list_of_processes(linux):
    pytest.importorskip("resource", reason="this system does not tell what a process holds")
    assert machine.held_memory() == machine.most_held() > 1 << 20


NO_GLIBC = not sys.platform.startswith("linux") or not hasattr(ctypes.CDLL(None), "malloc_trim")


@pytest.mark.skipif(NO_GLIBC, reason="only glibc can")
def test_memory_that_was_freed_goes_back_to_the_system():
    kept, freed = [], []
    for _ in range(20_000):  # too small to be given back one by one
        freed.append(bytearray(4000))
        kept.append(bytearray(40))
    del freed
    before = machine.held_memory()
    machine.trim_memory()
    assert machine.held_memory() < before - (20 << 20)


def test_one_of_several_workers_takes_its_share_of_cpus_and_memory(monkeypatch):
    monkeypatch.setattr(machine, "allowed_cpus", lambda: 16)
    monkeypatch.setattr(machine, "held_memory", lambda: 10)
    monkeypatch.setattr(machine, "unclaimed_memory", lambda: 1600)
    monkeypatch.setattr(machine, "limits", {})
    assert (machine.usable_cpus(), machine.default_limit()) == (16, 410)
    machine.limit_cpus(2)
    assert (machine.usable_cpus(), machine.default_limit()) == (2, 210)
    machine.limit_cpus(32)
    assert machine.usable_cpus() == 16
