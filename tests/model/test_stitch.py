import pytest
import tiny_models

from imgae.model import registry, session, stitch
from imgae.model.stitch import most_pixels, plan_for
from imgae.restore.inpaint import cheapest_tiles

MODELS = sorted(registry.available())


@pytest.fixture
def no_memory(monkeypatch):
    monkeypatch.setattr(stitch, "free_memory", lambda: 0)


@pytest.mark.parametrize("name", MODELS)
def test_without_free_memory_a_plan_reads_pixels_four_times_at_most(no_memory, name):
    card = session.load(registry.find(name), device="cpu", threads=1).card
    plan = plan_for(card, 3000, 4000, "auto")
    assert plan.pixels_read <= 4 * 3000 * 4000
    assert len(plan) < 400


def test_without_free_memory_a_small_hole_is_one_tile_or_two(no_memory):
    card = session.load(registry.find("inpaint"), device="cpu", threads=1).card
    hole = stitch.np.zeros((1000, 1500), bool)
    hole[500:540, 700:740] = True
    for halo in (card.halo, card.thin_halo):
        tiles = cheapest_tiles(hole, halo, card, "auto")
        assert sum(tile.read.area for tile in tiles) <= hole.size


def test_a_card_that_wants_absurd_memory_makes_no_crawl(no_memory):
    card = tiny_models.card(bytes_per_pixel=10**12, halo=8, stride=8)
    assert plan_for(card, 3000, 4000, "auto").pixels_read <= 4 * 3000 * 4000


def test_more_free_memory_allows_more_pixels(monkeypatch):
    card = tiny_models.card(bytes_per_pixel=400, halo=96, stride=8)
    allowed = []
    for free in (0, 1 << 28, 1 << 30, 1 << 40):
        monkeypatch.setattr(stitch, "free_memory", lambda free=free: free)
        allowed.append(most_pixels(card))
    assert allowed == sorted(set(allowed))
    assert allowed[1] == (1 << 27) // 400
