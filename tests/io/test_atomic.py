import ast
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from imgae.io import atomic
from imgae.io.atomic import is_running, whole_file, write_whole

PACKAGE = Path(atomic.__file__).resolve().parent.parent
LONG_AGO = 2 * atomic.ABANDONED
NO_PROCESS = 2**22 + 1
"""More than any process's number may be."""

WRITER = """
import os, pathlib, sys, time
from imgae.io import atomic
from imgae.io.atomic import write_whole

stage, path = sys.argv[1:]

def hang(*_):
    print("now", flush=True)
    time.sleep(600)

def half(path, mode, **others):
    if "+" not in mode:
        return open(path, mode, **others)
    file = open(path, mode, buffering=0)
    class Half:
        def __enter__(self): return self
        def __exit__(self, *_): pass
        def write(self, data):
            file.write(data[:5])
            hang()
    return Half()

if stage == "half written":
    pathlib.Path.open = half
elif stage == "not on the disk":
    os.fsync = hang
elif stage == "not moved":
    pathlib.Path.replace = hang
else:
    os.link = hang
write_whole(pathlib.Path(path), b"new and whole", overwrite=stage != "not linked", sync=True)
"""


def kill_while_writing(stage, path):
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, stage, str(path)], stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout.readline() == "now\n"
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL


def leftovers(folder):
    return [path for path in folder.iterdir() if path.name.startswith(".imgae-")]


@pytest.fixture
def no_locks(monkeypatch):
    """As on a file system without them."""

    class Without:
        LOCK_EX = LOCK_NB = 0

        @staticmethod
        def flock(*_):
            raise OSError(95, "Operation not supported")

    monkeypatch.setattr(atomic, "fcntl", Without)


def make_old(path):
    """Let a file lie there for long, and this process write to its folder for the first time."""
    atomic.SWEPT.clear()
    then = time.time() - LONG_AGO
    os.utime(path, (then, then))


@pytest.mark.parametrize("before", [b"old", None], ids=["replacing", "new"])
@pytest.mark.parametrize("stage", ["half written", "not on the disk", "not moved", "not linked"])
def test_a_kill_leaves_the_file_as_it_was_and_the_next_write_cleans_up(tmp_path, stage, before):
    path = tmp_path / "a.png"
    if before and stage != "not linked":
        path.write_bytes(before)
    kill_while_writing(stage, path)
    if before and stage != "not linked":
        assert path.read_bytes() == before
    else:
        assert not path.exists()
    (left,) = leftovers(tmp_path)
    atomic.SWEPT.clear()
    write_whole(tmp_path / "another.png", b"of another name")
    assert not left.exists()
    write_whole(path, b"newer")
    assert {entry.name for entry in tmp_path.iterdir()} == {"a.png", "another.png"}
    assert path.read_bytes() == b"newer"


def leftover_of(process, path, machine="0ther000"):
    """What a process of another machine writes of `path`, as it lies there in the middle."""
    seen, move = [], Path.replace

    def look(temporary, target):
        seen.append(temporary.name)
        return move(temporary, target)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "replace", look)
        write_whole(path, b"whole")
    name = seen[0].replace(f"-{os.getpid()}-", f"-{process}-").replace(atomic.machine(), machine)
    path.with_name(name).write_bytes(b"ha")
    return path.with_name(name)


HOLDER = """
import pathlib, sys
from imgae.io.atomic import whole_file

with whole_file(pathlib.Path(sys.argv[1])) as file:
    file.write(b"ha")
    file.flush()
    print("now", flush=True)
    sys.stdin.readline()
    file.write(b"lf")
"""


