"""The share of good pictures above a threshold is the asked one, for scores of many kinds."""

import numpy as np
import pytest

from imgae.restore.anomaly.calibrate import range_of_count, standing_out, threshold_for, value_for

KINDS = {
    "normal": lambda random, n: random.normal(10, 1, n),
    "gumbel": lambda random, n: random.gumbel(10, 1, n),
    "exponential": lambda random, n: 5 + random.exponential(1, n),
    "log-normal": lambda random, n: random.lognormal(2, 0.5, n),
    "gamma": lambda random, n: random.gamma(4, 1, n),
    "heavy": lambda random, n: 10 + random.standard_t(5, n),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("count", [20, 50, 200])
@pytest.mark.parametrize("asked", [0.01, 0.05])
def test_false_alarms_are_within_a_factor_2_of_the_asked_rate(kind, count, asked):
    random = np.random.default_rng(0)
    many = np.sort(KINDS[kind](random, 300_000))
    found = [value_for(np.sort(KINDS[kind](random, count)), asked) for _ in range(400)]
    rate = 1 - np.searchsorted(many, found).mean() / len(many)
    assert asked / 2.2 < rate < asked * 2


@pytest.mark.parametrize("count", [30, 50])
def test_beyond_all_scores_a_normal_tail_has_nearly_the_asked_rate(count):
    random = np.random.default_rng(0)
    many = np.sort(random.normal(5, 1, 300_000))
    found = [value_for(np.sort(random.normal(5, 1, count)), 0.01) for _ in range(4000)]
    assert 0.0074 < 1 - np.searchsorted(many, found).mean() / len(many) < 0.0125


@pytest.mark.parametrize("count", [20, 200])
def test_the_true_rate_mostly_lies_in_the_range_that_is_told(count):
    random = np.random.default_rng(1)
    many = np.sort(random.gumbel(0, 1, 300_000))
    inside = 0
    for _ in range(200):
        told = threshold_for(random.gumbel(0, 1, count), 0.01)
        rate = 1 - np.searchsorted(many, told.value) / len(many)
        inside += told.least <= rate <= told.most
    assert inside >= 180


def test_more_pictures_narrow_the_range():
    random = np.random.default_rng(2)
    few, some, many = (threshold_for(random.gumbel(0, 1, n), 0.01) for n in (10, 100, 1000))
    assert few.most > some.most > many.most > 0.01
    assert few.least <= some.least < many.least < 0.01
    assert [one.continued for one in (few, some, many)] == [True, False, False]


def test_a_rate_that_many_scores_show_is_read_from_them():
    scores = np.arange(100.0)
    assert threshold_for(scores, 0.5).value == pytest.approx(50, abs=2)
    assert 2 < threshold_for(scores[:5], 0.4).value < 3


def test_equal_scores_give_that_score():
    assert threshold_for([3.0] * 20, 0.01).value == 3


@pytest.mark.parametrize(
    ("count", "above", "least", "most"),
    [(29, 0, 0, 0.0981), (5, 0, 0, 0.4507), (100, 1, 0.000513, 0.0466), (5, 5, 0.5493, 1)],
)
def test_the_range_of_a_count_is_the_exact_one(count, above, least, most):
    assert range_of_count(count, above) == pytest.approx((least, most), rel=0.02)


@pytest.mark.parametrize("asked", [0.0001, 0.001, 0.01, 0.1])
def test_no_rate_is_known_more_closely_than_by_how_many_are_above(asked):
    scores = np.random.default_rng(3).gumbel(5, 1, 29)
    told = threshold_for(scores, asked)
    least, most = range_of_count(29, int((scores > told.value).sum()))
    assert told.least <= least
    assert told.most >= most > 0.09


def test_scores_of_0_have_a_threshold_above_0():
    assert threshold_for([0.0] * 20, 0.01).value > 0


def test_scores_far_above_the_others_stand_out():
    random = np.random.default_rng(4)
    scores = random.gumbel(2, 0.4, 30)
    assert standing_out(scores) == []
    scores[[3, 20]] = 7, 9
    assert standing_out(scores) == [20, 3]
    assert standing_out([2.0] * 9 + [2.1]) == []
    assert standing_out([0.0] * 9) == []


def test_scores_of_good_pictures_seldom_stand_out():
    random = np.random.default_rng(5)
    named = [bool(standing_out(random.gumbel(2, 0.4, 30))) for _ in range(300)]
    assert np.mean(named) < 0.06
