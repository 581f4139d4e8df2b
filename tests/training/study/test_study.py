"""What theory says of small autoencoders, and that each check fails where its formula is broken."""

import json
import math
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from broken import BROKEN, RIGHT, fails_if

torch = pytest.importorskip("torch", reason="torch is not installed")

from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402

from imgae.cli import main  # noqa: E402
from imgae.errors import TrainingError  # noqa: E402
from imgae.io import files  # noqa: E402
from imgae.picture.image import Image  # noqa: E402
from imgae.training.objectives import regularisers  # noqa: E402
from imgae.training.study import cases, contractive, curves, fitting, sparse, undercomplete  # noqa: E402
from imgae.training.study import patches as patching  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def patches():
    return patching.patches_from(patching.drawn_pictures(0, 4, 192), 0)


def largest_angle(one, other):
    """Between the spans of rows, in degrees."""
    q, r = (torch.linalg.qr(rows.detach().T.double())[0] for rows in (one, other))
    cosines = torch.linalg.svdvals(q.T @ r).clamp(max=1)
    return math.degrees(math.acos(float(cosines[-1])))


@pytest.mark.parametrize("broken", [RIGHT, BROKEN])
def test_a_linear_convolutional_autoencoder_is_pca(broken):
    """Kernel and stride alike; broken: the blocks' mean left in."""
    side, count = 4, 5
    draw = torch.Generator().manual_seed(0)
    image = F.avg_pool2d(torch.randn(6, 3, 66, 66, generator=draw, dtype=torch.float64), 3, 1)
    image = image[:, :, :64, :64] * torch.tensor([1.0, 0.7, 0.4], dtype=torch.float64).view(3, 1, 1)
    image = image + torch.linspace(0, 3, 64, dtype=torch.float64).fmod(0.2)
    blocks = F.unfold(image, side, stride=side).transpose(1, 2).flatten(0, 1)
    centred = blocks if broken else blocks - blocks.mean(0)
    torch.manual_seed(0)
    net = undercomplete.LinearAutoencoder(3 * side**2, count).double()
    undercomplete.fit_linear(net, centred)
    # The same as convolutions.
    kernel = net.encoder.weight.view(count, 3, side, side)
    code = F.conv2d(image, kernel, stride=side)
    assert torch.allclose(code.flatten(2).transpose(1, 2).flatten(0, 1), net.encoder(blocks))
    values, directions = fitting.principal_components(blocks)
    with fails_if(broken):
        assert largest_angle(net.decoder.weight.T, directions[:count]) < 1
        left = (net(centred) - centred).detach().square().sum(1).mean()
        dropped = values[count:].sum() * (len(blocks) - 1) / len(blocks)
        assert float(left) == pytest.approx(float(dropped), rel=0.01)


@pytest.mark.parametrize("broken", [RIGHT, BROKEN])
def test_a_linear_denoiser_of_a_gaussian_is_wieners(broken):
    """Broken: the noisy point is the target."""
    variances, noise = torch.tensor([4.0, 2.0, 1.0, 0.5, 0.25]), 0.7
    draw = torch.Generator().manual_seed(1)
    turn = torch.linalg.qr(torch.randn(5, 5, generator=draw))[0]
    points = torch.randn(60_000, 5, generator=draw) * variances.sqrt() @ turn.T
    torch.manual_seed(0)
    net = nn.Linear(5, 5)

    def loss(x):
        given = x + noise * torch.randn(x.shape, generator=draw)
        return (net(given) - (given if broken else x)).square().sum(1).mean()

    fitting.fit(net.parameters(), loss, points, 0, steps=2000, rate=1e-2)
    gains = (turn.T @ net.weight.detach() @ turn).diagonal()
    with fails_if(broken):
        assert torch.allclose(gains, variances / (variances + noise**2), rtol=0.02)


@cache
def field_of_a_circle(noise):
    draw = torch.Generator().manual_seed(0)
    return curves.fit_field(curves.circle(torch.rand(8000, generator=draw)), noise, 0, steps=1500)


