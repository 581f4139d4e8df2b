import numpy as np
import pytest

from imgae.synthetic import drawings
from imgae.synthetic.fonts import Fonts


def drawn(kind, seed, side=96, **more):
    return drawings.draw(kind, side, np.random.default_rng(seed), **more)


@pytest.mark.parametrize("kind", drawings.KINDS)
def test_drawn_pictures_are_pictures_and_differ(kind):
    first, again, other = (drawn(kind, seed) for seed in (0, 0, 1))
    assert first.shape == (96, 96, 3)
    assert first.dtype == np.uint8
    assert first.flags.c_contiguous
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("kind", drawings.KINDS)
def test_every_kind_is_drawn_at_the_least_side_and_at_odd_ones(kind):
    for seed in range(12):
        for side in (drawings.LEAST_SIDE, 101):
            assert drawn(kind, seed, side).shape == (side, side, 3)


@pytest.mark.parametrize("kind", ["page", "scan", "fax", "map", "screen", "desktop"])
def test_type_follows_the_fonts(kind):
    odd, even = (
        [drawn(kind, seed, fonts=Fonts(odd=odd)) for seed in range(4)] for odd in (True, False)
    )
    assert not np.array_equal(odd, even)


@pytest.mark.parametrize("kind", ["halftone", "dithered"])
def test_photographs_are_shown_where_there_are_some(kind):
    black = np.zeros((40, 60, 3), np.uint8)
    means = [drawn(kind, seed, photographs=[black]).mean() for seed in range(6)]
    assert max(means) < 50
    assert max(drawn(kind, seed).mean() for seed in range(6)) > 80


def test_a_fax_is_black_and_white():
    for seed in range(6):
        assert set(np.unique(drawn("fax", seed))) <= {0, 255}


def test_a_third_of_the_pages_is_not_anti_aliased():
    counts = [len(np.unique(drawn("page", seed, 256).reshape(-1, 3), axis=0)) for seed in range(24)]
    assert 2 < sum(count <= 8 for count in counts) < 16


def test_pixel_art_is_enlarged_2_to_16_times():
    found = set()
    for seed in range(40):
        sheet = drawn("pixel art", seed, 128).astype(int)
        edges = np.flatnonzero(np.abs(np.diff(sheet, axis=0)).any((1, 2))) + 1
        found.add(int(np.gcd.reduce(edges)))
    assert min(found) == 2
    assert 12 <= max(found) <= 16


def test_the_shares_of_training_pictures_add_up_and_name_every_kind():
    assert set(drawings.SHARES) == set(drawings.KINDS)
    assert sum(drawings.SHARES.values()) == pytest.approx(1)
    assert set(drawings.SIMPLE) <= set(drawings.KINDS)
