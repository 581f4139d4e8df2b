"""Salt and pepper, hot pixels, and the dots that belong to pictures."""

import cv2
import numpy as np
import PIL.Image
import pytest

from imgae.restore import impulses
from imgae.restore.impulses import find_impulses, replaced
from imgae.synthetic import drawings

SIDE = 256
Y, X = np.mgrid[:SIDE, :SIDE]


def rng(seed=0):
    return np.random.default_rng(seed)


def scene(channels=3, seed=0):
    """Soft shapes of every size, and fine texture in a quarter of the picture."""
    generator, picture = rng(seed), np.zeros((SIDE, SIDE, channels))
    for size, height, shared in (
        (5, 0.1, True),
        (12, 0.1, True),
        (40, 0.1, True),
        (20, 0.05, False),
    ):
        layer = cv2.GaussianBlur(generator.normal(0, 1, (SIDE, SIDE, 3)), (0, 0), size)
        layer = layer[:, :, :1] if shared else layer[:, :, :channels]
        picture += height * layer / layer.std()
    texture = generator.normal(0, 0.1, (SIDE // 2, SIDE // 2, 1))
    picture[: SIDE // 2, : SIDE // 2] += texture
    return in_bits(0.5 + picture + generator.normal(0, 0.004, picture.shape))


def in_bits(picture):
    return (np.rint(np.clip(picture, 0, 1) * 255) / 255).astype(np.float32)


def salted(picture, share, each=False, seed=1):
    generator = rng(seed)
    shape = (*picture.shape[:2], picture.shape[2] if each else 1)
    hit, value = generator.random(shape) < share, generator.random(shape) < 0.5
    return np.where(hit, value, picture).astype(np.float32)


def heated(picture, share=0.002, each=False, seed=1):
    generator = rng(seed)
    shape = (*picture.shape[:2], picture.shape[2] if each else 1)
    hit = np.broadcast_to(generator.random(shape) < share / shape[2], picture.shape)
    value = np.maximum(picture, generator.uniform(0.4, 1, shape))
    return np.where(hit, value, picture).astype(np.float32), hit


def noisy(picture, level, seed=2):
    return in_bits(picture + rng(seed).normal(0, level / 255, picture.shape))


def psnr(picture, other):
    return -10 * np.log10(np.square(picture.astype(np.float64) - other).mean())


def gain(seen, truth):
    found = find_impulses(seen)
    assert found is not None
    return psnr(replaced(seen, found), truth) - psnr(seen, truth)


def sky(count, sigma=0.02, width=(1.8, 4), side=512, channels=3, seed=0):
    """A dark frame's light without noise, and its stars: y, x, FWHM."""
    generator, light, stars = rng(seed), np.full((side, side, channels), 0.12), []
    for _ in range(count):
        y, x = generator.uniform(10, side - 10, 2)
        wide, high = generator.uniform(*width), sigma * np.exp(generator.uniform(1.8, 3.5))
        rows, columns = (slice(int(at) - 9, int(at) + 11) for at in (y, x))
        away = np.square(np.mgrid[rows, columns] - np.array([y, x])[:, None, None]).sum(0)
        light[rows, columns] += high * np.exp(-away * 2.77 / wide**2)[:, :, None]
        stars.append((y, x, wide))
    return light, stars


def page():
    return drawings.draw("screen", 512, rng(3)) / np.float32(255)


def dithered():
    grey = PIL.Image.fromarray((scene(1)[:, :, 0] * 255).astype(np.uint8))
    return np.asarray(grey.convert("1"))[:, :, None].repeat(3, 2).astype(np.float32)


def grid_of_dots(period):
    dots = (Y % period == 0) & (X % period == 0)
    return np.where(dots, 0.0, 0.8)[:, :, None].repeat(3, 2).astype(np.float32)


def dots_on_black():
    return heated(np.zeros((SIDE, SIDE, 3), np.float32))[0]


def as_jpeg(picture):
    pixels = np.rint(picture * 255).astype(np.uint8)[:, :, ::-1]
    data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 90])[1]
    return cv2.imdecode(data, cv2.IMREAD_COLOR)[:, :, ::-1] / np.float32(255)


@pytest.mark.parametrize("share", [0.005, 0.02, 0.1])
@pytest.mark.parametrize(("channels", "each"), [(1, False), (3, False), (3, True)])
def test_salt_and_pepper_goes(share, channels, each):
    clean = scene(channels)
    assert gain(salted(clean, share, each), clean) > 12


@pytest.mark.parametrize("level", [10, 25])
@pytest.mark.parametrize("order", ["before", "after"])
def test_salt_and_pepper_goes_from_among_white_noise(level, order):
    clean = scene()
    if order == "before":
        seen = salted(noisy(clean, level), 0.1)
    else:
        seen = noisy(salted(clean, 0.1), level)
    assert gain(seen, clean) > {10: 9, 25: 4.5}[level]


@pytest.mark.parametrize("each", [False, True])
@pytest.mark.parametrize("sigma", [0.005, 0.02])
def test_hot_pixels_go_from_dark_frames_and_stars_stay(sigma, each):
    light, stars = sky(300, sigma)
    frame = light + rng().normal(0, sigma, light.shape)
    seen, hit = heated(np.clip(frame, 0, 1), each=each)
    found = find_impulses(seen)
    gone = np.abs(replaced(seen, found) - light)[hit] < 3 * sigma
    assert gone.mean() > 0.95
    lost = frame - replaced(frame.astype(np.float32), found & ~hit)
    kept = []
    for y, x, wide in stars:
        inside = np.hypot(*(np.mgrid[:512, :512] - np.array([y, x])[:, None, None])) < max(2, wide)
        kept.append(1 - lost[inside].sum() / (light - 0.12)[inside].sum())
    assert np.percentile(kept, 5) > 0.95
    assert np.mean(kept) > 0.99


@pytest.mark.parametrize("each", [False, True])
def test_hot_pixels_go_from_a_photograph(each):
    clean = scene()
    seen, hit = heated(clean, 0.004, each)
    far = hit & (np.abs(seen - clean) > 0.25)
    far[: SIDE // 2, : SIDE // 2] = False
    left = np.abs(replaced(seen, find_impulses(seen)) - clean)[far]
    assert (left < 0.1).mean() > 0.95


PICTURES = {
    "scene": scene,
    "gray scene": lambda: scene(1),
    "type": page,
    "type as JPEG": lambda: as_jpeg(page()),
    "chart": lambda: drawings.draw("chart", 512, rng(4)) / np.float32(255),
    "dithered": dithered,
    "dithered as JPEG": lambda: as_jpeg(dithered()),
    "screentone": lambda: grid_of_dots(4),
    "wide screentone": lambda: grid_of_dots(9),
    "screentone as JPEG": lambda: as_jpeg(grid_of_dots(5)),
    "checkerboard": lambda: ((X + Y) % 2)[:, :, None].repeat(3, 2).astype(np.float32),
    "dots on black": dots_on_black,
    "dots as JPEG": lambda: as_jpeg(dots_on_black()),
    "one value": lambda: np.full((SIDE, SIDE, 3), 0.4, np.float32),
    "values at random": lambda: rng().random((SIDE, SIDE, 3), np.float32),
    **{f"noise {level}": lambda level=level: noisy(scene(), level) for level in (5, 25, 50)},
    "stars": lambda: in_bits(noisy(sky(400)[0], 5)),
    "stars finer than pixels": lambda: in_bits(noisy(sky(3000, width=(1.1, 1.3))[0], 2)),
}


@pytest.mark.parametrize("name", PICTURES)
def test_dots_that_belong_to_a_picture_are_no_impulses(name):
    assert find_impulses(PICTURES[name]()) is None


@pytest.mark.parametrize("kind", ["salt", "hot"])
def test_strips_of_any_height_find_the_same(kind, monkeypatch):
    seen = salted(scene(), 0.02) if kind == "salt" else heated(scene())[0]
    found = {}
    for height in (32, 96, 1024):
        monkeypatch.setattr(impulses, "STRIP", height)
        found[height] = find_impulses(seen)
        assert np.array_equal(replaced(seen, found[height]), replaced(seen, found[32]))
    assert found[32].sum() > 100
    assert np.array_equal(found[32], found[1024])
    assert np.array_equal(found[96], found[1024])


def test_all_else_stays_as_it_is_to_the_bit():
    seen = scene()
    found = rng().random(seen.shape) < 0.1
    assert np.array_equal(replaced(seen, found)[~found], seen[~found])


def test_an_impulse_becomes_what_its_good_neighbours_are():
    seen = np.full((9, 9, 1), 0.25, np.float32)
    found = np.zeros(seen.shape, bool)
    found[3:6, 3:6] = found[0, 0] = True
    seen[found] = 1
    assert np.allclose(replaced(seen, found), 0.25)


def test_without_a_good_neighbour_nothing_is_replaced():
    seen = rng().random((7, 7, 3), np.float32)
    assert np.array_equal(replaced(seen, np.ones(seen.shape, bool)), seen)


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 300, 3), (300, 1, 3), (3, 5, 3), (129, 40, 1)])
def test_pictures_of_every_size_are_looked_at(shape):
    assert find_impulses(rng().random(shape, np.float32)) is None


def test_values_beyond_the_range_are_no_impulses():
    seen = 3 * scene() - 1
    assert find_impulses(seen) is None


def test_a_value_as_high_as_its_ring_counts_as_no_impulse():
    levels = np.full((9, 9, 1), 40, np.uint8)
    levels[4, 4] = 40
    levels[3, 4] = 60
    at = np.array([4 * 9 + 4])
    assert impulses.rise(levels, at, 1) == 1
