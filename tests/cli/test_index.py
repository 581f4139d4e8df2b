"""`imgae index`."""

import io
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import tiny_code

import imgae
from imgae.cli import main
from imgae.cli.indexing import quoted
from imgae.io import atomic

DRIVER = """
import sys, time
from imgae.model import registry
registry.DEFAULT_SEARCHER = "signs"
from imgae.restore.search import gather
from imgae.restore.search.describe import Describer
gather.PAUSE = 0
real = Describer.of_small
def slow(self, pixels):
    time.sleep(0.05)
    return real(self, pixels)
Describer.of_small = slow
from imgae.__main__ import entry
entry()
"""
"""The program, slow, which writes after each picture what is done."""


@pytest.fixture
def photos(tmp_path, monkeypatch):
    """A working directory with a folder of six pictures, and a tiny model that is the default."""
    tiny_code.signs_by_default(tmp_path / "models", monkeypatch)
    work = tmp_path / "work"
    (work / "photos" / "in").mkdir(parents=True)
    monkeypatch.chdir(work)
    draw(range(6))
    return work


def draw(numbers):
    for number in numbers:
        rng = np.random.default_rng(number)
        rough = np.kron(rng.integers(40, 200, (5, 8, 3)), np.ones((12, 12, 1)))
        fine = rng.normal(0, 1, rough.shape) * rng.uniform(1, 25, 3)
        place = f"photos/{'in/' if number % 2 else ''}{number}.png"
        imgae.write_image(imgae.Image((rough + fine).clip(0, 255).astype(np.uint8)), place)


@pytest.fixture
def run(capfd):
    def go(*words):
        code = main(["index", *map(str, words)])
        out, err = capfd.readouterr()
        return code, out, err

    return go


@pytest.fixture
def built(photos, run):
    assert run("build", "photos", "-o", "i.index")[0] == 0
    return photos


def test_build_says_how_many_pictures(photos, run):
    code, out, err = run("build", "photos", "-o", "i.index")
    assert (code, err) == (0, "")
    assert out.startswith("i.index: 6 pictures, 0 left out, ")
    assert out.endswith(" s\n")
    code, out, err = run("build", "photos", "-o", "i.index")
    assert out.startswith("i.index: 6 pictures (0 new or changed), 0 left out, ")
    assert run("build", "photos", "-o", "i.index", "--quiet") == (0, "", "")


def test_build_prints_json(photos, run):
    _code, out, _err = run("build", "photos", "-o", "i.index", "--json")
    found = json.loads(out)
    assert list(found) == [
        "index", "pictures", "described", "dropped", "left_out", "seconds",
    ]  # fmt: skip
    assert (found["index"], found["pictures"], found["described"]) == ("i.index", 6, 6)


def test_unreadable_files_are_named_and_left_out(photos, run):
    Path("photos/bad.png").write_text("no picture")
    code, out, err = run("build", "photos", "none.png", "-o", "i.index")
    assert code == 3
    assert out.startswith("i.index: 6 pictures, 2 left out")
    first, second = err.splitlines()
    assert first.startswith("imgae: photos/bad.png: not a picture that can be read")
    assert second == "imgae: none.png: no such file"


def test_a_folder_without_pictures_leaves_the_old_index(built, run):
    old = Path("i.index").read_bytes()
    Path("empty").mkdir()
    code, out, err = run("build", "empty", "-o", "i.index")
    assert (code, out) == (1, "")
    assert err.startswith("imgae: empty: no pictures in this folder")
    assert len(err.splitlines()) == 1
    Path("empty/bad.png").write_text("no picture")
    code, out, err = run("build", "empty", "-o", "i.index")
    assert (code, out) == (1, "")
    assert err.splitlines()[-1] == "imgae: none of the pictures can be read, so no index was made"
    assert Path("i.index").read_bytes() == old
    code, out, err = run("build", "empty", "photos", "-o", "i.index")
    assert code == 3


