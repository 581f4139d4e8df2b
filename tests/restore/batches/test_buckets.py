"""Batches whose pictures and results are in buckets, for which this process's memory stands."""

import os
from pathlib import Path

import numpy as np
import pytest

import imgae
from imgae.io import remote
from imgae.restore.batches.api import batch
from imgae.restore.batches.inputs import Search
from imgae.restore.batches.outputs import plan


@pytest.fixture
def bucket():
    upath = pytest.importorskip("upath", reason="universal-pathlib is not installed")
    folder = upath.UPath(f"memory://bucket-{os.urandom(4).hex()}")
    for number, name in enumerate(("b.png", "a.png", "deep/c.png", "deep/er/d.png")):
        imgae.write_image(picture(number), folder / "in" / name)
    remote.write(folder / "in/notes.txt", b"no picture")
    remote.write(folder / "in/.hidden.png", b"no picture")
    yield folder
    folder.fs.store.clear()
    folder.fs.pseudo_dirs[:] = [""]


def picture(number):
    return imgae.Image(np.full((4, 6, 3), 10 * number, np.uint8))


def names(found, folder):
    return [str(each.path).removeprefix(f"{folder}/in/") for each in found]


def test_folders_and_patterns_are_searched(bucket):
    search = Search()
    assert names(search.find([f"{bucket}/in"]), bucket) == ["a.png", "b.png"]
    assert search.ignored == 1
    found = Search(recursive=True).find([f"{bucket}/in/"])
    assert names(found, bucket) == ["a.png", "b.png", "deep/c.png", "deep/er/d.png"]
    assert [each.below for each in found] == [Path(), Path(), Path("deep"), Path("deep/er")]
    found = Search().find([f"{bucket}/in/[ab].png", f"{bucket}/in/a.png"])
    assert names(found, bucket) == ["a.png", "b.png"]  # each once
    found = Search().find([f"{bucket}/in/**/*.png"])
    assert ("deep/er/d.png", Path("deep/er")) in zip(
        names(found, bucket), [each.below for each in found], strict=True
    )


def test_what_leads_to_nothing_is_told(bucket):
    search = Search()
    assert search.find([f"{bucket}/in/*.jpg"]) == []
    remote.write(bucket / "texts/a.txt", b"no picture")
    assert search.find([f"{bucket}/texts"]) == []
    said = [str(error) for _, error in search.problems]
    assert "no file matches this pattern" in said[0]
    assert f"{bucket}/texts: no pictures in this folder" in said[1]


def test_the_folder_of_results_is_not_searched(bucket):
    found = Search(recursive=True, leave_out=bucket / "in/deep").find([f"{bucket}/in"])
    assert names(found, bucket) == ["a.png", "b.png"]


@pytest.mark.parametrize("out", ["bucket", "local"])
def test_results_keep_the_tree(bucket, tmp_path, out):
    folder = bucket / "out" if out == "bucket" else tmp_path
    found = Search(recursive=True).find([f"{bucket}/in"])
    targets = [str(target) for _, target in plan(found, folder, lambda path: (path.stem, ".tif"))]
    inner = ["a.tif", "b.tif", "deep/c.tif", "deep/er/d.tif"]
    assert targets == [f"{folder}/{name}" for name in inner]


def test_a_batch_goes_from_bucket_to_bucket_once(bucket, tmp_path, monkeypatch):
    monkeypatch.setenv("IMGAE_STATE", str(tmp_path))

    def go():
        return list(
            batch(f"{bucket}/in", f"{bucket}/out", inverted, recursive=True, resume=True, key="v1")
        )

    records = go()
    assert [record.status for record in records] == ["done"] * 4, records
    result = imgae.read_image(bucket / "out/deep/er/d.restored.png")
    assert np.array_equal(result.pixels, 255 - picture(3).pixels)
    remote.write(bucket / "out/a.restored.png", b"spoiled")
    assert sorted(record.status for record in go()) == ["failed", "skipped", "skipped", "skipped"]


def inverted(image):
    return image.with_pixels(255 - image.pixels)
