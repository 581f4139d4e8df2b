"""Made noise has the levels, the means and the correlation that it says."""

import numpy as np
import pytest

from imgae.evaluate import made_noise
from imgae.evaluate.made_noise import CORRELATED, KINDS, MAKERS, made, stored

GRAY = np.full((96, 96, 3), 0.5)


@pytest.mark.parametrize("kind", MAKERS)
def test_noise_is_seeded_and_of_mean_0(kind):
    noisy = made(kind, GRAY, 3)
    assert noisy.dtype == np.float32
    assert np.array_equal(noisy, made(kind, GRAY, 3))
    assert not np.array_equal(noisy, made(kind, GRAY, 4))
    assert abs((noisy - GRAY).mean()) < 0.01


def test_levels_and_correlation():
    expected = {
        "gaussian": made_noise.LEVEL / 255,
        "correlated": made_noise.LEVEL / 255,
        "poisson": np.sqrt(0.5 / made_noise.PEAK),
        "weak-poisson": np.sqrt(0.5 / made_noise.WEAK_PEAK),
    }
    for kind, level in expected.items():
        assert (made(kind, GRAY, 1) - GRAY).std() == pytest.approx(level, rel=0.04)
    for kind in KINDS:
        noise = made(kind, GRAY, 1) - GRAY
        near = (noise[:, 1:] * noise[:, :-1]).mean() / noise.var()
        assert (near > 0.3) == (kind in CORRELATED)


def test_files_hold_clipped_whole_numbers():
    values = np.array([-0.1, 0.5, 2.0])
    assert stored(values).tolist() == [0, 32768, 65535]
    assert stored(values, 8).tolist() == [0, 128, 255]
