import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from imgae.model.contract import GUESS  # noqa: E402
from imgae.synthetic.masks import COVERED, draw_dust, draw_film_scratches  # noqa: E402
from imgae.training.corruptions.defects import Defects  # noqa: E402
from imgae.training.corruptions.holes import Holes  # noqa: E402
from imgae.training.corruptions.noise import GaussianNoise, draw_levels  # noqa: E402
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


def test_defects_are_where_the_target_says():
    banks = (DrawnBank([(1.0, draw)], seed=0) for draw in (draw_film_scratches, draw_dust))
    clean = torch.rand(24, 3, 64, 64, generator=generator(3)) * 0.2 + 0.4
    damaged, target = Defects(*banks, share_soft=0, share_noisy=0)(clean, generator())
    assert target.shape == damaged.shape
    apart = (damaged - clean).abs().amax(1)
    assert apart[target.sum(1) == 0].max() < COVERED
    assert apart[target[:, 0] > 0].mean() > 0.15
    for kind in range(3):
        present = target[:, kind].any((1, 2))
        assert 0.15 < present.float().mean() < 0.9
    assert target[:, 2].mean() < target[:, 0].mean()  # dead pixels are few


def test_soft_edges_reach_a_little_beyond_the_target():
    banks = (DrawnBank([(1.0, draw)], seed=0) for draw in (draw_film_scratches, draw_dust))
    clean = torch.full((24, 3, 64, 64), 0.5)
    damaged, target = Defects(*banks, share_soft=1, share_noisy=0)(clean, generator())
    apart = (damaged - clean).abs().amax(1, keepdim=True)
    near = torch.nn.functional.max_pool2d(target.amax(1, keepdim=True), 3, 1, 1)
    assert apart[near == 0].max() < COVERED / 2
    assert apart[(near > 0) & (target.amax(1, keepdim=True) == 0)].max() > 0.05
