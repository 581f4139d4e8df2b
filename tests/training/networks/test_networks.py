from itertools import pairwise

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from nets import build  # noqa: E402

from imgae.training import geometry  # noqa: E402
from imgae.training.networks.body import VARIANTS, copy_weights  # noqa: E402
from imgae.training.networks.denoise import DenoisingAutoencoder  # noqa: E402
from imgae.training.networks.fill import (  # noqa: E402
    FILL_RADIUS,
    THIN_FILL_RADIUS,
    smooth_fill,
)
from imgae.training.networks.parts import STRIDE  # noqa: E402


def lively(variant="tiny"):
    """A network whose layers all do something, unlike a fresh one, which is the identity."""
    torch.manual_seed(0)
    net = build(variant).eval()
    for parameter in net.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    return net


def level(value, batch=1):
    return torch.full((batch, 1, 1, 1), value)


@given(st.integers(1, 40), st.integers(1, 40))
@settings(max_examples=30)
def test_any_size_comes_back_in_its_shape(height, width):
    image = torch.rand(2, 3, height, width)
    assert lively()(image, level(0.1, 2)).shape == image.shape


def test_level_0_is_the_identity():
    image = torch.rand(1, 3, 33, 17)
    assert torch.equal(lively()(image, level(0.0)), image)
    assert not torch.equal(lively()(image, level(0.1)), image)


def test_a_fresh_network_is_the_identity_at_every_level():
    image = torch.rand(1, 3, 16, 16)
    assert torch.equal(build("fast")(image, level(0.2)), image)


def test_a_constant_map_is_the_same_as_one_level():
    net, image = lively(), torch.rand(1, 3, 19, 30)
    one, whole = net(image, level(0.1)), net(image, torch.full((1, 1, 19, 30), 0.1))
    assert torch.allclose(one, whole, atol=1e-6)


def test_a_picture_does_not_depend_on_the_others_in_its_batch():
    net, images = lively(), torch.rand(3, 3, 24, 24)
    alone = net(images[1:2], level(0.1))
    assert torch.allclose(net(images, level(0.1, 3))[1:2], alone, atol=1e-6)


@pytest.mark.parametrize(
    ("variant", "most"), [("fast", 50_000), ("balanced", 160_000), ("best", 1_000_000)]
)
def test_variants_keep_to_their_budget(variant, most):
    assert geometry.macs_per_pixel(build(variant)) <= most


def test_multiply_accumulates_agree_with_a_count_by_hand():
    (c1, c2, c3), blocks = VARIANTS["fast"].widths, VARIANTS["fast"].blocks
    per_block = [18 * c**2 / 4**i for i, c in enumerate((c1, c2, c3, c2, c1), 1)]
    per_block[3:] = [18 * c2**2 / 16, 18 * c1**2 / 4]
    expected = (
        sum(n * cost for n, cost in zip(blocks, per_block, strict=True))
        + 36 * 6 * c1 / 4 + 4 * c1 * c2 / 16 + 4 * c2 * c3 / 64
        + c3 * c2 / 64 + c2 * c1 / 16 + 9 * c1 * 12 / 4
    )  # fmt: skip
    assert geometry.macs_per_pixel(build("fast")) == expected


def test_the_receptive_radius_is_where_changes_end():
    net = lively().double()
    radius = geometry.receptive_radius(net)
    side, cell = 160, slice(80, 80 + STRIDE)
    image = torch.rand(1, 3, side, side, dtype=torch.float64)
    sigma = level(0.1).double()
    before = net(image, sigma)[:, :, cell, cell]

    def changed(rows):
        other = image.clone()
        other[:, :, rows] = 1 - other[:, :, rows]
        return not torch.equal(net(other, sigma)[:, :, cell, cell], before)

    assert not changed(slice(0, 80 - radius))
    assert not changed(slice(80 + STRIDE + radius, None))
    assert changed(slice(80 - radius, 80 - radius + 1)) or changed(
        slice(80 + STRIDE + radius - 1, 80 + STRIDE + radius)
    )


def test_a_tile_with_its_halo_gives_what_the_whole_picture_gives():
    net = lively()
    halo = geometry.halo(net)
    assert halo % STRIDE == 0
    image = torch.rand(1, 3, 203, 187)
    whole = net(image, level(0.1))
    top, left = 96, 88
    tile = net(image[:, :, top - halo : top + 8 + halo, left - halo : left + 8 + halo], level(0.1))
    inner = tile[:, :, halo : halo + 8, halo : halo + 8]
    assert torch.allclose(inner, whole[:, :, top : top + 8, left : left + 8], atol=1e-5)
    short = image[:, :, top - 8 : top + 16, left - 8 : left + 16]
    assert not torch.allclose(
        net(short, level(0.1))[:, :, 8:16, 8:16], whole[:, :, top : top + 8, left : left + 8]
    )


def test_nothing_in_the_network_looks_at_the_whole_tile():
    allowed = (torch.nn.Conv2d, torch.nn.Sequential, torch.nn.ModuleDict, torch.nn.Identity)
    for module in build("best").modules():
        own = type(module).__module__.startswith("imgae.training.networks.")
        assert own or isinstance(module, allowed)
    assert isinstance(build("best"), DenoisingAutoencoder)


@pytest.mark.parametrize(
    ("small", "large"),
    [
        *pairwise(v for v in VARIANTS if v not in ("deep", "wide")),
        *pairwise(("fast", "deep", "wide")),
    ],
)
def test_every_variant_can_start_as_the_smaller_one(small, large):
    before, after = lively(small), build(large)
    copy_weights(after, before.state_dict())
    image, sigma = torch.rand(2, 3, 37, 53), torch.rand(2, 1, 1, 1) * 0.2
    with torch.no_grad():
        assert (after(image, sigma) - before(image, sigma)).abs().max() < 1e-5
    after(image, sigma).square().mean().backward()
    assert all(block.conv2.weight.grad.abs().max() > 0 for block in after.decoder1)


@pytest.mark.parametrize(("thin", "radius"), [(True, THIN_FILL_RADIUS), (False, FILL_RADIUS)])
def test_the_fill_sees_no_farther_than_it_says(thin, radius):
    side, seen = 448, 0
    middle = slice(side // 2, side // 2 + STRIDE)
    generator = torch.Generator().manual_seed(0)
    for share in (0, 0.01, 0.1):
        unknown = torch.rand(1, 1, side, side, generator=generator) >= share
        if thin:  # one known pixel in every block, in the same place or in any
            rows, columns = (
                torch.arange(0, side, STRIDE)[:, None]
                + (torch.randint(0, STRIDE, (1,), generator=generator) if share else 0)
                for _ in range(2)
            )
            unknown[:, :, rows, columns.T] = False
        else:
            unknown[:, :, :, : side // 2 - 60] = False
        image = torch.rand(1, 3, side, side, generator=generator).requires_grad_()
        smooth_fill(image, unknown)[:, :, middle, middle].sum().backward()
        at = image.grad.abs().sum((0, 1)).nonzero()
        seen = max(seen, int((middle.start - at.min()).item()), int(at.max()) + 1 - middle.stop)
    assert radius / 3 < seen <= radius
