"""Drawn materials: seeded, of one kind each, and unlike each other."""

import numpy as np
import pytest

from imgae.synthetic import textures

SIDE = 96


def drawn(kind, seed, side=SIDE):
    return textures.draw(kind, side, np.random.default_rng(seed))


def test_there_are_ten_materials():
    assert len(textures.KINDS) == 10


@pytest.mark.parametrize("kind", textures.KINDS)
def test_a_picture_follows_from_its_seed(kind):
    one, again, other = drawn(kind, 1), drawn(kind, 1), drawn(kind, 2)
    assert one.shape == (SIDE, SIDE, 3)
    assert one.dtype == np.uint8
    assert np.array_equal(one, again)
    assert (one != other).mean() > 0.3


@pytest.mark.parametrize("kind", textures.KINDS)
@pytest.mark.parametrize("side", [textures.LEAST_SIDE, 72])
def test_other_sizes_are_drawn_too(kind, side):
    assert drawn(kind, 3, side).shape == (side, side, 3)


@pytest.mark.parametrize("kind", textures.KINDS)
def test_a_picture_is_neither_flat_nor_cut_off(kind):
    pixels = drawn(kind, 4)
    assert pixels.std() > 3
    assert ((pixels == 0) | (pixels == 255)).mean() < 0.05


def test_pictures_of_a_material_are_more_alike_than_those_of_others():
    def looks(pixels):
        x = pixels.astype(float)
        fine = np.abs(np.diff(x, axis=0)).mean(), np.abs(np.diff(x, axis=1)).mean()
        return np.array([*x.mean((0, 1)), x.std(), *fine])

    groups = [np.stack([looks(drawn(kind, seed)) for seed in range(4)]) for kind in textures.KINDS]
    middles = np.stack([group.mean(0) for group in groups])
    for number, group in enumerate(groups):
        own = np.linalg.norm(group - middles[number], axis=1).mean()
        others = np.linalg.norm(np.delete(middles, number, 0) - middles[number], axis=1)
        assert own < others.min()
