"""The private folder: what is kept, for how long, and what a killed server leaves."""

import asyncio
import os
import stat
import subprocess
import sys

import pytest

pytest.importorskip("uvicorn", reason="the extra web is not installed")

from imgae.cli.server import store as stores
from imgae.cli.server.app import tidied
from imgae.cli.server.store import FullError, MissingError, Store
from imgae.io import atomic


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("IMGAE_STATE", str(tmp_path))
    return tmp_path / "serve"


@pytest.fixture
def store(home):
    made = Store.opened()
    yield made
    made.close()


def test_nobody_else_reads_what_is_kept(store, home):
    item = store.new("picture")
    for folder in (home, store.root, item.folder):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_an_end_leaves_nothing(home):
    store = Store.opened()
    (store.new("job").folder / "result.png").write_bytes(b"x")
    store.close()
    assert list(home.iterdir()) == []


def test_a_start_deletes_what_a_killed_server_left_and_nothing_of_one_that_runs(home):
    left = (
        "import os, signal\n"
        "from imgae.cli.server.store import Store\n"
        "(Store.opened().new('job').folder / 'big.tif').write_bytes(b'x')\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", left], check=False, timeout=60)
    (dead,) = home.iterdir()
    running = Store.opened()
    assert not dead.exists()
    other = Store.opened()
    assert running.root.exists()
    other.close()
    running.close()


def test_of_another_kind_or_forgotten_it_is_missing(store):
    item = store.new("picture")
    with pytest.raises(MissingError):
        store.get(item.id, "job")
    store.remove(item)
    with pytest.raises(MissingError):
        store.get(item.id, "picture")
    assert not item.folder.exists()


def test_what_is_in_use_keeps_its_files_until_it_is_not(store):
    item = store.new("picture")
    with store.using(item):
        store.remove(item)
        assert item.folder.exists()
    assert not item.folder.exists()


def test_what_nobody_used_for_an_hour_goes(store):
    clock = [0.0]
    store.now = lambda: clock[0]
    old, asked = store.new("picture"), store.new("picture")
    clock[0] = stores.KEPT - 1
    store.get(asked.id, "picture")
    clock[0] = stores.KEPT + 1
    store.new("job")
    assert old.id not in store.items
    assert asked.id in store.items


def test_it_goes_too_if_nothing_new_comes(store):
    clock = [0.0]
    store.now = lambda: clock[0]
    item = store.new("picture")
    clock[0] = stores.KEPT + 1
    gone = []

    def then():
        gone.append(not item.folder.exists())
        raise StopAsyncIteration

    with pytest.raises(StopAsyncIteration):
        asyncio.run(tidied(store, then, 0.01))
    assert gone == [True]


def test_the_oldest_go_if_there_is_too_much(store, monkeypatch):
    monkeypatch.setattr(stores, "MOST_BYTES", 25)
    items = [store.new("picture") for _ in range(4)]
    for number, item in enumerate(items):
        with store.using(item):
            (item.folder / "a.png").write_bytes(bytes(10))
        item.used = store.now() - 100 + number
    store.tidy()
    assert [item.id in store.items for item in items] == [False, False, True, True]


def test_nothing_new_is_taken_where_what_is_in_use_takes_all(store, monkeypatch):
    monkeypatch.setattr(stores, "MOST_BYTES", 5)
    item = store.new("picture")
    with store.using(item):
        (item.folder / "a.png").write_bytes(bytes(10))
    with store.using(item):
        with pytest.raises(FullError):
            store.new("picture")
        assert item.id in store.items
    store.new("picture")
    assert item.id not in store.items


def test_where_there_are_no_locks_the_folder_of_a_server_that_runs_stays(home, monkeypatch):
    monkeypatch.setattr(atomic, "fcntl", None)
    running = Store.opened()
    os.utime(running.root, (0, 0))
    stores.sweep(home)
    assert running.root.exists()
    running.close()
