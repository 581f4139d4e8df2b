"""Which holes get texture, and from where."""

import numpy as np
import pytest
import tiny_models
from scenes import HOLE, grainy

import imgae
from imgae.errors import MaskError, OptionError
from imgae.picture.metrics import detail_ratio
from imgae.restore.holes import depth_of
from imgae.restore.synthesis import holes
from imgae.restore.synthesis.holes import Rules, add_texture, whole_parts, wide_parts


def add(pixels, hole, rules=None):
    out = pixels.copy()
    depth = depth_of(hole)
    wide = wide_parts(hole, depth)
    done = add_texture(out, hole, wide, whole_parts(wide, depth), rules or Rules())
    return out, done


def square(side, shape=(190, 180)):
    hole = np.zeros(shape, bool)
    hole[70 : 70 + side, 60 : 60 + side] = True
    return hole


@pytest.fixture
def inpainter(tmp_path):
    return imgae.Inpainter(tiny_models.fill(tmp_path / "fill.onnx"), threads=1)


def test_thin_holes_get_none_and_wide_ones_all():
    pixels, _ = grainy(np.float32)
    for side, share in ((10, 0), (24, 1), (60, 1)):
        hole = square(side)
        out, done = add(pixels, hole)
        assert done[hole].mean() == share
        assert not done[~hole].any()
        assert np.array_equal(out[~done], pixels[~done])


def test_narrow_holes_keep_their_coarse_band_and_get_grain():
    rng = np.random.default_rng(0)
    pixels = np.full((190, 180, 3), 0.3, np.float32) + rng.normal(0, 0.05, (190, 180, 3))
    hole = square(36)
    smooth = np.where(hole[:, :, None], 0.6, pixels).astype(np.float32)
    out, done = add(smooth, hole)
    assert done.any()
    assert 0.5 < detail_ratio(out, hole) < 1.5
    assert abs(out[80:96, 70:86].mean() - 0.6) < 0.02


def test_other_holes_are_no_sources():
    pixels, hole = grainy(np.float32)
    hole[20:30, 20:30] = True
    other = pixels.copy()
    other[20:30, 20:30] = 1
    out, _ = add(other, hole)
    assert out[HOLE].max() < 0.9


def test_texture_comes_from_the_source_wherever_it_is():
    rng = np.random.default_rng(0)
    pixels = np.full((400, 200, 3), 0.4, np.float32)
    pixels[320:390, 20:120] += rng.normal(0, 0.05, (70, 100, 3))
    hole = square(60, (400, 200))
    plain, _ = add(pixels, hole)
    source = np.zeros(hole.shape, bool)
    source[320:390, 20:120] = True
    grainy_fill, done = add(pixels, hole, Rules(source=source))
    assert done[hole].all()
    assert plain[hole].std() < 0.01
    assert 0.03 < grainy_fill[hole].std() < 0.08


def test_nothing_comes_from_what_is_to_be_avoided():
    rng = np.random.default_rng(0)
    pixels = np.full((190, 180, 3), 0.4, np.float32)
    pixels[:, 100:] += rng.normal(0, 0.1, (190, 80, 3))
    hole = square(50)
    avoid = np.zeros(hole.shape, bool)
    avoid[:, 95:] = True
    out, _ = add(pixels, hole, Rules(avoid=avoid))
    assert out[75:115, 65:100].std() < 0.02


def test_rules_that_leave_too_little_are_an_error(inpainter):
    pixels, hole = grainy()
    source = np.zeros_like(hole)
    source[:8, :8] = True
    with pytest.raises(MaskError, match="too little is left to take texture from"):
        inpainter(pixels, hole, source=source)
    with pytest.raises(MaskError, match="too little"):
        inpainter(pixels, hole, avoid=~hole)
    inpainter(pixels, hole, source=source, texture=False)


@pytest.mark.parametrize("marked", [np.ones((3, 3), bool), np.ones((190, 180), np.uint8), 1])
@pytest.mark.parametrize("name", ["source", "avoid"])
def test_marks_of_another_kind_are_refused(inpainter, name, marked):
    pixels, hole = grainy()
    with pytest.raises(MaskError, match=f"{name} is no bool array"):
        inpainter(pixels, hole, **{name: marked})


