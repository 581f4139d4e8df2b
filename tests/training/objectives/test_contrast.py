"""The contrast of views, and what it takes from a bank of pictures."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

import torch.nn.functional as F  # noqa: E402

from imgae.training.data import PictureBank  # noqa: E402
from imgae.training.objectives.contrast import (  # noqa: E402
    GALLERY_SIDE,
    GRID,
    SHAPES,
    Contrasting,
    Gallery,
    shape_of,
)


def units(*rows):
    return F.normalize(torch.tensor(rows, dtype=torch.float32), dim=1)


def test_views_that_are_found_cost_less_than_views_that_are_not():
    objective = Contrasting(64)
    first = units((1, 0, 0), (0, 1, 0), (0, 0, 1))
    right, terms = objective.loss(first, first)
    wrong, others = objective.loss(first, first.roll(1, 0))
    assert right < wrong
    assert (float(terms["found"]), float(others["found"])) == (1, 0)
    assert float(terms["alike"]) == pytest.approx(1)


def test_pictures_near_to_each_other_cost_more():
    near = units((1, 0.1, 0), (1, 0, 0.1))
    far = units((1, 0, 0), (0, 1, 0))
    objective = Contrasting(64, spread=1.0)
    assert objective.loss(near, near)[1]["apart"] > objective.loss(far, far)[1]["apart"]


def gallery():
    pictures = [np.full((60, 80, 3), 40 * number, np.uint8) for number in range(5)]
    return Gallery.of(PictureBank.of(pictures))


def test_no_picture_is_drawn_twice_while_there_are_others():
    found = gallery().draw(5, torch.Generator().manual_seed(0))
    assert len({round(float(picture.mean()) * 255) for picture in found}) == 5
    assert len(gallery().draw(12, torch.Generator().manual_seed(0))) == 12


def test_upright_pictures_are_laid_on_their_side():
    upright = np.zeros((90, 60, 3), np.uint8)
    upright[:30] = 255  # the top third
    (lying,) = Gallery.of(PictureBank.of([upright])).pixels
    assert lying.shape == (3, GALLERY_SIDE, GALLERY_SIDE)
    columns = lying[0].float().mean(0)
    assert columns[-GALLERY_SIDE // 4 :].min() == 255
    assert columns[: GALLERY_SIDE // 2].max() == 0


def test_equal_seeds_give_equal_views_of_sizes_that_networks_take():
    objective = Contrasting(48)
    pictures = torch.rand(3, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    pairs = [objective.pairs(pictures, torch.Generator().manual_seed(2)) for _ in range(2)]
    for one, again in zip(*pairs, strict=True):
        assert torch.equal(one, again)
        assert one.shape[2] % GRID == one.shape[3] % GRID == 0
        assert 0 <= one.min() <= one.max() <= 1
    other = objective.pairs(pictures, torch.Generator().manual_seed(3))[0]
    assert other.shape != pairs[0][0].shape or not torch.equal(other, pairs[0][0])


def test_views_are_at_least_a_cell_large():
    assert {shape_of(8, choice) for choice in range(len(SHAPES))} == {(GRID, GRID)}
    assert shape_of(128, 0) == (128, 160)
