import weakref

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgae.picture import bands
from imgae.picture.bands import Rolling, bands_of, every, extremes, one_if_gray, row_bytes

ARRAY = np.random.default_rng(0).integers(0, 256, (40, 6, 3)).astype(np.uint8)


class Stored:
    """Rows of an array, which tells how many rows were read."""

    def __init__(self, array=ARRAY):
        self.array, self.shape, self.dtype, self.read = array, array.shape, array.dtype, []

    def __getitem__(self, key):
        self.read += range(len(self.array))[key[0] if isinstance(key, tuple) else key]
        return self.array[key].copy()


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(bands, "BAND", 7)


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 15)), max_size=9))
def test_rolling_rows_are_those_asked_for_wherever_they_lie(asked):
    rows = Rolling(Stored())
    for top, height in asked:
        assert np.array_equal(rows[top : top + height], ARRAY[top : top + height])
        assert np.array_equal(rows[top : top + height : 2, 1:3], ARRAY[top : top + height : 2, 1:3])


def test_rolling_rows_are_read_once_though_bands_overlap():
    stored = Stored()
    rows = Rolling(stored)
    for top in range(0, 40, 8):
        assert np.array_equal(rows[max(0, top - 4) : top + 12], ARRAY[max(0, top - 4) : top + 12])
        rows[top : top + 8, 2:4]
    assert stored.read == list(range(40))
    assert len(rows.buffer) == 16


def test_what_is_told_of_rows_is_what_is_told_of_arrays():
    for step in (1, 3, 9, 50):
        assert np.array_equal(every(Stored(), step), every(ARRAY, step))
    assert extremes(Stored()) == extremes(ARRAY) == (ARRAY.min(), ARRAY.max())
    assert [len(band) for band in bands_of(Stored())] == [7] * 5 + [5]
    assert len(list(bands_of(ARRAY))) == 1


def test_gray_rows_have_one_channel_until_one_pixel_is_coloured():
    gray = ARRAY[:, :, :1].repeat(3, 2)
    assert np.array_equal(one_if_gray(Stored(gray))[:], gray[:, :, :1])
    assert np.array_equal(one_if_gray(Stored(gray))[3:5, 1:4], gray[3:5, 1:4, :1])
    assert one_if_gray(gray).shape == (40, 6, 1)
    gray[39, 5, 2] ^= 1
    assert one_if_gray(gray) is gray
    assert one_if_gray(Stored(gray)).shape == (40, 6, 3)


def test_a_row_of_an_array_takes_nothing_more():
    assert row_bytes(ARRAY, 3) == 0
    assert row_bytes(Stored(), 3) == 6 * 3 * 3
    assert row_bytes(Stored(ARRAY.astype(np.uint16)), 1) == 6 * 3 * 2


def test_a_sample_does_not_hold_on_to_the_bands_that_it_is_from():
    parts, alive = [], []

    class Fresh(Stored):
        def __getitem__(self, key):
            parts.append(weakref.ref(part := super().__getitem__(key)))
            alive.append(sum(one() is not None for one in parts))
            return part

    every(Fresh(), 2)
    assert len(parts) == 7
    assert max(alive) <= 2
