"""Half and twice the size."""

import numpy as np

from imgae.restore.synthesis.scales import halve_all


def test_a_coarse_pixel_is_marked_where_all_of_it_is():
    marked = np.ones((5, 7), bool)
    marked[0, 0] = marked[4, 6] = False
    coarse = halve_all(marked)
    assert coarse.shape == (3, 4)
    assert np.argwhere(~coarse).tolist() == [[0, 0], [2, 3]]