def test_places_that_cannot_hold_an_index_are_told_before_the_work(built, run):
    code, _, err = run("build", "photos", "-o", "photo.png")
    assert code == 2
    assert "an index is no picture" in err
    code, _, err = run("build", "photos", "-o", "none/i.index")
    assert (code, err) == (1, "imgae: none/i.index: there is no folder none\n")
    Path("notes.txt").write_text("mine")
    code, _, err = run("build", "photos", "-o", "notes.txt")
    assert code == 1
    assert "no index of imgae" in err
    assert Path("notes.txt").read_text() == "mine"
    assert run("build", "photos")[0] == 2


def test_search_prints_scores_and_paths(built, run):
    code, out, err = run("search", "i.index", "photos/2.png", "-k", "3")
    assert (code, err) == (0, "")
    lines = [line.split("\t") for line in out.splitlines()]
    assert len(lines) == 3
    assert lines[0] == ["1.0000", "photos/2.png"]
    assert len(run("search", "i.index", "photos/2.png", "-k", "999")[1].splitlines()) == 6


def test_search_prints_json(built, run):
    _code, out, _err = run("search", "i.index", "photos/2.png", "--json")
    records = [json.loads(line) for line in out.splitlines()]
    assert [list(record) for record in records] == [["score", "path"]] * 6
    assert records[0] == {"score": 1.0, "path": "photos/2.png"}


def test_a_picture_on_standard_input(built, run, monkeypatch):
    data = Path("photos/2.png").read_bytes()
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(data)))
    assert run("search", "i.index", "-", "-k", "1") == (0, "1.0000\tphotos/2.png\n", "")


def test_paths_are_as_the_working_directory_sees_them(built, run, monkeypatch):
    monkeypatch.chdir("photos/in")
    Path("-x.png").write_bytes(Path("1.png").read_bytes())
    assert run("add", "../../i.index", "./-x.png")[0] == 0
    lines = run("search", "../../i.index", "1.png")[1].splitlines()
    assert {line.split("\t")[1] for line in lines[:2]} == {"1.png", "./-x.png"}
    others = [line.split("\t")[1] for line in lines[2:]]
    assert all(Path(path).exists() for path in others)


@pytest.mark.parametrize(
    "name", ["a\tb.png", "a\nb.png", "it's\n'\\.png", "\x1b[31m.png", "\udcff.png", "\x85.png"]
)
def test_strange_names_are_written_as_a_shell_reads_them(built, run, name):
    Path("photos", name).write_bytes(Path("photos/2.png").read_bytes())
    assert run("add", "i.index", "photos")[0] == 0
    out = run("search", "i.index", "photos/2.png", "-k", "2")[1]
    (path,) = [line.split("\t")[1] for line in out.splitlines() if "photos/2.png" not in line]
    done = subprocess.run(["bash", "-c", f"test -f {path}"], check=False)
    assert done.returncode == 0


def test_usual_names_are_not_quoted():
    for name in ("a b.png", "it's.png", "é.png", "a\\b.png", "$x.png"):
        assert quoted(name) == name


def test_a_sheet_is_drawn_and_does_not_replace_a_file(built, run):
    assert run("search", "i.index", "photos/2.png", "--sheet", "s.png")[0] == 0
    assert imgae.read_image("s.png").width > 1000
    code, out, err = run("search", "i.index", "photos/2.png", "--sheet", "s.png")
    assert (code, out) == (1, "")
    assert "exists already; add --overwrite" in err
    assert run("search", "i.index", "photos/2.png", "--sheet", "s.png", "--overwrite")[0] == 0
    code, out, err = run("search", "i.index", "photos/2.png", "--sheet", "s.txt")
    assert (code, out) == (1, "")


def test_duplicates_are_groups_between_empty_lines(built, run):
    for number in (0, 1):
        name = next(Path("photos").rglob(f"{number}.png"))
        Path(f"photos/z{number}.png").write_bytes(name.read_bytes())
    run("add", "i.index", "photos")
    code, out, err = run("duplicates", "i.index", "--threshold", "0.999", "--sheet", "d.png")
    assert (code, err) == (0, "")
    groups = [[line.split("\t") for line in part.splitlines()] for part in out.split("\n\n")]
    paths = [sorted(path for _, path in group) for group in groups]
    assert sorted(paths) == [
        ["photos/0.png", "photos/z0.png"],
        ["photos/in/1.png", "photos/z1.png"],
    ]
    assert {score for group in groups for score, _ in group} == {"1.0000"}
    assert Path("d.png").exists()
    out = run("duplicates", "i.index", "--threshold", "0.999", "--json")[1]
    records = [json.loads(line) for line in out.splitlines()]
    assert [record["group"] for record in records] == [1, 2]
    assert len(records[0]["pictures"]) == 2


