import numpy as np
import pytest

from imgae import Image, ImageError


def test_other_pixels_keep_what_travels_with_the_picture_but_not_the_tables_of_the_old():
    image = Image(
        np.zeros((2, 3, 3), np.uint8),
        np.full((2, 3), 7, np.uint8),
        icc=b"profile",
        exif=b"camera",
        xmp=b"notes",
        dpi=(300.0, 150.0),
        turned=6,
        quantisation=(0.1, 0.2),
    )
    other = image.with_pixels(np.ones((2, 3, 3), np.uint8))
    assert other.quantisation is None
    assert (other.icc, other.exif, other.xmp) == (b"profile", b"camera", b"notes")
    assert (other.dpi, other.turned) == ((300.0, 150.0), 6)
    assert other.alpha is image.alpha
    assert image.quantisation == (0.1, 0.2)


@pytest.mark.parametrize(
    ("pixels", "alpha", "sentence"),
    [
        (np.zeros((2, 3), np.uint8), None, r"pixels have shape \(2, 3\)"),
        (np.zeros((2, 3, 4), np.uint8), None, r"expected \(H, W, 1\) or \(H, W, 3\)"),
        (np.zeros((0, 3, 3), np.uint8), None, r"pixels have shape \(0, 3, 3\)"),
        (np.zeros((2, 3, 3)), None, "pixels are float64"),
        (np.zeros((2, 3, 3), np.uint8), np.zeros((3, 2), np.uint8), r"alpha is uint8 \(3, 2\)"),
        (np.zeros((2, 3, 3), np.uint8), np.zeros((2, 3), bool), "alpha is bool"),
        ([[[0]]], None, "its pixels came as list"),
        (np.zeros((2, 3, 3), np.uint8), [[0]], "its alpha came as list"),
    ],
)
def test_other_shapes_and_types_are_refused(pixels, alpha, sentence):
    with pytest.raises(ImageError, match=sentence):
        Image(pixels, alpha)
