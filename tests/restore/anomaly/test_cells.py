"""Cells of pictures: drawn from tiles as from the whole, and scored as the fitted file would."""

import numpy as np
import pytest
import tiny_models
from anomalies import enlarged
from hypothesis import given, settings
from hypothesis import strategies as st

from imgae import Image, ModelError
from imgae.model.stitch import plan_for
from imgae.restore.anomaly import cells
from imgae.restore.anomaly.cells import (
    Drawn,
    fingerprint,
    largest_pixel,
    look_at,
    outside_of,
    share_inside,
)
from imgae.restore.anomaly.normal import LOOKS


class Model:
    """Gives the colours of the first pixels of cells, for every look."""

    card = tiny_models.card(stride=8, halo=8)

    def __init__(self, rows=None):
        self.rows = rows

    def outputs(self, image):
        places = image[:, :, ::8, ::8][:, :, : self.rows]
        return [np.concatenate([places] * look.parts**2, 1) for look in LOOKS]

    def release(self):
        pass


@pytest.fixture
def small_tiles(monkeypatch):
    monkeypatch.setattr(cells, "plan_for", lambda card, h, w, _: plan_for(card, h, w, 24))


def picture(height=100, width=75):
    rows, columns = np.mgrid[:height, :width]
    return Image(np.dstack([rows, columns, rows * 0]).astype(np.uint8))


def test_cells_are_drawn_from_tiles_as_from_the_whole(small_tiles):
    drawn = Drawn((100, 75), 60, np.random.default_rng(0))
    look_at(Model(), picture(), drawn)
    features, tones, _ = drawn.cells.looks
    assert features.shape == (60, 4, 3)
    assert (features == tones).all()
    places = np.rint(tones[:, 0, :2] * 255 / 8).astype(int)
    assert len({tuple(place) for place in places}) == 60
    for (row, column), outside in zip(places, drawn.cells.outside, strict=True):
        inside = [len(range(max(0, at - 3), min(n, at + 4))) for at, n in ((row, 13), (column, 10))]
        assert outside == pytest.approx(1 - inside[0] * inside[1] / 49, abs=1e-6)


def test_all_cells_are_drawn_where_there_are_few():
    drawn = Drawn((9, 17), 60, np.random.default_rng(0))
    look_at(Model(), picture(9, 17), drawn)
    assert len(drawn.cells.outside) == 6


def test_parts_cover_every_cell_once(small_tiles):
    covered = np.zeros((13, 10), int)
    look_at(Model(), picture(), lambda part: np.add.at(covered, part.box.slices, 1))
    assert (covered == 1).all()


def test_a_model_that_lacks_cells_is_told():
    with pytest.raises(ModelError, match="the model gave"):
        look_at(Model(rows=2), picture(), lambda _: None)


@given(st.integers(1, 60), st.integers(1, 60), st.integers(0, 99))
@settings(max_examples=60)
def test_the_largest_pixel_is_that_of_the_whole_enlarged_map(height, width, seed):
    grid = -(-height // 8), -(-width // 8)
    values = np.random.default_rng(seed).exponential(1, grid).astype(np.float32)
    whole = enlarged(values, 8)[:height, :width]
    assert largest_pixel(values, (height, width)) == pytest.approx(whole.max(), rel=1e-5)


def test_windows_end_at_the_border():
    assert np.rint(share_inside(9) * 7).tolist() == [4, 5, 6, 7, 7, 7, 6, 5, 4]
    assert np.rint(share_inside(2) * 7).tolist() == [2, 2]
    assert outside_of((72, 16)).shape == (9, 2)
    assert outside_of((1, 1)) == pytest.approx(48 / 49)


def test_fingerprints_tell_pixels_and_shapes_apart():
    pixels = np.arange(24, dtype=np.uint8)
    shapes = [pixels.reshape(2, 4, 3), pixels.reshape(4, 2, 3), pixels[::-1].reshape(2, 4, 3)]
    assert len({fingerprint(Image(each)) for each in shapes}) == 3
    assert fingerprint(Image(shapes[0])) == fingerprint(Image(shapes[0].copy(), icc=b"other"))
