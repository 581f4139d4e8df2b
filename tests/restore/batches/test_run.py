"""Runs and their journals: what is current, what is ours, what a kill left."""

import json
from pathlib import Path

import pytest

from imgae.errors import ImageError
from imgae.restore.batches.engine import InTurn, Job, Local
from imgae.restore.batches.journal import Entry, Journal, hash_of, state_folder
from imgae.restore.batches.run import Rules, Run


class Copying:
    """A task that copies files; key: what its results depend on."""

    def __init__(self, key="one"):
        self.key, self.done = key, []

    def load(self):
        return self

    def read(self, job):
        return job.source.read_bytes()

    def restore(self, job, work):
        return work + self.key.encode()

    def write(self, job, work):
        self.done.append(job.source.name)
        assert job.overwrite or not job.target.exists()
        job.target.write_bytes(work)
        source = job.source.read_bytes()
        return {"input_hash": hash_of(source), "output_hashes": [hash_of(work)]}


@pytest.fixture
def work(tmp_path, monkeypatch):
    monkeypatch.setenv("IMGAE_STATE", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    Path("out").mkdir()
    for name in "ab":
        Path(name).write_bytes(name.encode())
    return tmp_path


def run(task, **rules):
    jobs = [
        Job(
            number, Path(name), Path("out", name), (Path("out", name),), also=(Path("mask"),) * also
        )
        for number, (name, also) in enumerate((("a", 0), ("b", Path("mask").exists())))
    ]
    made = Run(jobs, task, InTurn(), Rules(**rules), Journal())
    return [(record.input, record.status, record.message) for record, _ in made.records()]


def statuses(task, **rules):
    return [status for _, status, _ in run(task, **rules)]


def test_what_is_current_is_skipped_and_all_else_made_anew(work):
    task = Copying()
    assert statuses(task) == ["done", "done"]
    assert statuses(task, resume=True) == ["skipped", "skipped"]
    Path("a").write_bytes(b"other")
    assert statuses(task, resume=True) == ["done", "skipped"]
    assert statuses(Copying("two"), resume=True) == ["done", "done"]
    Path("mask").write_bytes(b"1")
    assert statuses(Copying("two"), resume=True) == ["skipped", "done"]
    Path("mask").write_bytes(b"2")
    assert statuses(Copying("two"), resume=True) == ["skipped", "done"]
    Path("out/a").unlink()
    assert statuses(Copying("two"), resume=True) == ["done", "skipped"]


def test_what_others_wrote_or_changed_is_left(work):
    Path("out/a").write_bytes(b"mine")
    rows = run(Copying(), resume=True)
    assert [row[1] for row in rows] == ["failed", "done"]
    assert rows[0][2].startswith("out/a: exists already, and is not known here as a result")
    Path("out/b").write_bytes(b"edited")
    assert statuses(Copying(), resume=True) == ["failed", "failed"]
    assert Path("out/b").read_bytes() == b"edited"
    assert statuses(Copying(), resume=True, overwrite=True) == ["done", "done"]


def test_without_rules_what_is_there_fails_and_says_the_ways_out(work):
    Path("out/a").write_bytes(b"mine")
    rows = run(Copying())
    assert [row[1] for row in rows] == ["failed", "done"]
    assert all(word in rows[0][2] for word in ("--resume", "--skip-existing", "--overwrite"))
    assert statuses(Copying(), skip_existing=True) == ["skipped", "skipped"]
    assert Path("out/a").read_bytes() == b"mine"


def test_what_was_begun_is_ours_even_if_a_kill_cut_the_journal(work):
    Journal().started([Path("out/a")], Path("a"))
    (path,) = Path("state/journals").iterdir()
    with path.open("ab") as file:
        file.write(b'{"name": "b", "sour')
    Path("out/a").write_bytes(b"half of a run")
    assert statuses(Copying(), resume=True) == ["done", "done"]
    assert Path("out/a").read_bytes() == b"aone"
    rows = [line for line in path.read_bytes().split(b"\n") if line]
    assert len(rows) == 6
    assert json.loads(rows[-1])["name"] == "b"
    assert statuses(Copying(), resume=True) == ["skipped", "skipped"]


def test_a_journal_that_cannot_be_written_is_no_failure(work, monkeypatch):
    Path("file").write_bytes(b"")
    monkeypatch.setenv("IMGAE_STATE", "file")
    journal = Journal()
    journal.done(Path("out/a"), Entry("a", "made", "2"))
    assert journal.problem is not None
    assert journal.problem.startswith("file/journals: cannot be written")
    assert journal.entry(Path("out/a")) is None


def test_a_folder_has_one_journal_whatever_its_name(work):
    Path("link").symlink_to("out")
    Journal().done(Path("link/a"), Entry("a", "made", "2"))
    assert Journal().entry(work / "out" / "a") == Entry("a", "made", "2")
    assert Journal().wrote(work / "out" / "a")
    assert not Journal().wrote(work / "out" / "b")


def test_pictures_that_are_not_reached_have_records(work):
    jobs = [Job(number, Path(name), Path("out", name)) for number, name in enumerate("abc")]
    made = Run(jobs, Copying(), InTurn(), Rules(), None)
    records = made.records()
    first, _ = next(records)
    rest = list(made.rest())
    assert rest[0] is first  # once more, since whoever has it may have been interrupted
    assert [(record.input, record.status) for record in rest[1:]] == [
        ("b", "skipped"),
        ("c", "skipped"),
    ]


class Failing(Copying):
    def restore(self, job, work):
        if work == b"broken":
            raise ImageError(f"{job.source}: broken")
        return super().restore(job, work)


def test_a_file_that_is_put_where_a_picture_failed_is_not_ours(work):
    Path("a").write_bytes(b"broken")
    assert statuses(Failing()) == ["failed", "done"]
    Path("a").write_bytes(b"mended")
    Path("out/a").write_bytes(b"mine")
    assert statuses(Failing(), resume=True) == ["failed", "skipped"]
    assert Path("out/a").read_bytes() == b"mine"


@pytest.mark.parametrize("name", ["a", "link/a"])
def test_in_place_a_picture_is_not_restored_twice_unless_asked_for(work, name):
    Path("link").symlink_to(".", target_is_directory=True)
    place = Path(name)

    def in_place(key="one", **rules):
        jobs = [Job(0, Path("a"), place, (place,))]
        made = Run(jobs, Copying(key), InTurn(), Rules(**rules), Journal())
        return [(record.status, record.message) for record, _ in made.records()]

    assert in_place(overwrite=True) == [("done", "")]
    assert in_place(resume=True)[0][0] == "skipped"
    assert Path("a").read_bytes() == b"aone"
    ((status, message),) = in_place("two", resume=True)
    assert status == "failed"
    assert message.startswith(f"{name}: is the result of an earlier run itself")
    assert in_place("two", resume=True, overwrite=True) == [("done", "")]
    assert Path("a").read_bytes() == b"aonetwo"


def test_a_journal_of_mostly_old_lines_is_written_anew(work):
    journal = Journal()
    for number in range(1500):
        journal.done(Path("out/a"), Entry("a", str(number), "hash"))
    journal.failed([Path("out/b")])
    (path,) = Path("state/journals").iterdir()
    assert Journal(writes=False).entry(Path("out/a")) == Entry("a", "1499", "hash")
    assert len(path.read_bytes().splitlines()) == 1501
    assert Journal().entry(Path("out/a")) == Entry("a", "1499", "hash")
    assert len(path.read_bytes().splitlines()) == 1
    assert Journal().entry(Path("out/a")) == Entry("a", "1499", "hash")


def test_records_of_what_is_not_begun_are_told_at_once(work):
    statuses(Copying())
    told = []
    jobs = [
        Job(number, Path(name), Path("out", name), (Path("out", name),))
        for number, name in enumerate("ab")
    ]
    made = Run(jobs, Copying(), InTurn(), Rules(resume=True), Journal(), told=told.append)
    assert list(made.records()) == []
    assert [record.status for record in told] == ["skipped", "skipped"]
    assert list(made.rest()) == []


def test_tests_remember_nothing_in_the_users_own_folder(state):
    assert state_folder() == state


def test_what_is_written_counts_though_its_journal_was_interrupted(work):
    class Interrupted(Journal):
        times = 0

        def done(self, *words):
            self.times += 1
            if self.times == 1:
                raise KeyboardInterrupt
            super().done(*words)

    places = [Path("out", name) for name in "ab"]
    jobs = [Job(at, Path(place.name), place, (place,)) for at, place in enumerate(places)]
    made = Run(jobs, Copying(), Local(), Rules(), Interrupted())
    with pytest.raises(KeyboardInterrupt):
        list(made.records())
    found = {record.input: record.status for record in made.rest()}
    assert found["a"] == "done"
    assert len(found) == 2
