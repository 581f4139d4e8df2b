import numpy as np
import pytest

from imgae.synthetic import sky


def test_every_cell_has_a_star_that_is_brighter_than_the_noise():
    pixels = sky.stars(4, 3.0, np.random.default_rng(0))
    assert pixels.shape == (4 * sky.CELL, 4 * sky.CELL, 3)
    cells = pixels[:, :, 0].reshape(4, sky.CELL, 4, sky.CELL).max((1, 3)) - sky.BACKGROUND
    assert cells.min() > 0.7 * 3 * sky.PEAKS[0]
    assert cells.max() < 3 * sky.PEAKS[1] + 1


def test_the_light_of_stars_is_measured_above_their_ground():
    pixels = sky.stars(4, 3.0, np.random.default_rng(0)).astype(float)
    light = sky.light_of(pixels)
    assert (light > 0).all()
    assert sky.light_of(pixels + 5) == pytest.approx(light)
    assert sky.light_of(sky.BACKGROUND + (pixels - sky.BACKGROUND) / 2) == pytest.approx(light / 2)
