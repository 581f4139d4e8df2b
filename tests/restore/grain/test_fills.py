"""Noise that continues in what was filled."""

import cv2
import numpy as np
import pytest
import tiny_models
from scenes import photo

import imgae
from imgae.restore.grain.fills import continue_grain

HEIGHT, WIDTH = 180, 200
LIMITS = (0.0, 1.0)


def scene(noise, channels=3):
    """A ramp with noise, (H, W, C) float32, and the same without."""
    ramp = np.linspace(0.35, 0.65, WIDTH, dtype=np.float32)[None, :, None]
    clean = np.broadcast_to(ramp, (HEIGHT, WIDTH, channels)).copy()
    return clean + noise.astype(np.float32), clean


def white(level, channels=3):
    return np.random.default_rng(0).normal(0, level / 255, (HEIGHT, WIDTH, channels))


def film(level, width, channels=3):
    grain = np.random.default_rng(0).normal(0, 1, (HEIGHT, WIDTH)).astype(np.float32)
    grain = cv2.GaussianBlur(grain, (0, 0), width)
    return (grain / grain.std() * level / 255)[:, :, None].repeat(channels, 2)


def hole(kind):
    mask = np.zeros((HEIGHT, WIDTH), bool)
    if kind == "box":
        mask[70:110, 80:120] = True
    elif kind == "line":
        mask[30:150, 100:103] = True
    else:
        mask[20:160:14, 20:180] = True
    return mask


def detail(pixels, mask):
    fine = pixels - cv2.GaussianBlur(pixels, (0, 0), 1.5).reshape(pixels.shape)
    return float(np.sqrt(np.square(fine[mask]).mean()))


def filled(noisy, clean, mask):
    """What a fill without any noise gives, and the same with noise continued."""
    smooth = np.where(mask[:, :, None], clean, noisy)
    out = smooth.copy()
    continue_grain(out, mask, mask, np.zeros_like(mask), 0, LIMITS)
    return smooth, out


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("noise", [white, lambda level, c: film(level, 1.0, c)])
@pytest.mark.parametrize("level", [5, 15])
def test_a_wide_hole_gets_as_much_noise_as_is_around_it(channels, noise, level):
    noisy, clean = scene(noise(level, channels), channels)
    mask = hole("box")
    smooth, out = filled(noisy, clean, mask)
    assert np.array_equal(out[~mask], noisy[~mask])
    assert detail(smooth, mask) < 0.5 * detail(noisy, mask)
    assert 0.8 < detail(out, mask) / detail(noisy, mask) < 1.2


def test_channels_hang_together_as_they_do_around():
    noisy, clean = scene(film(12, 0.8))
    mask = hole("box")
    added = np.subtract(*reversed(filled(noisy, clean, mask)))[mask]
    assert np.corrcoef(added.T)[0].min() > 0.95
    noisy, clean = scene(white(12))
    added = np.subtract(*reversed(filled(noisy, clean, mask)))[mask]
    assert np.abs(np.corrcoef(added.T)[0, 1:]).max() < 0.2


def test_neighbours_hang_together_as_they_do_around():
    mask = hole("box")
    for noise in (film(12, 1.2), white(12)):
        noisy, clean = scene(noise)
        _, out = filled(noisy, clean, mask)
        for values in (out - clean, noise):
            box = values[72:108, 82:118, 0]
            found = np.corrcoef(box[:, 1:].ravel(), box[:, :-1].ravel())[0, 1]
            expected = 0.7 if noise is not None and noise[5, 5, 0] == noise[5, 5, 1] else 0.0
            assert abs(found - expected) < 0.2


def test_noise_is_as_strong_as_at_that_brightness():
    """Twice as strong in the bright half."""
    noise = white(1) * np.where(np.arange(WIDTH) < WIDTH / 2, 6, 12)[None, :, None]
    noisy, clean = scene(noise)
    clean += np.where(np.arange(WIDTH) < WIDTH / 2, 0, 0.2)[None, :, None].astype(np.float32)
    noisy += np.where(np.arange(WIDTH) < WIDTH / 2, 0, 0.2)[None, :, None].astype(np.float32)
    for columns in (slice(20, 60), slice(130, 170)):
        mask = np.zeros((HEIGHT, WIDTH), bool)
        mask[70:110, columns] = True
        _, out = filled(noisy, clean, mask)
        assert 0.75 < detail(out, mask) / detail(noisy, mask) < 1.25


@pytest.mark.parametrize("kind", ["line", "lines"])
def test_a_fill_that_has_some_noise_gets_what_it_lacks(kind):
    """The fill is a mean of known pixels, as networks make."""
    noisy, _ = scene(white(12))
    mask = hole(kind)
    known = (~mask).astype(np.float32)
    kernel = np.array([[0.1, 0.5, 0.1], [0.5, 0, 0.5], [0.1, 0.5, 0.1]], np.float32)
    kernel = np.pad(kernel, 1, constant_values=0.02)
    weight = cv2.filter2D(known, -1, kernel)[:, :, None]
    mean = cv2.filter2D(noisy * known[:, :, None], -1, kernel) / np.maximum(weight, 1e-6)
    out = np.where(mask[:, :, None], mean, noisy)
    before = detail(out, mask)
    continue_grain(out, mask, mask, np.zeros_like(mask), 0, LIMITS)
    assert before < 0.6 * detail(noisy, mask)
    assert 0.8 < detail(out, mask) / detail(noisy, mask) < 1.2


