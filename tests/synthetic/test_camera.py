import numpy as np
import pytest

from imgae.picture.metrics import psnr
from imgae.synthetic import camera


def flat(value=128, side=64):
    return np.full((side, side, 3), value, np.uint8)


def test_it_keeps_the_colours():
    """Its reference, of a smooth picture, is that picture: the pattern and balance fit."""
    ramp = np.linspace(40, 200, 96)[None, :, None] * np.array([1.0, 0.8, 0.6])
    smooth = np.broadcast_to(ramp, (96, 96, 3)).astype(np.uint8)
    seen = camera.photograph(smooth, 100, np.random.default_rng((100, 0)))
    inner = np.s_[8:-8, 8:-8]
    assert psnr(seen.clean[inner], smooth[inner], 255) > 40


def test_noise_grows_with_sensitivity():
    spreads = []
    for iso in camera.ISO:
        seen = camera.photograph(flat(), iso, np.random.default_rng(0))
        spreads.append(np.std(seen.noisy.astype(float) - seen.clean))
    assert spreads == sorted(spreads)
    assert spreads[-1] > 4 * spreads[0]


def test_noise_of_the_sensor_grows_with_light():
    draw = np.random.default_rng
    dark, bright = (
        camera.photograph(flat(value), 800, draw(0)).noisy.astype(float) for value in (20, 200)
    )
    linear_dark, linear_bright = camera.linear(dark / 255), camera.linear(bright / 255)
    assert linear_bright.std() > 2 * linear_dark.std()


def test_the_same_seed_takes_the_same_photograph():
    a, b = (camera.photograph(flat(), 800, np.random.default_rng(3)) for _ in range(2))
    other = camera.photograph(flat(), 800, np.random.default_rng(4))
    assert np.array_equal(a.noisy, b.noisy)
    assert not np.array_equal(a.noisy, other.noisy)
    assert camera.QUALITIES[0] <= a.quality < camera.QUALITIES[1]


def test_the_pattern_begins_with_red():
    light = np.zeros((4, 4, 3))
    light[:, :, 0], light[:, :, 1], light[:, :, 2] = 1, 2, 3
    assert camera.mosaic(light)[:2, :2].tolist() == [[1, 2], [2, 3]]


def test_linear_and_gamma_are_inverses():
    values = np.linspace(0, 1, 256)
    assert camera.gamma(camera.linear(values)) == pytest.approx(values, abs=1e-9)


def test_exposure_multiplies_the_light():
    picture = flat(100)
    assert np.array_equal(camera.expose(picture, 1.0), picture)
    darker = camera.expose(picture, 0.5)
    got, expected = (camera.linear(np.array([v / 255]))[0] for v in (darker[0, 0, 0], 100))
    assert got == pytest.approx(expected / 2, rel=0.02)
    assert camera.expose(picture, 50.0).min() == 255
