from dataclasses import replace
from unittest import mock

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from imgae.model.contract import GUESS  # noqa: E402
from imgae.synthetic.captions import draw_captions  # noqa: E402
from imgae.synthetic.defects import (  # noqa: E402
    draw_all_dust,
    draw_all_scratches,
    draw_architecture,
)
from imgae.synthetic.fonts import ANY  # noqa: E402
from imgae.synthetic.stamps import draw_stamps  # noqa: E402
from imgae.training.corruptions import defects as corruptions  # noqa: E402
from imgae.training.corruptions.defects import Defects  # noqa: E402
from imgae.training.corruptions.holes import Holes  # noqa: E402
from imgae.training.corruptions.noise import GaussianNoise, draw_levels  # noqa: E402
from imgae.training.corruptions.prints import Draw, blurred, on_paper, toned  # noqa: E402
from imgae.training.mask_bank import DrawnBank, HoleBank  # noqa: E402
from imgae.training.objectives.inpaint import Inpainting  # noqa: E402

PLAIN = GaussianNoise(share_zero=0, share_varying=0, share_rounded=0, share_gray=0)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def clean(batch=64, side=32):
    return torch.rand(batch, 3, side, side, generator=generator(9)) * 0.2 + 0.4


def test_the_same_generator_state_gives_the_same_corruption():
    first = GaussianNoise()(clean(), generator(3))
    again = GaussianNoise()(clean(), generator(3))
    other = GaussianNoise()(clean(), generator(4))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first[0], other[0])


def test_the_noise_has_the_level_it_states():
    noisy, sigma, reference = PLAIN(clean(), generator())
    measured = (noisy - reference).std((1, 2, 3))
    assert torch.allclose(measured, sigma[:, 0, 0, 0], rtol=0.08)
    assert torch.allclose((noisy - reference).mean(), torch.zeros(()), atol=1e-3)


def test_levels_are_uniform_up_to_the_highest():
    _, sigma, _ = PLAIN(clean(4000, 1), generator())
    levels = sigma.ravel() * 255
    assert levels.min() >= 0
    assert levels.max() <= 55
    counts = torch.histc(levels, 5, 0, 55) / len(levels)
    assert torch.allclose(counts, torch.full((5,), 0.2), atol=0.03)


def test_the_share_at_zero_is_clean():
    noise = GaussianNoise(share_zero=0.3, share_rounded=0, share_gray=0)
    noisy, sigma, reference = noise(clean(1000, 2), generator())
    zero = (sigma == 0).all((1, 2, 3)) if sigma.ndim == 4 else None
    assert float(zero.float().mean()) == pytest.approx(0.3, abs=0.05)
    assert torch.equal(noisy[zero], reference[zero])


def test_rounded_samples_hold_what_a_file_can():
    noise = GaussianNoise(share_rounded=1.0)
    noisy, _, _ = noise(clean(), generator())
    assert noisy.min() >= 0
    assert noisy.max() <= 1
    assert torch.allclose(noisy * 255, (noisy * 255).round(), atol=1e-4)


def test_gray_samples_are_gray_in_picture_and_noise():
    noise = GaussianNoise(share_gray=1.0)
    noisy, _, reference = noise(clean(), generator())
    for picture in (noisy, reference):
        assert torch.allclose(picture, picture[:, :1].expand_as(picture))


def test_varying_levels_are_smooth_and_in_range():
    varying = torch.tensor([True, False]).view(2, 1, 1, 1)
    sigma = draw_levels((2, 64, 64), 0.2, varying, generator())
    assert sigma.shape == (2, 1, 64, 64)
    assert sigma.min() >= 0
    assert sigma.max() <= 0.2
    assert sigma[0].std() > 0
    assert sigma[1].std() == 0
    assert sigma.diff(dim=2).abs().max() < 0.2 / 20


def test_the_level_told_is_the_level_of_the_noise_in_every_sample():
    noise = GaussianNoise(share_varying=0, share_rounded=0)
    noisy, sigma, reference = noise(clean(500, 32), generator())
    measured = (noisy - reference).std((1, 2, 3))
    told = sigma[:, 0, 0, 0]
    assert float((measured - told).abs().max()) < 0.15 * float(told.max())
    assert float((measured / told)[told > 0].min()) > 0.85


def test_what_is_filled_counts_by_its_root_error_and_small_holes_for_less():
    clean = torch.zeros(3, 3, 40, 40)
    mask = torch.zeros(3, 1, 40, 40)
    mask[0, :, :20] = 1  # half of the patch
    mask[1, :, 0, :8] = 1  # a tenth of what counts in full; the third has no hole

    def net(given, mask):
        return given + 0.1 * mask + 7 * (1 - mask)  # far off outside, which is not looked at

    objective = Inpainting(lambda clean, *_: (clean, mask), full_share=0.05)
    loss, terms = objective(net, clean, generator())
    assert loss.item() == pytest.approx((0.1 + 0.1 * 0.1) / 3, rel=1e-3)
    assert terms["mse"].item() == pytest.approx(0.01 * 2 / 3, rel=1e-3)
    assert HoleBank(seed=0).draw_large(4, 128, generator()).float().mean() > 0.05


