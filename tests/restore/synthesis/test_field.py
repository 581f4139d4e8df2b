"""Nearest known patches."""

import numpy as np
import pytest

from imgae.restore.synthesis import field as fields
from imgae.restore.synthesis.field import Field
from imgae.restore.synthesis.patches import HALF


@pytest.fixture
def case():
    """A hole, its field with sources at random, and vectors in which the best are known."""
    rng = np.random.default_rng(0)
    hole = np.zeros((50, 60), bool)
    hole[20:30, 25:37] = True
    targets, whole = fields.touching(hole), fields.whole_patches(~hole)
    sources = rng.random((hole.size, 5), np.float32)
    places = np.flatnonzero(whole).astype(np.int32)
    field = Field.new(targets, whole, rng.choice(places, int(targets.sum())))
    return field, sources, places, rng


def test_patches_touch_or_are_whole():
    hole = np.zeros((50, 60), bool)
    hole[20:30, 25:37] = True
    targets, whole = fields.touching(hole), fields.whole_patches(~hole)
    assert targets.sum() == (10 + 2 * HALF) * (12 + 2 * HALF)
    assert not (targets & whole).any()
    assert not whole[:HALF].any()
    assert whole[HALF, HALF]


def test_a_search_of_all_finds_the_nearest(case):
    field, sources, places, rng = case
    best = rng.choice(places, len(field.targets))
    fields.search_many(field, sources[best], sources, rng)
    assert np.array_equal(field.source, best)
    assert np.allclose(field.cost, 0)


def test_a_search_of_many_draws_some(case, monkeypatch):
    field, sources, places, rng = case
    monkeypatch.setattr(fields, "MANY", 300)
    fields.search_many(field, sources[field.targets], sources, rng)
    assert 10 < len(np.unique(field.source)) <= 300
    assert np.isin(field.source, places).all()


def test_neighbours_pass_on_what_they_have(case):
    field, sources, _, _ = case
    shift = -12 * 60  # for the upper half, what lies 12 rows higher is the best
    upper = field.targets < 24 * 60
    described = np.where(upper[:, None], sources[field.targets + shift], 0.5)
    field.cost = fields.distances(described, sources, field.source)
    field.source[0], field.cost[0] = field.targets[0] + shift, 0
    before = field.cost.copy()
    for _ in range(25):
        fields.propagate(field, described, sources, 1)
    assert np.array_equal(field.source[upper], field.targets[upper] + shift)
    assert (field.cost <= before).all()
    assert field.whole[field.source].all()


def test_random_search_only_improves(case):
    field, sources, _, rng = case
    described = sources[field.targets]
    field.cost = fields.distances(described, sources, field.source)
    before = field.cost.copy()
    for radius in (1, 8, 40):
        fields.search_around(field, described, sources, radius, rng)
    assert (field.cost <= before).all()
    assert field.cost.mean() < before.mean()
    assert field.whole[field.source].all()


def test_shifts_double_at_twice_the_size(case):
    coarse = case[0]
    hole = np.zeros((99, 120), bool)
    hole[40:60, 50:74] = True
    targets, whole = fields.touching(hole), fields.whole_patches(~hole)
    field = fields.finer(coarse, targets, whole)
    row, column = np.divmod(field.targets, 120)
    above, left = np.divmod(coarse.source[coarse.order[row // 2, column // 2]], 60)
    got = np.stack(np.divmod(field.source, 120))
    same = (got == [2 * above + row % 2, 2 * left + column % 2]).all(0)
    assert same.mean() > 0.8  # others would not be known
    assert field.whole[field.source].all()
