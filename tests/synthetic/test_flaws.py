"""Drawn flaws: seeded, where their mask says, and of the sizes that are promised."""

import cv2
import numpy as np
import pytest

from imgae.synthetic import flaws, textures

SIDE = 128
PICTURE = textures.draw("knit", SIDE, np.random.default_rng(0))
OTHER = textures.draw("marble", SIDE, np.random.default_rng(0))


def drawn(kind, seed, picture=PICTURE, foreign=OTHER):
    return flaws.draw(kind, picture, np.random.default_rng(seed), foreign)


def wider(mask, pixels):
    """A mask grown by so many pixels; shrunk, if they are negative."""
    change = cv2.dilate if pixels > 0 else cv2.erode
    kernel = np.ones((3, 3), np.uint8)
    return change(mask.astype(np.uint8), kernel, iterations=abs(pixels)).astype(bool)


def test_there_are_five_kinds():
    assert tuple(flaws.KINDS) == ("scratch", "blob", "missing", "foreign", "colour")


@pytest.mark.parametrize("kind", flaws.KINDS)
def test_a_flaw_follows_from_its_seed(kind):
    before = PICTURE.copy()
    pixels, mask = drawn(kind, 1)
    again, same = drawn(kind, 1)
    other, elsewhere = drawn(kind, 2)
    assert pixels.dtype == np.uint8
    assert pixels.shape == PICTURE.shape
    assert mask.shape == PICTURE.shape[:2]
    assert np.array_equal(pixels, again)
    assert np.array_equal(mask, same)
    assert (mask != elsewhere).any()
    assert (pixels != other).any()
    assert np.array_equal(PICTURE, before)


@pytest.mark.parametrize("kind", flaws.KINDS)
def test_the_mask_is_where_the_picture_changed(kind):
    for seed in range(12):
        pixels, mask = drawn(kind, seed)
        change = np.abs(pixels.astype(float) - PICTURE).max(2)
        assert mask.any()
        assert (change[mask] > 4).mean() > 0.8
        assert not change[~wider(mask, 4)].any()
        assert change[mask].mean() > 2 * change[~mask].mean()


@pytest.mark.parametrize("kind", flaws.KINDS)
def test_a_flaw_is_small_beside_the_picture(kind):
    shares = [drawn(kind, seed)[1].mean() for seed in range(30)]
    assert min(shares) > 0
    assert max(shares) < 0.08


def test_a_scratch_is_thin():
    for seed in range(10):
        _, mask = drawn("scratch", seed)
        assert cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 5).max() < 4


def test_where_texture_is_missing_it_is_flat_and_of_the_same_colour():
    for seed in range(10):
        pixels, mask = drawn("missing", seed)
        inner = wider(mask, -2)
        assert pixels[inner].std(0).max() < 6
        assert np.abs(pixels[inner].mean(0) - PICTURE[mask].mean(0)).max() < 4


def test_another_colour_keeps_the_brightness():
    luma = np.array([0.299, 0.587, 0.114])
    for seed in range(10):
        pixels, mask = drawn("colour", seed)
        inside = pixels[mask].astype(float), PICTURE[mask].astype(float)
        assert abs((inside[0] - inside[1]).mean(0) @ luma) < 6
        assert np.abs((inside[0] - inside[1]).mean(0)).max() > 10


@pytest.mark.parametrize("side", [flaws.LEAST_SIDE, 50, 200])
def test_what_is_foreign_may_be_of_another_size(side):
    other = np.random.default_rng(0).integers(0, 256, (side, side + 9, 3), dtype=np.uint8)
    pixels, mask = drawn("foreign", 5, foreign=other)
    assert (pixels[mask] != PICTURE[mask]).any()


@pytest.mark.parametrize("kind", flaws.KINDS)
def test_small_pictures_have_flaws_too(kind):
    small = PICTURE[: flaws.LEAST_SIDE, : flaws.LEAST_SIDE + 5]
    found = [drawn(kind, seed, small, OTHER)[1].any() for seed in range(10)]
    assert sum(found) >= 8
