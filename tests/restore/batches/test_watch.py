"""Pictures of a folder come when they are whole, once, and again when they change."""

import itertools
import os
import shutil
import subprocess
import sys
import threading
import tracemalloc

import pytest

from imgae import ImageError
from imgae.restore.batches import watch

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux knows who writes")


class Time:
    """A clock, and what ends the watch: time passes only while it waits."""

    def __init__(self, looks=8):
        self.now, self.left, self.then = 0.0, looks, {}

    def __call__(self):
        return self.now

    def is_set(self):
        return self.left <= 0

    def wait(self, seconds):
        self.now += seconds
        self.left -= 1
        for moment in [each for each in self.then if each <= self.now]:
            self.then.pop(moment)()
        return self.is_set()


def arriving(folder, time=None, **options):
    time = time or Time()
    found = watch.arrivals(folder, **{"recursive": False, "stop": time, "clock": time, **options})
    return [(path.name, time.now) for path in found]


def put(path, data=b"data"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def test_what_is_there_comes_by_name_after_two_seconds_without_a_change(tmp_path):
    for name in ("b.png", "a.jpg", "C.TIF"):
        put(tmp_path / name)
    assert arriving(tmp_path) == [("C.TIF", 2.0), ("a.jpg", 2.0), ("b.png", 2.0)]


def test_what_comes_later_follows_in_the_order_in_which_it_was_whole(tmp_path):
    time = Time(20)
    time.then = {
        1.0: lambda: put(tmp_path / "z.png"),
        2.0: lambda: put(tmp_path / "a.png"),
        2.5: lambda: put(tmp_path / "z.png", b"more data"),
    }
    assert arriving(tmp_path, time) == [("a.png", 4.0), ("z.png", 4.5)]


@pytest.mark.parametrize(
    "name",
    [".hidden.png", "a.png.part", "a.png.crdownload", "a.png.tmp", ".imgae-1-ab.tmp", "a.txt", "a",
     "a.png~", "A.PNG.TMP", ".folder/a.png", "folder.png/a"],
)  # fmt: skip
def test_what_is_no_finished_picture_by_its_name_is_left_alone(name, tmp_path):
    put(tmp_path / name)
    assert arriving(tmp_path, recursive=True) == []


def test_what_is_not_accepted_is_left_alone(tmp_path):
    put(tmp_path / "in.png")
    put(tmp_path / "out" / "in.png")
    found = watch.arrivals(
        tmp_path, recursive=True, accept=lambda path: path.parent.name != "out", stop=(t := Time()),
        clock=t,
    )  # fmt: skip
    assert list(found) == [tmp_path / "in.png"]


def test_folders_inside_count_only_if_wanted_and_links_to_them_never(tmp_path):
    put(tmp_path / "b" / "c" / "d.png")
    put(tmp_path / "b" / "z.png")
    put(tmp_path / "a.png")
    (tmp_path / "b" / "circle").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "file.png").symlink_to(tmp_path / "a.png")
    (tmp_path / "nowhere.png").symlink_to(tmp_path / "nothing")
    assert [name for name, _ in arriving(tmp_path)] == ["a.png", "file.png"]
    names = [name for name, _ in arriving(tmp_path, recursive=True)]
    assert sorted(names) == ["a.png", "d.png", "file.png", "z.png"]


def test_a_picture_that_grows_comes_when_it_does_not_any_more(tmp_path):
    path, time = put(tmp_path / "a.png"), Time(12)

    def grow():
        with path.open("ab") as file:
            file.write(b"more")

    time.then = {0.5: grow, 2.0: grow}
    assert arriving(tmp_path, time) == [("a.png", 4.0)]


@linux
def test_a_picture_that_another_process_has_open_for_writing_is_waited_for(tmp_path):
    """However long that process pauses in the middle."""
    path, time = tmp_path / "a.png", Time(30)
    program = (
        "import sys\n"
        "with open(sys.argv[1], 'wb') as file:\n"
        "    file.write(b'half'); file.flush(); print(flush=True); sys.stdin.readline()\n"
        "    file.write(b'the rest')\n"
        "print(flush=True); sys.stdin.readline()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as writer:
        writer.stdout.readline()

        def end():
            writer.stdin.write(b"\n")
            writer.stdin.flush()
            writer.stdout.readline()

        time.then = {9.0: end}
        ((name, moment),) = arriving(tmp_path, time)
        assert name == "a.png"
        assert moment >= 11
        assert path.read_bytes() == b"halfthe rest"
        writer.stdin.write(b"\n")


@linux
def test_who_opens_a_picture_while_it_is_looked_at_does_not_end_this_process(tmp_path):
    path = put(tmp_path / "a.png")
    program = "import sys\nprint(flush=True)\nwhile True: open(sys.argv[1], 'ab').close()\n"
    looker = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from imgae.restore.batches.watch import is_being_written\n"
        "path, seen, end = Path(sys.argv[1]), 0, time.monotonic() + 30\n"
        "while seen < 20 and time.monotonic() < end: seen += is_being_written(path)\n"
        "print(seen)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE
    ) as writer:
        writer.stdout.readline()
        done = subprocess.run(
            [sys.executable, "-c", looker, str(path)], capture_output=True, text=True, check=False
        )
        writer.kill()
    assert done.returncode == 0
    assert int(done.stdout) > 0