@pytest.mark.parametrize("broken", [RIGHT, BROKEN])
def test_the_field_of_a_denoiser_points_to_the_circle_it_learnt(broken, monkeypatch):
    """Broken: the sign."""
    noise = 0.1
    field = field_of_a_circle(noise)
    if broken:
        monkeypatch.setattr(field, "noise", -noise)
    curve = curves.circle(torch.linspace(0, 1, 2000))
    turns = curves.circle(torch.linspace(0, 1, 60))
    with fails_if(broken):
        for radius in (1 - 2 * noise, 1 - noise, 1 + noise, 1 + 2 * noise):
            assert float(curves.towards(field, radius * turns, curve).min()) > 0.95
        steps = field((1 + noise) * turns).detach()
        assert float((steps * turns).sum(1).max()) < 0  # from outside inward


@cache
def field_of_a_gaussian(spread, noise):
    points = spread * torch.randn(100_000, 1, generator=torch.Generator().manual_seed(3))
    return curves.fit_field(points, noise, 0, steps=2500)


@pytest.mark.parametrize("broken", [RIGHT, BROKEN])
def test_a_denoisers_step_over_the_noises_variance_is_the_score(broken):
    """Of the density with the noise in it (Tweedie); broken: that of the density without."""
    spread, noise = 0.5, 0.25
    field = field_of_a_gaussian(spread, noise)
    y = torch.linspace(-1, 1, 41)[:, None]
    score = -y / (spread**2 + (0 if broken else noise**2))
    with torch.no_grad(), fails_if(broken):
        error = field(y) / noise**2 - score
        assert float(error.norm() / score.norm()) < 0.03


@pytest.fixture(scope="module")
def contracted(patches):
    """Networks by the weight of their penalty."""
    return cache(lambda weight: contractive.fit_contractive(patches, weight, 0, steps=700))


@pytest.mark.parametrize("factor", [1, -1, 0])
def test_more_contraction_flattens_the_encoder_and_costs_error(patches, contracted, factor):
    """Jacobian and effective rank fall, the error rises; broken: the sign, or no penalty."""
    nets = [contracted(factor * weight) for weight in (0, 0.1, 0.3)]
    found = [contractive.flatness(net.singular_values(patches.held_out[:200])) for net in nets]
    errors = [fitting.mse_of(net, patches.held_out) for net in nets]
    with fails_if(factor != 1):
        for less, more in pairwise(found):
            assert more["squared_norm"] < 0.9 * less["squared_norm"]
            assert more["effective_rank"] < 0.9 * less["effective_rank"]
        for less, more in pairwise(errors):
            assert more > 1.1 * less


def test_the_squared_norm_is_the_jacobians(patches):
    net = contractive.fit_contractive(patches, 0.0, 0, steps=20)
    rows = patches.held_out[:6]
    jacobians = [torch.autograd.functional.jacobian(lambda x: net.code(x[None])[0], row)
                 for row in rows]  # fmt: skip
    expected = float(torch.stack(jacobians).square().sum((1, 2)).mean())
    got = contractive.flatness(net.singular_values(rows))["squared_norm"]
    assert got == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("broken", [RIGHT, BROKEN])
def test_the_kl_term_brings_mean_activations_to_the_target(patches, broken, monkeypatch):
    """Within 20 %; broken: rho and 1 - rho in each other's place."""
    if broken:
        right = regularisers.kl
        monkeypatch.setattr(regularisers, "kl", lambda code, rate: right(1 - code, rate))
    rate = 0.1
    net = sparse.fit_rate(patches, rate, 16, 0, steps=1500)
    with torch.no_grad():
        means = net[:2](patches.held_out).mean(0)
    with fails_if(broken):
        assert float((means / rate - 1).abs().max()) < 0.2


def test_filters_of_a_sparse_code_have_norm_one_and_few_are_active(patches):
    net = sparse.SparseAutoencoder(patching.SIDE**2, 2 * patching.SIDE**2)
    rows = patches.training / patches.training.std()
    active = []
    for weight in (0.0, 1.0):
        torch.manual_seed(0)
        fitting.fit(
            net.parameters(),
            lambda x, weight=weight: (
                (net(x) - x).square().mean() + weight * regularisers.l1(net.code(x))
            ),
            rows, 0, steps=500, after=net.normalise,
        )  # fmt: skip
        assert torch.allclose(net.decoder.weight.norm(dim=0), torch.ones(()))
        active.append(float((net.code(rows[:2000]) > 1e-3).float().mean()))
    assert active[1] < 0.5 * active[0]


