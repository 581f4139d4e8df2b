import numpy as np
import PIL.Image
import pytest

from imgae import Image, ImageError
from imgae.picture.arrays import from_picture, like_picture

RNG = np.random.default_rng(0)
Y, X = np.mgrid[:32, :40]
RAMP = np.repeat((X * 4 + Y * 3)[:, :, None], 3, 2)
"""Whole numbers from 0 to 249."""


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "array",
    [
        RAMP,
        RAMP + RNG.normal(0, 20, RAMP.shape),
        RAMP * 0.37 + 4,
        np.where(RAMP > 240, 255, 0),
        np.dstack([RAMP, np.ones((32, 40))]),
        RAMP[:, :, 0],
    ],
    ids=["8 bits", "noisy", "dark", "mostly black", "with alpha", "gray"],
)
def test_floats_on_0_to_255_are_refused_with_what_to_do(array, dtype):
    with pytest.raises(ImageError, match=r"on \[0, 1\].*divide .* by 255"):
        from_picture(array.astype(dtype))


def test_what_a_hole_may_hold_does_not_hide_floats_on_0_to_255():
    array = np.where(RAMP > 240, 255, 0).astype(np.float32)
    array[3:9, 3:9] = np.nan
    with pytest.raises(ImageError, match="divide"):
        from_picture(array)


@pytest.mark.parametrize(
    "array",
    [
        RNG.random((32, 40, 3)),
        RNG.random((32, 40, 3)) * 1.4 - 0.2,
        RNG.lognormal(-1, 1.5, (32, 40, 3)),
        np.where(RNG.random((32, 40, 1)) < 0.3, 200.5, RNG.random((32, 40, 3))),
        RNG.lognormal(6, 3, (32, 40, 3)),
        np.full((32, 40, 3), 1e30),
        np.zeros((32, 40, 3)),
        np.ones((32, 40, 3)),
        np.full((32, 40, 3), -3.0),
        np.where(RAMP > 100, 16.0, 0.0),
        np.full((32, 40, 3), 7.0),
    ],
    ids=[
        "usual", "overshooting", "high range", "lamps", "radiance", "huge", "black", "white",
        "below", "four stops over", "sevens",
    ],
)  # fmt: skip
def test_other_floats_are_taken_as_they_are(array):
    array = array.astype(np.float32)
    assert np.array_equal(from_picture(array).pixels, array)


def test_integers_and_images_are_not_asked_for_their_range():
    assert from_picture(RAMP.astype(np.uint8)).bits == 8
    assert from_picture(RAMP.astype(np.uint16)).bits == 16
    image = Image(RAMP.astype(np.float32))  # as from a float TIFF, which read_image warns of
    assert from_picture(image) is image


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "I;16"])
def test_pil_images_come_back_in_their_mode(mode):
    dtype = np.uint16 if mode == "I;16" else np.uint8
    shape = (5, 7) if mode in ("L", "I;16") else (5, 7, len(mode))
    original = PIL.Image.fromarray(RNG.integers(0, 255, shape).astype(dtype))
    assert original.mode == mode
    back = like_picture(original, from_picture(original))
    assert back.mode == mode
    assert np.array_equal(np.asarray(back), np.asarray(original))
