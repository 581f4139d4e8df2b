import numpy as np
import PIL.Image
import pytest

from imgae import Image, read_image, write_image
from imgae.io.metadata import fresh_xmp, turned_back, upright

X_RESOLUTION, Y_RESOLUTION = 0x011A, 0x011B


def stored(path, orientation, **options):
    tags = PIL.Image.Exif()
    tags[0x0112] = orientation
    tags[X_RESOLUTION], tags[Y_RESOLUTION] = 300, 150
    pixels = np.arange(24, dtype=np.uint8).reshape(4, 6)
    PIL.Image.fromarray(pixels).save(path, exif=tags, dpi=(300, 150), **options)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("extension", [".jpg", ".png", ".tif"])
def test_a_turned_picture_is_written_with_its_resolutions_turned(tmp_path, orientation, extension):
    path, copy = tmp_path / f"a{extension}", tmp_path / f"b{extension}"
    stored(path, orientation)
    expected = (150, 300) if orientation >= 5 else (300, 150)
    image = read_image(path)
    assert image.dpi == pytest.approx(expected, rel=1e-3)
    write_image(image, copy)
    assert read_image(copy).dpi == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("orientation", [1, 3, 6])
def test_the_resolutions_inside_exif_are_turned_too(tmp_path, orientation):
    stored(tmp_path / "a.jpg", orientation)
    write_image(read_image(tmp_path / "a.jpg"), tmp_path / "b.png")
    with PIL.Image.open(tmp_path / "b.png") as file:
        found = file.getexif()
        across_and_down = (150, 300) if orientation == 6 else (300, 150)
        assert (found[X_RESOLUTION], found[Y_RESOLUTION]) == across_and_down


def test_exif_that_ends_early_is_kept_as_it_is():
    image = Image(np.zeros((2, 2, 1), np.uint8), exif=b"II*\0\x08\0\0\0\x09\0")
    assert upright(image, 6).exif == image.exif


@pytest.mark.parametrize("orientation", range(1, 9))
def test_turning_back_undoes_turning_upright(orientation):
    image = Image(np.arange(6, dtype=np.uint8).reshape(2, 3, 1), dpi=(300.0, 150.0))
    back = turned_back(upright(image, orientation), orientation)
    assert np.array_equal(back.pixels, image.pixels)
    assert back.dpi == image.dpi
    assert back.turned == 1


def test_thumbnails_in_xmp_are_taken_out_in_short_time():
    xmp = b'a<xmp:Thumbnails>x</xmp:Thumbnails>b<xmp:Thumbnails q="1"/>c<xmp:ThumbnailsX>d'
    assert fresh_xmp(xmp, (1, 1)) == b"abc<xmp:ThumbnailsX>d"
    for part in (b"<xmp:Thumbnails>", b"<xmp:Thumbnails "):
        assert fresh_xmp(part * 200_000, (1, 1)) == part * 200_000
