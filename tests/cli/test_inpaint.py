"""`imgae inpaint` and `imgae mask`, with a stand-in model."""

import json

import numpy as np
import PIL.Image
import pytest
import tiny_models

from imgae import Denoiser, Image, ImgaeWarning, read_image, write_image
from imgae.cli import main
from imgae.io.metadata.upright import upright
from imgae.model import registry
from imgae.picture.masks import dilate


@pytest.fixture(autouse=True)
def models(tmp_path, monkeypatch):
    folder = tmp_path / "models"
    folder.mkdir()
    monkeypatch.setenv("IMGAE_MODELS", str(folder))
    return tiny_models.fill(folder / "white.onnx")


def pixels(dtype=np.uint8, channels=3, height=40, width=50):
    rng = np.random.default_rng(0)
    return rng.integers(0, np.iinfo(dtype).max, (height, width, channels), dtype, endpoint=True)


@pytest.fixture
def photo(tmp_path):
    write_image(Image(pixels()), tmp_path / "photo.png")
    return tmp_path / "photo.png"


def drawn(path, top=10, left=5, height=8, width=20, size=(40, 50)):
    mask = np.zeros((*size, 1), np.uint8)
    mask[top : top + height, left : left + width] = 255
    write_image(Image(mask), path)
    return path


def inpaint(*words):
    return main(["inpaint", "--model", "white", *map(str, words)])


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("alpha", [False, True])
@pytest.mark.parametrize("ending", ["png", "tif"])
def test_nothing_changes_outside_the_mask_of_a_file(tmp_path, dtype, channels, alpha, ending):
    values = pixels(dtype, channels)
    cover = pixels(dtype, 1)[:, :, 0] if alpha else None
    write_image(Image(values, cover), tmp_path / f"a.{ending}")
    mask = drawn(tmp_path / "mask.png")
    assert inpaint(tmp_path / f"a.{ending}", "--mask", mask) == 0
    out = read_image(tmp_path / f"a.inpainted.{ending}")
    hole = np.zeros((40, 50), bool)
    hole[10:18, 5:25] = True
    assert out.pixels.dtype == dtype
    assert np.array_equal(out.pixels[~hole], values[~hole])
    assert (out.pixels[hole] == np.iinfo(dtype).max).all()
    if alpha:
        assert np.array_equal(out.alpha, cover)


def test_a_box_is_the_same_as_its_mask(photo, tmp_path):
    mask = drawn(tmp_path / "mask.png")
    assert inpaint(photo, "--mask", mask, "-o", tmp_path / "a.png") == 0
    assert inpaint(photo, "--box", "5,10,20,8", "-o", tmp_path / "b.png") == 0
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_masks_add_up_and_can_be_saved(photo, tmp_path):
    words = ["--box", "0,0,4,4", "--polygon", "20,20", "30,20", "30,30", "20,30"]
    words += ["--save-mask", str(tmp_path / "m.png"), "--preview", str(tmp_path / "p.png")]
    assert inpaint(photo, *words, "--dilate", "1") == 0
    saved = read_image(tmp_path / "m.png").pixels[:, :, 0]
    assert set(np.unique(saved)) == {0, 255}
    assert (saved > 0).sum() == 16 + 8 + 11 * 11 + 4 * 11
    assert (
        main(["mask", str(photo), *words[:7], "--dilate", "1", "-o", str(tmp_path / "n.png")]) == 0
    )
    assert np.array_equal(read_image(tmp_path / "n.png").pixels[:, :, 0], saved)
    preview = read_image(tmp_path / "p.png").pixels
    before = read_image(photo).pixels
    assert np.array_equal(preview[saved == 0], before[saved == 0])
    assert (preview[saved > 0][:, 0] >= 127).all()


def test_a_mask_that_marks_nothing_gives_the_picture_and_says_so(photo, tmp_path, capfd):
    mask = drawn(tmp_path / "mask.png", height=0)
    assert inpaint(photo, "--mask", mask, "--json") == 0
    out, err = capfd.readouterr()
    assert json.loads(out)["filled"] == 0
    assert "marks nothing" in err
    after = read_image(tmp_path / "photo.inpainted.png")
    assert np.array_equal(after.pixels, read_image(photo).pixels)