def test_a_picture_that_is_moved_in_a_hard_link_and_one_that_is_replaced(tmp_path):
    folder = tmp_path / "in"
    first = put(folder / "a.png")
    other = put(tmp_path / "other.png")
    same_size_and_time = put(tmp_path / "same.png")
    os.utime(same_size_and_time, ns=(first.stat().st_mtime_ns,) * 2)
    time = Time(40)
    time.then = {
        3.0: lambda: other.rename(folder / "b.png"),
        6.0: lambda: os.link(first, folder / "c.png"),
        9.0: lambda: same_size_and_time.replace(first),
        12.0: lambda: put(folder / "b.png", b"longer than before"),
        15.0: lambda: first.chmod(0o600),
    }
    assert arriving(folder, time) == [
        *(("a.png", 2.0), ("b.png", 5.0), ("c.png", 8.0)),
        *(("a.png", 11.0), ("b.png", 14.0)),
    ]


def test_another_number_alone_is_no_other_picture(tmp_path):
    """As file systems of other machines give out new numbers."""
    stamp = watch.stamp_of(put(tmp_path / "a.png"))
    renumbered = stamp[:16] + b"12345678" + stamp[24:]
    assert stamp != renumbered
    assert not watch.replaced(stamp, renumbered)
    assert watch.replaced(stamp, renumbered[:24] + b"12345678")