def test_texture_that_brought_noise_gets_no_more():
    noisy, _ = scene(white(12))
    mask = hole("box")
    out = noisy.copy()
    out[mask] = np.roll(noisy, 50, 0)[mask]
    before = out.copy()
    continue_grain(out, mask, mask, mask, 0, LIMITS)
    assert detail(out - before, mask) < 0.35 * detail(noisy, mask)


@pytest.mark.parametrize("level", [0.0, 0.5, 1.0])
def test_where_there_is_no_noise_to_see_nothing_is_added(level):
    noisy, clean = scene(white(level))
    smooth, out = filled(np.rint(noisy * 255).astype(np.float32) / 255, clean, hole("box"))
    assert np.array_equal(smooth, out)


def test_drawn_pages_get_no_noise():
    page = np.full((HEIGHT, WIDTH, 3), 1, np.float32)
    page[40:60, 20:180] = page[100:104] = (0.1, 0.2, 0.6)
    mask = hole("box")
    out = page.copy()
    continue_grain(out, mask, mask, np.zeros_like(mask), 0, LIMITS)
    assert np.array_equal(out, page)


def test_texture_is_not_taken_for_noise():
    """Blades of grass: lines in one direction, bright and dark, of uneven strength."""
    rng = np.random.default_rng(3)
    canvas = np.full((HEIGHT, WIDTH), 0.4, np.float32)
    for _ in range(3000):
        x, y = (int(v) for v in rng.integers(0, (WIDTH, HEIGHT)))
        end = (x + int(rng.integers(-4, 5)), y - int(rng.integers(6, 20)))
        cv2.line(canvas, (x, y), end, float(rng.uniform(0.1, 0.8)), 1, cv2.LINE_AA)
    grass = canvas[:, :, None].repeat(3, 2) * np.array([0.6, 1, 0.4], np.float32)
    mask = hole("box")
    smooth = np.where(mask[:, :, None], cv2.GaussianBlur(grass, (0, 0), 6), grass)
    out = smooth.copy()
    continue_grain(out, mask, mask, np.zeros_like(mask), 0, LIMITS)
    assert np.abs(out - smooth).max() < 2 / 255


def test_the_seed_decides():
    noisy, clean = scene(white(10))
    mask = hole("box")
    first, same, other = (np.where(mask[:, :, None], clean, noisy) for _ in range(3))
    for out, seed in ((first, 1), (same, 1), (other, 2)):
        continue_grain(out, mask, mask, np.zeros_like(mask), seed, LIMITS)
    assert np.array_equal(first, same)
    assert not np.array_equal(first, other)


def test_values_stay_within_the_limits():
    noisy, clean = scene(white(40))
    mask = hole("box")
    smooth = np.where(mask[:, :, None], clean, noisy.clip(0.3, 0.7))
    continue_grain(smooth, mask, mask, np.zeros_like(mask), 0, (0.3, 0.7))
    assert smooth[mask].min() >= np.float32(0.3)
    assert smooth[mask].max() <= np.float32(0.7)


@pytest.mark.parametrize("shape", [(12, 300), (40, 40)])
def test_too_little_around_a_hole_tells_nothing(shape):
    pixels = np.random.default_rng(0).random((*shape, 3), np.float32)
    mask = np.zeros(shape, bool)
    mask[2:-2, 2:-2] = True
    out = pixels.copy()
    continue_grain(out, mask, mask, np.zeros_like(mask), 0, LIMITS)
    assert np.array_equal(out, pixels)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_an_inpainter_continues_noise_unless_told_otherwise(tmp_path, dtype):
    """The model fills with white, so that half of the noise is cut off."""
    inpainter = imgae.Inpainter(tiny_models.fill(tmp_path / "fill.onnx"), threads=1)
    noisy, _ = scene(white(12))
    noisy = noisy + np.float32(0.3)
    white_value = 1 if dtype == np.float32 else np.iinfo(dtype).max
    stored = (noisy * white_value).clip(0, white_value).astype(dtype)
    mask = hole("box")
    grainy, smooth = (
        inpainter(stored, mask, texture=False, grain=wanted) for wanted in (True, False)
    )
    for out in (grainy, smooth):
        assert np.array_equal(out[~mask], stored[~mask])
    assert (smooth[mask] == white_value).all()
    assert np.std(grainy[mask] / white_value) > 2 / 255


def test_clean_photographs_are_filled_as_before(tmp_path):
    inpainter = imgae.Inpainter(tiny_models.fill(tmp_path / "fill.onnx"), threads=1)
    pixels = np.rint(photo(HEIGHT, WIDTH) * 255).astype(np.uint8)
    mask = hole("lines")
    assert np.array_equal(inpainter(pixels, mask), inpainter(pixels, mask, grain=False))