def test_patches_are_the_same_for_a_seed_and_have_no_mean(patches):
    again = patching.patches_from(patching.drawn_pictures(0, 4, 192), 0)
    assert torch.equal(again.training, patches.training)
    assert len(patches.training) == patching.TRAINING
    assert len(patches.held_out) == patching.HELD_OUT
    assert float(patches.held_out.mean(1).abs().max()) < 1e-6


def test_what_is_held_out_is_of_other_pictures():
    ramp = np.mgrid[:40, :40][0].astype(np.uint8)[..., None].repeat(3, 2)
    flat = np.full((40, 40, 3), 9, np.uint8)
    found = patching.patches_from([ramp, *[flat] * 5], 0)
    assert float(found.held_out.abs().amax(1).min()) > 0
    assert float(found.training.abs().max()) == 0
    with pytest.raises(TrainingError, match="1 picture; the study needs two"):
        patching.patches_from([ramp], 0)


def test_every_case_is_drawn_and_the_same_for_a_seed(tmp_path, monkeypatch):
    """With two steps of training each."""
    right, right_linear = fitting.fit, undercomplete.fit_linear

    def brief(parameters, loss, data, seed, _=0, rate=2e-3, after=lambda: None, **__):
        right(parameters, loss, data, seed, 2, rate, after)

    monkeypatch.setattr(fitting, "fit", brief)
    monkeypatch.setattr(undercomplete, "fit_linear", lambda net, rows: right_linear(net, rows, 2))
    monkeypatch.setattr(patching, "TRAINING", 4000)
    monkeypatch.setattr(patching, "HELD_OUT", 1000)
    texts = []
    for folder in (tmp_path / "a", tmp_path / "b"):
        assert main(["study", "-o", str(folder), "--threads", "1"]) == 0
        for name in cases.CASES:
            assert (folder / f"{name}.png").stat().st_size > 10_000
        texts.append([(folder / f"{name}.json").read_text() for name in cases.CASES])
        assert len(list(folder.iterdir())) == 2 * len(cases.CASES)
    assert texts[0] == texts[1]


def test_the_command_writes_a_figure_and_its_numbers(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(cases, "CASES", {"field": cases.CASES["field"]})
    monkeypatch.setattr(curves, "fit_field", lambda *_: curves.Field(2, curves.NOISE))
    assert main(["study", "-o", str(tmp_path / "figures")]) == 0
    found = json.loads((tmp_path / "figures" / "field.json").read_text())
    assert -1 <= found["cosine_to_the_curve"] <= 1
    assert (tmp_path / "figures" / "field.png").stat().st_size > 10_000
    assert main(["study", "-o", str(tmp_path / "figures")]) == 1
    assert "exists already; add --overwrite" in capsys.readouterr().err
    assert main(["study", "-o", str(tmp_path / "figures"), "--overwrite"]) == 0
    (tmp_path / "figures" / "field.json").unlink()
    assert main(["study", "-o", str(tmp_path / "figures")]) == 1  # the picture is there


def test_pictures_that_are_too_small_are_refused_in_a_sentence(tmp_path, capsys):
    for number in range(3):
        picture = Image(np.full((4, 4, 3), 90, np.uint8))
        files.write_image(picture, tmp_path / f"{number}.png")
    assert main(["study", "-o", str(tmp_path / "f"), "--data", str(tmp_path)]) == 1
    assert "3 are under 8x8" in capsys.readouterr().err
    assert not (tmp_path / "f").exists()


@pytest.mark.parametrize(
    ("place", "more", "sentence"),
    [
        ("st", ["--overwrite"], "st/undercomplete.png: exists and is not an ordinary file"),
        ("st", [], "st/undercomplete.png: exists and is not an ordinary file"),
        ("file", [], "file: cannot be made a folder: "),
        ("file/x", [], "file/x: cannot be made a folder: "),
        ("/proc", [], "/proc: the folder cannot be written to"),
    ],
)
def test_a_place_that_cannot_be_written_is_told_before_the_work(
    tmp_path, monkeypatch, capsys, place, more, sentence
):
    if place == "/proc" and not Path(place).is_dir():
        pytest.skip("this system has no /proc")
    (tmp_path / "st" / "undercomplete.png").mkdir(parents=True)
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setattr(patching, "drawn_pictures", lambda *_: pytest.fail("the work began"))
    assert main(["study", "-o", str(tmp_path / place), *more]) == 1
    assert sentence in capsys.readouterr().err
