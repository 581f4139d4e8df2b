"""Noise measured from noisy pictures against the noise that was put there."""

import json
from contextlib import suppress
from functools import cache

import numpy as np
import pytest
import torch
from torch import Generator

from imgae.errors import TrainingError
from imgae.evaluate.made_noise import LEVEL, PEAK, made, stored
from imgae.picture.pixels import to_float
from imgae.training.noise import places
from imgae.training.noise.model import KNOTS, NoiseModel, measure, measure_pairs

COUNT = 6


@cache
def scene(number):
    """A picture (128, 128, 3) with a slope, edges, and a part full of texture."""
    generator = np.random.default_rng(number)
    y, x = np.mgrid[:128, :128] / 128
    corners, colours = generator.random((5, 2)), 0.1 + 0.8 * generator.random((5, 3))
    picture = 0.2 * (x * y)[:, :, None] + 0.6 * colours[0]
    for (down, across), colour in zip(corners, colours, strict=True):
        picture[(y > down) & (x > across)] = colour
    picture[:40] += 0.1 * np.sin(90 * x[:40] * (1 + y[:40]))[:, :, None]
    return picture.clip(0, 1).astype(np.float32)


def noisy(kind):
    return [made(kind, scene(number), number) for number in range(COUNT)]


def correlation(noise):
    return float((noise[:, 1:] * noise[:, :-1]).mean() / (noise**2).mean())


def test_gaussian_noise_is_found_as_such():
    model = measure(noisy("gaussian"))
    assert model.kind == "gaussian"
    assert 255 * model.level() == pytest.approx(LEVEL, rel=0.04)
    assert model.side == 1
    assert not model.gray
    assert "(Gaussian); neighbours correlate by" in model.sentence()
    assert "pixel by pixel" in model.sentence()


def test_poisson_noise_is_a_line():
    model = measure(noisy("poisson"))
    assert model.kind == "poisson-gaussian"
    assert np.mean(model.a) == pytest.approx(1 / PEAK, rel=0.08)
    assert abs(np.mean(model.b)) < 0.002
    assert "x signal (Poisson-Gaussian)" in model.sentence()


def test_correlated_noise_is_no_texture():
    model = measure(noisy("correlated"))
    assert model.kind == "gaussian"
    assert 255 * model.level() == pytest.approx(LEVEL, rel=0.08)
    truth = made("correlated", np.full((256, 256, 3), 0.5), 9) - 0.5
    assert model.correlation() == pytest.approx(correlation(truth[:, :, 0]), abs=0.06)
    assert "smooth over pixels" in model.sentence()
    drawn = model.draw(torch.full((1, 3, 128, 128), 0.5), Generator().manual_seed(0))
    assert correlation(drawn[0, 0].numpy()) == pytest.approx(model.correlation(), abs=0.03)
    assert 255 * drawn.std() == pytest.approx(255 * model.level(), rel=0.03)


def test_noise_of_a_camera_is_a_curve():
    pictures = noisy("camera")
    pairs = measure_pairs(pictures, [scene(number) for number in range(COUNT)])
    for model in (measure(pictures), pairs):
        assert model.kind == "curve"
        truth = made("camera", np.full((256, 256, 3), 0.5), 9) - 0.5
        assert model.level(0.5) == pytest.approx(truth.std(), rel=0.25)
        assert model.level(0.9) < model.level(0.3)
        assert "a curve of its own" in model.sentence()


def test_pairs_give_the_truth():
    model = measure_pairs(noisy("gaussian"), [scene(number) for number in range(COUNT)])
    assert 255 * model.level() == pytest.approx(LEVEL, rel=0.01)


def test_clipped_files_have_the_noise_of_their_middle():
    pictures = [stored(picture, 8) / np.float32(255) for picture in noisy("correlated")]
    model = measure(pictures)
    assert 255 * model.level() == pytest.approx(LEVEL, rel=0.13)


def test_a_law_can_be_asked_for():
    model = measure(noisy("gaussian"), "poisson-gaussian")
    assert model.kind == "poisson-gaussian"
    assert measure(noisy("poisson"), "gaussian").a == (0.0, 0.0, 0.0)


