import numpy as np
import pytest
import tiny_models
from scenes import HOLE, grainy

import imgae
from imgae.picture.metrics import detail_ratio
from imgae.picture.pixels import to_float
from imgae.restore.texture import add_texture, nearest_patches


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_smooth_hole_in_grain_gets_grain_and_keeps_its_colours(dtype, channels):
    stored, hole = grainy(dtype, channels)
    filled = to_float(stored)
    out = filled.copy()
    add_texture(out, hole, hole)
    assert np.array_equal(out[~hole], filled[~hole])
    assert detail_ratio(filled.repeat(3 // channels, 2), hole) < 0.2
    assert 0.5 < detail_ratio(out.repeat(3 // channels, 2), hole) < 1.2
    before, after = (a[HOLE].mean((0, 2)) for a in (filled, out))
    assert np.abs(after - before).max() < 0.02


def test_the_same_picture_gives_the_same_texture():
    filled, hole = grainy(np.float32)
    first, second = filled.copy(), filled.copy()
    add_texture(first, hole, hole)
    add_texture(second, hole, hole)
    assert np.array_equal(first, second)


def test_no_texture_comes_from_another_hole():
    filled, hole = grainy(np.float32)
    hole[20:30, 20:30] = True
    other = filled.copy()
    other[20:30, 20:30] = 1
    deep = np.zeros_like(hole)
    deep[HOLE] = True
    add_texture(filled, hole, deep)
    add_texture(other, hole, deep)
    # The coarse band near the other hole differs, and with it which place fits best; but white
    # pixels would have left bright specks.
    assert abs(filled[HOLE].max() - other[HOLE].max()) < 40 / 255


@pytest.mark.parametrize("shape", [(12, 300), (40, 40)])
def test_a_hole_with_too_little_around_it_stays_as_it_is(shape):
    pixels = np.random.default_rng(0).random((*shape, 3), np.float32)
    hole = np.zeros(shape, bool)
    hole[2:-2, 2:-2] = True
    out = pixels.copy()
    add_texture(out, hole, hole)
    assert np.array_equal(out, pixels)


def test_the_nearest_patch_is_found_for_every_pixel():
    known = np.zeros((6, 11), bool)
    known[1, 2] = known[5, 10] = True
    nearest = nearest_patches(known)
    assert nearest.shape == (30, 35, 2)
    assert nearest[13, 14].tolist() == [1, 2]  # the centre of the patch at (1, 2)
    assert nearest[0, 0].tolist() == [1, 2]
    assert nearest[29, 34].tolist() == [5, 10]


def test_only_wide_holes_get_texture(tmp_path):
    inpainter = imgae.Inpainter(tiny_models.fill(tmp_path / "fill.onnx"), threads=1)
    pixels, wide = grainy()
    narrow = np.zeros_like(wide)
    narrow[60:100, 50:90] = True
    assert not np.array_equal(inpainter(pixels, wide), inpainter(pixels, wide, texture=False))
    assert np.array_equal(inpainter(pixels, narrow), inpainter(pixels, narrow, texture=False))
