"""Pictures that use a part of their range are denoised as if they used all of it."""

import numpy as np
import pytest
import tiny_models

from imgae import Denoiser, Image
from imgae.restore.scaling import Scale, scale_for

RNG = np.random.default_rng(0)
TWELVE = RNG.integers(200, 3900, (40, 50, 3)).astype(np.uint16)


@pytest.mark.parametrize(
    ("most", "dtype", "factor"),
    [
        (255, np.uint8, 1),
        (20, np.uint8, 1),
        (65535, np.uint16, 1),
        (40000, np.uint16, 1),
        (32767, np.uint16, 2),
        (4095, np.uint16, 16),
        (1023, np.uint16, 64),
        (3, np.uint16, 256),
        (0, np.uint16, 1),
        (1.0, np.float32, 1),
        (0.5, np.float32, 2),
        (0.01, np.float32, 64),
        (-1.0, np.float32, 1),
    ],
)
def test_the_factor_is_the_power_of_two_that_fits(most, dtype, factor):
    pixels = np.full((30, 40, 3), most, dtype)
    assert scale_for(pixels) == (Scale(-1) if most == -1 else Scale(span=1 / factor))
    pixels[0, 0] = np.array(200 if dtype == np.uint8 else 60000 if dtype == np.uint16 else 3.0)
    assert most == -1 or scale_for(pixels) == Scale(span=1 / factor)  # a few do not count


@pytest.fixture
def darken(tmp_path, estimator):
    return Denoiser(tiny_models.darken(tmp_path / "darken.onnx"), threads=1, tile=16)


def test_a_model_that_changes_nothing_gives_all_back_exactly(darken):
    for pixels in (TWELVE, TWELVE / np.float32(65535)):
        assert np.array_equal(darken(pixels, sigma=0.0), pixels)


def test_a_level_that_is_given_is_in_the_pictures_own_scale(darken):
    done = darken.run(Image(TWELVE), 100 / 65535)
    assert np.array_equal(done.image.pixels, TWELVE - 100)
    assert done.sigma == 100 / 65535
    levels = np.full((40, 50), 100 / 65535, np.float32)
    assert np.array_equal(darken(TWELVE, levels), TWELVE - 100)


def test_a_level_that_is_estimated_is_told_in_the_pictures_own_scale(darken, estimator):
    estimator(level=0.1)
    done = darken.run(Image(TWELVE))
    assert done.sigma == pytest.approx(0.1 / 16)
    expected = (TWELVE - 0.1 * 65535 / 16).clip(0)
    assert np.abs(done.image.pixels - expected).max() <= 0.5


def test_values_above_are_kept_and_none_passes_the_largest(darken, tmp_path):
    pixels = TWELVE.copy()
    pixels[3, 4] = 50_000, 100, 4000
    out = darken(pixels, sigma=50 / 65535)
    assert out[3, 4].tolist() == [50_000, 100, 4000]
    assert np.array_equal(
        np.delete(out.reshape(-1, 3), 3 * 50 + 4, 0),
        np.delete(TWELVE.reshape(-1, 3), 3 * 50 + 4, 0) - 50,
    )
    add = tiny_models.helper.make_node("Add", ["image", "sigma"], ["restored"])
    path = tiny_models.save(tmp_path / "add.onnx", [add], card_text=tiny_models.card().to_json())
    assert Denoiser(path)(TWELVE, sigma=0.01).max() == TWELVE.max()


def test_the_result_tells_it(darken):
    (note,) = darken.run(Image(TWELVE), 0.001).notes
    assert "at most 1/16 of its range, so it was denoised as if it were 16 times as bright" in note
    assert darken.run(Image(TWELVE * 16), 0.001).notes == ()
    assert "trained up to level 3.19" in darken.run(Image(TWELVE), 0.02).caution
