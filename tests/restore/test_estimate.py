"""What noise a picture holds, and its maps enlarged."""

import cv2
import numpy as np
import pytest
import tiny_models
from hypothesis import given
from hypothesis import strategies as st

from imgae.errors import ModelError
from imgae.model import session
from imgae.picture.tiling import Box
from imgae.restore.estimate import Noise, cells_without, enlarged, estimate, noise_of

RNG = np.random.default_rng(0)
SLOPES = {"share": 0.5, "rest": 0.1, "level": 0.2, "weight": 1.0}


def load(path):
    return session.load(path, task="estimate", threads=1)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (8, 16), (61, 90)])
@pytest.mark.parametrize("tile", [8, 17, 40])
def test_tiles_give_the_maps_of_the_whole_picture(tmp_path, height, width, tile):
    model = load(tiny_models.estimate(tmp_path / "a.onnx", SLOPES))
    pixels = RNG.integers(0, 256, (height, width, 3)).astype(np.uint8)
    whole, tiled = (estimate(model, pixels, side) for side in (0, tile))
    assert whole.maps.shape == (5, -(-height // 8), -(-width // 8))
    assert np.allclose(whole.maps, tiled.maps, atol=1e-6)
    assert whole.level == pytest.approx(tiled.level, rel=1e-5)


def test_a_halo_too_small_shows(tmp_path):
    model = load(tiny_models.estimate(tmp_path / "a.onnx", SLOPES, halo=0))
    pixels = RNG.random((40, 40, 3), np.float32)
    assert np.abs(estimate(model, pixels, 8).maps - estimate(model, pixels, 0).maps).max() > 1e-3


def maps_of(white, weight, level):
    maps = np.zeros((5, 1, 2), np.float32)
    maps[2:, 0] = white, weight, level
    return maps


def test_noise_is_white_where_the_cells_that_count_say_so():
    assert noise_of(maps_of([3, -1], [1, 2], [0.1, 0.1])).white
    assert not noise_of(maps_of([3, -1], [1, 4], [0.1, 0.1])).white
    assert not noise_of(maps_of([3, 3], [0, 0], [0.1, 0.1])).white


def test_its_level_is_their_geometric_mean():
    found = noise_of(maps_of([1, 1], [1, 3], [0.01, 0.16]))
    assert found.level == pytest.approx((0.01 * 0.16**3) ** 0.25)
    assert noise_of(maps_of([1, 1], [1, 1], [-1, 0])).level == pytest.approx(1e-6)


def test_shares_and_levels_beyond_their_range_are_cut():
    maps = np.full((5, 1, 1), 7, np.float32)
    found = noise_of(maps)
    assert isinstance(found, Noise)
    assert found.map_of("share").item() == found.map_of("rest").item() == found.level == 1


def test_an_estimate_of_another_shape_or_with_nan_is_a_model_error(tmp_path):
    pixels = RNG.random((20, 20, 3), np.float32)
    nan = load(tiny_models.estimate(tmp_path / "a.onnx", level=np.nan))
    with pytest.raises(ModelError, match="NaN or infinity"):
        estimate(nan, pixels, 0)
    node = tiny_models.helper.make_node("Identity", ["image"], ["noise"])
    text = tiny_models.card(task="estimate", inputs=("image",)).to_json()
    path = tiny_models.save(tmp_path / "b.onnx", [node], None, text, ("image",), "noise")
    with pytest.raises(ModelError, match=r"shape \(1, 3, 20, 20\), not \(1, 5, 3, 3\)"):
        estimate(load(path), pixels, 0)


CELLS = RNG.random((7, 11)).astype(np.float32)
HEIGHT, WIDTH = 7 * 8 - 3, 11 * 8 - 5


def test_a_map_is_enlarged_bilinearly_about_the_middles_of_its_cells():
    expected = cv2.resize(CELLS, (88, 56), interpolation=cv2.INTER_LINEAR)[:HEIGHT, :WIDTH]
    found = enlarged(CELLS, Box(0, 0, HEIGHT, WIDTH))
    assert found.dtype == np.float32
    assert np.abs(found - expected).max() < 1e-6
    assert found[0, 0] == CELLS[0, 0]


@given(st.data())
def test_any_part_of_a_map_is_enlarged_as_the_whole(data):
    top, left = data.draw(st.integers(0, HEIGHT - 1)), data.draw(st.integers(0, WIDTH - 1))
    bottom = data.draw(st.integers(top + 1, HEIGHT))
    right = data.draw(st.integers(left + 1, WIDTH))
    whole = enlarged(CELLS, Box(0, 0, HEIGHT, WIDTH))
    part = enlarged(CELLS, Box(top, left, bottom, right))
    assert np.array_equal(part, whole[top:bottom, left:right])


def shares(*values):
    maps = np.zeros((5, 1, len(values)), np.float32)
    maps[0, 0], maps[3:] = values, 0.5
    return maps


def test_cells_count_alone_where_most_of_the_picture_is_left_alone():
    found = noise_of(shares(0, 0.9, 0.5, 0.2))
    assert np.allclose(found.maps, shares(0, 0.9, 0.5, 0.2))


def test_pictures_noisy_all_over_get_the_whole_share_and_a_least_rest():
    found = noise_of(shares(0.8, 0.9, 0.8, 0.9))
    assert np.allclose(found.map_of("share"), 1)
    assert not found.map_of("rest").any()
    found = noise_of(shares(1, 1, 0.99, 0.98))
    assert np.allclose(found.map_of("rest"), 5 / 255)


def test_cells_with_unseen_pixels_and_those_beside_them_tell_nothing():
    unseen = np.zeros((44, 60), bool)
    unseen[20, 30] = True
    counted = cells_without(unseen)
    assert counted.shape == (6, 8)
    expected = np.ones((6, 8), bool)
    expected[1:4, 2:5] = False
    assert np.array_equal(counted, expected)
    assert cells_without(np.ones((44, 60), bool)) is None


def test_the_level_comes_from_the_cells_that_count():
    maps = np.zeros((5, 4, 6), np.float32)
    maps[2:4] = 1
    maps[4] = 0.1
    maps[4, 1, 1] = 0.9
    maps[2, 1, 1] = -100
    counted = np.ones((4, 6), bool)
    counted[1, 1] = False
    assert not noise_of(maps.copy()).white
    found = noise_of(maps, counted)
    assert found.white
    assert found.level == pytest.approx(0.1)
