"""What is learnt of cells: whitening, what is usual by the border, and values of the graph."""

import numpy as np
import pytest
from anomalies import shipped, texture

from imgae.model import session
from imgae.restore.anomaly import graph
from imgae.restore.anomaly.normal import LEAST_SQUARE, LOOKS, Expert, Usual
from imgae.restore.anomaly.statistics import (
    RARE,
    SHRINK,
    SURPRISING,
    Cells,
    Moments,
    anomalies,
    distances,
    learn,
    surprise,
    usual_of,
    whitening,
)

TONES = LOOKS[1]


def rows(count, channels, seed=0):
    """Correlated rows of scales that differ much, (count, 1, channels), float32."""
    random = np.random.default_rng(seed)
    mixed = random.normal(0, 1, (count, channels)) @ random.normal(0, 1, (channels, channels))
    scaled = mixed * np.logspace(-2, 2, channels) + np.arange(channels)
    return scaled.astype(np.float32)[:, None]


def cells_like(count, seed):
    random = np.random.default_rng(seed)
    features = random.normal(0, 1, (count, 4, 32)).astype(np.float32)
    outside = random.uniform(0, 0.8, count).astype(np.float32)
    return Cells((features, *[rows(count, 9, seed)] * (len(LOOKS) - 1)), outside)


def test_distances_are_those_of_mahalanobis():
    seen = rows(5000, 9)
    given = distances(whitening(TONES, Moments.of(seen)), seen[:50])
    flat = seen[:, 0].astype(np.float64)
    spread = flat.std(0)
    covariance = np.cov((flat / spread).T) + SHRINK * np.eye(9)
    off = (flat[:50] - flat.mean(0)) / spread
    squares = np.einsum("ni,ij,nj->n", off, np.linalg.inv(covariance), off) / 9
    assert given == pytest.approx(np.log(squares + LEAST_SQUARE), abs=2e-3)


def test_the_most_unusual_part_of_a_cell_counts():
    seen = np.random.default_rng(0).normal(0, 1, (400, 4, 6)).astype(np.float32)
    expert = whitening(LOOKS[0], Moments.of(seen))
    alone = np.stack([distances(expert, seen[:, part : part + 1]) for part in range(4)])
    assert distances(expert, seen) == pytest.approx(alone.max(0), abs=1e-5)


def test_moments_together_are_those_of_all_rows():
    parts = [rows(count, 5, count) for count in (1, 7, 300)]
    together, whole = Moments.together([*map(Moments.of, parts)]), Moments.of(np.concatenate(parts))
    assert together.count == whole.count == 308
    assert together.mean == pytest.approx(whole.mean)
    assert together.scatter == pytest.approx(whole.scatter, rel=1e-9)


def test_channels_that_never_vary_make_no_rounding_unusual():
    seen = np.full((100, 1, 9), 0.4, np.float32)
    expert = whitening(TONES, Moments.of(seen))
    assert np.isfinite(expert.matrix).all()
    rounded, other = (
        float(distances(expert, seen[:1] + np.float32(step))[0]) for step in (1e-6, 3 / 255)
    )
    assert rounded < -6
    assert other > 4


def test_few_of_the_good_cells_are_surprising():
    random = np.random.default_rng(0)
    outside = random.choice([0, 0.2, 0.5], 50_000).astype(np.float32)
    given = random.gumbel(0, 1, 50_000) * (1 + outside) + 3 * outside
    usual = usual_of(given.astype(np.float32), outside, 0)
    for where in (0, 0.2, 0.5):
        powers = np.array([1, where, where**2])
        mean, deviation = powers @ usual.mean, powers @ usual.deviation
        surprise = (given[outside == np.float32(where)] - mean) / deviation
        assert abs(surprise.mean()) < 0.1
        assert (1 - RARE) / 10 < (surprise > SURPRISING).mean() < 3 * (1 - RARE)


def test_a_handicap_raises_what_is_usual_by_deviations():
    random = np.random.default_rng(1)
    given, outside = (random.normal(0, 1, 1000).astype(np.float32) for _ in range(2))
    plain, raised = (usual_of(given, np.abs(outside), handicap) for handicap in (0, 0.5))
    assert raised.deviation == plain.deviation
    assert np.subtract(raised.mean, plain.mean) == pytest.approx(0.5 * np.array(plain.deviation))


