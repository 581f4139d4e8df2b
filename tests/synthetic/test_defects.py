import numpy as np
import pytest

from imgae.synthetic import captions, defects, stamps
from imgae.synthetic.fonts import ANY

DRAWN = {
    "scratches": defects.draw_all_scratches,
    "dust": defects.draw_all_dust,
    "architecture": defects.draw_architecture,
    "stamps": lambda mask, rng: stamps.draw_stamps(mask, rng, ANY),
    "captions": lambda mask, rng: captions.draw_captions(mask, rng, ANY),
}


def drawn(kind, seed, shape=(256, 320)):
    mask = np.zeros(shape, np.uint8)
    DRAWN[kind](mask, np.random.default_rng(seed))
    return mask


@pytest.mark.parametrize("kind", DRAWN)
def test_what_is_drawn_follows_from_the_seed_and_has_soft_edges(kind):
    masks = [drawn(kind, seed) for seed in range(8)]
    assert np.array_equal(masks[3], drawn(kind, 3))
    assert not np.array_equal(masks[3], masks[4])
    shares = [(mask > 0).mean() for mask in masks]
    assert 1e-4 < np.mean(shares) < 0.4
    between = np.mean(
        [((mask > 20) & (mask < 235)).sum() / max((mask > 0).sum(), 1) for mask in masks]
    )
    assert between > 0.02


@pytest.mark.parametrize("kind", DRAWN)
def test_small_masks_are_drawn_too(kind):
    for seed in range(5):
        drawn(kind, seed, (40, 70))


def test_dates_have_digits_and_no_letters_but_am_and_pm():
    for seed in range(200):
        text = stamps.date_text(np.random.default_rng(seed))
        assert sum(letter.isdigit() for letter in text) >= 3
        assert set(text) <= set("0123456789 ':/.-AMP")


@pytest.mark.parametrize("draw", [stamps.segment_text, stamps.dotted_text])
def test_digits_of_a_date_stand_beside_each_other(draw):
    one, two = (draw(text, 48, np.random.default_rng(2)) for text in ("8", "88"))
    assert two.shape[0] == one.shape[0]
    assert two.shape[1] > one.shape[1]
    assert two.astype(int).sum() == pytest.approx(2 * one.astype(int).sum(), rel=0.05)


def test_an_eight_has_more_segments_than_a_one():
    eight, one = (stamps.segment_text(text, 60, np.random.default_rng(0)) for text in "81")
    assert (eight > 0).sum() > 2 * (one > 0).sum()


def test_a_stamp_has_about_the_height_asked_for():
    for seed in range(20):
        cover = stamps.draw_stamp(20, np.random.default_rng(seed), ANY)
        rows = (cover > 100).any(1).nonzero()[0]
        assert 8 < np.ptp(rows) < 45


def test_what_lies_outside_a_mask_is_cut_off():
    mask = np.zeros((6, 8), np.uint8)
    cover = np.full((4, 4), 200, np.uint8)
    for left, top in ((-2, -2), (6, 4), (20, 0), (0, -9)):
        stamps.lay(mask, cover, left, top)
    assert (mask > 0).sum() == 4 + 4
