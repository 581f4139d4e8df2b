"""Objectives for noisy pictures alone and for pairs, and the score without clean pictures."""

import math

import numpy as np
import pytest
import torch
from torch import Generator, nn

from imgae.training.noise.model import NoiseModel
from imgae.training.objectives.pairs import Pairs
from imgae.training.objectives.redrawn import Redrawn, told, two_thirds
from imgae.training.unseen_gain import UnseenGain

SIGMA = 25 / 255
BLURRED = tuple(float(value) for value in np.outer([0.25, 0.5, 0.25], [0.25, 0.5, 0.25]).ravel())
BLURRED = tuple(value / math.hypot(*BLURRED) for value in BLURRED)


class Keeps(nn.Module):
    """A share of a picture's difference from mid-gray."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = nn.Parameter(torch.tensor(share))

    def forward(self, image):
        return 0.5 + self.share * (image - 0.5)


def noisy_crops(noise, count=4, side=48, level=0.5):
    generator = Generator().manual_seed(1)
    clean = torch.full((count, 3, side, side), level)
    return clean + noise.draw(clean, generator), clean


def test_a_network_learns_to_flatten_flat_noisy_pictures_from_these_alone():
    noise = NoiseModel.gaussian(SIGMA)
    noisy, _ = noisy_crops(noise)
    net = Keeps(0.5)
    objective = Redrawn(noise)
    optimizer = torch.optim.Adam(net.parameters(), 0.05)
    for step in range(60):
        optimizer.zero_grad()
        loss, terms = objective(net, noisy, Generator().manual_seed(step))
        loss.backward()
        optimizer.step()
    assert abs(net.share.item()) < 0.1
    assert terms["mse"].item() < 0.1 * SIGMA**2


def test_what_is_to_be_restored_is_what_the_network_or_its_teacher_makes_of_the_crop_smaller():
    noise = NoiseModel.gaussian(SIGMA)
    noisy, clean = noisy_crops(noise)
    asked = []

    class Plain:
        def of(self, restored, target, level):
            asked.append(target)
            return restored.mean(), {}

    net = Keeps(0.5)
    Redrawn(noise, plain=Plain())(net, noisy, Generator().manual_seed(0))
    Redrawn(noise, lambda _: clean, plain=Plain())(net, noisy, Generator().manual_seed(0))
    assert torch.equal(asked[0], two_thirds(net(noisy).detach()))
    assert not asked[0].requires_grad
    assert torch.equal(asked[1], two_thirds(clean))


def test_drawn_noise_is_cut_off_where_files_cut_it_off():
    noise = NoiseModel.gaussian(SIGMA)
    seen = []

    class Notes(Keeps):
        def forward(self, image):
            seen.append(image)
            return super().forward(image)

    noisy, _ = noisy_crops(noise, level=0.0)
    Redrawn(noise)(Notes(1.0), noisy, Generator().manual_seed(0))
    assert all(float(image.min()) >= 0 for image in seen[1:])
    Redrawn(noise, ends=(-1.0, 2.0))(Notes(1.0), noisy, Generator().manual_seed(0))
    assert float(seen[-1].min()) < 0


def test_white_noise_is_told_as_it_is_and_smooth_noise_stronger():
    white = NoiseModel.gaussian(SIGMA)
    smooth = NoiseModel.line("gaussian", (0.0,) * 3, (SIGMA**2,) * 3, (BLURRED,) * 3)
    sharp = (0.0, -0.3, 0.0, -0.3, 1.2, -0.3, 0.0, -0.3, 0.0)
    assert told(white) == 1
    assert told(NoiseModel.line("gaussian", (0.0,) * 3, (SIGMA**2,) * 3, (sharp,) * 3)) == 1
    # its nine values, whose squares add up to 1, add up to 8/3
    assert told(smooth) == pytest.approx((8 / 3) ** 0.7)


def test_pairs_are_scored_against_the_clean_picture():
    noise = NoiseModel.gaussian(SIGMA)
    noisy, clean = noisy_crops(noise)
    pairs = torch.cat([noisy, clean], 1)
    _, kept = Pairs(noise)(Keeps(1.0), pairs, Generator())
    _, gone = Pairs(noise)(Keeps(0.0), pairs, Generator())
    assert kept["mse"].item() == pytest.approx(SIGMA**2, rel=0.05)
    assert gone["mse"].item() == pytest.approx(0, abs=1e-12)


def test_the_estimated_gain_is_near_the_true_one():
    noise = NoiseModel.gaussian(SIGMA)
    noisy, _ = noisy_crops(noise)
    crops = list(noisy.split(1))
    judge = UnseenGain(crops, noise, torch.device("cpu"), Keeps(0.0))
    assert judge.score(nn.Identity()) == pytest.approx(0, abs=1e-6)
    assert judge.score(Keeps(0.1)) == pytest.approx(20, abs=0.2)
    assert judge.score(Keeps(0.1)) == judge.score(Keeps(0.1))


def test_pictures_without_noise_have_a_gain_that_is_a_number():
    noise = NoiseModel.line("poisson-gaussian", (0.01,) * 3, (0.0,) * 3)
    black = [torch.zeros(1, 3, 24, 24)]
    judge = UnseenGain(black, noise, torch.device("cpu"), nn.Identity())
    assert math.isfinite(judge.score(nn.Identity()))


def test_two_thirds_keeps_the_mean_and_has_pixels_of_what_they_cover():
    picture = torch.arange(36.0).view(1, 1, 6, 6)
    small = two_thirds(picture)
    assert small.shape == (1, 1, 4, 4)
    assert float(small.mean()) == pytest.approx(float(picture.mean()))
    # a pixel covers one and a half pixels each way: all of 0, half of 1 and 6, a quarter of 7
    assert float(small[0, 0, 0, 0]) == pytest.approx((0 + 0.5 * 1 + 0.5 * 6 + 0.25 * 7) / 2.25)


def test_the_preview_shows_real_crops(tmp_path):
    noise = NoiseModel.gaussian(SIGMA)
    noisy, _ = noisy_crops(noise, side=24)
    judge = UnseenGain(list(noisy.split(1)), noise, torch.device("cpu"), Keeps(0.0))
    judge.write_preview(Keeps(0.0), tmp_path / "preview.png")
    assert (tmp_path / "preview.png").stat().st_size > 100