def test_cells_elsewhere_count_as_the_nearest_that_are_known():
    """As of larger pictures than were learnt from, whose middle is farther from the border."""
    random = np.random.default_rng(3)
    given = random.normal(-1, 0.3, 2000).astype(np.float32)
    for outside in (np.full(2000, 0.8), random.choice([0.6, 0.7, 0.8], 2000)):
        usual = usual_of(given, outside.astype(np.float32), 0)
        expert = Expert(LOOKS[0], np.eye(2), np.zeros(2), usual)
        middle = surprise(expert, given, np.zeros(2000, np.float32))
        assert abs(middle.mean()) < 0.2
        assert (middle > SURPRISING).mean() < 0.01


def test_what_never_varies_has_a_deviation_all_the_same():
    usual = usual_of(np.full(30, -6.9, np.float32), np.full(30, 0.9, np.float32), 0.5)
    assert min(usual.deviation[0], *np.polyval(usual.deviation[::-1], [0.0, 0.9])) > 0.01


def test_what_is_usual_is_learnt_from_pictures_that_were_not_learnt_from():
    """Of few cells with many channels, distances within are smaller than those of others."""
    few = [cells_like(12, seed) for seed in range(8)]
    expert = learn(few).experts[0]
    own = np.mean([distances(expert, one.looks[0]).mean() for one in few])
    others = np.mean([distances(expert, cells_like(12, seed).looks[0]) for seed in range(50, 90)])
    means = [np.polyval(expert.usual.mean[::-1], one.outside).mean() for one in few]
    assert own < others
    assert np.mean(means) > own + 0.5 * (others - own)


def test_the_anomaly_of_cells_is_below_1_and_grows_with_the_surprise_of_one_expert():
    good = [cells_like(2000, seed) for seed in range(6)]
    normal = learn(good)
    fresh = anomalies(normal, cells_like(2000, 77))
    assert 0.2 < np.median(fresh) < 1
    features, *tones = cells_like(5, 78).looks
    strange = Cells((features + 4, *tones), np.zeros(5, np.float32))
    alone = (distances(normal.experts[0], strange.looks[0]) - normal.experts[0].usual.mean[0]) / (
        normal.experts[0].usual.deviation[0]
    )
    assert anomalies(normal, strange) == pytest.approx(alone - np.log(len(LOOKS)), abs=0.2)


@pytest.mark.parametrize(("height", "width"), [(16, 16), (64, 88)])
def test_values_of_cells_are_those_of_the_graph(height, width):
    from imgae.restore.anomaly.cells import outside_of, rows_of

    random = np.random.default_rng(2)
    experts = tuple(
        Expert(
            look,
            random.normal(0, 0.5, (size, size)).astype(np.float32),
            random.normal(0, 1, size).astype(np.float32),
            Usual((0.1, 0.2, -0.3), (0.6, 0.2, -0.7)),
        )
        for look, size in zip(LOOKS, (32, 9, 9), strict=True)
    )
    normal = graph.Normal(experts)
    picture = texture(1, height, width).transpose(2, 0, 1)[None] / np.float32(255)
    inputs = {"image": picture}
    channels = graph.channels_model(shipped(), LOOKS)
    seen = session.values_of(channels, [out.name for out in channels.graph.output], inputs).values()
    looks = (rows_of(x[0], look.parts**2) for x, look in zip(seen, LOOKS, strict=True))
    cells = Cells(tuple(looks), outside_of((height, width)).reshape(-1))
    whole = graph.anomaly_model(shipped(), normal)
    (found,) = session.values_of(whole, ["anomaly"], inputs).values()
    given = anomalies(normal, cells).reshape(height // 8, width // 8)
    corners = (slice(None, None, height - 1), slice(None, None, width - 1))
    ends = given[:: height // 8 - 1, :: width // 8 - 1]
    assert found[0, 0][corners] == pytest.approx(ends, rel=1e-3)
