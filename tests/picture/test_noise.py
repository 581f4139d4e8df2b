import numpy as np
import pytest
from scenes import photo

from imgae.picture.noise import clipped_moments, estimate_noise
from imgae.synthetic import drawings


def noisy(clean, level, seed=0):
    noise = np.random.default_rng(seed).normal(0, level / 255, clean.shape)
    return np.rint(np.clip(clean + noise, 0, 1) * 255).astype(np.uint8)


@pytest.mark.parametrize("level", [3, 10, 25, 50])
@pytest.mark.parametrize("channels", [1, 3])
def test_the_level_of_white_noise_is_found_within_5_percent_or_a_level(level, channels):
    pixels = noisy(photo(256, 320)[:, :, :channels], level)
    estimate = estimate_noise(pixels)
    assert estimate.sigma * 255 == pytest.approx(level, rel=0.05, abs=0.75)
    assert estimate.caution is None


def test_the_estimate_does_not_depend_on_the_type_of_the_pixels():
    eight = noisy(photo(128, 128), 20)
    sixteen = eight.astype(np.uint16) * 257
    assert estimate_noise(sixteen).sigma == pytest.approx(estimate_noise(eight).sigma, rel=1e-4)
    floats = (eight / 255).astype(np.float32)
    assert estimate_noise(floats).sigma == pytest.approx(estimate_noise(eight).sigma, rel=1e-4)


def test_a_clean_picture_reads_near_zero_and_says_why_to_doubt_it():
    smooth = photo(512, 512)[::2, ::2] + photo(512, 512)[1::2, 1::2]
    estimate = estimate_noise((smooth / 2 * 255).round().astype(np.uint8))
    assert estimate.sigma * 255 < 1
    assert "no white noise found" in estimate.caution


def test_grain_larger_than_a_pixel_is_not_taken_for_white_noise():
    coarse = np.random.default_rng(0).normal(0, 20 / 255, (128, 128, 3)).repeat(2, 0).repeat(2, 1)
    pixels = np.rint(np.clip(photo(256, 256) + coarse, 0, 1) * 255).astype(np.uint8)
    assert "no white noise found" in estimate_noise(pixels).caution


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 500, 3), (4, 4, 1), (20, 20, 3)])
def test_pictures_too_small_to_tell_give_zero_and_say_so(shape):
    estimate = estimate_noise(np.zeros(shape, np.uint8))
    assert estimate.sigma == 0
    assert "too small" in estimate.caution


@pytest.mark.parametrize("value", [0, 128, 255])
def test_a_flat_picture_has_no_noise(value):
    assert estimate_noise(np.full((64, 64, 3), value, np.uint8)).sigma < 1e-6


def test_the_moments_of_clipped_noise_are_what_drawing_it_gives():
    draws = np.random.default_rng(0).normal(0.1, 0.2, 400_000).clip(0, 1)
    assert clipped_moments(0.1, 0.2) == pytest.approx((draws.mean(), draws.var()), rel=0.01)
    assert clipped_moments(0.5, 0.01) == pytest.approx((0.5, 1e-4), rel=1e-6)


@pytest.mark.parametrize("number", range(4))
@pytest.mark.parametrize("kind", ["screen", "chart"])
def test_type_and_lines_on_flat_ground_are_not_white_noise(kind, number):
    pixels = drawings.draw(kind, 512, np.random.default_rng(number))
    estimate = estimate_noise(pixels)
    assert estimate.caution or estimate.sigma < 1 / 255
    grayer = 0.15 + 0.6 * pixels / 255
    assert estimate_noise(noisy(grayer, 10)).caution is None


@pytest.mark.parametrize("tint", [(1, 1, 1), (1, 0.85, 0.7), (0, 1, 0)])
def test_a_gray_picture_stored_as_rgb_is_read_like_a_gray_one(tint):
    gray = noisy(photo(256, 320)[:, :, :1], 25)
    tinted = np.rint(gray * np.array(tint)).astype(np.uint8)
    expected = estimate_noise(gray).sigma * max(tint)
    assert estimate_noise(tinted).sigma == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize("brightness", [0.08, 0.9])
def test_clipping_at_black_and_white_is_allowed_for(brightness):
    dark = photo(256, 320) * 0.25 + brightness - 0.1
    dark[:, :120] += 0.3 if brightness < 0.5 else -0.3  # some of the picture has room
    assert estimate_noise(noisy(dark, 30)).sigma * 255 == pytest.approx(30, rel=0.08)
    everywhere = np.full((200, 200, 3), brightness)
    assert estimate_noise(noisy(everywhere, 30)).sigma * 255 == pytest.approx(30, rel=0.12)


def test_wild_floats_do_not_upset_it():
    wild = np.full((64, 64, 3), 1e30, np.float32)
    wild[::2] = -1e30
    assert np.isfinite(estimate_noise(wild).sigma)
