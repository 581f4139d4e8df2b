"""Which pictures of an index a word names."""

from pathlib import Path

import pytest

from imgae.restore.search.choosing import chosen

PATHS = tuple(
    f"/c/{name}" for name in ("a.png", "b.png", "in/a.png", "in/deep/a.jpg", "in2/x[1].png")
)


@pytest.mark.parametrize(
    ("word", "names"),
    [
        ("/c/a.png", ["a.png"]),
        ("a.png", ["a.png"]),
        ("./in/../a.png", ["a.png"]),
        ("in", ["in/a.png", "in/deep/a.jpg"]),
        ("in/", ["in/a.png", "in/deep/a.jpg"]),
        ("*.png", ["a.png", "b.png"]),
        ("[ab].png", ["a.png", "b.png"]),
        ("[!a].png", ["b.png"]),
        ("?.png", ["a.png", "b.png"]),
        ("**/a.*", ["a.png", "in/a.png", "in/deep/a.jpg"]),
        ("in/**", ["in/a.png", "in/deep/a.jpg"]),
        ("in2/x[1].png", ["in2/x[1].png"]),
        ("/c/*/*.png", ["in/a.png", "in2/x[1].png"]),
        ("[z-a].png", []),
        ("i", []),
        ("[.png", []),
        ("A.png", []),
    ],
)
def test_words_name_pictures(word, names):
    assert chosen(PATHS, word, Path("/c")) == {f"/c/{name}" for name in names}


def test_the_working_directory_comes_first(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    paths = (str(tmp_path / "a.png"), "/c/a.png")
    assert chosen(paths, "a.png", Path("/c")) == {paths[0]}
    assert chosen(paths[1:], "a.png", Path("/c")) == {paths[1]}


def test_places_on_servers():
    paths = ("s3://b/a/x.png", "s3://b/y.png")
    assert chosen(paths, "s3://b/a", Path("/c")) == {paths[0]}
    assert chosen(paths, "s3://b/*.png", Path("/c")) == {paths[1]}
