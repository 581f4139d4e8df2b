"""The mask of each picture of a folder."""

from pathlib import Path

import pytest

from imgae import MaskError
from imgae.restore.batches.engine import Job
from imgae.restore.batches.inputs import Found
from imgae.restore.batches.masks import MaskFolder, only_mask


@pytest.fixture
def put(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def put(*names):
        for name in names:
            Path(name).parent.mkdir(parents=True, exist_ok=True)
            Path(name).touch()
        return MaskFolder(Path("masks"))

    return put


def masks_of(folder, name="in/a.jpg", below=""):
    return [str(path) for path in folder.of(Found(name, Path(below)))]


@pytest.mark.parametrize("name", ["a_mask.png", "a.mask.png", "a.png", "a.jpg", "a_mask.TIF"])
def test_a_mask_is_named_like_its_picture(put, name):
    assert masks_of(put(f"masks/{name}", "masks/b_mask.png", "masks/aa.png")) == [f"masks/{name}"]


def test_the_more_exact_name_counts(put):
    folder = put("masks/a.png", "masks/a.jpg")
    assert masks_of(folder) == ["masks/a.jpg"]
    assert masks_of(put("masks/a.mask.png")) == ["masks/a.mask.png"]
    assert masks_of(put("masks/a_mask.png")) == ["masks/a_mask.png"]


def test_the_folders_of_masks_are_those_of_the_pictures_or_there_are_none(put):
    folder = put("masks/x/a_mask.png", "masks/b.png", "masks/a.png")
    assert masks_of(folder, "in/x/a.jpg", "x") == ["masks/x/a_mask.png"]
    assert masks_of(folder, "in/x/b.jpg", "x") == ["masks/b.png"]


@pytest.mark.parametrize("name", ["a_mask.png", "a.mask.png"])
def test_masks_beside_their_pictures_are_no_pictures(put, name):
    put(f"masks/{name}", "masks/a.png")
    folder = MaskFolder(Path("masks"))
    assert masks_of(folder, "masks/a.png") == [f"masks/{name}"]
    assert folder.holds(Path("masks") / name)
    assert not folder.holds(Path("masks/a.png"))


def test_no_mask_and_several_are_told(put):
    put("masks/b.png")
    source = Path("in/a.jpg")
    job = Job(0, source, Path("out/a.jpg"))
    with pytest.raises(MaskError, match=r"in/a.jpg: no mask .* expected a_mask.png or a.png"):
        only_mask("masks", job)
    two = Job(0, source, Path("out/a.jpg"), also=(Path("masks/a.png"), Path("masks/a.tif")))
    with pytest.raises(MaskError, match=r"a.png and a.tif in masks could both be its mask"):
        only_mask("masks", two)


def test_pictures_in_a_bucket_have_masks_on_this_machine(put):
    pytest.importorskip("upath", reason="universal-pathlib is not installed")
    folder = put("masks/a.png")
    assert masks_of(folder, "memory://bucket/a.jpg") == ["masks/a.png"]
    assert not folder.holds(Found("memory://bucket/a_mask.png").path)