def test_no_duplicates_are_told(built, run):
    code, out, err = run("duplicates", "i.index", "--threshold", "1")
    assert (code, out) == (0, "")
    assert err == "imgae: note: no two pictures have a score of 1 or more\n"
    assert run("duplicates", "i.index", "--threshold", "0")[0] == 2


def test_add_skips_what_is_known(built, run):
    draw(range(6, 8))
    code, out, err = run("add", "i.index", "photos/6.png", "photos")
    assert (code, err) == (0, "")
    assert out.startswith("i.index: 8 pictures (2 new or changed), 0 left out")
    assert run("add", "i.index", "photos")[1].startswith("i.index: 8 pictures (0 new or changed)")


def test_remove_takes_out_and_refuses_what_is_not_there(built, run):
    old = Path("i.index").read_bytes()
    code, out, err = run("remove", "i.index", "photos/0.png", "none.png")
    assert (code, out) == (1, "")
    assert err == "imgae: none.png: no picture of the index has this path\n"
    assert Path("i.index").read_bytes() == old
    Path("photos/0.png").unlink()
    assert run("remove", "i.index", "photos/0.png", "photos/in") == (
        0,
        "i.index: 4 taken out, 2 left\n",
        "",
    )


def test_an_index_by_another_model(built, run, tmp_path):
    other = tiny_code.signs(tmp_path / "other.onnx", "other")
    code, out, err = run("search", "i.index", "photos/2.png", "--model", other)
    assert (code, out) == (1, "")
    assert "was made by the model 'signs', not by 'other'" in err
    assert err.strip().endswith("build the index again")
    code, out, err = run("build", "photos", "-o", "i.index", "--model", other)
    assert code == 0
    assert "was made by the model signs, so all pictures were described anew" in err
    assert run("search", "i.index", "photos/2.png", "--model", other)[0] == 0


def test_a_search_that_fails_names_one_cause(built, run, tmp_path):
    Path("bad.png").write_bytes(b"junk")
    assert run("search", "i.index", "bad.png")[2].startswith("imgae: bad.png: not a picture")
    other = tiny_code.signs(tmp_path / "other.onnx", "other")
    run("build", "photos", "-o", "i.index", "--model", other)
    code, _, err = run("search", "i.index", "photos/2.png")
    assert code == 1
    assert err.startswith("imgae: i.index: the index was made by the model 'other', which is not")


@pytest.mark.parametrize("action", ["search", "add", "remove", "duplicates"])
def test_a_file_that_is_no_index(photos, run, action):
    words = ["photos/2.png"] if action != "duplicates" else []
    code, out, err = run(action, "none.index", *words)
    assert (code, out, len(err.splitlines())) == (1, "", 1)
    Path("bad.index").write_bytes(b"PK\x03\x04 cut short")
    code, out, err = run(action, "bad.index", *words)
    assert (code, out, len(err.splitlines())) == (1, "", 1)


def start(*words):
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-c", DRIVER, "index", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=env,
    )


def wait_for(path):
    for _ in range(600):
        if path.exists():
            return
        time.sleep(0.05)
    raise AssertionError(path)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_build_that_is_ended_leaves_the_old_index_and_is_taken_up(built, run, number):
    draw(range(6, 40))
    old = Path("i.index").read_bytes()
    process = start("build", "photos", "-o", "i.index")
    part = Path("i.index.part")
    wait_for(part)
    time.sleep(0.2)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert out == ""
    if number == signal.SIGKILL:
        assert process.returncode == -number
    else:
        assert process.returncode == 130
        assert err.splitlines() == [
            "imgae: note: i.index.part keeps what is done; the same command goes on from there",
            "imgae: interrupted",
        ]
    assert Path("i.index").read_bytes() == old
    assert run("search", "i.index", "photos/2.png", "-k", "1")[1] == "1.0000\tphotos/2.png\n"
    kept = len(imgae.Index.open(part))
    assert 1 <= kept < 34
    atomic.SWEPT.clear()  # as in another process, which takes away what a kill left
    code, out, err = run("build", "photos", "-o", "i.index")
    assert (code, err) == (0, "")
    assert out.startswith(f"i.index: 40 pictures ({34 - kept} new or changed), 0 left out")
    assert not part.exists()
    assert [path.name for path in Path().iterdir() if path.name.startswith(".imgae")] == []


