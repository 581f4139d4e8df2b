import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgae.restore import beyond
from imgae.restore.beyond import Extended, Marked
from imgae.restore.unseen import extended


@pytest.fixture(autouse=True)
def narrow(monkeypatch):
    monkeypatch.setattr(beyond, "NEAR", 2)


def is_marked(pixels):
    return pixels[:, :, 0] > 200


@given(
    st.integers(0, 2**32), st.sampled_from([0.01, 0.2, 0.9]), st.integers(0, 49), st.integers(1, 20)
)
def test_any_rows_are_extended_as_in_the_whole_picture(seed, share, top, height):
    """From the same of several pixels that are as near."""
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 200, (50, 30, 3)).astype(np.uint8)
    pixels[rng.random((50, 30)) < share] = 255
    y, x, side = rng.integers(0, 30), rng.integers(0, 20), rng.integers(1, 20)
    pixels[y : y + side, x : x + side] = 255
    marked = is_marked(pixels)
    if marked.all():
        return
    whole, rows = extended(pixels, marked), slice(top, top + height)
    found = Extended(pixels, is_marked)
    assert np.array_equal(found[rows], whole[rows])
    assert np.array_equal(found[rows, 3:9], whole[rows, 3:9])
    assert np.array_equal(Marked(pixels, is_marked, kept=True)[rows], marked[rows])
    assert np.array_equal(Marked(pixels, is_marked, kept=False)[rows, 4:6], ~marked[rows, 4:6])
