"""Noise levels as callers give them."""

import numpy as np
import pytest
import tiny_models

from imgae import Denoiser, Image, OptionError
from imgae.model import registry

RNG = np.random.default_rng(0)
NOISY = RNG.integers(60, 200, (41, 50, 3)).astype(np.uint8)
MAP = np.linspace(0, 0.2, 41 * 50, dtype=np.float32).reshape(41, 50)


@pytest.fixture(scope="module")
def darken(tmp_path_factory):
    """Subtracts the level."""
    return Denoiser(tiny_models.darken(tmp_path_factory.mktemp("m") / "darken.onnx"), threads=1)


def test_auto_is_the_same_as_none(darken, estimator):
    assert np.array_equal(darken(NOISY, sigma="auto"), darken(NOISY))
    assert darken.run(Image(NOISY), "auto").sigma_source == "estimated"


@pytest.mark.parametrize("tile", [0, 8, 17])
def test_a_map_is_cut_as_the_picture_is(darken, tile):
    floats = NOISY.astype(np.float32) / 255
    out = Denoiser(darken.model.path, tile=tile)(floats, sigma=MAP)
    assert np.allclose(out, floats - MAP[:, :, None], atol=1e-6)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_a_map_is_told_by_its_mean(darken, dtype):
    done = darken.run(Image(NOISY), MAP.astype(dtype))
    assert done.sigma == pytest.approx(0.1, abs=1e-3)
    assert (done.sigma_source, done.caution) == ("given", None)


def test_a_map_above_the_models_range_is_cautioned_about(darken):
    levels = MAP.copy()
    levels[3, 4] = 0.5
    assert "trained up to level 51" in darken.run(Image(NOISY), levels).caution


@pytest.mark.parametrize("level", [0.1, np.float32(0.1), np.float64(0.1), np.array(0.1), 0, 1])
def test_numbers_of_every_kind_are_levels(darken, level):
    out = darken(NOISY.astype(np.float32) / 255, sigma=level)
    assert np.allclose(out, (NOISY / 255 - float(level)).clip(0), atol=1e-6)


@pytest.mark.parametrize(
    ("level", "words"),
    [
        (MAP.T, "map of noise levels is 41x50, the picture 50x41; they must be of one size"),
        (MAP[:, :, None], r"map of noise levels has shape \(41, 50, 1\); expected \(H, W\)"),
        (NOISY[:, :, 0], "map of noise levels is uint8; expected float"),
        (np.where(MAP > 0.1, np.nan, MAP), "goes from nan to nan; expected a level from 0 to 1"),
        (MAP * 255, "goes from 0 to 51; expected a level from 0 to 1"),
        (MAP - 0.1, "goes from -0.1 to 0.1; expected"),
        ("loud", "sigma is 'loud'; expected a level from 0 to 1"),
        ([0.1, 0.2], r"sigma is \[0.1, 0.2\]; expected"),
        (1j, "sigma is 1j; expected"),
        (True, "sigma is True; expected"),
        (np.array(np.nan), "sigma is nan; expected"),
    ],
)
@pytest.mark.parametrize("strength", [0.0, 1.0])
def test_other_levels_are_refused_in_a_sentence(darken, level, words, strength):
    with pytest.raises(OptionError, match=words):
        darken(NOISY, level, strength)


@pytest.mark.parametrize("name", ["denoise-fast", "denoise-balanced-int8"])
def test_shipped_models_give_the_same_for_a_map_of_one_level_as_for_that_level(name):
    denoiser = Denoiser(registry.find(name), threads=1, tile=24)
    flat = np.full((41, 50), 0.1, np.float32)
    whole, mapped = denoiser(NOISY, 0.1).astype(int), denoiser(NOISY, flat).astype(int)
    assert np.abs(whole - mapped).max() <= 1
    stepped = flat.copy()
    stepped[:, 25:] = 0.3
    assert not np.array_equal(denoiser(NOISY, stepped), denoiser(NOISY, flat))


def test_a_whole_number_of_numpy_is_a_level(models):
    picture = np.full((4, 4, 3), 9, np.uint8)
    assert np.array_equal(Denoiser("darken")(picture, sigma=np.int64(0)), picture)
