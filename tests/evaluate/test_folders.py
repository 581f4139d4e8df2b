import numpy as np
import pytest
import tifffile

from imgae import Image, ImageError, ImgaeWarning, write_image
from imgae.evaluate import folders
from imgae.io.formats import table


def fill(folder, **values):
    """Write small pictures of one value, by name."""
    folder.mkdir(exist_ok=True)
    for name, value in values.items():
        stem, _, suffix = name.partition("__")
        pixels = np.full((9, 9, 3), value, np.uint8)
        write_image(Image(pixels), folder / f"{stem}.{suffix or 'png'}")
    return folder


def values_of(pictures):
    return {name: int(pixels[0, 0, 0]) for name, pixels in pictures}


def test_pictures_come_by_name_and_no_two_under_one(tmp_path):
    folder = fill(tmp_path, b=2, a=1, c=3, c__tif=4)
    assert values_of(folders.clean_pictures(folder)) == {"a": 1, "b": 2, "c.png": 3, "c.tif": 4}
    assert list(values_of(folders.clean_pictures(folder, 2))) == ["a", "b"]


def test_some_from_all_over_a_folder(tmp_path):
    folder = fill(tmp_path, **{f"p{i}": i for i in range(9)})
    assert list(values_of(folders.clean_pictures(folder, 3, spread=True))) == ["p0", "p3", "p6"]
    assert len(folders.clean_pictures(folder, 20, spread=True)) == 9


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ((np.nan, 0.5), "NaN or infinity"),
        ((np.inf, 0.5), "NaN or infinity"),
        ((0.5, 40.0), "its values reach from 0.5 to 40"),
    ],
)
@pytest.mark.filterwarnings("ignore:.*its values reach")
def test_floats_that_8_bits_would_spoil_are_left_out_by_name(tmp_path, values, told):
    folder = fill(tmp_path, a=1, c=3)
    floats = np.resize(np.float32(values), (9, 9, 3))
    tifffile.imwrite(folder / "b.tif", floats, photometric="rgb")
    with pytest.warns(ImgaeWarning, match=rf"b\.tif: .*{told}.*left out"):
        assert values_of(folders.clean_pictures(folder)) == {"a": 1, "c": 3}
    tifffile.imwrite(folder / "x_real.tif", floats, photometric="rgb")
    fill(folder, x_mean=3, y_real=4, y_mean=5)
    with pytest.warns(ImgaeWarning, match=rf"x_real\.tif: .*{told}.*left out"):
        assert [name for name, *_ in folders.pairs(folder, folder)] == ["y"]


def test_a_damaged_file_is_left_out_and_does_not_count(tmp_path):
    folder = fill(tmp_path, a=1, c=3)
    (folder / "b.png").write_bytes(b"no picture")
    with pytest.warns(ImgaeWarning, match=r"b\.png: not a picture"):
        assert values_of(folders.clean_pictures(folder, 2)) == {"a": 1, "c": 3}


def test_what_holds_no_picture_is_an_error(tmp_path):
    with pytest.raises(ImageError, match="not a folder"):
        folders.clean_pictures(tmp_path / "no")
    with pytest.raises(ImageError, match="holds no PNG"):
        folders.clean_pictures(tmp_path)
    (tmp_path / "b.png").write_bytes(b"no picture")
    with pytest.raises(ImageError, match=r"no picture in it can be read; .*b\.png"):
        folders.clean_pictures(tmp_path)


def test_real_pairs_are_matched_by_name(tmp_path):
    fill(tmp_path, x_real=90, x_mean=100, y_real=70, z=80)
    ((name, noisy, clean),) = folders.pairs(tmp_path, tmp_path)
    assert (name, noisy.pixels[0, 0, 0], clean[0, 0, 0]) == ("x", 90, 100)
    other = fill(tmp_path / "other", w=0)
    with pytest.raises(ImageError, match="make a pair"):
        folders.pairs(tmp_path, other)


def test_two_folders_need_no_endings(tmp_path):
    noisy = fill(tmp_path / "noisy", x=1, y_noisy=2, v_clean=9)
    clean = fill(tmp_path / "clean", x=3, y_clean=4, v_clean=5, u=6)
    found = {name: (int(a.pixels[0, 0, 0]), int(b[0, 0, 0]))
             for name, a, b in folders.pairs(noisy, clean)}  # fmt: skip
    assert found == {"x": (1, 3), "y": (2, 4)}
    assert len(folders.pairs(noisy, clean, 1)) == 1


def test_a_pair_that_cannot_be_read_is_left_out(tmp_path):
    fill(tmp_path, x_real=90, x_mean=100, y_real=70)
    (tmp_path / "y_mean.png").write_bytes(b"no picture")
    with pytest.warns(ImgaeWarning, match=r"y_mean\.png"):
        assert [name for name, *_ in folders.pairs(tmp_path, tmp_path)] == ["x"]


def test_a_pair_has_one_size_and_the_same_colours(tmp_path):
    fill(tmp_path, x_real=90)
    for shape, words in (((9, 8, 3), "8x9 RGB"), ((9, 9, 1), "9x9 gray")):
        write_image(Image(np.zeros(shape, np.uint8)), tmp_path / "x_mean.png", overwrite=True)
        with pytest.raises(
            ImageError, match=rf"x_real.png is 9x9 RGB, but .*x_mean.png is {words}"
        ):
            folders.pairs(tmp_path, tmp_path)


def test_a_folder_without_pictures_is_told_which_formats_count(tmp_path, monkeypatch):
    new = table.Row("QOI", (".qoi",), b"qoif", "qoi", extra="formats")
    monkeypatch.setattr(table, "FORMATS", (*table.FORMATS, new))
    with pytest.raises(ImageError, match=r"holds no PNG, JPEG, TIFF, .* or QOI"):
        folders.clean_pictures(tmp_path)
