"""Camera noise as training draws it: each part has the statistics that it claims."""

import io
from dataclasses import replace

import numpy as np
import PIL.Image
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from nets import build  # noqa: E402

from imgae.synthetic import drawings  # noqa: E402
from imgae.training.corruptions import jpeg  # noqa: E402
from imgae.training.corruptions.camera import (  # noqa: E402
    CameraNoise,
    magnified,
)
from imgae.training.corruptions.camera_noise import (  # noqa: E402
    bayer,
    blurred,
    chroma_noise,
    correlated_noise,
    demosaic,
    dependent_noise,
    inverse_tone,
    linear_to_srgb,
    processed,
    raw_noise,
    srgb_to_linear,
    tone,
)
from imgae.training.networks.parts import STRIDE  # noqa: E402
from imgae.training.objectives.camera import CameraDenoising  # noqa: E402


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def gray(value, batch=16, side=64):
    return torch.full((batch, 3, side, side), value)


def each(value, batch=16):
    return torch.full((batch, 1, 1, 1), value)


def picture(side=96):
    return drawings.draw("drawing", side, np.random.default_rng(1))


def as_batch(pixels):
    return torch.tensor(np.asarray(pixels)).permute(2, 0, 1)[None].float() / 255


def db(a, b):
    return float(-10 * torch.log10((a - b).square().mean()))


def correlation(noise, step):
    """Of neighbours along a row, `step` apart."""
    return float((noise[..., step:] * noise[..., :-step]).mean() / noise.square().mean())


def test_the_same_generator_state_gives_the_same_degradation():
    clean = torch.rand(8, 3, 48, 48, generator=generator(9))
    first, again = (CameraNoise()(clean, generator(3)) for _ in range(2))
    other = CameraNoise()(clean, generator(4))
    for name in ("noisy", "clean", "quantisation", "iso"):
        assert torch.equal(getattr(first, name), getattr(again, name))
    assert not torch.equal(first.noisy, other.noisy)


@pytest.mark.parametrize("half", [True, False])
@pytest.mark.parametrize("quality", [8, 30, 75, 96])
def test_jpeg_is_what_pillow_makes(quality, half):
    pixels = picture()
    buffer = io.BytesIO()
    PIL.Image.fromarray(pixels).save(buffer, "JPEG", quality=quality, subsampling=2 * half)
    theirs = PIL.Image.open(buffer)
    x = as_batch(pixels)
    zero = each(0.0, 1)
    ours = jpeg.jpeg(x, each(float(quality), 1), each(half, 1), zero, zero)
    assert db(ours, as_batch(theirs)) > db(ours, x) + 8
    means = [np.mean(table) / 255 for table in theirs.quantization.values()]
    assert jpeg.mean_steps(each(float(quality), 1)).flatten().tolist() == pytest.approx(means)


def blockiness(picture, axis):
    """How much larger steps between neighbours are at each place of a grid of 8, (8,)."""
    steps = jpeg.luma_of(picture).diff(dim=axis).abs()
    other = 5 - axis
    line = steps.mean((0, 1, other))
    return torch.stack([line[place::8].mean() for place in range(8)])


@pytest.mark.parametrize(("down", "right"), [(0, 0), (3, 5), (7, 1), (11, 14)])
def test_a_shifted_jpeg_has_its_grid_elsewhere(down, right):
    """Blocks of 8 begin where the shift says, in rows and in columns; noise hides nothing."""
    x = torch.rand(1, 3, 96, 96, generator=generator(5))
    ours = jpeg.jpeg(x, each(2.0, 1), each(False, 1), each(float(down), 1), each(float(right), 1))
    assert ours.shape == x.shape
    for axis, shift in ((2, down), (3, right)):
        # The step from row n to n + 1 is large where n + 1 begins a block: n + 1 + shift = 8 k.
        assert int(blockiness(ours, axis).argmax()) == (7 - shift) % 8


def test_a_shifted_jpeg_is_the_jpeg_of_the_picture_that_begins_there():
    """Pixels of whole blocks are those of saving the part that begins with the first of them."""
    x = as_batch(picture(64))
    low, half, zero = each(10.0, 1), each(False, 1), each(0.0, 1)
    shifted = jpeg.jpeg(x, low, half, each(3.0, 1), each(5.0, 1))
    # The first whole blocks begin at row 8 - 3 and column 8 - 5.
    apart = jpeg.jpeg(x[:, :, 5:53, 3:51], low, half, zero, zero)
    assert torch.equal(shifted[:, :, 5:53, 3:51], apart)
    assert not torch.equal(jpeg.jpeg(x, low, half, zero, zero), shifted)


