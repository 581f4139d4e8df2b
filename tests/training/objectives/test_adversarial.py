"""Denoising that withstands changes: what it looks for is there, and what it finds is the worst."""

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from nets import build  # noqa: E402
from torch import nn  # noqa: E402

from imgae.training.corruptions.noise import GaussianNoise  # noqa: E402
from imgae.training.objectives import adversarial  # noqa: E402
from imgae.training.objectives.adversarial import AdversarialDenoising  # noqa: E402
from imgae.training.objectives.denoise import Denoising  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_thread")

SIGMA = torch.full((4, 1, 32, 32), 0.1)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


class Linear(nn.Module):
    """Doubles red, keeps green, and halves blue."""

    def __init__(self):
        super().__init__()
        self.gains = nn.Parameter(torch.tensor([2.0, 1.0, 0.5]).view(1, 3, 1, 1))

    def forward(self, image, _):
        return self.gains * image


def test_growth_is_that_of_the_direction_that_grows_most():
    found = adversarial.growth(Linear(), torch.rand(4, 3, 32, 32), SIGMA, generator())
    assert found.tolist() == pytest.approx([2.0] * 4, abs=0.02)


def test_the_hinge_is_on_growth_above_the_limit_alone():
    """At a limit of 2 what doubles is left alone; at 1 its gain falls, and the others stay."""
    for limit, falls in ((2.5, False), (1.0, True)):
        net = Linear()
        loss_of = AdversarialDenoising(0.0, hinge_weight=1.0, limit=limit)
        with_hinge, _ = loss_of(net, torch.rand(4, 3, 32, 32, generator=generator()), generator(1))
        (slope,) = torch.autograd.grad(with_hinge, net.gains)
        loss_of = AdversarialDenoising(0.0, hinge_weight=0.0, limit=limit)
        without, _ = loss_of(net, torch.rand(4, 3, 32, 32, generator=generator()), generator(1))
        (plain,) = torch.autograd.grad(without, net.gains)
        more = (slope - plain).flatten()
        assert bool(more[0] > 0.5) == falls
        assert more[1:].abs().max() < 0.1


def test_changes_that_do_harm_keep_their_size_and_raise_the_error_more_than_chance():
    net = build("tiny")
    nn.init.normal_(net.tail.weight, std=0.05, generator=generator())
    clean = torch.rand(4, 3, 32, 32, generator=generator())
    noisy = clean + 0.1 * torch.randn(clean.shape, generator=generator(1))
    change = torch.randn(clean.shape, generator=generator(2))
    sizes = torch.full((4, 1, 1, 1), 0.04)

    def error(change):
        return (net(noisy + change, SIGMA) - clean).square().mean((1, 2, 3))

    worst = adversarial.ascended(error, change, sizes, adversarial.ASCENTS, 1.0)
    assert adversarial.rms(worst).flatten().tolist() == pytest.approx([0.04] * 4, rel=1e-4)
    by_chance = error(sizes * change / adversarial.rms(change)) - error(torch.zeros_like(change))
    assert bool(((error(worst) - error(torch.zeros_like(change))) > 2 * by_chance).all())


def test_pictures_between_are_noisy_restored_or_restored_again():
    """By a network that halves, each time it is used."""
    net = lambda image, _: image / 2  # noqa: E731
    noisy, restored = torch.full((400, 3, 1, 1), 8.0), torch.full((400, 3, 1, 1), 4.0)
    points, told = adversarial.between(
        net, noisy, torch.full((400, 1, 1, 1), 0.2), restored, generator()
    )
    values = points[:, 0, 0, 0]
    assert float(values.max()) <= 8.0
    assert float(values.min()) == pytest.approx(4.0 / 2**adversarial.AGAIN)
    assert float((values == 4.0).float().mean()) > 0.1  # what was restored once
    assert 0.3 < float((told == 0.2).float().mean()) < 0.5
    assert float(told[told != 0.2].max()) <= adversarial.HIGHEST


def test_the_weight_is_the_share_of_pictures_that_were_changed(monkeypatch):
    """What is added for means apart."""
    monkeypatch.setattr(adversarial, "MEAN_WEIGHT", 0.0)
    net = build("tiny")
    nn.init.normal_(net.tail.weight, std=0.05, generator=generator())
    clean = torch.rand(4, 3, 32, 32, generator=generator())
    plain = Denoising(GaussianNoise(share_zero=0.0))

    def losses(weight):
        loss_of = AdversarialDenoising(weight, hinge_weight=0.0, plain=plain)
        loss, terms = loss_of(net, clean, generator(1))
        return float(loss.detach()), float(terms["attacked"])

    (none, attacked), (half, _), (whole, _) = losses(0.0), losses(0.5), losses(1.0)
    assert attacked > 1.02 * none
    assert whole == pytest.approx(attacked)
    assert half == pytest.approx((none + attacked) / 2)


def test_iterates_go_on_from_step_to_step_and_begin_anew_when_astray():
    """They come to rest if the network changes nothing, and restart if it doubles."""
    clean = torch.rand(4, 3, 32, 32, generator=generator())
    found = adversarial.Iterates.begun(clean, generator(1))
    moved = []
    for _ in range(4):
        before = found.now
        found.advanced(lambda image, _: image, clean, generator(2))
        moved.append(float(adversarial.rms(found.now - before).mean()))
    assert moved[-1] < moved[0] / 4
    for _ in range(4):
        found.advanced(lambda image, _: 2 * image, clean, generator(2))
        assert float(found.now.abs().max()) < 2


def test_what_still_moves_late_is_measured_and_only_late():
    """A network that turns the sign of a change each time keeps it as large as it is."""
    clean = torch.full((4, 3, 32, 32), 0.5)
    found = adversarial.Iterates.begun(clean, generator(1))
    found.given = found.now = clean.repeat(2, 1, 1, 1)
    flip = lambda image, _: 1 - image  # noqa: E731
    found.now = found.now + 0.01 * torch.randn(found.now.shape, generator=generator(3))
    early = found.advanced(flip, clean, generator(2))
    found.ages = torch.full_like(found.ages, adversarial.LATE)
    late = found.advanced(flip, clean, generator(2))
    assert early.tolist() == [0.0] * len(early)
    assert late.tolist() == pytest.approx([1.0] * len(late), abs=1e-3)


def test_what_it_remembers_is_what_its_state_says():
    net = build("tiny")
    clean = torch.rand(4, 3, 32, 32, generator=generator())
    loss_of = AdversarialDenoising(0.3)
    loss_of(net, clean, generator(1))
    kept = {name: value.clone() for name, value in loss_of.state_dict().items()}
    whole, _ = loss_of(net, clean, generator(2))
    other = AdversarialDenoising(0.3)
    other.load_state_dict(kept)
    resumed, _ = other(net, clean, generator(2))
    assert float(resumed.detach()) == float(whole.detach())
    other.load_state_dict({})
    assert other.state_dict() == {}


@pytest.mark.parametrize(("batch", "flat"), [(1, 0), (8, 1), (17, 2)])
def test_some_pictures_of_a_batch_are_of_one_colour_but_not_a_single_one(batch, flat):
    given = []

    def seen(noisy, sigma):
        if not given:
            given.append(noisy.detach())
        return noisy

    plain = Denoising(GaussianNoise(sigma_max=0.0, share_rounded=0.0, share_gray=0.0))
    clean = torch.rand(batch, 3, 16, 16, generator=generator())
    AdversarialDenoising(0.3, plain=plain)(seen, clean, generator(1))
    of_one_colour = given[0].std((2, 3)).amax(1) < 1e-6
    assert int(of_one_colour.sum()) == flat