def test_a_pipe_is_no_picture_and_one_that_is_removed_is_none_any_more(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    path, time = put(tmp_path / "a.png"), Time(12)
    time.then = {1.0: path.unlink, 2.5: lambda: put(path)}
    assert arriving(tmp_path, time) == [("a.png", 4.5)]


def test_one_that_is_removed_while_those_before_it_are_done_is_passed_over(tmp_path):
    for name in ("a.png", "b.png", "c.png"):
        put(tmp_path / name)
    stop = Time()
    found = watch.arrivals(tmp_path, recursive=False, stop=stop, clock=stop)
    assert next(found).name == "a.png"
    (tmp_path / "b.png").unlink()
    assert [path.name for path in found] == ["c.png"]


def test_a_folder_that_vanishes_ends_it_with_a_sentence(tmp_path):
    folder = tmp_path / "in"
    put(folder / "a.png")
    stop = Time(20)
    stop.then = {4.0: lambda: shutil.rmtree(folder)}
    found = watch.arrivals(folder, recursive=False, stop=stop, clock=stop)
    assert next(found).name == "a.png"
    with pytest.raises(ImageError, match="in: there is no such folder to watch, or no longer"):
        next(found)
    with pytest.raises(ImageError, match="no such folder"):
        arriving(put(tmp_path / "file.png"))


def test_a_folder_inside_that_vanishes_does_not_end_it(tmp_path):
    put(tmp_path / "in" / "a.png")
    put(tmp_path / "z.png")
    time = Time(20)
    time.then = {1.0: lambda: shutil.rmtree(tmp_path / "in")}
    assert arriving(tmp_path, time, recursive=True) == [("z.png", 2.0)]


def test_nothing_comes_after_it_was_told_to_stop(tmp_path):
    for name in ("a.png", "b.png"):
        put(tmp_path / name)
    stop = Time()
    found = watch.arrivals(tmp_path, recursive=False, stop=stop, clock=stop)
    assert next(found).name == "a.png"
    stop.left = 0
    assert list(found) == []


def test_an_event_ends_it_at_once(tmp_path):
    stop = threading.Event()
    found = watch.arrivals(tmp_path, recursive=False, stop=stop, every=60, idle=stop.set)
    assert list(found) == []


def test_many_pictures_take_little_memory(tmp_path, monkeypatch):
    """As many as the folder holds, and not as many as went through it."""
    count, rounds = 1000, itertools.count()
    stop = Time(10**6)
    looks = watch.Watch(FewFolders(tmp_path, count, rounds), 2.0, stop)
    monkeypatch.setattr(watch, "stamp_of", lambda path: str(path)[-32:].encode())
    monkeypatch.setattr(watch, "is_being_written", lambda _: False)
    tracemalloc.start()
    given, sizes = 0, []
    for _ in range(4):
        for _ in range(count // watch.MOST_AT_ONCE + 3):
            given += sum(looks.take(path) is not None for path in looks.look())
            stop.wait(2.0)
        own = tracemalloc.take_snapshot().filter_traces([tracemalloc.Filter(True, watch.__file__)])
        sizes.append(sum(trace.size for trace in own.traces))  # and not other threads' of the tests
        looks.folders.next_ones()
    tracemalloc.stop()
    assert given == 4 * count
    assert sizes[-1] < sizes[0] * 1.5  # not four times as much


class FewFolders:
    """So many pictures, and then as many others."""

    def __init__(self, folder, count, rounds):
        self.folder, self.count, self.rounds = folder, count, rounds
        self.accept = lambda path: path.suffix == ".png"
        self.next_ones()

    def next_ones(self):
        self.round = next(self.rounds)

    def files(self):
        return (f"{self.folder}/{self.round}-{number}.png" for number in range(self.count))


def tried(path, patience):
    patience.trying(path, watch.stamp_of(path))
    return path


def test_a_failure_is_held_back_until_nothing_has_changed_for_long_enough(tmp_path):
    now = Time()
    patience = watch.Patience(30, now)
    path = tried(put(tmp_path / "a.png"), patience)
    patience.hold(path, "cut short")
    now.now = 29.9
    assert patience.due() == []
    now.now = 30.0
    assert patience.due() == ["cut short"]
    assert patience.due() == patience.rest() == []
    assert not patience.tried


def test_a_picture_that_changes_is_tried_again_before_its_failure_counts(tmp_path):
    now = Time()
    patience = watch.Patience(30, now)
    path = tried(put(tmp_path / "a.png", b"half"), patience)
    patience.hold(path, "cut short")
    put(path, b"half and more")
    now.now = 100.0
    assert patience.due() == []
    tried(path, patience)
    patience.hold(path, "still cut short")
    assert patience.due() == []
    put(path, b"half and more and all")
    tried(path, patience)
    patience.forget(path)
    now.now = 200.0
    assert patience.due() == patience.rest() == []


def test_the_failure_of_a_picture_that_is_gone_counts_at_once(tmp_path):
    patience = watch.Patience(30, Time())
    path = tried(put(tmp_path / "a.png"), patience)
    patience.hold(path, "cut short")
    path.unlink()
    assert patience.due() == ["cut short"]


def test_what_is_held_back_at_the_end_is_told(tmp_path):
    patience = watch.Patience(30, Time())
    patience.hold(tried(put(tmp_path / "a.png"), patience), "cut short")
    assert patience.rest() == ["cut short"]


def test_a_stalled_copy_comes_again_and_its_failure_is_never_told(tmp_path):
    """All together: a copy that stalls for longer than a picture takes to settle, then goes on."""
    path, stop = put(tmp_path / "a.png", b"half"), Time(60)
    stop.then = {12.0: lambda: put(path, b"half and half")}
    patience, told, whole = watch.Patience(10, stop), [], []
    found = watch.arrivals(
        tmp_path, recursive=False, stop=stop, clock=stop, patience=patience,
        idle=lambda: told.extend(patience.due()),
    )  # fmt: skip
    for arrived in found:
        if arrived.read_bytes() == b"half":
            patience.hold(arrived, "cut short")
        else:
            patience.forget(arrived)
            whole.append(stop.now)
    assert whole == [14.0]
    assert told == []


def test_a_picture_comes_again_with_what_belongs_to_it(tmp_path):
    """When it arrives, once it is whole, and when it is replaced."""
    mask, time = tmp_path / "masks" / "a.png", Time(40)
    put(tmp_path / "a.png")
    put(tmp_path / "b.png")
    time.then = {
        4.0: lambda: put(mask, b"half"),
        5.0: lambda: put(mask, b"the whole"),
        12.0: lambda: put(mask, b"another"),
    }

    def parts(path):
        return (mask,) if mask.exists() and path.name == "a.png" else ()

    found = arriving(tmp_path, time, parts=parts)
    assert found == [("a.png", 2.0), ("b.png", 2.0), ("a.png", 7.0), ("a.png", 14.0)]


@linux
def test_what_belongs_to_a_picture_is_waited_for_while_it_is_written(tmp_path):
    path, mask = put(tmp_path / "a.png"), put(tmp_path / "mask")
    held = mask.open("ab")
    time = Time(20)
    time.then = {6.0: held.close}
    ((_, when),) = arriving(path.parent, time, parts=lambda _: (mask,))
    assert when >= 6.0


def test_a_failure_is_held_back_while_what_belongs_to_a_picture_changes(tmp_path):
    now = Time()
    path, mask = put(tmp_path / "a.png"), tmp_path / "mask"
    patience = watch.Patience(30, now, lambda _: (mask,) if mask.exists() else ())
    tried(path, patience)
    patience.hold(path, "no mask")
    put(mask)
    now.now = 60
    assert patience.due() == []
