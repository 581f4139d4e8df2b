"""Flaws that features are trained with: what is marked is what was changed."""

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from imgae.training.corruptions.flaws import COVERED, SEEN, Flaws  # noqa: E402
from imgae.training.corruptions.prints import Draw  # noqa: E402
from imgae.training.mask_bank import DrawnBank  # noqa: E402
from imgae.training.tasks.features import MARKS  # noqa: E402

COUNT, SIDE = 80, 96


@pytest.fixture(scope="module")
def flaws():
    return Flaws(DrawnBank(MARKS, "cpu", seed=3))


@pytest.fixture(scope="module")
def pictures():
    draw = Draw(COUNT, torch.Generator().manual_seed(0), torch.device("cpu"))
    smooth = 0.5 + 0.1 * draw.field(SIDE, 12, 3) + 0.02 * draw.noise(3, SIDE, SIDE)
    return (255 * smooth.clamp(0, 1)).round() / 255


@pytest.fixture(scope="module")
def made(flaws, pictures):
    return flaws(pictures, pictures.roll(1, 0), torch.Generator().manual_seed(1))


def test_flawed_pictures_are_pictures_of_8_bits(made):
    flawed, target, weight = made
    assert flawed.shape == (COUNT, 3, SIDE, SIDE)
    assert target.shape == weight.shape == (COUNT, 1, SIDE, SIDE)
    assert 0 <= flawed.min() <= flawed.max() <= 1
    assert torch.equal((flawed * 255).round() / 255, flawed)
    for mask in (target, weight):
        assert set(mask.unique().tolist()) == {0, 1}


def test_what_is_marked_has_changed_and_what_is_sound_has_not(made, pictures):
    flawed, target, weight = made
    change = (flawed - pictures).abs().amax(1, keepdim=True)
    assert change[target > 0].mean() > 2 * SEEN
    sound = (target == 0) & (weight > 0)
    assert change[sound].max() <= 0.05 + 1 / 255
    assert change[sound].mean() < 1 / 255


def test_nobody_can_tell_at_the_edge_of_a_flaw(made):
    _, target, weight = made
    assert (weight[target > 0] == 1).all()
    assert 0 < (weight == 0).float().mean() < 0.2
    assert 0.05 < COVERED < 0.5


def test_most_pictures_get_a_flaw_and_none_is_covered_whole(made):
    share = made[1].mean((1, 2, 3))
    assert (share > 0).float().mean() > 0.5
    assert share.max() < 0.6
    assert 0.0001 < share.median() < 0.1


def test_equal_seeds_give_equal_flaws(flaws, pictures):
    one, again, other = (
        flaws(pictures[:6], pictures[6:12], torch.Generator().manual_seed(n)) for n in (7, 7, 8)
    )
    for first, second in zip(one, again, strict=True):
        assert torch.equal(first, second)
    assert not torch.equal(one[0], other[0])


def test_foreign_patches_come_from_other_pictures(flaws, pictures):
    """Some flaws show what is shown nowhere in the picture."""
    red = torch.zeros_like(pictures)
    red[:, 0] = 1
    dull = torch.full_like(pictures, 0.5)
    flawed, *_ = flaws(dull, red, torch.Generator().manual_seed(2))
    reddish = (flawed[:, 0] - flawed[:, 1]).amax((1, 2))
    assert 0.02 < (reddish > 0.35).float().mean() < 0.4