def test_holes_take_away_what_the_mask_marks_and_nothing_else():
    clean = torch.rand(40, 3, 64, 64, generator=generator(3)) * 0.8 + 0.1
    given, mask = Holes(HoleBank(seed=0))(clean, generator())
    assert set(mask.unique().tolist()) == {0, GUESS, 1}
    unknown = (mask > 0).expand_as(clean)
    assert torch.equal(given[~unknown], clean[~unknown])
    assert not given[(mask == 1).expand_as(clean)].any()
    guessed = (mask == GUESS).any((1, 2, 3))
    assert 0 < guessed.float().mean() < 0.3
    error = (given - clean)[(mask == GUESS).expand_as(clean)]
    assert 0.01 < error.square().mean() < clean.var()
    assert ((mask == 1).any((1, 2, 3)) != guessed)[mask.any((1, 2, 3))].all()
    shares = mask[~guessed].ceil().mean((1, 2, 3))
    assert shares.max() > 0.6  # random pixels
    assert ((shares > 0) & (shares < 0.3)).float().mean() > 0.2


def test_every_second_guess_is_the_networks_own_from_half_the_size():
    seen = []

    def net(image, mask):
        seen.append((image, mask))
        return torch.full_like(image, 0.25).requires_grad_()

    clean = torch.rand(20, 3, 64, 64, generator=generator(3)) * 0.5 + 0.4
    given, mask = Holes(HoleBank(seed=0), share_guess=1)(clean, generator(), net)
    guessed = (mask == GUESS).expand_as(clean)
    assert not given.requires_grad
    assert (given[::2][guessed[::2]] == 0.25).all()
    assert (given[1::2][guessed[1::2]] > 0.3).any()
    ((image, half),) = seen
    assert image.shape == (10, 3, 32, 32)
    assert half.unique().tolist() == [0, 1]
    unknown = (half == 1).expand_as(image)  # blocks without a known pixel
    assert not image[unknown].any()
    assert image[~unknown].min() > 0.3


def test_guesses_are_drawn_for_small_batches_too():
    holes, draw = Holes(HoleBank(seed=0)), generator()
    clean = torch.rand(1, 3, 64, 64, generator=draw)
    guessed = [bool((holes(clean, draw)[1] == GUESS).any()) for _ in range(60)]
    assert 2 <= sum(guessed) <= 25


@pytest.fixture(scope="module")
def defects():
    draws = (
        draw_all_scratches,
        draw_all_dust,
        lambda mask, rng: draw_stamps(mask, rng, ANY),
        lambda mask, rng: draw_captions(mask, rng, ANY),
        draw_architecture,
    )
    return Defects(*(DrawnBank([(1.0, draw)], count=12, seed=0) for draw in draws))


def test_defects_are_where_the_target_says(defects):
    clean = torch.rand(32, 3, 96, 96, generator=generator(3)) * 0.2 + 0.4
    damaged, target, weight = defects(clean, generator())
    assert damaged.shape == clean.shape
    assert target.shape == weight.shape == (32, 5, 96, 96)
    assert torch.equal((255 * damaged).round() / 255, damaged)
    for kind in range(5):
        present = target[:, kind].any((1, 2))
        assert 0.05 < present.float().mean() < 0.9
    assert target[:, 2].mean() < target[:, 0].mean()  # dead pixels are few
    assert (target.amax((1, 2, 3)) == 0).float().mean() > 0.1  # some have no damage
    assert 0.9 < weight.mean() < 1
    assert not (target * (1 - weight)).any()


def test_defects_are_visible(defects):
    clean = torch.full((32, 3, 96, 96), 0.5)
    with (
        mock.patch.object(corruptions, "toned", lambda x, _: x),
        mock.patch.object(corruptions, "on_paper", lambda x, _: x),
    ):
        damaged, target, _ = replace(defects, share_lines=0)(clean, generator())
    change = (damaged - clean).abs().amax(1, keepdim=True)
    assert change[target.amax(1, keepdim=True) > 0].mean() > 0.1
    assert change[target.amax(1, keepdim=True) == 0].mean() < 0.03


def test_defects_follow_from_the_generator(defects):
    clean = torch.rand(4, 3, 64, 64, generator=generator(3))
    first, again, other = (defects(clean, generator(seed)) for seed in (1, 1, 2))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first[0], other[0])


def test_each_sample_is_blurred_by_its_own_width():
    x = torch.zeros(3, 1, 21, 21)
    x[:, :, 10, 10] = 1
    sigma = torch.tensor([0.05, 0.8, 1.6]).view(3, 1, 1, 1)
    peaks = blurred(x, sigma)[:, 0, 10, 10]
    assert peaks[0] == pytest.approx(1, abs=1e-3)
    assert peaks[1] == pytest.approx(1 / (2 * torch.pi * 0.64), rel=0.05)
    assert peaks[2] == pytest.approx(1 / (2 * torch.pi * 2.56), rel=0.05)
    assert torch.allclose(blurred(x, sigma).sum((1, 2, 3)), torch.ones(3), atol=1e-4)


def test_prints_stay_pictures():
    clean = torch.rand(24, 3, 64, 64, generator=generator(3))
    draw = Draw(24, generator(), clean.device)
    for change in (toned, on_paper):
        x = change(clean, draw)
        assert x.shape == clean.shape
        assert torch.isfinite(x).all()
    x = toned(clean, draw)
    gray = (x - x.mean(1, keepdim=True)).abs().amax((1, 2, 3))
    assert (gray < 1e-5).any()
