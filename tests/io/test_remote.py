import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import imgae
from imgae.errors import ImageError, ImageNotFoundError, MissingExtraError
from imgae.io import files, places, remote


@pytest.fixture
def bucket():
    """A folder in the memory of this process, which stands for a bucket."""
    upath = pytest.importorskip("upath", reason="universal-pathlib is not installed")
    folder = upath.UPath(f"memory://bucket-{os.urandom(4).hex()}")
    yield folder
    folder.fs.store.clear()
    folder.fs.pseudo_dirs[:] = [""]


@pytest.fixture
def server(bucket, monkeypatch):
    """The same, where files appear bit by bit and have to be moved."""
    monkeypatch.setattr(remote, "OBJECTS", frozenset())
    return bucket


def test_local_paths_are_plain_and_need_no_library(tmp_path):
    assert remote.place_of("a/b.png") == Path("a/b.png")
    assert remote.place_of(tmp_path) == tmp_path
    assert remote.place_of(f"file://{tmp_path}/x y.png") == tmp_path / "x y.png"
    program = """
import sys
from imgae.io import files, remote
remote.place_of("a")
print("upath" in sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"


def test_a_missing_library_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "upath", None)
    with pytest.raises(MissingExtraError, match=r"s3://b/a.png needs upath; .*imgae\[cluster\]"):
        remote.place_of("s3://b/a.png")


def test_a_missing_library_of_a_protocol_is_named(monkeypatch):
    pytest.importorskip("upath", reason="universal-pathlib is not installed")
    monkeypatch.setitem(sys.modules, "gcsfs", None)
    with pytest.raises(MissingExtraError, match=r"gs://b/a.png: .*gcsfs"):
        remote.place_of("gs://b/a.png")


def test_an_unknown_protocol_is_told():
    pytest.importorskip("upath", reason="universal-pathlib is not installed")
    with pytest.raises(ImageError, match=r"no kind of place is called nowhere://"):
        remote.place_of("nowhere://b/a.png")


def test_pictures_are_read_and_written_by_name(bucket):
    image = imgae.Image(np.arange(48, dtype=np.uint8).reshape(4, 4, 3))
    place = f"{bucket}/a b.png"
    imgae.write_image(image, place)
    assert np.array_equal(imgae.read_image(place).pixels, image.pixels)
    assert np.array_equal(imgae.read_image(bucket / "a b.png").pixels, image.pixels)
    with pytest.raises(ImageError, match=r"memory://.*/a b.png: exists already"):
        imgae.write_image(image, place)
    imgae.write_image(image, place, overwrite=True)


@pytest.mark.parametrize("name", ["bucket", "server"])
def test_files_are_written_whole_or_not_at_all(name, request, monkeypatch):
    folder = request.getfixturevalue(name)
    place = folder / "deep/x.bin"
    places.make_folder(place.parent)
    files.write_file(place, b"one", overwrite=False)
    assert remote.read(place) == b"one"
    with pytest.raises(ImageError, match="exists already"):
        files.write_file(place, b"two", overwrite=False)
    files.write_file(place, b"three", overwrite=True)
    assert [(str(each), size) for each, size in remote.files_in(place.parent)] == [(str(place), 5)]

    def half(path, value, **_):
        if name == "server":  # a store of objects keeps nothing of one that was not sent whole
            place.fs.store[path] = place.fs.store[place.path]
        raise OSError("the line is dead")

    monkeypatch.setattr(place.fs, "pipe_file", half)
    with pytest.raises(ImageError, match=f"{place}: cannot be written: the line is dead"):
        files.write_file(place, b"four", overwrite=True)
    assert remote.read(place) == b"three"
    assert [size for _, size in remote.files_in(place.parent)] == [5]


def test_a_server_that_does_not_replace_files_is_asked_to_delete_first(server, monkeypatch):
    place = server / "x.bin"
    files.write_file(place, b"one", overwrite=False)
    moved = place.fs.mv

    def refuses(here, there):
        if place.fs.exists(there):
            raise FileExistsError(there)
        moved(here, there)

    monkeypatch.setattr(place.fs, "mv", refuses)
    files.write_file(place, b"two", overwrite=True)
    assert remote.read(place) == b"two"
    assert len(list(remote.files_in(server))) == 1


def test_folders_are_listed_by_name_and_depth(bucket):
    for name in ("b.png", "a.png", "z/a.png", "c/d/e.png"):
        remote.write(bucket / name, b"123")
    flat = [str(each).removeprefix(f"{bucket}/") for each, _ in remote.files_in(bucket)]
    deep = [
        str(each).removeprefix(f"{bucket}/") for each, _ in remote.files_in(bucket, recursive=True)
    ]
    assert flat == ["a.png", "b.png"]
    assert deep == ["a.png", "b.png", "c/d/e.png", "z/a.png"]
    assert remote.is_folder(bucket / "c")
    assert not remote.is_folder(bucket / "a.png")


def test_what_is_not_there_is_told_in_a_sentence(bucket):
    with pytest.raises(ImageNotFoundError, match=r"memory://.*/none.png: no such file"):
        imgae.read_image(bucket / "none.png")
    remote.write(bucket / "c/a.png", b"123")
    with pytest.raises(ImageError, match=r"/c: a folder, not a picture"):
        files.check_source(bucket / "c")
    remote.write(bucket / "empty.png", b"")
    with pytest.raises(ImageError, match=r"empty.png: empty, 0 bytes"):
        imgae.read_image(bucket / "empty.png")
    assert not remote.exists(bucket / "none.png")


def test_streams_are_still_streams():
    with pytest.raises(ImageError, match="the given bytes: empty"):
        imgae.read_image(io.BytesIO(b""))
