import numpy as np
import PIL.Image
import pytest
import tifffile
from pictures import exif, picture

from imgae import ImgaeWarning, read_image, write_image


def test_camera_data_that_a_tiff_cannot_keep_is_warned_of(tmp_path):
    path = tmp_path / "a.tif"
    with pytest.warns(ImgaeWarning, match="cannot be kept"):
        write_image(picture(np.uint16, 3, alpha=False, exif=exif()), path)
    with PIL.Image.open(path) as file:
        assert file.getexif()[0x010F] == "Maker"


def test_deep_tiffs_are_turned_once(tmp_path):
    path = tmp_path / "a.tif"
    pixels = picture(np.uint16, 3, alpha=False).pixels
    tifffile.imwrite(path, pixels, photometric="rgb", extratags=[(274, 3, 1, 6, True)])
    assert np.array_equal(read_image(path).pixels, pixels.swapaxes(0, 1)[:, ::-1])


def test_planar_and_compressed_tiffs_are_read(tmp_path):
    pixels = picture(np.uint16, 3, alpha=False).pixels
    tifffile.imwrite(
        tmp_path / "planar.tif",
        pixels.transpose(2, 0, 1),
        photometric="rgb",
        planarconfig="separate",
    )
    assert np.array_equal(read_image(tmp_path / "planar.tif").pixels, pixels)
    import cv2

    cv2.imwrite(str(tmp_path / "lzw.tif"), pixels[:, :, ::-1])  # LZW
    assert np.array_equal(read_image(tmp_path / "lzw.tif").pixels, pixels)
    tifffile.imwrite(tmp_path / "white.tif", pixels[:, :, 0], photometric="miniswhite")
    inverted = read_image(tmp_path / "white.tif").pixels[:, :, 0]
    assert np.array_equal(inverted, 65535 - pixels[:, :, 0])


def test_lzw_tiffs_are_turned_once_too(tmp_path):
    path = tmp_path / "a.tif"
    pixels = picture(np.uint16, 1, alpha=False).pixels
    PIL.Image.fromarray(pixels[:, :, 0]).save(path, compression="tiff_lzw", tiffinfo={274: 6})
    assert np.array_equal(read_image(path).pixels, pixels.swapaxes(0, 1)[:, ::-1])


def test_premultiplied_alpha_is_undone(tmp_path):
    path = tmp_path / "a.tif"
    stored = np.array([[[10_000, 20_000, 0, 32_768]]], np.uint16)
    tifffile.imwrite(path, stored, photometric="rgb", extrasamples=["assocalpha"])
    assert read_image(path).pixels.tolist() == [[[20_000, 39_999, 0]]]


def test_floats_that_are_not_on_0_to_1_are_told_of(tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.full((4, 4, 3), 200, np.float32), photometric="rgb")
    with pytest.warns(ImgaeWarning, match="values reach from 200 to 200"):
        read_image(path)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("compression", [None, "tiff_lzw"])
def test_the_resolutions_of_a_deep_tiff_turn_with_it(tmp_path, orientation, compression):
    path = tmp_path / "a.tif"
    pixels = picture(np.uint16, 1, alpha=False).pixels[:, :, 0]
    options = {"compression": compression} if compression else {}
    tags = {274: orientation}
    PIL.Image.fromarray(pixels).save(path, tiffinfo=tags, dpi=(300, 150), **options)
    assert read_image(path).dpi == ((150, 300) if orientation >= 5 else (300, 150))
