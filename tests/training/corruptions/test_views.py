"""Views of pictures: parts of the same place, damaged as copies are."""

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from imgae.training.corruptions import views as viewing  # noqa: E402
from imgae.training.corruptions.prints import Draw  # noqa: E402
from imgae.training.corruptions.views import Base, Bases, Views  # noqa: E402


def whole(batch):
    """Bases that are the pictures themselves."""
    part = torch.tensor([[0.0, 0.0], [1.0, 1.0]]).expand(batch, 2, 2)
    return Bases(part, torch.ones(batch), torch.arange(3).expand(batch, 3))


def ramps(batch, side=96):
    """Red grows to the right, green downwards, blue is constant."""
    x = (torch.arange(side) / side).expand(side, side)
    return torch.stack([x, x.T, torch.full_like(x, 0.5)]).expand(batch, 3, side, side)


def parts(bases, batch=64, shape=(48, 64)):
    draw = Draw(batch, torch.Generator().manual_seed(0), torch.device("cpu"))
    return Views().part(ramps(batch), bases, shape, draw)


def test_a_part_shows_at_least_about_half_of_each_side():
    found = parts(whole(64))
    across = (found[:, 0, 24, -1] - found[:, 0, 24, 0]).abs()
    down = (found[:, 1, -1, 32] - found[:, 1, 0, 32]).abs()
    assert 0.35 < across.min() < across.max() <= 1
    assert 0.35 < down.min() < down.max() <= 1


def test_parts_are_mirrored_in_half_of_the_views_and_never_turned_upside_down():
    found = parts(whole(64))
    mirrored = (found[:, 0, 24, -1] < found[:, 0, 24, 0]).float().mean()
    assert 0.3 < mirrored < 0.7
    assert (found[:, 1, -1, 32] > found[:, 1, 0, 32]).all()


def test_a_base_stands_on_its_head_in_both_views_alike():
    bases = Base()(ramps(64), torch.Generator().manual_seed(1))
    found = parts(Bases(bases.part, bases.flip, whole(64).order))
    upside_down = found[:, 1, -1, 32] < found[:, 1, 0, 32]
    assert torch.equal(upside_down, bases.flip < 0)
    assert upside_down.any()
    assert not upside_down.all()


def test_channels_are_in_the_order_of_the_base():
    bases = whole(4)
    swapped = Bases(bases.part, bases.flip, torch.tensor([2, 0, 1]).expand(4, 3))
    assert torch.equal(parts(swapped, 4), parts(bases, 4)[:, [2, 0, 1]])


def test_noise_has_at_most_the_stated_level():
    draw = Draw(200, torch.Generator().manual_seed(0), torch.device("cpu"))
    noise = Views(most_noise=0.1).noise(torch.zeros(200, 3, 32, 32), draw)
    levels = noise.std((1, 2, 3))
    assert levels.max() < 0.11
    assert 0.25 < (levels == 0).float().mean() < 0.55


@pytest.mark.parametrize("damage", ["lit", "softened", "covered"])
def test_every_damage_changes_some_views_and_leaves_others(damage):
    draw = Draw(64, torch.Generator().manual_seed(0), torch.device("cpu"))
    given = torch.rand(64, 3, 32, 48, generator=torch.Generator().manual_seed(1))
    found = getattr(viewing, damage)(given, draw)
    changed = (found - given).abs().amax((1, 2, 3)) > 1e-6
    assert changed.any()
    assert not changed.all()
    assert found.isfinite().all()


def test_views_are_in_8_bits():
    found = Views()(ramps(4), whole(4), (32, 32), torch.Generator().manual_seed(0))
    assert torch.equal((found * 255).round() / 255, found)
