"""Materials: views of one surface, of which some repeat a small piece."""

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from imgae.training.corruptions import materials as making  # noqa: E402
from imgae.training.corruptions.materials import Materials  # noqa: E402
from imgae.training.corruptions.prints import Draw  # noqa: E402

CPU = torch.device("cpu")


def seeded(number=0):
    return torch.Generator().manual_seed(number)


def photographs(batch, side=160):
    """Smooth and rough, each of a colour of its own, (B, 3, side, side)."""
    draw = Draw(batch, seeded(1), CPU)
    base = draw.between(0.3, 0.7, 3, 1, 1)
    return (base + 0.1 * draw.field(side, 8, 3) + 0.02 * draw.noise(3, side, side)).clamp(0, 1)


def test_views_are_pictures_of_8_bits_one_material_after_another():
    found = Materials(4, 48)(photographs(3), seeded())
    assert found.shape == (12, 3, 48, 48)
    assert 0 <= found.min() <= found.max() <= 1
    assert torch.equal((found * 255).round() / 255, found)


def test_equal_seeds_give_equal_views():
    one, again, other = (Materials(3, 40)(photographs(2), seeded(n)) for n in (5, 5, 6))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)


def test_views_of_a_material_are_alike_and_each_another(monkeypatch):
    monkeypatch.setattr(making, "SHARE_MIXED", 0)
    batch, views = 6, 5
    found = Materials(views, 64)(photographs(batch), seeded(2)).view(batch, views, 3, 64, 64)
    tones = found.mean((3, 4))
    within = (tones - tones.mean(1, keepdim=True)).square().mean().sqrt()
    between = (tones.mean(1) - tones.mean((0, 1))).square().mean().sqrt()
    assert 2 * within < between
    for material in found:
        assert all(not torch.equal(material[0], view) for view in material[1:])


def test_views_of_a_mixed_material_show_different_photographs(monkeypatch):
    plain = torch.tensor([0.1, 0.3, 0.5, 0.7, 0.9]).view(5, 1, 1, 1).expand(5, 3, 96, 96)
    counts = []
    for share in (0, 1):
        monkeypatch.setattr(making, "SHARE_MIXED", share)
        found = Materials(8, 32)(plain, seeded(3)).view(5, 8, -1).mean(2)
        counts.append([len((10 * view).round().unique()) for view in found])
    assert max(counts[0]) <= 2
    assert min(counts[1]) >= 3


def test_repeated_materials_have_a_period_that_all_views_share(monkeypatch):
    """Places in the photograph come again: few of its pixels are shown, again and again."""
    shown = []
    for share in (0, 1):
        monkeypatch.setattr(making, "SHARE_REPEATED", share)
        monkeypatch.setattr(making, "PERIOD", (12.0, 20.0))
        own, each = (Draw(count, seeded(4), CPU) for count in (8, 24))
        grid = Materials(3, 96).grid(own, each, 400).view(8, 3, -1, 2)
        reach = grid.amax((1, 2)) - grid.amin((1, 2))
        shown.append((reach + 0).mean().item() * 399 / 2)
    assert shown[1] < 32
    assert shown[0] > 3 * shown[1]


@pytest.mark.parametrize("size", [40, 127, 300])
def test_every_place_lies_in_the_photograph(size):
    own, each = (Draw(count, seeded(5), CPU) for count in (20, 60))
    grid = Materials(3, 64).grid(own, each, size)
    assert grid.abs().max() <= 1 + 1e-4


def test_light_and_noise_vary_little():
    flat = torch.full((10, 3, 96, 96), 0.5)
    found = Materials(6, 64)(flat, seeded(6))
    assert (found.mean((1, 2, 3)) - 0.5).abs().max() < 0.15
    assert found.std((2, 3)).max() < 0.1
    assert found.std((1, 2, 3)).max() > 0