@pytest.mark.parametrize("seed", [-1, 0.5, None])
def test_seeds_that_are_none_are_refused(inpainter, seed):
    with pytest.raises(OptionError, match="expected a whole number from 0"):
        inpainter(*grainy(), seed=seed)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("channels", [1, 3])
def test_every_kind_of_picture_is_filled_and_seeds_differ(inpainter, dtype, channels):
    pixels, hole = grainy(dtype, channels)
    first, again, other = (inpainter(pixels, hole, seed=seed) for seed in (0, 0, 3))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert np.array_equal(first[~hole], pixels[~hole])
    assert first.dtype == dtype


def test_a_picture_with_too_little_around_its_hole_keeps_the_models_fill(inpainter):
    pixels = np.random.default_rng(0).integers(0, 256, (80, 80, 3)).astype(np.uint8)
    hole = np.zeros((80, 80), bool)
    hole[4:76, 4:76] = True
    assert np.array_equal(inpainter(pixels, hole), inpainter(pixels, hole, texture=False))


def test_a_thin_line_does_not_take_the_texture_of_a_hole_away():
    pixels, _ = grainy(np.float32)
    disc = square(20)
    line = disc.copy()
    line[79:81] = True
    for hole in (disc, line):
        _, done = add(pixels, hole)
        assert done[disc].all()


@pytest.mark.parametrize("rules", ["avoid", "source"])
@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("top", [0, 70, 150])
def test_a_source_far_away_does_not_touch_the_hole(rules, mirrored, top):
    rng = np.random.default_rng(0)
    pixels = (0.6 + 0.05 * rng.normal(size=(190, 600, 1))).astype(np.float32).repeat(3, 2)
    pixels[:6, 400:] = pixels[-6:, 400:] = 0
    hole, far = np.zeros((2, 190, 600), bool)
    hole[top : top + 40, :40] = far[:, 400:] = True
    if mirrored:
        pixels, hole, far = (np.ascontiguousarray(x[:, ::-1]) for x in (pixels, hole, far))
    out, done = add(pixels, hole, Rules(**{rules: far if rules == "source" else ~far}))
    assert done[hole].all()
    assert not np.array_equal(out, pixels)
    rows = out[hole].reshape(40, 40, 3)
    for edge in (rows[0], rows[-1], rows[:, 0], rows[:, -1]):
        assert abs(edge.mean() - 0.6) < 0.04


def test_too_little_known_around_a_deep_hole_leaves_the_guess():
    pixels = np.full((300, 300, 1), 0.5, np.float32)
    hole = np.ones((300, 300), bool)
    hole[:9] = False
    _, done = add(pixels, hole)
    assert not done.any()


def test_small_holes_near_each_other_are_filled_at_once(monkeypatch):
    pixels, _ = grainy(np.float32)
    hole = np.zeros(pixels.shape[:2], bool)
    for top in range(30, 150, 40):
        hole[top : top + 16, 30:46] = hole[top : top + 16, 90:106] = True
    calls = []
    near = holes.filled_near
    monkeypatch.setattr(holes, "filled_near", lambda *args: calls.append(1) or near(*args))
    _, done = add(pixels, hole)
    assert np.array_equal(done, hole)
    assert len(calls) == 1


def test_long_parts_are_cut_and_no_pixel_is_lost(monkeypatch):
    monkeypatch.setattr(holes, "LONGEST", 70)
    marked = np.zeros((190, 180), bool)
    marked[20:30, 5:175] = marked[5:185, 90:100] = True
    again = np.zeros_like(marked)
    for box, own in holes.grouped(marked):
        assert max(own.shape) <= 70
        assert not again[box.slices][own].any()
        again[box.slices] |= own
    assert np.array_equal(again, marked)


def test_a_fill_that_strays_from_the_guess_is_drawn_to_it():
    rng = np.random.default_rng(1)
    pixels = (0.2 + 0.02 * rng.normal(size=(160, 160, 3))).astype(np.float32)
    part = np.zeros((160, 160), bool)
    part[60:110, 60:110] = True
    guess = pixels.copy()
    guess[part] = 0.2
    other = guess.copy()
    other[part] = 0.9
    assert holes.strays(guess, guess, part, ~part) == 0
    assert holes.strays(other, guess, part, ~part) > holes.STRAYED