def test_a_gray_picture_has_one_noise_in_three_channels():
    gray = [picture[:, :, :1] for picture in noisy("gaussian")]
    for pictures in (gray, [np.repeat(picture, 3, 2) for picture in gray]):
        model = measure(pictures)
        assert model.gray
        drawn = model.draw(torch.full((1, 3, 16, 16), 0.5), Generator().manual_seed(0))
        assert torch.allclose(drawn[:, 0], drawn[:, 2], atol=1e-6)


def test_sigma_follows_the_curve():
    model = NoiseModel.line("poisson-gaussian", (0.01, 0.02, 0.03), (1e-4,) * 3)
    signal = torch.tensor([-1.0, 0.0, 0.53, 1.0, 9.0]).expand(2, 3, 1, 5)
    shot = torch.tensor([0.01, 0.02, 0.03]).view(1, 3, 1, 1)
    expected = (shot * signal.clamp(0, KNOTS[-1]) + 1e-4).sqrt()
    assert torch.allclose(model.sigma(signal), expected, atol=1e-6)


def test_a_model_of_noise_goes_through_json():
    for kind in ("gaussian", "camera"):
        model = measure(noisy(kind))
        again = NoiseModel.from_dict(json.loads(json.dumps(model.to_dict())))
        assert again.kind == model.kind
        assert again.sentence() == model.sentence()
        assert np.allclose(again.kernels, model.kernels, atol=1e-5)


@pytest.mark.parametrize("change", [{"kind": "x"}, {"mix": [[1]]}, {"kernels": 3}, {"b": ["?"]}])
def test_other_dictionaries_are_refused(change):
    with pytest.raises(TrainingError, match="no model of noise"):
        NoiseModel.from_dict(NoiseModel.gaussian(0.1).to_dict() | change)
    with pytest.raises(TrainingError, match="no model of noise"):
        NoiseModel.from_dict({})


def test_where_nothing_can_be_measured_it_is_said():
    for pictures in ([], [np.zeros((8, 8, 3), "f4")], [np.zeros((64, 64, 3), "f4")]):
        with pytest.raises(TrainingError, match="no noise to be measured"):
            measure(pictures)
    slope = np.linspace(0, 0.1, 128, dtype="f4")[:, None, None] * np.ones((128, 128, 3), "f4")
    with pytest.raises(TrainingError, match="hardly any noise"):
        measure([slope + slope.transpose(1, 0, 2)])


def test_pictures_that_equal_their_clean_ones_hold_no_noise():
    pictures = noisy("gaussian")[:2]
    with pytest.raises(TrainingError, match="equal to their clean pictures"):
        measure_pairs(pictures, pictures)
    with pytest.raises(TrainingError, match=r"hardly any noise|no noise"):
        measure_pairs(pictures, [picture + np.float32(1e-6) * picture for picture in pictures])


def test_pictures_without_noise_are_no_traceback():
    picture = np.zeros((96, 96, 3), np.float32)
    slope = picture + np.linspace(0, 1, 96, dtype=np.float32)[:, None, None]
    steps = picture + (np.arange(96) // 4 % 2).astype(np.float32)[:, None]
    for texture in (slope, steps):
        with suppress(TrainingError):
            assert np.isfinite(measure([texture] * 2).level())
    picture[::4, ::4] = 1e-4
    with pytest.raises(TrainingError, match="noise"):
        measure([picture] * 2)


def test_blocks_are_thinned_out_over_all_pictures(monkeypatch):
    monkeypatch.setattr(places, "MOST_BLOCKS", 4000)
    found = list(places.chosen_of([(24, 20)] * 5000))  # 20 blocks each
    numbers = np.concatenate([chosen for _, chosen in found])
    assert len(numbers) == 4000
    assert np.bincount(numbers, minlength=20).min() > 100
    assert max(index for index, _ in found) > 4980
    (every,) = places.chosen_of([(24, 20)])
    assert every[1].tolist() == list(range(20))


def test_integers_are_measured_as_floats_are():
    pictures = [
        np.rint(picture.clip(0, 1) * 65535).astype(np.uint16) for picture in noisy("gaussian")
    ]
    floats = [to_float(picture) for picture in pictures]
    assert measure(pictures) == measure(floats)
