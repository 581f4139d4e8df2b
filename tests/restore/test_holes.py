"""The geometry of holes."""

import numpy as np

from imgae.restore.holes import around, deep_parts, depth_of


def test_depth_is_the_distance_to_known_pixels():
    hole = np.zeros((40, 50), bool)
    hole[10:21, 10:41] = True
    depth = depth_of(hole)
    assert depth[15, 25] == 6
    assert depth[10, 25] == 1
    assert not depth[~hole].any()
    assert not depth_of(np.zeros((5, 5), bool)).any()


def test_deep_parts_reach_the_corners_of_a_block_and_leave_a_line_out():
    hole = np.zeros((60, 90), bool)
    hole[10:40, 10:40] = True
    hole[24:26, 40:90] = True
    deep = deep_parts(depth_of(hole), hole, 8)
    assert deep[10, 10]
    assert deep[24, 30]
    assert not deep[24, 60:].any()
    assert not (deep & ~hole).any()


def test_a_box_around_starts_at_even_places_inside_the_picture():
    marked = np.zeros((20, 30), bool)
    marked[5:7, 11] = True
    box = around(marked, 4)
    assert (box.top, box.left, box.bottom, box.right) == (0, 6, 11, 16)
