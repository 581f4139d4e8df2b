"""Pieces joined without steps."""

import numpy as np

from imgae.restore.synthesis.seams import join, neighbours, solve


def test_the_equation_is_solved():
    rng = np.random.default_rng(0)
    free = np.zeros((50, 61), bool)
    free[5:40, 9:50] = rng.random((35, 41)) < 0.95
    right = rng.normal(size=(50, 61, 2)).astype(np.float32)
    x = solve(right, free, hold=0.01)
    rest = (4.01 * x - neighbours(x) - right)[free]
    assert np.abs(rest).max() < 0.02
    assert not x[~free].any()


def test_a_piece_of_another_brightness_joins_its_surroundings():
    rng = np.random.default_rng(0)
    texture = 0.05 * rng.random((60, 90, 3), np.float32)
    picture = texture + 0.3
    picture[:, 45:] += 0.2
    hole = np.zeros((60, 90), bool)
    hole[20:40, 15:35] = True
    source = np.zeros(hole.shape, np.int32)
    places = np.flatnonzero(hole)
    source.ravel()[places] = places + 40
    filled = picture.copy()
    filled[hole] = picture.reshape(-1, 3)[places + 40]
    assert filled[hole].mean() > 0.5
    join(filled, hole, source)
    assert np.array_equal(filled[~hole], picture[~hole])
    edge = np.abs(filled[20:40, 15] - filled[20:40, 14]).mean()
    assert edge < 0.05
    # Inside, the texture is that of the piece.
    steps = np.diff(filled[20:40, 15:35], axis=1) - np.diff(picture[20:40, 55:75], axis=1)
    assert np.abs(steps).mean() < 0.02


def test_one_piece_that_fits_stays_as_it_is():
    columns = np.arange(80, dtype=np.float32) % 20 / 20
    picture = np.repeat(columns[None, :, None], 50, 0)
    hole = np.zeros((50, 80), bool)
    hole[20:30, 45:55] = True
    source = np.arange(hole.size, dtype=np.int32).reshape(hole.shape) - 20
    filled = picture.copy()
    join(filled, hole, source)
    assert np.allclose(filled, picture, atol=1e-6)
