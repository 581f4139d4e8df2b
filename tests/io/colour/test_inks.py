import numpy as np
import pytest

from imgae.io.colour import inks


def test_a_damaged_profile_of_inks_is_told_and_the_formula_taken():
    samples = np.array([[[0, 0, 0, 0], [255, 0, 0, 0], [0, 0, 0, 255]]], np.uint8)
    broken = bytes(16) + b"CMYK" + bytes(200)
    told = []
    rgb, icc = inks.to_srgb(samples, broken, "a.tif", told.append)
    assert rgb.tolist() == [[[255] * 3, [0, 255, 255], [0] * 3]]
    assert icc is None
    assert "profile (ICC) of its inks is damaged" in told[0]
    assert "without a colour profile" in told[1]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_the_formula_leads_back_to_the_same_colours(dtype):
    colours = np.random.default_rng(2).integers(0, np.iinfo(dtype).max, (9, 9, 3), dtype)
    again = inks.to_rgb(inks.to_inks(colours, None), None)
    assert np.abs(again.astype(int) - colours).max() <= 1
