"""How far from normal features are, and that a network learns to take flaws far away."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from nets import build, settings  # noqa: E402
from torch import nn  # noqa: E402

from imgae.training.objectives import features as objective  # noqa: E402
from imgae.training.objectives.features import SHRINK, Normal, in_cells, loss_of  # noqa: E402
from imgae.training.tasks import features as task  # noqa: E402


def seeded(number=0):
    return torch.Generator().manual_seed(number)


@pytest.fixture(scope="module")
def telling():
    config = settings("features", variant="tiny", crop=96, side=48, good=3, asked=4)
    return task.TASK.objective(config, torch.device("cpu"))


def sources(batch=2, side=96):
    return 0.5 + 0.1 * torch.randn(batch, 3, side, side, generator=seeded(1)).clamp(-2, 2)


def test_distances_are_those_of_mahalanobis():
    random = np.random.default_rng(0)
    mixing = random.normal(0, 1, (2, 6, 6))
    good, asked = (
        np.einsum("bvchw,bcd->bvdhw", random.normal(0, 1, (2, 4, 6, 5, 7)), mixing).astype(
            np.float32
        )
        for _ in range(2)
    )
    found = Normal.of(torch.from_numpy(good)).distance(torch.from_numpy(asked)).numpy()
    assert found.shape == (2, 4, 5, 7)
    for number in range(2):
        rows = good[number].transpose(0, 2, 3, 1).reshape(-1, 6).astype(np.float64)
        covariance = np.cov(rows.T, bias=True)
        covariance += (SHRINK * np.trace(covariance) / 6 + 1e-6) * np.eye(6)
        off = asked[number].transpose(0, 2, 3, 1).reshape(-1, 6) - rows.mean(0)
        squares = np.einsum("ni,ij,nj->n", off, np.linalg.inv(covariance), off) / 6
        assert found[number].ravel() == pytest.approx(np.sqrt(squares + 1e-6), rel=1e-3)


def test_good_places_lie_at_about_1():
    good = torch.randn(1, 8, 16, 20, 20, generator=seeded(2))
    assert Normal.of(good).distance(good).square().mean() == pytest.approx(1, abs=0.03)


def test_features_that_never_vary_are_no_error():
    distance = Normal.of(torch.ones(1, 3, 4, 2, 2)).distance(torch.ones(1, 1, 4, 2, 2))
    assert distance.isfinite().all()


def test_a_cell_has_a_flaw_if_a_pixel_of_it_has():
    target = torch.zeros(6, 1, 10, 13)
    target[4, 0, 9, 12] = 1
    cells = in_cells(target, 3)
    assert cells.shape == (3, 2, 3, 4)
    assert cells.sum() == cells[2, 0, 2, 3] == 1


def losses(flawed, good=-3.0):
    target = torch.zeros(1, 2, 6, 6)
    target[0, 0, 2:4, 2:4] = 1
    logits = torch.full((1, 2, 6, 6), good)
    logits[target > 0] = flawed
    return loss_of(torch.full((1, 3, 6, 6), good), logits, target, torch.ones_like(target))


def test_what_marks_the_flaw_costs_less_than_what_does_not():
    right, terms = losses(3.0)
    wrong, others = losses(-4.0)
    assert right < wrong
    assert (float(terms["right"]), float(others["right"])) == (1, 0)
    assert terms["inside"] < others["inside"]
    assert terms["ranked"] < others["ranked"]


def test_good_places_that_lie_far_cost():
    good, target = torch.full((1, 1, 20, 20), -3.0), torch.zeros(1, 1, 20, 20)
    loud = good.clone()
    loud[0, 0, 5, 5] = 4
    calm, alarming = (loss_of(x, good, target, target + 1) for x in (good, loud))
    assert alarming[1]["hardest"] > 10 * calm[1]["hardest"]
    assert alarming[0] > calm[0]


def test_where_nobody_can_tell_nothing_counts():
    flawed, target = torch.zeros(1, 1, 4, 4), torch.zeros(1, 1, 4, 4)
    target[..., :2, :] = 1
    weight = torch.ones_like(target)
    weight[..., 1:3, :] = 0
    other = flawed.clone()
    other[..., 1:3, :] = -7  # no good picture lies farther than the flaw by it
    one, two = (loss_of(torch.zeros(1, 1, 4, 4), x, target, weight)[0] for x in (flawed, other))
    assert float(one) == pytest.approx(float(two))


def test_pictures_without_a_flaw_are_no_error():
    zeros = torch.zeros(1, 2, 4, 4)
    loss, terms = loss_of(zeros, zeros, zeros, zeros + 1)
    assert loss.isfinite()
    assert float(terms["right"]) == 0


class Marking(nn.Module):
    """Gives features that differ in what is red, and nothing else."""

    def __init__(self, seeing):
        super().__init__()
        self.gain = nn.Parameter(torch.tensor(float(seeing)))

    def forward(self, image):
        red = (image[:, :1] - image[:, 1:2]) * self.gain
        mixed = torch.cat([red, image[:, 1:] - 0.5], 1)
        return nn.functional.avg_pool2d(mixed, 4)


def test_a_network_that_sees_flaws_has_a_lower_loss(telling, monkeypatch):
    """The flaws are red here, where the materials are gray."""

    def redden(x, foreign, generator):
        target = torch.zeros(len(x), 1, *x.shape[2:])
        target[:, :, 12:24, 12:24] = 1
        red = torch.tensor([0.4, 0.0, 0.0]).view(1, 3, 1, 1)
        return x + target * red, target, torch.ones_like(target)

    monkeypatch.setattr(telling, "flaws", redden)
    gray = sources().mean(1, keepdim=True).expand(-1, 3, -1, -1)
    seeing, blind = (telling(Marking(gain), gray, seeded(3)) for gain in (1, 0))
    assert float(seeing[1]["right"]) == 1
    assert seeing[0] < blind[0]


def test_gradients_reach_every_weight(telling):
    torch.manual_seed(0)
    net = build("tiny", "features")
    for parameter in net.parameters():
        nn.init.normal_(parameter, std=0.1)
    loss, terms = telling(net, sources(), seeded(4))
    assert loss.isfinite()
    assert terms.keys() == {"inside", "outside", "hardest", "ranked", "right"}
    loss.backward()
    missing = [name for name, p in net.named_parameters() if p.grad is None or not p.grad.any()]
    assert missing in ([], ["head.bias"])  # a shift of all features changes no distance


def test_equal_seeds_give_equal_losses(telling):
    torch.manual_seed(0)
    net = build("tiny", "features")
    one, again = (telling(net, sources(), seeded(5))[0].detach() for _ in range(2))
    assert one == again


def test_distances_keep_their_digits_where_networks_run_in_bf16(telling):
    torch.manual_seed(0)
    net = build("tiny", "features")
    with torch.autocast("cpu", torch.bfloat16):
        seen = telling.look(net, sources(), seeded(5))
    assert seen.good.dtype == torch.float32
    assert 0.2 < seen.good.detach().square().mean() < 2


def test_what_is_shown_is_a_flawed_picture_its_distances_and_its_flaw(telling):
    shown = telling.shown(build("tiny", "features"), sources(3), seeded(6))
    assert len(shown) == 3
    for row in shown:
        assert [part.shape for part in row] == [(3, 48, 48)] * 3
        assert all(0 <= part.min() <= part.max() <= 1 for part in row)


def test_cells_are_those_of_the_contract():
    assert objective.FINE_CELL == 4
