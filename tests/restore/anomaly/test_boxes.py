"""Boxes around what is above a threshold."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from imgae.restore.anomaly.boxes import MARGIN, Box, boxes_of


def a_map(height=100, width=120, **spots):
    found = np.zeros((height, width), np.float32)
    for row, column, value in spots.values():
        found[row, column] = value
    return found


def test_a_spot_gets_a_box_with_a_margin():
    side = 2 * MARGIN + 1
    assert boxes_of(a_map(one=(50, 60, 3)), 2) == (Box(60 - MARGIN, 50 - MARGIN, side, side, 3.0),)


def test_boxes_end_at_the_borders():
    assert boxes_of(a_map(one=(0, 119, 3)), 2) == (Box(119 - MARGIN, 0, MARGIN + 1, MARGIN + 1, 3),)


def test_what_is_not_above_the_threshold_gets_none():
    assert boxes_of(a_map(one=(5, 5, 2)), 2) == ()


def test_the_largest_score_is_first():
    found = boxes_of(a_map(one=(10, 10, 3), two=(80, 100, 9), three=(10, 100, 5)), 2)
    assert [box.score for box in found] == [9, 5, 3]


def test_boxes_that_touch_are_one():
    apart = 2 * MARGIN + 1
    touching = boxes_of(a_map(one=(50, 20, 3), two=(50, 20 + apart, 4)), 2)
    assert touching == (Box(20 - MARGIN, 50 - MARGIN, 2 * apart, apart, 4.0),)
    assert len(boxes_of(a_map(one=(50, 20, 3), two=(50, 20 + apart + 1, 4)), 2)) == 2


@given(st.lists(st.tuples(st.integers(0, 99), st.integers(0, 119)), min_size=1, max_size=12))
@settings(max_examples=60)
def test_boxes_cover_all_and_lie_apart(places):
    found = a_map()
    for row, column in places:
        found[row, column] = 1
    covered = np.zeros(found.shape, int)
    for x, y, width, height, _ in boxes_of(found, 0.5):
        covered[max(0, y - 1) : y + height, max(0, x - 1) : x + width] += 1
    assert covered.max() == 1
    assert (covered[found > 0] == 1).all()
