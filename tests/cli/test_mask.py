"""`imgae mask`, and the options that say what to fill."""

import json
import shlex

import numpy as np
import pytest

from imgae import Image, cli, read_image, write_image
from imgae.cli.mask_options import with_corners_joined

SQUARE = ("10,10", "19,10", "19,19", "10,19")


@pytest.fixture
def photo(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_image(Image(np.full((40, 50, 3), 9, np.uint8)), "photo.png")


def marked():
    return int((read_image("m.png").pixels > 0).sum())


@pytest.mark.parametrize(
    "words",
    [
        ("--polygon", *SQUARE, "photo.png", "-o", "m.png"),
        ("-o", "m.png", "photo.png", "--polygon", *SQUARE),
        ("-o", "m.png", "--polygon", *SQUARE, "photo.png"),
        ("-o", "m.png", "--polygon=" + ";".join(SQUARE), "photo.png"),
    ],
)
def test_a_picture_may_stand_after_a_polygon(photo, words):
    assert cli.main(["mask", *words]) == 0
    assert marked() == 100


def test_several_polygons_and_negative_corners(photo):
    words = ("--polygon", *SQUARE, "--polygon", "-5,-5", "4,-5", "4,4", "-5,4", "photo.png")
    assert cli.main(["mask", *words, "-o", "m.png"]) == 0
    assert marked() == 100 + 25


def test_several_pictures_may_stand_after_a_polygon(photo):
    words = ["inpaint", "--polygon", *SQUARE, "photo.png", "b.png", "--model", "white", "c.png"]
    options = cli.parse(words)
    assert [str(path) for path in options.inputs] == ["photo.png", "b.png", "c.png"]
    assert options.polygon == [[(10, 10), (19, 10), (19, 19), (10, 19)]]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--polygon", "photo.png", "-o", "m.png"), "'photo.png' is not 2 whole numbers"),
        (("photo.png", "-o", "m.png", "--polygon"), "--polygon: expected one argument"),
        (("photo.png", "-o", "m.png", "--polygon", "1,2", "3,4"), "three corners or more, not 2"),
    ],
)
def test_a_polygon_without_corners_is_told(photo, capfd, words, told):
    assert cli.main(["mask", *words]) in (1, 2)
    assert told in capfd.readouterr().err


def test_only_corners_after_polygon_are_joined():
    words = shlex.split("inpaint a,b 1,2 --polygon 1,2 3,-4 5 6,7 --box 1,2 --polygon")
    expected = shlex.split("inpaint a,b 1,2 '--polygon=1,2;3,-4' 5 6,7 --box 1,2 --polygon")
    assert with_corners_joined(words) == expected


def test_a_box_may_begin_left_of_the_picture(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_image(Image(np.zeros((20, 30, 3), np.uint8)), "a.png")
    assert cli.main(["mask", "a.png", "--box", "-5,0,9,9", "-o", "m.png"]) == 0
    assert read_image("m.png").pixels[:, :, 0].astype(bool).sum() == 4 * 9


def test_a_mask_that_is_not_there_is_told_once_and_before_the_work(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    for name in ("a.png", "b.png"):
        write_image(Image(np.zeros((20, 30, 3), np.uint8)), name)
    assert cli.main(["inpaint", "a.png", "b.png", "--mask", "none.png"]) == 1
    assert capfd.readouterr().err.count("none.png: no such file") == 1


def test_a_mask_goes_beside_its_picture_and_many_into_a_folder(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for name in ("a.jpg", "b.tif"):
        write_image(Image(np.zeros((20, 30, 3), np.uint8)), name)
    assert cli.main(["mask", "a.jpg", "--box", "1,2,3,4"]) == 0
    assert capsys.readouterr().out == "a.jpg -> a.mask.png: 30x20, 12 pixels marked (2.00%)\n"
    assert read_image("a.mask.png").pixels.astype(bool).sum() == 12
    assert cli.main(["mask", "a.jpg", "b.tif", "--box", "1,2,3,4", "-o", "masks", "--json"]) == 0
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [record["output"] for record in records] == ["masks/a.mask.png", "masks/b.mask.png"]
    assert [record["marked"] for record in records] == [12, 12]
    assert records[0]["pixels"] == 600
    assert cli.main(["mask", "a.jpg", "b.tif", "--box", "1,2,3,4", "--quiet"]) == 3  # a has one
    out, err = capsys.readouterr()
    assert out == ""
    assert "a.mask.png: exists already; --resume goes on" in err
    assert (tmp_path / "b.mask.png").exists()


def test_a_mask_of_a_picture_whose_name_has_no_ending(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_image(Image(np.zeros((20, 30, 3), np.uint8)), "a.png")
    (tmp_path / "a.png").rename("scan")
    assert cli.main(["mask", "scan", "--box", "1,2,3,4"]) == 0
    assert (tmp_path / "scan.mask.png").exists()


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("a.png", "-o", "a.png", "--overwrite"), 2),
        (("a.png", "b.png", "-o", "m.png"), 2),
        (("a.png", "sub/a.png", "-o", "masks/"), 2),
        (("a.png", "--mask", "a.mask.png", "--overwrite"), 2),
        (("a.png", "none.png"), 3),
        (("none.png",), 1),
    ],
)
def test_masks_clash_and_fail_as_results_do(tmp_path, monkeypatch, capfd, words, code):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sub").mkdir()
    for name in ("a.png", "b.png", "sub/a.png"):
        write_image(Image(np.zeros((20, 30, 3), np.uint8)), name)
    if "--mask" in words:
        write_image(Image(np.zeros((20, 30, 1), np.uint8)), "a.mask.png")
    assert cli.main(["mask", *words, "--box", "1,2,3,4"]) == code
    assert "Traceback" not in capfd.readouterr().err


def test_a_mask_that_is_empty_or_full_is_written_and_noted(photo, capfd):
    assert cli.main(["mask", "photo.png", "--color", "ffffff", "-o", "m.png"]) == 0
    assert marked() == 0
    assert (
        "the mask marks nothing: no pixel is within 16 levels of ffffff" in capfd.readouterr().err
    )
    assert cli.main(["mask", "photo.png", "--color", "090909", "-o", "m.png", "--overwrite"]) == 0
    assert marked() == 2000
    assert (
        "photo.png: the mask marks 100.0% of the picture; --within limits a --color to a place"
    ) in capfd.readouterr().err