@pytest.mark.parametrize("case", ["size", "all", "broken", "missing", "outside", "opaque"])
def test_bad_masks_are_told_and_nothing_is_written(photo, tmp_path, capfd, case):
    mask = tmp_path / "mask.png"
    words, told = ["--mask", mask], ""
    if case == "size":
        drawn(mask, size=(41, 50))
        told = f"{mask}: the mask is 50x41, the picture 50x40; they must be of one size"
    elif case == "all":
        drawn(mask, 0, 0, 40, 50)
        told = "marks the whole picture"
    elif case == "broken":
        mask.write_bytes(photo.read_bytes()[:200])
        told = f"{mask}: damaged or cut short"
    elif case == "missing":
        told = f"{mask}: no such file"
    elif case == "outside":
        words, told = ["--box", "60,60,5,5"], "lies outside the picture of 50x40"
    else:
        words, told = ["--mask", "alpha"], "no transparency"
    before = sorted(tmp_path.iterdir())
    assert inpaint(photo, *words) == 1
    assert told in capfd.readouterr().err
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "nothing says what to fill"),
        (["--box", "1,2,3"], "is not 4 whole numbers"),
        (["--box", "1,2,0,3"], "a box without area"),
        (["--color", "red"], "not a colour"),
        (["--box", "0,0,4,4", "--feather", "-1"], "whole number"),
        (["--polygon", "0,0", "99999999999,5", "9,9"], "more than 1000000 pixels away"),
        (["--box", "0,0,4,4", "--tolerance", "3"], "about a --color"),
        (["--detect", "spots"], "'spots' is none of scratches, dust, dead-pixels, stamp, text"),
        (["other.png", "--box", "0,0,4,4", "--preview", "p.png"], "take one picture"),
    ],
)
def test_wrong_command_lines(photo, capfd, words, told):
    assert inpaint(photo, *words) == 2
    assert told in capfd.readouterr().err


def test_denoise_cleans_the_rest_and_says_so(tmp_path, capsys, estimator):
    estimator(level=20 / 255)
    rng = np.random.default_rng(0)
    noisy = (128 + rng.normal(0, 20, (96, 96, 3))).round().astype(np.uint8)
    write_image(Image(noisy), tmp_path / "scan.png")
    words = (tmp_path / "scan.png", "--box", "10,10,5,60", "--denoise", "--json")
    assert inpaint(*words) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["sigma_source"] == "estimated"
    assert record["sigma"] == 20
    assert record["notes"] == []
    out = read_image(tmp_path / "scan.inpainted.png").pixels
    assert (out[10:70, 10:15] == 255).all()  # the stand-in fills with white
    assert out[:, 30:].std() < 5
    assert inpaint(*words, "--sigma", "20", "--overwrite") == 0
    assert json.loads(capsys.readouterr().out)["sigma"] == 20


def test_a_level_without_denoise_is_refused(photo, capsys):
    assert inpaint(photo, "--box", "1,1,2,2", "--sigma", "20") == 2
    assert "add --denoise" in capsys.readouterr().err


@pytest.fixture
def detector(tmp_path, monkeypatch):
    """A stand-in for which full red is a scratch, full green dust, full blue a dead pixel."""
    monkeypatch.setattr(registry, "DEFAULT_DETECTOR", tiny_models.bright(tmp_path / "bright.onnx"))
    values = pixels() // 3
    values[4:6, :, 0] = values[20:25, 7:11, 1] = values[30, 30, 2] = 255
    write_image(Image(values), tmp_path / "old.png")
    return tmp_path / "old.png"


@pytest.mark.parametrize(
    ("words", "found", "filled"),
    [
        (["--detect", "scratches"], 100, 200),
        (["--detect", "dust"], 20, 20 + 2 * (5 + 4)),
        (["--detect", "dead-pixels"], 1, 1),
        (["--detect", "scratches,dead-pixels", "--dilate", "1"], 50 * 4 + 5, 50 * 6 + 5),
        (["--detect", "dust", "--detect", "dead-pixels", "--box", "0,0,1,1"], 22, 22 + 18),
        (["--detect", "scratches", "--within", "0,4,50,2"], 100, 100),
    ],
)
def test_what_a_detector_finds_is_the_mask_and_is_filled_with_a_margin(
    detector, tmp_path, capsys, words, found, filled
):
    assert inpaint(detector, *words, "--json") == 0
    assert json.loads(capsys.readouterr().out)["filled"] == filled
    assert main(["mask", str(detector), *words, "-o", str(tmp_path / "m.png")]) == 0
    assert (read_image(tmp_path / "m.png").pixels > 0).sum() == found


