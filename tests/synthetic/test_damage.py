import numpy as np
import pytest

from imgae.synthetic import damage


@pytest.fixture
def gray():
    return np.full((160, 200, 3), 128, np.uint8)


@pytest.mark.parametrize("make", damage.DAMAGES.values())
def test_pictures_are_damaged_where_the_masks_say(make, gray):
    damaged, masks = make(gray, np.random.default_rng((7, 0)))
    assert masks.shape == (160, 200, 5)
    assert masks.any((0, 1)).all()
    assert damaged.dtype == np.uint8
    changed = (damaged != gray).any(2)
    assert changed[masks.any(2)].mean() > 0.95
    # What lies beside a defect is softened by the blur of its edge, and by no more.
    assert changed.mean() < 5 * masks.any(2).mean()
    scratches, dust, dead, stamp, text = masks.mean((0, 1))
    assert 1e-5 < dead < 2 * damage.DEAD_SHARES[1]
    assert min(scratches, dust, text) > dead
    assert stamp > 0


@pytest.mark.parametrize("make", damage.DAMAGES.values())
def test_tones_change_the_picture_and_not_where_its_damage_lies(make, gray):
    masks = []
    for tone in damage.TONES:
        damaged, mask = make(gray, np.random.default_rng(3), tone=tone, late=True)
        masks.append(mask[:, :, 2])
        if tone == "gray":
            beside = ~mask[:, :, 2:].any(2)  # captions have colours of their own
            assert np.ptp(damaged[beside].astype(int), 1).mean() < 3
    assert all(np.array_equal(masks[0], mask) for mask in masks) or make is damage.damage_plainly


def test_a_tone_is_of_the_whole_picture():
    pixels = np.random.default_rng(0).random((8, 9, 3)).astype(np.float32)
    gray, sepia, faded = (damage.toned(pixels, tone) for tone in damage.TONES[1:])
    assert np.ptp(gray, 2).max() < 1e-6
    assert (np.diff(sepia, axis=2) <= 1e-6).all()  # red above green above blue
    assert faded.std() < 0.6 * pixels.std()
    assert np.array_equal(damage.toned(pixels, "colour"), pixels)


def test_marks_are_a_third_of_white_away_and_all_of_one_sign(gray):
    marked, mask = damage.mark_picture(gray, np.random.default_rng(0))
    assert np.array_equal((marked != gray).any(2), mask)
    assert len(np.unique(marked[mask])) == 1
    assert abs(int(marked[mask][0, 0]) - 128) == damage.CONTRAST
    assert 0.005 < mask.mean() < 0.3


@pytest.mark.parametrize("make", [*damage.DAMAGES.values(), damage.mark_picture])
def test_the_same_seed_does_the_same_damage(make, gray):
    first, second, other = (make(gray, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(first[0], second[0])
    assert np.array_equal(first[1], second[1])
    assert not np.array_equal(first[0], other[0])


def test_salt_and_pepper_are_black_and_white_on_a_share_of_the_pixels(gray):
    salted, mask = damage.salt(gray, 0.02, np.random.default_rng(0))
    assert set(np.unique(salted[mask])) == {0, 255}
    assert (salted[~mask] == gray[~mask]).all()
    assert mask.mean() == pytest.approx(0.02, rel=0.2)


def test_hot_pixels_are_brighter_in_one_channel(gray):
    hot, mask = damage.heat(gray, 0.01, np.random.default_rng(0))
    assert ((hot > gray).sum(2) == mask).all()
    assert (hot >= gray).all()
    assert hot[hot > gray].min() >= 180
