"""The penalties are what their formulas say; each check fails when its formula is broken."""

import math

import pytest
from broken import BROKEN, RIGHT, fails_if

torch = pytest.importorskip("torch", reason="torch is not installed")

from nets import build  # noqa: E402
from torch import nn  # noqa: E402

from imgae.training.corruptions.noise import GaussianNoise  # noqa: E402
from imgae.training.objectives import regularisers  # noqa: E402
from imgae.training.objectives.contractive import ContractiveDenoising  # noqa: E402
from imgae.training.objectives.denoise import Denoising  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_thread")


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def pictures(count=3, side=7, channels=3):
    return torch.randn(count, channels, side, side, generator=generator(1), dtype=torch.float64)


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def deep():
    return nn.Sequential(
        nn.Conv2d(3, 5, 3, stride=2, padding=1), nn.Tanh(), nn.Conv2d(5, 4, 3, padding=1),
        nn.Sigmoid(),
    ).double()  # fmt: skip


def jacobian_square(encoder, image):
    """The mean over the batch of |J|^2, by full differentiation, over the code's values."""
    total = 0.0
    for picture in image:
        jacobian = torch.autograd.functional.jacobian(lambda x: encoder(x[None])[0], picture)
        total += float(jacobian.square().sum())
    return total / encoder(image).numel()


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize(("stride", "padding"), [(1, 0), (1, 1), (2, 1), (3, 2)])
def test_the_closed_form_is_the_jacobian_padding_included(stride, padding, whole, monkeypatch):
    """Broken where there is padding: kernels counted whole at the border too."""
    if whole:
        monkeypatch.setattr(regularisers, "seen_squares", whole_squares)
    conv = nn.Conv2d(3, 4, 3, stride=stride, padding=padding).double()
    image = pictures()
    expected = jacobian_square(lambda x: conv(x).sigmoid(), image)
    with fails_if(whole and padding > 0):
        got = float(regularisers.layer_contraction(conv, image).detach())
        assert got == pytest.approx(expected, rel=1e-9)


def whole_squares(conv, _):
    return conv.weight.square().sum((1, 2, 3)).view(1, -1, 1, 1)


@pytest.mark.parametrize("broken", [RIGHT, BROKEN])
def test_the_estimate_is_unbiased(broken, monkeypatch):
    """Broken: a vector of norm 1, not multiplied by the code's size."""
    if broken:
        right = regularisers.slopes_along

        def shorter(*given):
            slopes, count = right(*given)
            return [slope / math.sqrt(count / 3) for slope in slopes], count

        monkeypatch.setattr(regularisers, "slopes_along", shorter)
    encoder, image = deep(), pictures(side=6)
    expected = jacobian_square(encoder, image)
    draw = generator(2)
    found = torch.stack([
        regularisers.contraction(encoder, image, draw).detach() for _ in range(4000)
    ])  # fmt: skip
    error = float(found.std()) / math.sqrt(len(found))
    with fails_if(broken):
        assert abs(float(found.mean()) - expected) < 3 * error
    assert error < 0.02 * expected


def test_the_estimate_can_be_trained_on():
    encoder, image = deep(), pictures(8)
    optimizer = torch.optim.Adam(encoder.parameters(), lr=1e-2)
    before = jacobian_square(encoder, image)
    for step in range(40):
        penalty = regularisers.contraction(encoder, image, generator(step))
        optimizer.zero_grad()
        penalty.backward()
        optimizer.step()
    assert jacobian_square(encoder, image) < 0.5 * before


@pytest.mark.parametrize("broken", [RIGHT, BROKEN])
@pytest.mark.parametrize("name", ["layer_contraction", "contraction"])
def test_penalties_do_not_depend_on_batch_and_picture_sizes(name, broken):
    """Broken: a sum in place of the mean."""
    conv = nn.Conv2d(3, 8, 3, padding=0).double()
    found = []
    for image in (pictures(16, 16), pictures(20, 48)):
        if name == "layer_contraction":
            value = regularisers.layer_contraction(conv, image)
        else:
            value = regularisers.contraction(lambda x: conv(x).sigmoid(), image, generator())
        found.append(float(value.detach()) * (conv(image).numel() if broken else 1))
    with fails_if(broken):
        assert found[0] == pytest.approx(found[1], rel=0.1)


@pytest.mark.parametrize("broken", [RIGHT, BROKEN])
def test_a_linear_encoder_has_one_slope(broken):
    """Broken: a sigmoid after it."""
    conv = nn.Conv2d(3, 4, 3, padding=1).double()
    encoder = nn.Sequential(conv, nn.Sigmoid()) if broken else conv
    first = regularisers.contraction(encoder, pictures(), generator())
    moved = regularisers.contraction(encoder, pictures() * 3 + 1, generator())
    with fails_if(broken):
        assert float(first.detach()) == pytest.approx(float(moved.detach()), rel=1e-12)


@pytest.mark.parametrize("broken", [RIGHT, BROKEN])
def test_a_linear_encoder_has_no_curvature(broken, monkeypatch):
    """Broken: another random vector for each of the two Jacobians."""
    if broken:
        right = regularisers.slopes_along

        def anew(encoder, images, draw):
            found = [right(encoder, (image,), draw) for image in images]
            return [slopes[0] for slopes, _ in found], found[0][1]

        monkeypatch.setattr(regularisers, "slopes_along", anew)
    conv = nn.Conv2d(3, 4, 3, padding=1).double()
    straight = regularisers.higher_contraction(conv, pictures(), 0.3, generator())
    with fails_if(broken):
        assert float(straight.detach()) < 1e-20


def test_a_bent_encoder_has_curvature():
    curved = regularisers.higher_contraction(deep(), pictures(), 0.3, generator())
    assert float(curved.detach()) > 1e-8