@pytest.mark.parametrize("action", ["build", "add", "remove"])
def test_an_index_that_is_being_changed_is_changed_by_no_other(built, run, action):
    draw(range(6, 20))
    process = start("add", "i.index", "photos")
    wait_for(Path("i.index.part"))
    words = ["photos", "-o", "i.index"] if action == "build" else ["i.index", "photos/0.png"]
    assert run(action, *words) == (
        1,
        "",
        "imgae: i.index: another command is changing this index; try again when it has ended\n",
    )
    assert run("search", "i.index", "photos/2.png", "-k", "1")[1] == "1.0000\tphotos/2.png\n"
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    assert out.startswith("i.index: 20 pictures")
    assert run(action, *words)[0] == 0
    assert not Path("i.index.lock").exists()


def test_a_lock_that_a_kill_left_holds_nobody_up(built, run):
    Path("i.index.lock").touch()
    assert run("add", "i.index", "photos")[0] == 0
    assert not Path("i.index.lock").exists()


def test_a_folder_that_is_empty_now_costs_no_pictures(built, run):
    old = Path("i.index").read_bytes()
    for path in Path("photos/in").iterdir():
        path.unlink()
    assert run("build", "photos/0.png", "photos/in", "-o", "i.index") == (
        1,
        "",
        (
            "imgae: photos/in: no pictures are found here now, but i.index holds 3 of it, so "
            "nothing was changed; if they are gone for good, take them out with: imgae index "
            "remove i.index photos/in\n"
        ),
    )
    assert Path("i.index").read_bytes() == old
    assert run("remove", "i.index", "photos/in")[0] == 0
    out = run("build", "photos", "-o", "i.index")[1]
    assert out.startswith("i.index: 3 pictures (0 new or changed), 0 left out")
    Path("photos/0.png").unlink()
    out = run("build", "photos", "-o", "i.index")[1]
    assert out.startswith("i.index: 2 pictures (0 new or changed), 1 dropped, 0 left out")


@pytest.mark.parametrize("words", [["build", "-", "-o", "i.index"], ["add", "i.index", "-"]])
def test_standard_input_is_not_indexed(built, run, words):
    code, out, err = run(*words)
    assert (code, out) == (2, "")
    assert "- is one picture on standard input; an index is made of files" in err


def test_a_sheet_replaces_nothing_that_is_read(built, run):
    Path("query.png").write_bytes(Path("photos/2.png").read_bytes())
    Path("link.png").symlink_to("photos/in/1.png")
    Path("photo").symlink_to("photos")
    before = {path: path.read_bytes() for path in Path().rglob("*.png")}
    for name in ("query.png", "photos/4.png", "link.png", "photo/2.png"):
        code, out, err = run("search", "i.index", "query.png", "--sheet", name, "--overwrite")
        assert (code, out) == (1, "")
        assert err == (
            f"imgae: {name}: would be both a file that is read and the sheet; name another\n"
        )
    assert run("duplicates", "i.index", "--sheet", "photos/4.png", "--overwrite")[0] == 1
    assert {path: path.read_bytes() for path in before} == before


def test_pictures_that_were_moved_are_told(built, run):
    Path("photos").rename("elsewhere")
    code, out, err = run("search", "i.index", "elsewhere/2.png", "-k", "3")
    assert (code, len(out.splitlines())) == (0, 3)
    assert err.startswith("imgae: note: of 3 pictures found, 3 are not where the index says")


def test_help_tells_how_to_write_each_action(run):
    for action in ("build", "add", "remove", "search", "duplicates"):
        code, out, err = run(action, "--help")
        assert (code, err) == (0, "")
        for word in shlex.split("--debug"):
            assert word in out
        assert max(map(len, out.splitlines())) <= 80
