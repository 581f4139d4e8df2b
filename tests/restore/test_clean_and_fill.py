"""Removing noise and filling holes in one picture."""

import cv2
import numpy as np
import pytest
import tiny_models
from scenes import photo

from imgae import Denoiser, Image, Inpainter
from imgae.restore.clean_and_fill import clean_and_fill

HOLE = np.zeros((40, 50), bool)
HOLE[10:18, 5:25] = True
GRAY = Image(np.full((40, 50, 3), 100, np.uint8))


@pytest.fixture
def both(tmp_path):
    """One fills with white, the other subtracts the level."""
    inpainter = Inpainter(tiny_models.fill(tmp_path / "fill.onnx"), threads=1)
    return inpainter, Denoiser(tiny_models.darken(tmp_path / "darken.onnx"), threads=1)


def test_the_picture_is_cleaned_and_the_holes_are_filled_last(both):
    done = clean_and_fill(*both, GRAY, HOLE, sigma=10 / 255)
    assert (done.sigma, done.sigma_source) == (10 / 255, "given")
    assert (done.image.pixels[~HOLE] == 90).all()
    assert (done.image.pixels[HOLE] == 255).all()  # 245 if the noise had been removed last


def test_the_denoiser_sees_filled_holes(both, monkeypatch):
    seen = []
    run = Denoiser.run

    def watched(self, image, *rest, **more):
        seen.append(image.pixels)
        return run(self, image, *rest, **more)

    monkeypatch.setattr(Denoiser, "run", watched)
    clean_and_fill(*both, GRAY, HOLE, sigma=0.1)
    assert (seen[0][HOLE] == 255).all()


def noisy_flat(height, width, strength):
    noise = np.random.default_rng(0).normal(0, strength, (height, width, 3))
    return Image((215 + noise).clip(0, 255).astype(np.uint8))


@pytest.mark.parametrize("grain", [True, False])
def test_the_holes_get_the_noise_that_the_denoiser_leaves(tmp_path, grain):
    """The draft has noise in any case, the second fill only if it is wanted."""
    inpainter = Inpainter(tiny_models.fill(tmp_path / "fill.onnx"), threads=1)
    denoiser = Denoiser(tiny_models.identity(tmp_path / "identity.onnx"), threads=1)
    image = noisy_flat(160, 170, 10)
    hole = np.zeros((160, 170), bool)
    hole[60:90, 60:90] = True
    seen = []
    run = denoiser.run
    denoiser.run = lambda picture, sigma, **_: seen.append(picture.pixels) or run(picture, sigma)
    settings = {"sigma": 0.1, "texture": False, "grain": grain}
    done = clean_and_fill(inpainter, denoiser, image, hole, **settings)
    assert seen[0][hole].std() > 3
    assert np.array_equal(done.image.pixels[~hole], image.pixels[~hole])
    if grain:
        assert done.image.pixels[hole].std() > 3
    else:
        assert (done.image.pixels[hole] == 255).all()


@pytest.mark.parametrize("kind", ["white", "grain"])
def test_what_is_marked_does_not_change_the_level(kind):
    """15 % of the picture are boxes of 40 pixels."""
    size = 256
    noise = np.random.default_rng(0).normal(0, 12, (size, size, 3)).astype(np.float32)
    if kind == "grain":
        noise = 2.5 * cv2.GaussianBlur(noise, (0, 0), 0.8)
    image = Image((255 * photo(size, size) + noise).clip(0, 255).astype(np.uint8))
    hole = np.zeros((size, size), bool)
    for top, left in ((20, 20), (20, 110), (20, 200), (150, 20), (150, 110), (150, 200)):
        hole[top : top + 40, left : left + 40] = True
    inpainter, denoiser = Inpainter(threads=1), Denoiser(threads=1)
    alone = denoiser.run(image)
    done = clean_and_fill(inpainter, denoiser, image, hole, texture=False)
    assert done.sigma_source == alone.sigma_source
    assert abs(done.sigma / alone.sigma - 1) < 0.1


def test_a_gray_scan_in_colours_stays_gray(both):
    done = clean_and_fill(*both, GRAY, HOLE, sigma=10 / 255)
    assert (done.image.pixels == done.image.pixels[:, :, :1]).all()


def test_feathering_blends_with_the_picture_as_it_was(both):
    done = clean_and_fill(*both, GRAY, HOLE, sigma=50 / 255, feather=3)
    assert 130 < done.image.pixels[10, 15, 0] < 145  # a quarter of the way from 100 to 255


def test_without_holes_only_the_noise_goes(both):
    done = clean_and_fill(*both, GRAY, HOLE & False, sigma=10 / 255)
    assert (done.image.pixels == 90).all()


def test_progress_is_of_the_first_fill_of_the_noise_and_of_the_second_fill(both):
    told = []
    clean_and_fill(*both, GRAY, HOLE, sigma=0.1, progress=lambda done, of: told.append(done / of))
    assert told == sorted(told)
    assert {0.1, 0.8, 1.0} <= set(told)
