import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from imgae.picture.pixels import from_float, from_nchw, to_float, to_nchw, to_uint8_rgb

shapes = st.tuples(st.integers(1, 9), st.integers(1, 9), st.sampled_from([1, 3]))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_every_integer_survives_the_way_to_float_and_back(dtype):
    values = np.arange(np.iinfo(dtype).max + 1, dtype=dtype)
    assert (from_float(to_float(values), dtype) == values).all()


@given(shapes.flatmap(lambda shape: hnp.arrays(np.uint16, shape)))
def test_planes_hold_the_same_pixels(pixels):
    planes = to_nchw(pixels)
    assert planes.shape == (1, 3, *pixels.shape[:2])
    assert planes.dtype == np.float32
    back = from_nchw(planes, pixels.shape[2])
    assert (from_float(back, np.uint16) == pixels).all()


def test_white_is_one_in_every_type():
    assert to_float(np.array([255], np.uint8)) == 1
    assert to_float(np.array([65535], np.uint16)) == 1
    assert to_float(np.array([1.0], np.float32)) == 1


def test_integers_are_clipped_and_rounded_to_nearest_and_floats_stay():
    values = np.array([-0.5, 0.4 / 255, 0.6 / 255, 7.0], np.float32)
    assert from_float(values, np.uint8).tolist() == [0, 0, 1, 255]
    assert np.array_equal(from_float(values, np.float32), values)


def test_gray_16_bit_becomes_rgb_8_bit():
    pixels = np.array([[[0], [65535]]], np.uint16)
    assert to_uint8_rgb(pixels).tolist() == [[[0, 0, 0], [255, 255, 255]]]
