"""Pixels from patches."""

import numpy as np
import pytest

from imgae.restore.synthesis import field as fields
from imgae.restore.synthesis.field import Field
from imgae.restore.synthesis.votes import agree, pick, vote, weights_of


@pytest.fixture
def shifted():
    """A hole whose patches all have their source 14 columns to the left, one excepted."""
    hole = np.zeros((30, 60), bool)
    hole[10:18, 30:38] = True
    targets, whole = fields.touching(hole), fields.whole_patches(~hole)
    source = np.flatnonzero(targets).astype(np.int32) - 14
    field = Field.new(targets, whole, source)
    field.source[50] -= 7
    return hole, field


def test_what_agrees_is_copied(shifted):
    hole, field = shifted
    planes = np.random.default_rng(0).random((hole.size, 3), np.float32)
    inside = np.flatnonzero(hole).astype(np.int32)
    agree(field)
    weight = weights_of(field, hole)
    assert np.allclose(vote(field, inside, planes, weight), planes[inside - 14], atol=1e-5)
    assert np.array_equal(pick(field, inside, planes), planes[inside - 14])


def test_patches_near_the_rim_and_those_that_fit_count_more(shifted):
    hole, field = shifted
    weight = weights_of(field, hole)
    rim, middle = field.order[9, 34], field.order[14, 34]
    assert weight[rim] > 2 * weight[middle]
    field.cost = np.ones_like(field.cost)
    field.cost[rim] = 4
    fitted = weights_of(field, hole)
    assert fitted[rim] < fitted[middle]