def test_the_higher_term_is_the_hessian_for_little_noise():
    """h(x) = sin(x) for each pixel: J' is cos, and the change of it -sin e."""
    image = pictures(64, 8)
    spread = 1e-3
    got = regularisers.higher_contraction(torch.sin, image, spread, generator())
    expected = spread**2 * float(image.sin().square().mean())
    assert float(got.detach()) == pytest.approx(expected, rel=0.1)


@pytest.mark.parametrize("broken", ["not", "swapped", "mean", "sign"])
def test_the_divergence_and_its_slope_at_known_places(broken):
    """Broken: activity and its absence swapped; a mean over the channels; the sign."""
    divergence = {
        "not": regularisers.kl,
        "swapped": lambda code, rate: regularisers.kl(1 - code, rate),
        "mean": lambda code, rate: regularisers.kl(code, rate) / code.shape[1],
        "sign": lambda code, rate: -regularisers.kl(code, rate),
    }[broken]
    code = torch.full((4, 3, 5, 5), 0.2, dtype=torch.float64, requires_grad=True)
    value = divergence(code, 0.05)
    (slope,) = torch.autograd.grad(value, code)
    with fails_if(broken != "not"):
        assert float(value.detach()) == pytest.approx(3 * 0.0939431, abs=1e-6)
        assert slope.sum((0, 2, 3)).tolist() == pytest.approx([0.9375] * 3, abs=1e-9)
    at_target = torch.full((4, 3, 5, 5), 0.05, dtype=torch.float64)
    assert float(regularisers.kl(at_target, 0.05)) == pytest.approx(0, abs=1e-12)


def test_the_divergence_is_of_means_not_of_values():
    """Half of the values at 0.09 and half at 0.01 are at the target on average."""
    code = torch.full((2, 1, 4, 4), 0.09, dtype=torch.float64)
    code[0] = 0.01
    assert float(regularisers.kl(code, 0.05)) == pytest.approx(0, abs=1e-12)


def test_l1_is_the_mean_absolute_value():
    assert float(regularisers.l1(torch.tensor([[[[1.0, -3.0]]]]))) == 2


def test_the_spectral_norm_of_a_convolution_is_found():
    conv = nn.Conv2d(2, 2, 3, padding=1, bias=False).double()
    image = pictures(2, 6, 2)
    jacobian = torch.autograd.functional.jacobian(lambda x: conv(x[None])[0], image[0])
    expected = float(torch.linalg.matrix_norm(jacobian.reshape(72, 72), 2))
    norms = regularisers.spectral_norm(conv, image, generator(), steps=60)
    assert norms.tolist() == pytest.approx([expected] * 2, rel=1e-2)
    few = regularisers.spectral_norm(conv, image, generator())
    assert (
        0.8 * expected < float(few.detach().min()) <= float(few.detach().max()) < 1.001 * expected
    )
    penalty = float(regularisers.hinge(norms.detach(), 0.1))
    assert penalty == pytest.approx((expected - 0.1) ** 2, rel=2e-2)
    assert float(regularisers.hinge(norms.detach(), 100.0)) == 0


def test_the_spectral_hinge_lowers_the_norm():
    conv = nn.Conv2d(2, 2, 3, padding=1).double()
    optimizer = torch.optim.SGD(conv.parameters(), lr=0.05)
    image = pictures(2, 8, 2)
    for step in range(80):
        norms = regularisers.spectral_norm(conv, image, generator(step))
        optimizer.zero_grad()
        regularisers.hinge(norms, 0.5).backward()
        optimizer.step()
    assert float(norms.detach().max()) < 0.6


def test_effective_rank_and_dead_channels():
    independent = torch.randn(64, 6, 8, 8, generator=generator())
    assert regularisers.effective_rank(independent) == pytest.approx(6, abs=0.1)
    same = independent[:, :1].repeat(1, 6, 1, 1)
    assert regularisers.effective_rank(same) == pytest.approx(1, abs=1e-6)
    partly = independent.clone()
    partly[:, :2] = 0.3
    assert regularisers.dead_share(partly) == pytest.approx(2 / 6)


def denoiser():
    torch.manual_seed(0)
    net = build("tiny")
    nn.init.normal_(net.tail.weight, std=0.1)  # it starts as the identity
    return net


@pytest.mark.parametrize("broken", [RIGHT, BROKEN])
@pytest.mark.parametrize(
    ("objective", "term"), [("contractive", "jacobian"), ("spectral", "spectral_norm")]
)
def test_denoisers_become_less_sensitive(objective, term, broken):
    """Than without the penalty; broken: its sign."""
    found = []
    for weight in (0.0, -30.0 if broken else 30.0):
        net, loss_of = denoiser(), ContractiveDenoising(objective, weight, limit=0.5)
        optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
        for step in range(40):
            clean = torch.rand(4, 3, 1, 1, generator=generator(step)).expand(4, 3, 16, 16)
            loss, terms = loss_of(net, clean, generator(step))
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimizer.step()
        found.append(float(terms[term].detach()))
    with fails_if(broken):
        assert found[1] < 0.9 * found[0]


def test_the_control_sees_noise_that_it_is_not_told_of():
    noiseless = Denoising(GaussianNoise(sigma_max=0.0, share_rounded=0.0, share_gray=0.0))
    seen = []
    clean = torch.full((4, 3, 32, 32), 0.5)
    loss_of = ContractiveDenoising("jittered", 5.0, plain=noiseless)
    loss_of(lambda noisy, sigma: seen.append((noisy, sigma)) or noisy, clean, generator())
    (noisy, sigma) = seen[0]
    assert float((noisy - clean).std()) == pytest.approx(5 / 255, rel=0.05)
    assert float(sigma.max()) == 0
