"""Where two models in turn have to look."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgae.picture.tiling import Box
from imgae.restore.estimate import enlarged
from imgae.restore.routes import joined, put, reached


@given(st.data(), st.sampled_from([8, 16]))
def test_a_map_is_0_outside_of_where_it_reaches(data, stride):
    shape = data.draw(st.tuples(st.integers(1, 9), st.integers(1, 9)))
    cells = np.zeros(shape, np.float32)
    for _ in range(data.draw(st.integers(0, 3))):
        at = data.draw(st.integers(0, shape[0] - 1)), data.draw(st.integers(0, shape[1] - 1))
        cells[at] = 1
    top, left = (data.draw(st.integers(0, (side * 8 - 1) // stride)) * stride for side in shape)
    bottom = data.draw(st.integers(top + 1, shape[0] * 8))
    box = Box(top, left, bottom, data.draw(st.integers(left + 1, shape[1] * 8)))
    area = reached(cells, box, stride)
    values = enlarged(cells, box)
    if area is None:
        assert not values.any()
        return
    assert joined(area, box) == box
    assert area.top % stride == area.left % stride == 0
    inside = area.within(box).slices
    assert np.count_nonzero(values) == np.count_nonzero(values[inside])


def test_it_is_the_least_box_but_for_a_cell():
    cells = np.zeros((20, 20), np.float32)
    cells[5:7, 9] = 1
    assert reached(cells, Box(0, 0, 160, 160), 8) == Box(32, 64, 64, 88)
    assert reached(cells, Box(0, 0, 32, 160), 8) is None


@pytest.mark.parametrize("area", [Box(2, 2, 4, 4), Box(0, 0, 6, 6)])
def test_a_part_is_put_without_changing_what_it_is_put_in(area):
    planes = np.zeros((1, 3, 6, 6), np.float32)
    part = np.ones((1, 3, area.bottom - area.top, area.right - area.left), np.float32)
    whole = put(part, area, planes, Box(0, 0, 6, 6))
    assert whole.sum() == part.sum()
    assert not planes.any()
