"""One hole filled from its surroundings."""

import numpy as np
import pytest
from scenes import HOLE, grainy

from imgae.picture.metrics import detail_ratio
from imgae.picture.pixels import to_float
from imgae.restore.synthesis.fill import fill_hole


@pytest.mark.parametrize("channels", [1, 3])
def test_a_hole_in_grain_gets_grain_and_keeps_its_colours(channels):
    pixels, hole = grainy(np.float32, channels)
    out = fill_hole(pixels, hole, ~hole)
    assert out.shape == pixels.shape
    assert np.array_equal(out[~hole], pixels[~hole])
    assert 0.7 < detail_ratio(out.repeat(3 // channels, 2), hole) < 1.3
    before, after = (a[HOLE].mean((0, 2)) for a in (pixels, out))
    assert np.abs(after - before).max() < 0.06


@pytest.mark.parametrize("side", [8, 12, 16])
def test_a_pattern_goes_on(side):
    """A chequerboard, of which the guess knows nothing. With squares of 10 the phase is lost."""
    y, x = np.mgrid[0:180, 0:200]
    board = ((y // side + x // side) % 2 * 0.6 + 0.2).astype(np.float32)[:, :, None].repeat(3, 2)
    hole = np.zeros((180, 200), bool)
    hole[60:120, 70:130] = True
    guess = np.where(hole[:, :, None], np.float32(0.5), board)
    out = fill_hole(guess, hole, ~hole)
    assert (np.abs(out - board)[hole] < 0.1).mean() > 0.9


def test_the_same_seed_gives_the_same_fill_and_another_another():
    pixels, hole = grainy(np.float32)
    first, second, other = (fill_hole(pixels, hole, ~hole, seed) for seed in (0, 0, 1))
    assert np.array_equal(first, second)
    assert np.abs(first - other)[hole].mean() > 0.02


def test_nothing_is_copied_from_what_is_not_usable():
    pixels, hole = grainy(np.float32)
    usable = ~hole
    usable[:, 130:] = usable[:40] = False
    spoilt = pixels.copy()
    spoilt[30:40, 10:20] = spoilt[20:25, 140:150] = 1
    a, b = (fill_hole(p, hole, usable) for p in (pixels, spoilt))
    assert np.abs(a - b)[hole].max() < 0.3
    assert b[hole].max() < 0.9


def test_a_hole_at_the_corner_is_filled():
    pixels = to_float(grainy()[0])
    hole = np.zeros(pixels.shape[:2], bool)
    hole[:50, :60] = True
    pixels[hole] = 0.5
    out = fill_hole(pixels, hole, ~hole)
    assert 0.5 < detail_ratio(out, hole) < 1.5


@pytest.mark.parametrize("shape", [(6, 300), (40, 40), (12, 12)])
def test_too_little_around_a_hole_gives_nothing(shape):
    pixels = np.random.default_rng(0).random((*shape, 3), np.float32)
    hole = np.zeros(shape, bool)
    hole[2:-2, 2:-2] = True
    assert fill_hole(pixels, hole, ~hole) is None