def test_raw_noise_grows_with_light_as_shot_noise_does():
    """On linear grays, undone to the sensor: variance is a line of the light."""
    shot = each(0.004, 64)
    darks, lights = (raw_noise(gray(value, 64), shot, generator(1)).std() for value in (0.25, 0.6))
    # Gamma's slope falls with light, and shot noise grows: less than with white noise.
    slope = (0.6 / 0.25) ** (1 / 2.4 - 1) * (0.6 / 0.25) ** 1.2
    assert 0.6 < float(lights / darks) < 2.0 * slope
    weak = raw_noise(gray(0.4, 64), shot / 16, generator(1)).std()
    strong = raw_noise(gray(0.4, 64), shot, generator(1)).std()
    assert float(strong / weak) == pytest.approx(4, rel=0.2)  # of shot noise, the root


def test_raw_noise_leaves_the_truth_alone_and_is_correlated():
    noise = raw_noise(gray(0.5), each(0.002), generator())
    assert float(noise.mean().abs()) < 2 / 255
    assert correlation(noise, 1) > 0.2  # interpolated
    assert abs(correlation(noise, 8)) < 0.1
    least = raw_noise(torch.rand(4, 3, 32, 32, generator=generator()), each(1e-9, 4),
                             generator())  # fmt: skip
    assert float(least.abs().max()) < 3 / 255  # back and forth is the identity


def test_interpolation_keeps_a_flat_colour():
    flat = torch.ones(1, 3, 16, 16)
    for place in (0.0, 0.3, 0.6, 0.9):
        mask = bayer(16, 16, torch.tensor([[place]]), flat.device)
        assert mask.sum(1).eq(1).all()
        assert mask.mean((0, 2, 3)).tolist() == [0.25, 0.5, 0.25]
        assert torch.allclose(demosaic(flat * mask)[:, :, 1:-1, 1:-1], torch.ones(()))


def test_dependent_noise_is_of_its_level_at_middle_gray_and_grows():
    level = each(0.05, 64)
    middle, bright = (dependent_noise(gray(v, 64), level, generator()).std() for v in (0.5, 0.9))
    assert float(middle) == pytest.approx(0.05, rel=0.03)
    assert float(bright) > 1.1 * float(middle)


def test_correlated_noise_has_its_level_and_reaches_some_pixels():
    noise = correlated_noise(gray(0.5, 64), each(0.04, 64), generator())
    assert float(noise.std()) == pytest.approx(0.04, rel=0.03)
    assert 0.3 < correlation(noise, 1) < 0.9
    assert abs(correlation(noise, 9)) < 0.1


def test_chroma_noise_is_mostly_chroma():
    noise = chroma_noise(gray(0.5, 64), each(0.04, 64), generator())
    assert float(noise.std()) == pytest.approx(0.04, rel=0.05)
    luma = jpeg.luma_of(noise)
    chroma = noise - luma
    assert float(chroma.square().mean()) > float(luma.square().mean())


def excess(noise):
    """Kurtosis of the fine detail: 3 for normal noise."""
    fine = noise - blurred(noise, 0.8)
    return float(fine.pow(4).mean() / fine.square().mean().square())


def test_a_cameras_own_denoising_leaves_rare_heavy_noise_and_less_of_it():
    noise = dependent_noise(gray(0.5, 64), each(0.03, 64), generator())
    left = processed(gray(0.5, 64), noise, generator(1))
    assert float(left.std()) < 0.6 * float(noise.std())
    assert float(left.mean().abs()) < 1e-3
    assert excess(jpeg.luma_of(noise)) < 3.2
    assert excess(jpeg.luma_of(left)) > 4


def test_a_cameras_own_denoising_leaves_noise_beside_edges():
    edge = gray(0.3, 64)
    edge[..., 32:] = 0.7
    noise = dependent_noise(edge, each(0.02, 64), generator())
    left = jpeg.luma_of(processed(edge, noise, generator(1)))
    assert float(left[..., 31:33].std()) > 1.5 * float(left[..., 8:16].std())


def test_pictures_are_exposed_too_brightly_and_too_darkly():
    clean = gray(0.5, 400, 16)
    made = CameraNoise(share_clean=1.0, share_exposed=1.0, share_resized=0.0)(clean, generator())
    assert torch.equal(made.noisy, made.clean)
    means = made.clean.mean((1, 2, 3))
    assert 0.2 < float(means.min()) < 0.3
    assert float(means.max()) > 0.85
    assert float(means.median()) == pytest.approx(0.5, abs=0.05)


def test_the_tone_curve_and_srgb_are_undone():
    x = torch.linspace(0, 1, 256)
    assert torch.allclose(tone(inverse_tone(x)), x, atol=1e-5)
    assert torch.allclose(linear_to_srgb(srgb_to_linear(x)), x, atol=1e-5)


