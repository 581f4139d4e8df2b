import numpy as np
import pytest

from imgae.io.samples.depth import fits, gathered, narrowed, spread, widened


@pytest.mark.parametrize("bits", range(1, 17))
def test_samples_are_spread_and_come_back(bits):
    samples = np.arange(1 << bits).astype(np.uint8 if bits <= 8 else np.uint16)
    wide = widened(samples, bits)
    most = 255 if bits <= 8 else 65535
    assert np.array_equal(wide, np.rint(samples * (most / ((1 << bits) - 1))))
    assert np.array_equal(narrowed(wide, bits), samples)
    assert fits(wide, bits)


def test_samples_beyond_their_bits_are_damage():
    with pytest.raises(ValueError, match="beyond its 4 bits"):
        widened(np.array([16], np.uint8), 4)


def test_what_is_between_does_not_fit():
    assert not fits(np.array([0, 17, 18], np.uint8), 4)


def test_any_largest_value_is_spread_and_gathered_without_a_change():
    for most in (1, 2, 10, 100, 255, 256, 1000, 65535):
        values = np.arange(most + 1)
        wide = spread(values, most)
        assert wide.dtype == (np.uint8 if most <= 255 else np.uint16)
        assert (wide[0], wide[-1]) == (0, np.iinfo(wide.dtype).max)
        assert np.array_equal(gathered(wide, most), values)