def test_what_another_process_writes_is_left_alone_and_goes_when_it_is_killed(tmp_path):
    path = tmp_path / "a.png"
    command = [sys.executable, "-c", HOLDER, str(path)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as slow, subprocess.Popen(command, **pipes) as killed:
        assert slow.stdout.readline() == killed.stdout.readline() == "now\n"
        (own,) = [left for left in leftovers(tmp_path) if f"-{slow.pid}-" in left.name]
        make_old(own)
        atomic.sweep(tmp_path)
        assert len(leftovers(tmp_path)) == 2
        killed.kill()
        killed.wait()
        atomic.sweep(tmp_path)
        assert leftovers(tmp_path) == [own]
        slow.communicate("go on\n")
    assert path.read_bytes() == b"half"
    assert not leftovers(tmp_path)


@pytest.mark.usefixtures("no_locks")
def test_without_locks_it_is_written_all_the_same(tmp_path):
    write_whole(tmp_path / "a.png", b"whole")
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.png"]
    assert (tmp_path / "a.png").read_bytes() == b"whole"


def test_a_file_that_is_swept_before_it_is_locked_is_made_again(tmp_path, monkeypatch):
    names, lock = [], atomic.created

    def swept(path):
        names.append(path)
        number = lock(path)
        if len(names) == 1:
            path.unlink()
        return number

    monkeypatch.setattr(atomic, "created", swept)
    write_whole(tmp_path / "a.png", b"whole")
    assert len(names) == 2
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.png"]


def test_a_whole_file_can_be_read_and_sought_in_and_shows_nothing_when_it_fails(tmp_path):
    path = tmp_path / "a.png"
    with whole_file(path) as file:
        file.write(b"whole")
        file.seek(1)
        assert file.read(2) == b"ho"
        assert not path.exists()
    assert path.read_bytes() == b"whole"
    with pytest.raises(TypeError), whole_file(path) as file:
        file.writelines([b"another", None])
    assert path.read_bytes() == b"whole"
    assert not leftovers(tmp_path)


@pytest.mark.usefixtures("no_locks")
def test_what_a_running_process_writes_is_left_alone_however_old(tmp_path):
    left = leftover_of(os.getppid(), tmp_path / "a.png")
    make_old(left)
    write_whole(tmp_path / "a.png", b"whole")
    assert left.exists()


def test_what_is_young_is_left_alone_as_another_machine_may_be_writing_it(tmp_path):
    left = leftover_of(NO_PROCESS, tmp_path / "a.png")
    write_whole(tmp_path / "a.png", b"whole")
    assert left.exists()
    make_old(left)
    write_whole(tmp_path / "a.png", b"whole")
    assert not left.exists()


def test_what_a_killed_process_of_our_own_number_left_is_taken_away(tmp_path):
    """In containers the process after a restart often has the same number."""
    left = leftover_of(os.getpid(), tmp_path / "a.png")
    make_old(left)
    write_whole(tmp_path / "a.png", b"whole")
    assert not left.exists()


def test_what_another_thread_is_writing_is_left_alone(tmp_path, monkeypatch):
    path, writing, go_on = tmp_path / "a.png", threading.Event(), threading.Event()
    move = Path.replace

    def slow(temporary, target):
        if threading.current_thread() is not threading.main_thread():
            make_old(temporary)
            writing.set()
            assert go_on.wait(60)
        return move(temporary, target)

    monkeypatch.setattr(Path, "replace", slow)
    with ThreadPoolExecutor(1) as pool:
        slower = pool.submit(write_whole, path, b"slower")
        assert writing.wait(60)
        write_whole(path, b"faster")
        assert path.read_bytes() == b"faster"
        go_on.set()
        slower.result()
    assert path.read_bytes() == b"slower"
    assert not leftovers(tmp_path)


def test_names_that_only_look_like_leftovers_are_left_alone(tmp_path):
    left = leftover_of(NO_PROCESS, tmp_path / "a.png")
    other = left.with_name(left.name.replace(f"-{NO_PROCESS}-", "-number-"))
    left.rename(other)
    make_old(other)
    write_whole(tmp_path / "a.png", b"whole")
    assert other.exists()


@pytest.mark.parametrize("exists", [True, False])
def test_a_link_is_followed_and_stays_a_link(tmp_path, exists):
    (tmp_path / "there").mkdir()
    target, link = tmp_path / "there" / "target.png", tmp_path / "link.png"
    if exists:
        target.write_bytes(b"old")
    link.symlink_to(Path("there", "target.png"))
    write_whole(link, b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"
    assert [entry.name for entry in target.parent.iterdir()] == ["target.png"]


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o444, 0o755])
def test_permissions_are_kept_and_hold_while_it_is_written(tmp_path, monkeypatch, mode):
    path, seen = tmp_path / "a.png", []
    path.write_bytes(b"old")
    path.chmod(mode)

    def look(number):
        seen.append(os.fstat(number).st_mode & 0o7777)

    monkeypatch.setattr(os, "fsync", look)
    write_whole(path, b"new", sync=True)
    assert seen == [mode]
    assert path.stat().st_mode & 0o7777 == mode
    assert path.read_bytes() == b"new"