def test_a_third_is_without_noise_and_part_of_that_untouched():
    clean = torch.rand(3000, 3, 16, 16, generator=generator())
    made = replace(CameraNoise(), share_resized=0.0, share_soft=0.0, share_soft_clean=0.0)(
        jpeg.rounded(clean), generator(1)
    )
    same = (made.noisy == made.clean).all((1, 2, 3)).float().mean()
    assert float(same) == pytest.approx(CameraNoise().share_clean, abs=0.03)
    told = (made.quantisation > 0).all((1, 2, 3)).float().mean()
    assert 0.1 < float(told) < 0.4
    with_iso = made.iso[made.iso > 0]
    assert len(with_iso) / 3000 == pytest.approx(CameraNoise().share_iso, abs=0.03)
    assert float(with_iso.min()) >= 50


def test_only_clean_pictures_come_back_from_shares_of_one():
    clean = jpeg.rounded(torch.rand(8, 3, 32, 32, generator=generator()))
    made = CameraNoise(share_clean=1.0, share_resized=0.5, share_soft_clean=0.0, share_exposed=0.0)(
        clean, generator()
    )
    assert torch.equal(made.noisy, clean)
    assert torch.equal(made.clean, clean)


def test_the_network_takes_away_nothing_at_the_start_and_nothing_where_levels_are_zero():
    net = build("tiny", "camera").eval()
    image = torch.rand(2, 3, 21, 34, generator=generator())
    told, iso = torch.zeros(1, 2, 1, 1), torch.zeros(1, 1, 1, 1)
    assert torch.equal(net(image, told, iso), image)
    with torch.no_grad():
        for parameter in net.tail.parameters():
            parameter.add_(0.1)
        assert not torch.equal(net(image, told, iso), image)
        net.levels.bias.fill_(-40.0)
        restored, levels = net.with_levels(image, told, iso)
    assert float(levels.max()) < 1e-6
    assert torch.allclose(restored, image, atol=1e-5)
    assert levels.shape == (2, 2, 3, 5)


def test_luma_and_chroma_fade_apart():
    net = build("tiny", "camera").eval()
    image = torch.rand(1, 3, 16, 16, generator=generator())
    with torch.no_grad():
        net.tail.bias.normal_(0, 0.1, generator=generator())
        net.levels.weight.zero_()
        net.levels.bias.copy_(torch.tensor([-40.0, 2.0]))
        change = net(image, torch.zeros(1, 2, 1, 1), torch.zeros(1, 1, 1, 1)) - image
    assert float(change.mean(1).abs().max()) < 1e-5
    assert float(change.abs().max()) > 1e-2


def test_what_files_tell_is_told_to_each_picture():
    net = build("tiny", "camera").eval()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(0.02)
        image = torch.rand(1, 3, STRIDE, STRIDE, generator=generator()).repeat(2, 1, 1, 1)
        told = torch.tensor([0.0, 0.4]).view(2, 1, 1, 1)
        out = net(image, told.repeat(1, 2, 1, 1), told * 6400)
        alone = net(image[1:], told[1:].repeat(1, 2, 1, 1), told[1:] * 6400)
    assert not torch.equal(out[0], out[1])
    assert torch.allclose(out[1:], alone, atol=1e-6)


def test_training_lowers_the_loss_and_reaches_the_level_map():
    torch.manual_seed(0)
    net = build("tiny", "camera")
    objective = CameraDenoising(
        CameraNoise(
            kinds=(0, 0, 0, 0, 1.0),
            share_clean=0.2,
            share_clean_jpeg=0.0,
            share_white_jpeg=0.0,
            share_exposed=0.0,
            share_float=0.0,
            share_soft=0.0,
        )
    )
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    clean = as_batch(drawings.draw("gradient", 32, np.random.default_rng(0))).repeat(8, 1, 1, 1)
    before, first = objective(net, clean, generator(-1))
    for step in range(300):
        loss, terms = objective(net, clean, generator(step))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert set(terms) == {"mse", "gain", "level_error"}
    assert float(net.levels.weight.grad.abs().sum()) > 0
    after, last = objective(net, clean, generator(-1))
    assert float(after.detach()) < 0.9 * float(before.detach())
    assert float(last["level_error"].detach()) < 0.8 * float(first["level_error"].detach())


def test_soft_pictures_have_no_detail_of_single_pixels():
    x = torch.rand(4, 3, 48, 48, generator=generator())
    soft = magnified(x, 2.0)
    assert soft.shape == x.shape
    assert correlation(soft - soft.mean(), 1) > 0.6 > correlation(x - x.mean(), 1) + 0.4
    assert torch.allclose(magnified(x, 1.0), x, atol=1e-5)
