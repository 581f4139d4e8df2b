import math

import numpy as np
import pytest

from imgae.picture.metrics import psnr, ssim

RNG = np.random.default_rng(0)


def test_psnr_of_equal_pictures_is_infinite_and_of_others_what_the_formula_says():
    zeros = np.zeros((4, 5, 3), np.uint8)
    assert psnr(zeros, zeros) == math.inf
    assert psnr(zeros + 1, zeros, peak=255) == pytest.approx(20 * math.log10(255))


@pytest.mark.parametrize("shape", [(1, 1, 3), (10, 40, 3), (40, 10, 1)])
def test_ssim_of_pictures_smaller_than_its_window_is_nan(shape):
    picture = RNG.integers(0, 255, shape).astype(np.uint8)
    assert math.isnan(ssim(picture, picture))


def test_ssim_begins_at_its_window():
    pytest.importorskip("skimage", reason="scikit-image is not installed")
    picture = RNG.integers(0, 255, (11, 11, 3)).astype(np.uint8)
    assert ssim(picture, picture) == 1
    assert ssim(picture, 255 - picture) < 0.5
