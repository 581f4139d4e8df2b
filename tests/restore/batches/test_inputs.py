"""Which pictures the words of a command lead to."""

import io
import os
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from imgae.restore.batches.inputs import Search


@pytest.fixture(autouse=True)
def tree(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in (
        *("in/b.png", "in/a.JPG", "in/notes.txt", "in/.hidden.png", "in/.folder/x.png"),
        *("in/x.png/c.tif", "in/deep/er/two\nlines.png", "other/a.png", "in/photo.png.part"),
    ):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).touch()
    Path("in/circle").symlink_to("..", target_is_directory=True)
    Path("in/link.png").symlink_to("b.png")
    Path("in/nowhere.png").symlink_to("nothing")
    os.mkfifo("in/pipe.png")


def names(*words, **options):
    search = Search(**options)
    return [str(each.path) for each in search.find(words)]


def problems(*words, **options):
    search = Search(**options)
    search.find(words)
    return [str(error) for _, error in search.problems]


FLAT = ["in/a.JPG", "in/b.png", "in/link.png", "in/nowhere.png", "in/pipe.png"]


def test_a_folder_holds_what_is_named_as_a_picture_and_not_hidden():
    assert names("in") == FLAT


def test_folders_in_it_only_if_wanted_and_never_through_links():
    found = names("in", recursive=True)
    assert found == [*FLAT, "in/deep/er/two\nlines.png", "in/x.png/c.tif"]


def test_the_folder_of_results_is_left_out():
    out = Path("in/deep").resolve()
    assert names("in", recursive=True, leave_out=out) == [*FLAT, "in/x.png/c.tif"]


def test_files_that_are_no_pictures_by_name_are_counted():
    search = Search(recursive=True)
    search.find(["in"])
    assert search.ignored == 3


def test_where_a_picture_lies_below_a_folder_is_known():
    found = Search(recursive=True).find(["in"])
    assert {each.path.name: str(each.below) for each in found}["c.tif"] == "x.png"
    several = Search(recursive=True).find(["in", "other"])
    below = {str(each.path): str(each.below) for each in several}
    assert below["in/x.png/c.tif"] == "in/x.png"
    assert below["other/a.png"] == "other"


@pytest.mark.parametrize("words", [("in", "in/b.png"), ("in/b.png", "in"), ("in", "in/*.png")])
def test_a_picture_that_is_found_again_is_one(words):
    assert sorted(names(*words)) == sorted(FLAT)


def test_a_picture_that_is_named_twice_is_there_twice():
    """So that the command line is refused."""
    assert names("in/b.png", "in/b.png", "in") == ["in/b.png", "in/b.png", *FLAT[:1], *FLAT[2:]]


def test_a_pattern_goes_into_folders():
    found = Search().find(["in/**/*.tif"])
    assert [(str(each.path), str(each.below)) for each in found] == [("in/x.png/c.tif", "x.png")]
    assert names("in/[ab].*") == ["in/a.JPG", "in/b.png"]
    assert names("*/*.png/*") == ["in/x.png/c.tif"]
    assert names("./in/*.JPG", f"{Path.cwd()}/oth*/*") == ["in/a.JPG", f"{Path.cwd()}/other/a.png"]


def test_a_pattern_goes_in_no_circles():
    """However many links there are: each would double the ways."""
    for number in range(30):
        Path(f"in/x.png/circle {number}").symlink_to("..", target_is_directory=True)
    assert names("**/*.tif") == ["in/x.png/c.tif"]
    assert names("in/x.png/**") == ["in/x.png/c.tif"]


def test_a_folder_in_a_pattern_may_be_named_with_its_signs():
    Path("in/[x]").mkdir()
    Path("in/[x]/a.png").touch()
    assert names("in/[x]/*.png") == ["in/[x]/a.png"]


def test_a_file_whose_name_looks_like_a_pattern_or_a_list_is_one():
    for name in ("[a]*.png", "@list.png"):
        Path(name).touch()
        assert names(name) == [name]


@pytest.mark.parametrize("between", ["\n", "\r\n", "\0"])
def test_a_list_names_files_folders_and_patterns(between):
    lines = ["in/b.png", "other", "in/*.JPG", ""]
    Path("list.txt").write_bytes(b"\xef\xbb\xbf" * (between != "\0") + between.join(lines).encode())
    assert names("@list.txt") == ["in/b.png", "other/a.png", "in/a.JPG"]


def test_a_list_between_null_characters_holds_names_with_line_breaks(monkeypatch):
    data = b"in/deep/er/two\nlines.png\0in/b.png\0"
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(data)))
    assert names("@-") == ["in/deep/er/two\nlines.png", "in/b.png"]


def test_a_name_that_is_no_utf8_is_found():
    name = os.fsdecode(b"in/\xff.png")
    try:
        Path(name).touch()
    except OSError:
        pytest.skip("this file system holds no such names")
    Path("list.txt").write_bytes(b"in/\xff.png\n")
    assert names("@list.txt") == [name]
    assert name in names("in")


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("empty", "empty: no pictures in this folder; imgae reads PNG"),
        ("deep", "deep: no pictures in this folder, but folders: add --recursive"),
        ("*.xyz", "*.xyz: no file matches this pattern"),
        ("@nothing.txt", "nothing.txt: the list cannot be read: No such file or directory"),
        ("@empty.txt", "empty.txt: the list is empty"),
    ],
)
def test_what_leads_to_nothing_is_told(word, sentence):
    Path("empty").mkdir()
    Path("deep/er").mkdir(parents=True)
    Path("deep/er/a.png").touch()
    Path("empty.txt").touch()
    (problem,) = problems(word)
    assert problem.startswith(sentence)
    assert names(word) == []


def test_the_rest_goes_on_where_a_word_leads_to_nothing():
    assert names("*.xyz", "in/b.png") == ["in/b.png"]


def test_a_folder_that_cannot_be_read_is_told_once(monkeypatch):
    plain = os.scandir

    def refusing(folder):
        if Path(folder).name == "other":
            raise PermissionError(13, "Permission denied")
        return plain(folder)

    monkeypatch.setattr("os.scandir", refusing)
    assert problems("other") == ["other: the folder cannot be read: Permission denied"]
    assert problems("other", "in/b.png", recursive=True) == problems("other")


@pytest.mark.parametrize("word", ["nonesuch://bucket/a.png", "nonesuch://bucket/*.png"])
def test_a_place_that_cannot_be_reached_is_told_and_the_rest_goes_on(word):
    pytest.importorskip("upath", reason="universal-pathlib is not installed")
    search = Search()
    assert [each.text for each in search.find([word, "in/b.png"])] == ["in/b.png"]
    ((name, error),) = search.problems
    assert name == word
    assert "no kind of place is called nonesuch://" in str(error)


def test_a_place_whose_library_is_not_there_is_told_and_the_rest_goes_on(monkeypatch):
    monkeypatch.setitem(sys.modules, "upath", None)
    search = Search()
    assert [each.text for each in search.find(["s3://bucket/in", "in/b.png"])] == ["in/b.png"]
    assert "pip install 'imgae[cluster]'" in str(search.problems[0][1])