def test_the_permissions_hold_before_there_is_anything_to_read(tmp_path, monkeypatch):
    path, chmod, sizes = tmp_path / "a.png", Path.chmod, []
    path.write_bytes(b"old")

    def look(temporary, mode):
        sizes.append(temporary.stat().st_size)
        chmod(temporary, mode)

    monkeypatch.setattr(Path, "chmod", look)
    write_whole(path, b"x" * 1_000_000)
    assert sizes == [0]


def test_a_new_file_has_the_permissions_of_any_new_file(tmp_path):
    (tmp_path / "usual").write_bytes(b"")
    write_whole(tmp_path / "a.png", b"new")
    assert (tmp_path / "a.png").stat().st_mode == (tmp_path / "usual").stat().st_mode


@pytest.mark.parametrize("links", [True, False], ids=["hard links", "none"])
def test_without_overwriting_an_existing_file_stays(tmp_path, monkeypatch, links):
    if not links:
        monkeypatch.setattr(os, "link", refuse)
    path = tmp_path / "a.png"
    write_whole(path, memoryview(b"first"), overwrite=False)
    with pytest.raises(FileExistsError):
        write_whole(path, b"second", overwrite=False)
    assert path.read_bytes() == b"first"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.png"]


def refuse(*_, **__):
    raise PermissionError(1, "Operation not permitted")


def test_of_many_writers_that_must_not_overwrite_just_one_succeeds(tmp_path):
    for attempt in range(20):
        path, together = tmp_path / f"{attempt}.png", threading.Barrier(8)

        def write(number, path=path, together=together):
            together.wait(60)
            try:
                write_whole(path, bytes([number]) * 10_000, overwrite=False)
            except FileExistsError:
                return None
            return number

        with ThreadPoolExecutor(8) as pool:
            succeeded = [n for n in pool.map(write, range(8)) if n is not None]
        assert [path.read_bytes()] == [bytes([number]) * 10_000 for number in succeeded]
    assert not leftovers(tmp_path)


def test_data_is_on_the_disk_before_the_file_has_its_name_only_if_asked(tmp_path, monkeypatch):
    path, order = tmp_path / "a.png", []
    fsync, move = os.fsync, Path.replace
    monkeypatch.setattr(os, "fsync", lambda n: (order.append("sync"), fsync(n)))
    monkeypatch.setattr(Path, "replace", lambda a, b: (order.append("move"), move(a, b)))
    write_whole(path, b"one")
    assert order == ["move"]
    write_whole(path, b"two", sync=True)
    assert order[1:] == ["sync", "move"]


@pytest.mark.parametrize("broken", ["pathlib.Path.replace", "pathlib.Path.chmod", "os.fsync"])
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_failure_leaves_nothing_and_harms_nothing(tmp_path, monkeypatch, broken, error):
    path = tmp_path / "a.png"
    path.write_bytes(b"old")

    def fail(*_):
        raise error

    monkeypatch.setattr(broken, fail)
    with pytest.raises(type(error)):
        write_whole(path, b"new", sync=True)
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.png"]


