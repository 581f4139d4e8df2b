"""Whether something can be written to a place is known before the work."""

from pathlib import Path

import pytest

from imgae.errors import ImageError, TrainingError
from imgae.io.places import check_files_in, check_folder, check_place

SEALED = Path("/proc")
"""A folder that nobody can write to, root neither."""
sealed = pytest.mark.skipif(not SEALED.is_dir(), reason="this system has no /proc")


@pytest.fixture
def work(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("file").write_bytes(b"mine")
    Path("folder").mkdir()
    Path("astray").symlink_to("nowhere/at/all")
    return tmp_path


def entries():
    return sorted(Path().rglob("*"))


@pytest.mark.parametrize(
    ("path", "overwrite", "sentence"),
    [
        ("file", False, "^file: exists already; add --overwrite"),
        ("folder", True, "^folder: exists and is not an ordinary file$"),
        ("folder", False, "^folder: exists and is not an ordinary file$"),
        ("no/file", True, "^no/file: there is no folder no$"),
        ("file/file", True, "^file/file: there is no folder file$"),
        ("astray", True, "^astray: the folder .*nowhere/at cannot be written to$"),
        ("n" * 300, True, "cannot be written: File name too long$"),
        pytest.param(
            "/proc/file", True, "^/proc/file: the folder /proc cannot be written to$", marks=sealed
        ),
    ],
)
@pytest.mark.usefixtures("work")
def test_a_file_that_cannot_be_written_is_told_before(path, overwrite, sentence):
    before = entries()
    with pytest.raises(ImageError, match=sentence):
        check_place(Path(path), overwrite)
    assert entries() == before


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("file", "^file: cannot be made a folder: file is a file$"),
        ("file/a/b", "^file/a/b: cannot be made a folder: file is a file$"),
        ("astray", "^astray: cannot be made a folder: astray is a link that leads nowhere$"),
        ("n" * 300, "cannot be made a folder: File name too long$"),
        pytest.param("/proc", "^/proc: the folder cannot be written to$", marks=sealed),
        pytest.param(
            "/proc/a/b",
            "^/proc/a/b: cannot be made a folder: the folder /proc cannot be written to$",
            marks=sealed,
        ),
    ],
)
@pytest.mark.usefixtures("work")
def test_a_folder_that_cannot_be_made_is_told_before(path, sentence):
    before = entries()
    with pytest.raises(ImageError, match=sentence):
        check_folder(Path(path))
    assert entries() == before


@pytest.mark.usefixtures("work")
def test_places_that_can_be_written_pass_and_stay_as_they_are():
    before = entries()
    check_place(Path("new"), overwrite=False)
    check_place(Path("file"), overwrite=True)
    check_place(Path("folder", "new"), overwrite=False)
    check_folder(Path("folder"))
    check_folder(Path("new/a/b"))
    check_files_in(Path("new"), ["a", "b"], overwrite=False)
    check_files_in(Path(), ["file", "b"], overwrite=True)
    assert entries() == before


@pytest.mark.usefixtures("work")
def test_files_of_a_folder_are_checked_with_it():
    for folder, sentence in [(".", "folder: exists and is not"), ("file", "file is a file")]:
        with pytest.raises(ImageError, match=sentence):
            check_files_in(Path(folder), ["new", "folder"], overwrite=True)
    with pytest.raises(ImageError, match="file: exists already"):
        check_files_in(Path(), ["new", "file"], overwrite=False)


@pytest.mark.usefixtures("work")
def test_the_error_is_of_the_class_that_is_asked_for():
    with pytest.raises(TrainingError):
        check_place(Path("file"), overwrite=False, error=TrainingError)
    with pytest.raises(TrainingError):
        check_folder(Path("file"), TrainingError)
    with pytest.raises(TrainingError):
        check_files_in(Path("file"), ["a"], overwrite=True, error=TrainingError)
