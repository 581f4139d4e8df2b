import numpy as np
import PIL.Image
import pytest
from pictures import exif, picture

from imgae import ImgaeWarning, read_image, write_image


def test_jpeg_drops_depth_and_transparency_with_a_note(tmp_path):
    with pytest.warns(ImgaeWarning) as notes:
        write_image(picture(np.uint16, 3, alpha=True), tmp_path / "a.jpg")
    assert {"reduced from 16" in str(n.message) for n in notes} == {True, False}
    back = read_image(tmp_path / "a.jpg")
    assert (back.bits, back.mode) == (8, "RGB")


def test_damaged_camera_data_is_left_out_and_told_of(tmp_path):
    path = tmp_path / "a.jpg"
    good = PIL.Image.fromarray(picture(np.uint8, 3, alpha=False).pixels)
    good.save(path, exif=b"Exif\0\0garbage beyond all parsing")
    with pytest.warns(ImgaeWarning, match=r"a\.jpg: .*damaged, and left out"):
        image = read_image(path)
    write_image(image, tmp_path / "a.png")
    assert read_image(tmp_path / "a.png").exif is None


def test_camera_data_too_long_for_a_jpeg_is_left_out_and_told_of(tmp_path):
    image = picture(np.uint8, 3, alpha=False, exif=exif() + bytes(70_000), xmp=bytes(70_000))
    with pytest.warns(ImgaeWarning, match="cannot hold so much"):
        write_image(image, tmp_path / "a.jpg")
    assert read_image(tmp_path / "a.jpg").exif is None
