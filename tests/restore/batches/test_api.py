"""imgae.batch: records, results, resuming, and restorers of one's own."""

import json
from pathlib import Path

import numpy as np
import pytest
import tiny_models
from pictures import write_picture as picture

import imgae
from imgae import Image, read_image, write_image
from imgae.cli import main
from imgae.restore.batches.journal import hash_of_file


def darker(image):
    return image.with_pixels(image.pixels - 10)


@pytest.fixture
def work(tmp_path, monkeypatch):
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    picture("photos/a.png", 1)
    picture("photos/sub/b.tif", 2)
    Path("photos/bad.png").write_bytes(b"no picture")
    return folder


def test_each_picture_has_a_record(work):
    records = list(imgae.batch("photos", "out", darker, recursive=True, report="run.json"))
    assert [(record.input, record.status) for record in records] == [
        ("photos/a.png", "done"),
        ("photos/bad.png", "failed"),
        ("photos/sub/b.tif", "done"),
    ]
    assert records[0]["output"] == str(Path("out/a.restored.png"))
    assert records[0]["width"] == 30
    assert dict(records[0])["seconds"] >= 0
    assert "not a picture" in records[1].message
    assert np.array_equal(
        read_image("out/sub/b.restored.tif").pixels, read_image("photos/sub/b.tif").pixels - 10
    )
    assert [row["status"] for row in json.loads(Path("run.json").read_text())] == [
        record.status for record in records
    ]


def test_resume_goes_by_content_and_by_the_restorer(work):
    def statuses(restorer, **more):
        found = imgae.batch("photos/a.png", "out", restorer, resume=True, **more)
        return [record.status for record in found]

    assert statuses(darker) == ["done"]
    assert statuses(darker) == ["skipped"]
    assert statuses(darker, key="2") == ["done"]
    assert statuses(darker, quality=90) == ["done"]
    picture("photos/a.png", 9)
    assert statuses(darker, quality=90) == ["done"]


def test_a_denoiser_and_masks(work, models):
    tiny_models.fill(models / "white.onnx")
    denoiser = imgae.Denoiser("darken")
    (record,) = imgae.batch(["photos/a.png"], "out", denoiser, format="tif")
    assert record.output == str(Path("out/a.denoised.tif"))
    assert record["model"] == "tiny"
    mask = np.zeros((20, 30, 1), np.uint8)
    mask[3:6, 3:6] = 255
    Path("masks").mkdir()
    write_image(Image(mask), "masks/a_mask.png")
    filler = imgae.Inpainter("white")
    records = list(imgae.batch("photos", "filled", filler, masks="masks", recursive=True))
    assert [record.status for record in records] == ["done", "failed", "failed"]
    assert (read_image("filled/a.inpainted.png").pixels[3:6, 3:6] == 255).all()
    assert records[2].message.startswith("photos/sub/b.tif: no mask")


def test_the_report_is_complete_if_the_iterator_is_closed(work):
    records = imgae.batch("photos", "out", darker, recursive=True, report="run.json")
    next(records)
    records.close()
    rows = json.loads(Path("run.json").read_text())
    assert len(rows) == 3
    assert rows[0]["status"] == "done"
    assert rows[-1]["message"] == "not reached before the run was ended"


def test_the_report_is_complete_if_it_is_closed_at_a_word_that_leads_to_nothing(work):
    records = imgae.batch(["*.xyz", "photos/a.png"], "out", darker, report="run.json")
    assert next(records).status == "failed"
    records.close()
    rows = json.loads(Path("run.json").read_text())
    assert [row["status"] for row in rows] == ["failed", "skipped"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ({"format": "xyz"}, "'xyz' is no format that is written"),
        ({"quality": 0}, "the quality is 0"),
        ({"engine": "moon"}, "no engine is called 'moon'"),
        ({"report": "run.txt"}, "end its name in .json or .csv"),
    ],
)
def test_what_cannot_be_is_told(work, words, told):
    with pytest.raises(imgae.ImgaeError, match=told):
        list(imgae.batch("photos", "out", darker, **words))


def test_nothing_found_is_told(work):
    with pytest.raises(imgae.ImageError, match="no file matches"):
        list(imgae.batch("*.xyz", "out", darker))
    with pytest.raises(imgae.OptionError, match="masks"):
        list(imgae.batch("photos", "out", imgae.Inpainter()))


def test_masks_and_results_among_the_pictures_are_no_pictures(work):
    picture("photos/a_mask.png", 3)

    def names(**more):
        records = imgae.batch("photos", None, lambda image, _=None: darker(image), **more)
        return [record.input for record in records if record.status == "done"]

    assert names(masks="photos") == ["photos/a.png"]
    assert names(suffix=".again") == ["photos/a.png", "photos/a_mask.png"]


def test_frames_of_an_animation_are_denoised_alike(work):
    rng = np.random.default_rng(5)
    noisy = [np.rint(rng.normal(128, level, (64, 64, 3)).clip(0, 255)) for level in (15, 20, 25)]
    frames = [Image(pixels.astype(np.uint8)) for pixels in noisy]
    imgae.write_frames(imgae.Frames(tuple(frames), "animation"), "a.png")
    denoiser = imgae.Denoiser(threads=1)
    (record,) = imgae.batch("a.png", "out", denoiser)
    common = denoiser.common_to(frames)
    for found, before in zip(imgae.read_frames(record.output), frames, strict=True):
        together = denoiser.run(before, common=common).image
        assert np.array_equal(found.pixels, together.pixels)
    first = imgae.read_frames(record.output)[0]
    assert not np.array_equal(first.pixels, denoiser.run(frames[0]).image.pixels)
    assert record["sigma"] == round(common.level * 255, 2)
    words = ["a.png", "-o", "by-command.png", "--threads", "1", "--report", "r.json"]
    assert main(["denoise", *words]) == 0
    assert record["output_hashes"] == json.loads(Path("r.json").read_text())[0]["output_hashes"]


def test_a_denoiser_takes_what_is_too_large_by_rows(work, models, monkeypatch):
    monkeypatch.setattr("imgae.restore.batches.work.needed", lambda *_, **__: 1 << 40)
    (record,) = imgae.batch("photos/a.png", "out", imgae.Denoiser("darken"))
    assert record.message == ""
    assert np.array_equal(
        read_image(record.output).pixels,
        imgae.Denoiser("darken")(read_image("photos/a.png")).pixels,
    )
    assert record["input_hash"] == hash_of_file(Path("photos/a.png"))
    (record,) = imgae.batch("photos/a.png", "more", darker)
    assert "30x20 pixels take about 1024.0 GiB" in record.message


def test_a_mask_may_have_no_more_pixels_than_a_picture(work):
    Path("masks").mkdir()
    write_image(Image(np.zeros((40, 60, 1), np.uint8)), "masks/a_mask.png")
    (record,) = imgae.batch(
        "photos/a.png", "out", lambda image, _: image, masks="masks", max_pixels=700
    )
    assert record.status == "failed"
    assert "masks/a_mask.png: 60x40 pixels are 0.0024 megapixels, more than" in record.message
