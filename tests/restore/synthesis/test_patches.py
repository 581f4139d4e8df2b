"""Patches as short vectors."""

import numpy as np
import pytest

from imgae.restore.synthesis.patches import COSINES, HALF, SIDE, describe, opponent, roughness


@pytest.mark.parametrize("channels", [1, 3])
def test_vectors_are_as_far_apart_as_smooth_patches(channels):
    rng = np.random.default_rng(0)
    y, x = np.mgrid[0:40, 0:40] / 40
    waves = [np.sin(rng.uniform(0, 6) + 3 * x * rng.random() + 3 * y) for _ in range(channels)]
    picture = np.stack(waves, 2).astype(np.float32)
    vectors = describe(picture, np.zeros((40, 40, 2), np.float32))
    (a, b), (c, d) = (12, 9), (25, 30)
    one, other = (
        picture[r - HALF : r + HALF + 1, s - HALF : s + HALF + 1] for r, s in ((a, b), (c, d))
    )
    far = np.square(vectors[a, b] - vectors[c, d]).sum()
    assert far == pytest.approx(np.square(one - other).sum(), rel=0.02)
    assert np.allclose(vectors[a, b, 0], opponent(one).mean((0, 1))[0] * SIDE, atol=1e-4)


def test_turning_colours_keeps_their_distances():
    colours = np.random.default_rng(0).random((1, 9, 3), np.float32)
    lengths = [np.square(pixels).sum(2) for pixels in (colours, opponent(colours))]
    assert np.allclose(*lengths, rtol=1e-5)
    assert np.allclose(COSINES @ COSINES.T, np.eye(SIDE), atol=1e-6)


def test_roughness_counts_known_pixels_only():
    stripes = np.zeros((30, 30, 3), np.float32)
    stripes[:, ::2] = 0.5
    known = np.ones((30, 30), bool)
    known[10:20, 10:20] = False
    spoilt = np.where(known[:, :, None], stripes, np.float32(9))
    rough = roughness(spoilt, known)
    assert np.allclose(rough[2:8, 2:28, 1], 0.5, atol=1e-5)
    assert np.allclose(rough[:, :, 0], 0, atol=1e-5)
    assert np.array_equal(rough, roughness(stripes, known))
    assert rough[15, 15, 1] == 0
