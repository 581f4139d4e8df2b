import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from imgae.training.corruptions.mixture import KINDS, Mixture, Sample  # noqa: E402
from imgae.training.networks.estimate import (  # noqa: E402
    IDLE,
    REST_STEP,
    WIDTHS,
    NoiseEstimator,
    Seen,
    weighted_mean,
)
from imgae.training.objectives.estimate import RESTS, Estimating, Tried  # noqa: E402


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def clean(count, side=32):
    return torch.rand(count, 3, side, side, generator=generator(1))


def half_of_the_noise(noisy):
    """A camera model that knows what to take away: everything above middle gray."""
    return 0.5 + 0.5 * (noisy - 0.5)


def towards_gray(noisy, level):
    return noisy + min(1.0, 10 * level) * (0.5 - noisy)


def estimating():
    return Estimating(half_of_the_noise, towards_gray)


def test_the_error_tried_is_the_error_of_what_a_share_of_the_change_gives():
    objective = estimating()
    picture = clean(2)
    noisy = (picture + 0.1 * torch.randn(picture.shape, generator=generator())).clamp(0, 1)
    none = torch.zeros(2)
    tried = objective.tried(Sample(noisy, picture, none, none, none))
    for share in (0.0, 0.3, 0.5, 0.8, 1.0):
        restored = noisy + share * (half_of_the_noise(noisy) - noisy)
        expected = (restored - picture).square().mean()
        got = tried.error(torch.full((2, 1, 4, 4), share)).mean()
        assert float(got) == pytest.approx(float(expected), rel=1e-4)


def test_the_error_beyond_a_whole_share_passes_through_the_levels_tried():
    further = torch.rand(1, len(RESTS), 2, 2, generator=generator())
    tried = Tried(None, torch.rand(1, 1, 2, 2), torch.rand(1, 1, 2, 2), further)
    for place, rest in enumerate(RESTS):
        got = tried.error(torch.full((1, 1, 2, 2), 1 + rest / REST_STEP))
        assert torch.allclose(got, further[:, place : place + 1], atol=1e-5)
    middle = (RESTS[2] + RESTS[3]) / 2
    got = tried.error(torch.full((1, 1, 2, 2), 1 + middle / REST_STEP))
    assert torch.allclose(got, further[:, 2:4].mean(1, keepdim=True), atol=1e-5)


def test_an_idle_place_is_left_alone_exactly_and_a_busy_one_gets_a_rest():
    net = NoiseEstimator(WIDTHS["tiny"])
    image = clean(1, 24)
    with torch.no_grad():
        net.head.weight.zero_()
        net.head.bias.copy_(torch.tensor([-9.0, 0.0, 0.0, 0.0]))
        idle = net(image)
        net.head.bias[0] = 3.0
        busy = net(image)
        effort = float(net.see(image).effort[0, 0, 0, 0])
    assert idle.shape == (1, 5, 3, 3)
    assert (idle[:, :2] == 0).all()
    assert (busy[:, 0] == 1).all()
    assert float(busy[0, 1, 0, 0]) == pytest.approx(REST_STEP * (effort - IDLE - 1), rel=1e-5)
    assert (busy[:, 3] > 0).all()


def test_a_cell_that_is_not_trusted_does_not_count():
    values = torch.tensor([1.0, 5.0]).view(1, 1, 1, 2)
    trust = torch.tensor([0.0, -60.0]).view(1, 1, 1, 2)
    assert float(weighted_mean(values, trust)) == pytest.approx(1.0)
    assert float(weighted_mean(values, torch.zeros_like(trust))) == pytest.approx(3.0)


def seen(effort, white, level, count):
    def full(value):
        return torch.full((count, 1, 4, 4), value)

    return Seen(full(effort), full(white), full(0.0), full(level))


def test_the_loss_is_least_for_what_is_true():
    objective = Estimating(lambda x: torch.full_like(x, 0.5), towards_gray)
    gray = torch.full((2, 3, 32, 32), 0.5)
    level = torch.full((2,), 0.1)
    noisy = gray + 0.1 * torch.randn(gray.shape, generator=generator())
    tried = objective.tried(Sample(noisy, gray, level, torch.ones(2), torch.zeros(2)))

    def loss(effort=1.0, white=3.0, level=0.1):
        return float(objective.loss(seen(effort, white, level, 2), tried)[0])

    assert loss() < loss(effort=0.2)
    assert loss() < loss(white=-3.0)
    assert loss() < loss(level=0.05)
    assert loss() < loss(level=0.2)


def test_harm_to_a_clean_picture_costs_more_than_the_same_gain_is_worth():
    objective = estimating()
    picture = clean(2)
    none = torch.zeros(2)
    tried = objective.tried(Sample(picture, picture, none, none, none + 3))
    idle, busy = (
        float(objective.loss(seen(effort, -9.0, 0.1, 2), tried)[0]) for effort in (0.0, 0.5)
    )
    assert busy > idle + 1


def test_a_mixture_says_what_white_noise_it_made_and_makes_every_kind():
    mixture = Mixture(share_float=1.0, share_gray=0.0, share_gray_colour=0.0)
    picture = torch.full((60, 3, 64, 64), 0.5)
    sample = mixture(picture, generator(3))
    assert set(sample.kind.tolist()) == set(range(len(KINDS)))
    measured = (sample.noisy - sample.clean).std((1, 2, 3))
    known = sample.level > 0
    assert known.sum() > 10
    assert torch.allclose(measured[known], sample.level[known], rtol=0.05)
    assert (sample.white[sample.kind > 0] == 0).all()
    left = sample.kind == KINDS.index("clean")
    assert (sample.noisy[left] == sample.clean[left]).all()


def test_cells_beyond_the_picture_hardly_count():
    net = NoiseEstimator(WIDTHS["tiny"])
    with torch.no_grad():
        weight = net(clean(1, 24)[:, :, :17, :20])[0, 3]
    assert weight.shape == (3, 3)
    assert float(weight[2].max()) < 1e-3 * float(weight[:2, :2].min())
    assert float(weight[:, 2].max()) < 1e-3 * float(weight[:2, :2].min())