def test_whether_a_process_runs_is_known_or_taken_for_granted(monkeypatch):
    assert is_running(os.getpid())
    assert is_running(1)  # of another user, perhaps
    assert not is_running(NO_PROCESS)
    with monkeypatch.context() as patch:
        patch.setattr(os, "name", "nt")
        assert is_running(NO_PROCESS)


OTHER_WRITERS = {
    "cli/server/endpoints.py": "an archive in the server's private folder",
    "cli/server/uploads.py": "uploads in that folder, which is emptied",
    "cli/server/work.py": "views and parts in that folder",
    "io/atomic.py": "the one writer",
    "io/places.py": "an empty file, deleted at once, to learn whether one can be made",
    "model/verify/worker.py": "a pipe to another process, no file",
    "restore/batches/journal.py": "lines added to a journal, which a kill may cut",
    "restore/search/store.py": "parts of a zip, in a file of the one writer",
    "training/checkpoint.py": "lines added to a log, which a kill may cut",
    "training/logs.py": "lines added to a table, which is made again of that log",
}
"""Modules that write or move files otherwise, and why they may."""


def writes_in(source):
    """The lines on which a program writes or moves files."""
    return [node.lineno for node in ast.walk(ast.parse(source)) if is_write(node)]


def is_write(node):
    if not isinstance(node, ast.Call):
        return False
    function, of_os = node.func, False
    name = getattr(function, "attr", getattr(function, "id", ""))
    if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
        of_os = function.value.id in ("os", "shutil")
    if name in ("write_bytes", "write_text", "rename", "renames"):
        return True
    if name in ("replace", "move", "copy", "copy2", "copyfile", "copyfileobj") and of_os:
        return True
    if name == "replace" and isinstance(function, ast.Attribute):
        # Path.replace has one argument; str.replace has two, datetime.replace and
        # dataclasses.replace have keywords.
        return len(node.args) == 1 and not node.keywords
    if name in ("open", "fdopen"):
        values = [*node.args, *(k.value for k in node.keywords if k.arg == "mode")]
        modes = [value.value for value in values if isinstance(value, ast.Constant)]
        return any(
            isinstance(mode, str) and set(mode) <= set("rwaxbt+") and set(mode) & set("wax+")
            for mode in modes
        )
    return False


def test_all_files_are_written_by_the_one_writer():
    writers = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if writes_in(path.read_text())
    }
    assert writers - set(OTHER_WRITERS) == set()


@pytest.mark.parametrize(
    "line",
    [
        'Path("a").write_bytes(b"")',
        'path.write_text("")',
        "os.replace(a, b)",
        "a.replace(b)",
        "a.rename(b)",
        "shutil.move(a, b)",
        'open(path, "wb")',
        'path.open("a")',
        'path.open(mode="x")',
        'open(path, "r+b")',
    ],
)
def test_another_writer_would_be_found(line):
    assert writes_in(line) == [1]


@pytest.mark.parametrize(
    "line",
    [
        'text.replace("a", "b")',
        "replace(image, exif=None)",
        "day.replace(hour=0)",
        "open(path)",
        'open(path, "rb")',
        "PIL.Image.open(file)",
    ],
)
def test_what_does_not_write_is_not_found(line):
    assert not writes_in(line)


def test_a_folder_is_looked_through_once(tmp_path, monkeypatch):
    looked = []
    monkeypatch.setattr(atomic, "sweep", looked.append)
    for name in ("a.png", "b.png", "a.png"):
        write_whole(tmp_path / name, b"data")
    assert looked == [tmp_path.resolve()]


def test_a_name_is_held_by_one_at_a_time(tmp_path):
    path = tmp_path / "a.lock"
    with atomic.held(path) as first, atomic.held(path) as second:
        assert (first, second) == (True, False)
        assert path.exists()
    with atomic.held(path) as again:
        assert again
    assert not path.exists()