def test_an_old_scan_takes_one_command(detector, capsys):
    """Its defects are filled, and outside of them only the denoiser changes anything."""
    before = read_image(detector)
    words = ("--detect", "scratches", "--detect", "dust", "--denoise", "--sigma", "10", "--json")
    assert inpaint(detector, *words) == 0
    hole = dilate(before.pixels[:, :, :2].max(2) == 255, 1)
    assert json.loads(capsys.readouterr().out)["filled"] == hole.sum() == 238
    filled = before.pixels.copy()
    filled[hole] = 255
    expected = Denoiser()(Image(filled), 10 / 255).pixels
    after = read_image(detector.with_name("old.inpainted.png")).pixels
    assert np.array_equal(after[~hole], expected[~hole])
    assert (after[hole] == 255).all()


@pytest.mark.parametrize("ending", ["png", "jpg", "tif"])
@pytest.mark.parametrize("orientation", range(2, 9))
def test_a_saved_mask_lies_where_it_was_made(tmp_path, ending, orientation):
    picture, mask = tmp_path / f"a.{ending}", tmp_path / "mask.png"
    exif = PIL.Image.Exif()
    exif[0x0112] = orientation
    PIL.Image.fromarray(pixels(height=40, width=40)).save(picture, exif=exif)
    assert read_image(picture).turned == orientation
    assert main(["mask", str(picture), "--box", "3,2,6,4", "-o", str(mask)]) == 0
    assert inpaint(picture, "--mask", mask, "-o", tmp_path / "filled.png") == 0
    filled, before = read_image(tmp_path / "filled.png").pixels, read_image(picture).pixels
    changed = np.argwhere((filled != before).any(2))
    assert changed.min(0).tolist() == [2, 3]
    assert changed.max(0).tolist() == [5, 8]
    assert np.argwhere(read_image(mask).pixels[:, :, 0]).min(0).tolist() == [2, 3]


@pytest.mark.parametrize("orientation", range(2, 9))
def test_a_mask_lies_on_the_picture_as_viewers_show_it(tmp_path, orientation, capfd):
    exif = PIL.Image.Exif()
    exif[0x0112] = orientation
    values = pixels() // 2
    PIL.Image.fromarray(values).save(tmp_path / "a.png", exif=exif)
    before = upright(Image(values), orientation).pixels
    height, width = before.shape[:2]
    mask = np.zeros((height, width), np.uint8)
    mask[1:4, 2:6] = 255
    PIL.Image.fromarray(mask).save(tmp_path / "mask.png")
    words = (tmp_path / "a.png", "--mask", tmp_path / "mask.png", "-o", tmp_path / "b.png")
    assert inpaint(*words) == 0
    expected = before.copy()
    expected[1:4, 2:6] = 255
    assert np.array_equal(read_image(tmp_path / "b.png").pixels, expected)
    fits_both_ways = (height, width) == values.shape[:2]
    assert ("taken as drawn on the upright picture" in capfd.readouterr().err) == fits_both_ways


@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
def test_a_mask_that_only_fits_the_stored_pixels_follows_them(tmp_path, orientation):
    exif = PIL.Image.Exif()
    exif[0x0112] = orientation
    values = pixels() // 2
    PIL.Image.fromarray(values).save(tmp_path / "a.tif", exif=exif)
    drawn(tmp_path / "mask.png", top=1, left=2, height=3, width=4)
    words = (tmp_path / "a.tif", "--mask", tmp_path / "mask.png", "-o", tmp_path / "b.png")
    assert inpaint(*words) == 0
    stored = values.copy()
    stored[1:4, 2:6] = 255
    expected = upright(Image(stored), orientation)
    assert np.array_equal(read_image(tmp_path / "b.png").pixels, expected.pixels)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("command", ["mask", "save-mask"])
@pytest.mark.parametrize("ending", ["png", "tif", "webp"])
def test_masks_that_imgae_writes_have_no_orientation_and_fit(
    tmp_path, orientation, command, ending
):
    exif = PIL.Image.Exif()
    exif[0x0112] = orientation
    PIL.Image.fromarray(pixels()).save(tmp_path / "a.png", exif=exif)
    mask = tmp_path / f"mask.{ending}"
    if command == "mask":
        assert main(["mask", str(tmp_path / "a.png"), "--box", "3,2,6,4", "-o", str(mask)]) == 0
    else:
        words = (tmp_path / "a.png", "--box", "3,2,6,4", "-o", tmp_path / "b.png")
        assert inpaint(*words, "--save-mask", mask) == 0
    written = read_image(mask)
    assert written.turned == 1
    upright_size = read_image(tmp_path / "a.png").pixels.shape[:2]
    expected = np.zeros(upright_size, bool)
    expected[2:6, 3:9] = True
    assert np.array_equal(written.pixels[:, :, 0] > 127, expected)


