"""From odds to masks, on drawn maps."""

import numpy as np
import pytest

from imgae.restore import marks

H, W = 200, 300


def maps(**shown):
    """Odds of all kinds: surely nothing, but for what is given as {kind: mask}."""
    odds = {name: np.full((H, W), -100, np.int8) for name in marks.FEWEST}
    for name, mask in shown.items():
        odds[name.replace("_", "-")][mask] = 30
    return odds


def rows_of_digits(top, left, count=6, high=10, wide=6, gap=4):
    mask = np.zeros((H, W), bool)
    for number in range(count):
        x = left + number * (wide + gap)
        mask[top : top + high, x : x + wide] = True
    return mask


def test_odds_are_zero_at_one_half_and_rise_with_the_probability():
    odds = marks.odds_of(np.array([0, 0.01, 0.5, 0.99, 1], np.float32))
    assert odds.dtype == np.int8
    assert odds[2] == 0
    assert (np.diff(odds.astype(int)) > 0).all()
    assert odds[1] == -45
    assert odds[3] == 46


def test_the_threshold_falls_as_sensitivity_rises():
    values = [marks.threshold(s) for s in np.linspace(0, 1, 11)]
    assert values[5] == 0
    assert (np.diff(values) < 0).all()
    assert values[0] == -values[-1] == marks.SPAN / 2 * marks.STEPS


def test_more_is_marked_the_higher_the_sensitivity():
    odds = np.random.default_rng(0).integers(-60, 60, (H, W)).astype(np.int8)
    found = [marks.marks_of({"dust": odds}, s)["dust"] for s in (0.1, 0.5, 0.9)]
    assert (found[0] <= found[1]).all()
    assert (found[1] <= found[2]).all()
    assert found[0].sum() < found[2].sum()


def test_specks_are_no_scratches_and_spots_no_dead_pixels():
    line, speck, spot = (np.zeros((H, W), bool) for _ in range(3))
    line[20, 20:60], speck[90, 90], spot[40:48, 40:48] = True, True, True
    found = marks.marks_of(maps(scratches=line | speck, dead_pixels=speck | spot), 0.5)
    assert np.array_equal(found["scratches"], line)
    assert np.array_equal(found["dead-pixels"], speck)


@pytest.mark.parametrize(
    ("top", "left", "kind"),
    [(180, 220, "stamp"), (10, 10, "stamp"), (95, 120, "text"), (180, 120, "text")],
)
def test_a_date_is_a_stamp_near_a_corner_and_text_elsewhere(top, left, kind):
    digits = rows_of_digits(top, left)
    found = marks.marks_of(maps(stamp=digits), 0.5)
    assert np.array_equal(found[kind], digits)
    assert not found["text" if kind == "stamp" else "stamp"].any()


def test_a_caption_in_a_corner_stays_text():
    digits = rows_of_digits(180, 220)
    found = marks.marks_of(maps(text=digits), 0.5)
    assert np.array_equal(found["text"], digits)
    assert not found["stamp"].any()


def test_a_group_is_one_or_the_other():
    stamp, text = rows_of_digits(180, 220, 4), rows_of_digits(180, 260, 2)
    found = marks.marks_of(maps(stamp=stamp, text=text), 0.5)
    assert np.array_equal(found["stamp"], stamp | text)
    assert not found["text"].any()


def test_a_large_title_is_no_stamp():
    found = marks.marks_of(maps(stamp=rows_of_digits(140, 60, 4, 50, 40, 10)), 0.5)
    assert not found["stamp"].any()
    assert found["text"].any()
