"""The figures of scripts/score_contraction.py, on denoisers whose answers are known."""

import math

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("onnx", reason="onnx is not installed")

from imgae.evaluate import contraction  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_thread")


def gray(side=96):
    """In the middle of the range, where nothing is clipped."""
    return torch.full((1, 3, side, side), 0.5)


def nothing(noisy, _):
    return noisy


def blurred(x, width):
    """The mean of 3x3 pixels, whatever the width."""
    padded = torch.nn.functional.pad(x, (1, 1, 1, 1), mode="replicate")
    return torch.nn.functional.avg_pool2d(padded, 3, 1)


TOOLS = contraction.Tools(lambda denoise, picture: float(denoise(picture).mean()), blurred)


def test_the_quality_of_doing_nothing_is_that_of_the_noise():
    for sigma in (15, 25, 50):
        found = contraction.quality(nothing, gray(), sigma / 255, 0)
        assert found == pytest.approx(20 * math.log10(255 / sigma), abs=0.2)
    assert contraction.quality(lambda noisy, _: gray(), gray(), 0.1, 0) == math.inf


def test_the_level_of_other_noise_is_its_root_mean_square():
    told = []

    def net(noisy, sigma):
        told.append(float(sigma))
        return noisy

    draw = torch.Generator().manual_seed(0)
    for given in (contraction.with_photons(gray(), draw), contraction.with_salt(gray(), draw)):
        assert contraction.gained(net, given, gray()) == 0
        assert told.pop() == pytest.approx(float((given - gray()).square().mean().sqrt()))
    near = contraction.gained(lambda *_: gray() + 0.01, gray() + 0.1, gray())
    assert near == pytest.approx(20, abs=1e-3)


def test_photons_and_salt_are_as_many_as_said():
    draw = torch.Generator().manual_seed(0)
    photons = contraction.with_photons(gray(), draw)
    assert float(photons.std()) == pytest.approx(math.sqrt(0.5 / 40), rel=0.05)
    salted = contraction.with_salt(gray(), draw)
    changed = salted != gray()
    assert float(changed.float().mean()) == pytest.approx(0.05, abs=0.01)
    assert set(salted[changed].unique().tolist()) == {0.0, 1.0}
    assert torch.equal(changed[:, 0], changed[:, 2])


def test_an_attack_on_doing_nothing_adds_to_the_noise_in_its_own_direction():
    """Noise of 15 and a change of 5 in its direction are 20; a random change is 5 across it."""
    sigma = contraction.level(15 / 255)
    given = contraction.noisy(gray(), 15 / 255, 0)
    change = contraction.attack(nothing, given, gray(), sigma)
    assert float(change.square().mean().sqrt()) == pytest.approx(contraction.CHANGE, rel=1e-4)
    lost = contraction.lost_to(change, nothing, given, gray(), sigma)
    assert lost == pytest.approx(20 * math.log10(20 / 15), abs=0.03)
    jitter = contraction.scaled(
        torch.randn(given.shape, generator=torch.Generator().manual_seed(1))
    )
    random = contraction.lost_to(jitter, nothing, given, gray(), sigma)
    assert random == pytest.approx(10 * math.log10(250 / 225), abs=0.1)


def test_a_denoiser_that_ignores_its_input_loses_nothing():
    sigma = contraction.level(15 / 255)

    def net(noisy, _):
        return gray() + 0.01 + 0 * noisy

    change = contraction.attack(net, gray(), gray(), sigma, ascents=3)
    assert contraction.lost_to(change, net, gray(), gray(), sigma) == pytest.approx(0, abs=1e-3)


def test_as_a_prior_that_does_nothing_the_steps_are_plain_deblurring():
    y, x = torch.meshgrid(torch.arange(48) / 6, torch.arange(48) / 6, indexing="ij")
    clean = (0.5 + 0.3 * torch.sin(3 * x) * torch.cos(2 * y)).expand(1, 3, 48, 48)
    steps = (1, 5, 20)
    found, last = contraction.as_prior(nothing, clean, 0, blurred, steps)
    given = contraction.noisy(blurred(clean, 1.6), 0.01, 0)
    at = given
    expected, lengths = [], []
    for _ in range(20):
        after = at - blurred(blurred(at, 1.6) - given, 1.6)
        lengths.append(float((after - at).norm()))
        at = after
        expected.append(contraction.db(at, clean))
    assert found == pytest.approx([expected[0], expected[4], expected[19]], abs=1e-3)
    assert last == pytest.approx(lengths[19] / lengths[4], rel=1e-3)
    assert last < 1


def test_the_middle_of_a_picture_is_cut_out():
    picture = torch.arange(36.0).reshape(1, 1, 6, 6)
    assert contraction.middle(picture, 2).flatten().tolist() == [14, 15, 20, 21]
    assert torch.equal(contraction.middle(picture, 9), picture)


def test_a_run_has_every_figure_and_the_curve():
    figures, curve = contraction.run(nothing, [gray(64)] * 5, TOOLS, steps=(1, 6, 50))
    assert list(figures) == list(contraction.FIGURES)
    assert {name for name, value in figures.items() if value is None} == {"int8", "prior 500"}
    assert figures["15"] == pytest.approx(20 * math.log10(255 / 15), abs=0.2)
    assert figures["75"] == pytest.approx(20 * math.log10(255 / 75), abs=1)  # clipped
    assert figures["norm"] == pytest.approx(0.5, abs=0.01)
    assert (figures["poisson"], figures["salt"]) == (0, 0)
    assert figures["prior 50"] == curve[2]
    assert len(curve) == 3


def test_the_int8_file_loses_what_it_does_worse():
    rounded = lambda noisy, sigma: noisy + 0.05  # noqa: E731
    figures, _ = contraction.run(nothing, [gray(64)], TOOLS, rounded, steps=(1, 6))
    error = (15 / 255) ** 2
    assert figures["int8"] == pytest.approx(10 * math.log10((error + 0.05**2) / error), abs=0.2)
