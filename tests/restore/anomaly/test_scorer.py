"""Scores, maps and boxes of pictures, by a model that was fitted to a drawn texture."""

import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import PIL.Image
import pytest
import tiny_models
from anomalies import scratched, texture
from hypothesis import given, settings
from hypothesis import strategies as st

from imgae import AnomalyScorer, Image, ImageError, ModelError, OptionError, WeightsError


@pytest.fixture(scope="module")
def score(model):
    return AnomalyScorer(model, threads=1)


@pytest.mark.parametrize("seed", [100, 101, 102])
def test_a_scratch_is_found_where_it_is(score, seed):
    good, bad = texture(seed), scratched(texture(seed))
    assert not score(good).anomalous
    found = score(bad)
    assert found.anomalous
    assert found.score == found.map.max() > 2 * found.threshold
    assert found.threshold == score.model.card.threshold
    row, column = np.unravel_index(found.map.argmax(), found.map.shape)
    assert 30 <= row <= 52
    assert 20 <= column <= 70
    box = found.boxes[0]
    assert box.score == found.score
    assert box.x <= column < box.x + box.width
    assert box.y <= row < box.y + box.height


@given(st.integers(1, 110), st.integers(1, 110), st.integers(24, 90))
@settings(max_examples=10)
def test_tiles_give_the_map_of_the_whole(model, height, width, tile):
    picture = texture(5, height, width)
    whole, tiled = (AnomalyScorer(model, tile=side, threads=1)(picture) for side in (0, tile))
    assert whole.map.shape == (height, width)
    assert whole.map.dtype == np.float32
    assert whole.map.min() >= 0
    assert np.abs(tiled.map - whole.map).max() <= 1e-5 * max(1, whole.score)


def test_every_kind_of_picture_is_scored(score):
    picture = scratched(texture(7))
    expected = score(picture).map
    for same in (Image(picture), PIL.Image.fromarray(picture), picture.astype(np.uint16) * 257):
        assert np.allclose(score(same).map, expected, rtol=1e-4, atol=1e-4)
    assert np.allclose(score(picture / 255).map, expected, rtol=1e-4, atol=1e-4)
    gray = picture[:, :, 0]
    assert np.array_equal(score(gray).map, score(np.stack([gray] * 3, 2)).map)


def test_what_alpha_hides_is_not_looked_at(score):
    picture, alpha = texture(8), np.full((96, 96), 255, np.uint8)
    alpha[:, :48] = 0
    noise = picture.copy()
    noise[:, :48] = np.random.default_rng(0).integers(0, 256, (96, 48, 3))
    hidden = np.dstack([noise, alpha])
    assert np.array_equal(score(hidden).map, score(np.dstack([picture, alpha])).map)


def test_it_pickles_and_serves_several_threads(score):
    pictures = [scratched(texture(seed)) for seed in range(4)]
    expected = [score(picture).score for picture in pictures]
    again = pickle.loads(pickle.dumps(score))  # noqa: S301
    with ThreadPoolExecutor(4) as pool:
        assert [found.score for found in pool.map(again, pictures)] == expected


def test_what_makes_no_sense_is_refused(model, tmp_path):
    with pytest.raises(ModelError, match=r"a model to denoise; scores need one that `imgae anom"):
        AnomalyScorer(tiny_models.identity(tmp_path / "identity.onnx"))
    with pytest.raises(WeightsError):
        AnomalyScorer(tmp_path / "none.onnx")
    for wrong in ({"tile": -8}, {"threads": 0}):
        with pytest.raises(OptionError, match="expected"):
            AnomalyScorer(model, **wrong)
    for pixels, told in ((np.full((9, 9), np.nan), "NaN"), (np.full((9, 9), 3.0), "reach from 3")):
        with pytest.raises(ImageError, match=told):
            AnomalyScorer(model)(pixels)
