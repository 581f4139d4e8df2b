import numpy as np
import pytest
import tiny_models

from imgae.errors import OptionError
from imgae.model import machine, registry, session, stitch
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


@pytest.mark.parametrize(
    ("tile", "threads", "sentence"),
    [
        ("auto", "2", "threads is '2'; expected a whole number from 1 to 1024"),
        ("auto", 1.5, "threads is 1.5; expected"),
        ("auto", 10**9, "threads is 1000000000; expected"),
        (-1, None, "tile is -1; expected 'auto' or pixels from 0"),
        (1.5, None, "tile is 1.5; expected"),
    ],
)
def test_settings_of_another_kind_are_told_in_a_sentence(tile, threads, sentence):
    with pytest.raises(OptionError, match=sentence):
        stitch.check_settings(tile, threads)


def test_settings_may_be_integers_of_numpy():
    stitch.check_settings(np.int64(64), np.int32(2))


def test_under_a_limit_a_model_keeps_the_tile_that_it_has_memory_for(monkeypatch):
    card = tiny_models.card(name="kept", halo=8, stride=8, bytes_per_pixel=1000)
    monkeypatch.setattr(machine.Limit, "held", 7)
    monkeypatch.setattr(stitch, "free_memory", lambda: 1 << 30)
    large = most_pixels(card)
    plan_for(card, 300, 400, "auto")
    monkeypatch.setattr(stitch, "free_memory", lambda: 0)
    least = most_pixels(card)
    assert least == 300 * 400 < large
    stitch.release([])
    assert most_pixels(card) < least