@pytest.mark.parametrize(
    "words",
    [
        ("--save-mask", "m.png", "--preview", "m.png"),
        ("--save-mask", "photo.inpainted.png"),
        ("--preview", "photo.png", "--overwrite"),
    ],
)
def test_one_file_for_two_is_refused(photo, monkeypatch, capfd, words):
    monkeypatch.chdir(photo.parent)
    before = sorted(photo.parent.iterdir())
    assert inpaint("photo.png", "--box", "1,1,2,2", *words) == 2
    assert " would be both " in capfd.readouterr().err
    assert sorted(photo.parent.iterdir()) == before


def test_no_mask_is_left_where_the_preview_cannot_be_written(photo, tmp_path):
    before = sorted(tmp_path.iterdir())
    words = ("--save-mask", tmp_path / "m.png", "--preview", tmp_path / "p.xcf")
    assert inpaint(photo, "--box", "1,1,2,2", *words) == 1
    assert sorted(tmp_path.iterdir()) == before


def test_a_jpeg_in_which_nothing_is_marked_is_copied(tmp_path):
    write_image(Image(pixels()), tmp_path / "a.jpg")
    mask = drawn(tmp_path / "mask.png", height=0)
    assert inpaint(tmp_path / "a.jpg", "--mask", mask) == 0
    assert (tmp_path / "a.inpainted.jpg").read_bytes() == (tmp_path / "a.jpg").read_bytes()


def test_feathering_blends_with_what_was_there_also_with_denoise(tmp_path):
    values = np.full((40, 50, 3), 60, np.uint8)
    values[10:31, 10:31] = 90, 20, 20
    write_image(Image(values), tmp_path / "a.png")
    words = (tmp_path / "a.png", "--box", "10,10,21,21", "--feather", "9", "--overwrite")
    for more in ((), ("--denoise", "--sigma", "1")):
        assert inpaint(*words, *more) == 0
        row = read_image(tmp_path / "a.inpainted.png").pixels[20, 10:20].astype(int)
        assert (np.diff(row, axis=0) > 0).all()
        assert 90 < row[0, 0] < 120
        assert 20 < row[0, 1] < 60


@pytest.mark.parametrize("kind", ["alpha", "palette", "16 bit"])
def test_masks_of_other_kinds_are_read(photo, tmp_path, kind):
    white = np.zeros((40, 50), bool)
    white[5:9, 6:16] = True
    path = tmp_path / "mask.png"
    if kind == "alpha":  # white paint on a transparent layer that is white as well
        layer = np.full((40, 50, 1), 255, np.uint8)
        write_image(Image(layer, np.where(white, 255, 0).astype(np.uint8)), path)
    elif kind == "palette":
        picture = PIL.Image.fromarray(white.astype(np.uint8), "P")
        picture.putpalette([0, 0, 0, 255, 255, 255])
        picture.save(path)
    else:
        write_image(Image(np.where(white, 40_000, 30_000).astype(np.uint16)[:, :, None]), path)
    assert inpaint(photo, "--mask", path, "--save-mask", tmp_path / "used.png") == 0
    assert np.array_equal(read_image(tmp_path / "used.png").pixels[:, :, 0] > 0, white)


def test_one_mask_that_fits_some_of_several_pictures(photo, tmp_path, capfd):
    write_image(Image(pixels(height=41)), tmp_path / "b.png")
    mask = drawn(tmp_path / "mask.png")
    assert inpaint(photo, tmp_path / "b.png", "--mask", mask) == 3
    assert f"{tmp_path / 'b.png'}: {mask}: the mask is 50x40" in capfd.readouterr().err
    assert (tmp_path / "photo.inpainted.png").exists()
    assert not (tmp_path / "b.inpainted.png").exists()


def test_further_samples_are_kept_and_said_to_show_what_was_there(tmp_path, capfd):
    bands = np.random.default_rng(0).integers(0, 65536, (20, 24, 4)).astype(np.uint16)
    image = Image(bands[:, :, :3], extra=bands[:, :, 3:])
    write_image(image, tmp_path / "bands.tif")
    assert inpaint(tmp_path / "bands.tif", "--box", "2,2,4,4") == 0
    assert "such as infrared, are not filled" in capfd.readouterr().err
    with pytest.warns(ImgaeWarning, match="further sample"):
        back = read_image(tmp_path / "bands.inpainted.tif")
    assert np.array_equal(back.extra, image.extra)
    assert (back.pixels[2:6, 2:6] == 65535).all()
