"""A change of basis of a network's features, after which rounding does least harm."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor, nn

from imgae.training.networks.body import Autoencoder
from imgae.training.networks.parts import Activation
from imgae.training.quantisation.rounding import Batches, hooked

RIDGE: Final = 1e-3
"""Of the mean variance, added in every direction, so that none is stretched without end."""


@dataclass(frozen=True)
class Trunk:
    """The features at one resolution: all that adds to them, reads them, or is rounded of them.

    They are only ever added up and read by convolutions, so any basis serves as well as theirs.
    """

    writers: tuple[str, ...]
    readers: tuple[str, ...]
    points: tuple[str, ...]


def trunks(net: Autoencoder) -> list[Trunk]:
    """Return the network's three trunks, at 1/2, 1/4 and 1/8 of the resolution."""
    ways = [
        (("encoder1", "decoder1"), ("stem", "up1"), ("down1", "tail"), ("encoder1", "up1")),
        (("encoder2", "decoder2"), ("down1", "up2"), ("down2", "up1"), ("down1", "up2", "join2")),
        (("bottleneck",), ("down2", *net.deep_writers), ("up2", *net.deep_readers), ("down2",)),
    ]
    found = []
    for stages, writers, readers, activations in ways:
        blocks = [
            f"{stage}.{name}"
            for stage in stages
            for name, _ in net.get_submodule(stage).named_children()
        ]
        names = [f"{block}.{name}" for block in blocks for name in ("entry", "residual", "sum")]
        found.append(
            Trunk(
                (*writers, *(f"{block}.conv2" for block in blocks)),
                (*readers, *(f"{block}.conv1" for block in blocks)),
                (
                    *(f"activations.{name}" for name in activations),
                    *(name for name in names if isinstance(net.get_submodule(name), Activation)),
                ),
            )
        )
    return found


def rotate(net: Autoencoder, batches: Batches) -> None:
    """Change the basis of each trunk to the one in which rounding does least harm, in place.

    The function stays as it is. With S the covariance of the features and G that of the output's
    gradient with respect to them, rounding to 256 values over each channel's range costs the sum
    over channels of (M S M')_cc (M'^-1 G M^-1)_cc in the basis M. Its least value is reached where
    both matrices are the same and have equal diagonals: M = V L^-1/4 U' G^1/2, with U L U' =
    G^1/2 S G^1/2, and V an orthogonal matrix of entries of like size. What many channels have in
    common is then carried by all of them, and averages out.

    batches: as in training. Pictures weigh by the error that is left of them.
    """
    points = [(net.get_submodule(name), trunk) for trunk in trunks(net) for name in trunk.points]
    features: dict[nn.Module, Tensor] = {}

    def keep(module: nn.Module, _: object, output: Tensor) -> Tensor:
        # A copy, so that the gradient is that of this place alone.
        features[module] = output.clone() if output.requires_grad else output.requires_grad_()
        features[module].retain_grad()
        return features[module]

    generator = torch.Generator().manual_seed(0)
    spread: dict[nn.Module, Tensor] = {}
    slope: dict[nn.Module, Tensor] = {}
    with hooked([module for module, _ in points], keep):
        for example in batches:
            image = example.inputs[0]
            probe = torch.randn(image.shape, generator=generator).to(image) / example.expected
            (net(*example.inputs) * probe).sum().backward()
            for module, _ in points:
                gradient = features[module].grad
                assert gradient is not None
                add(spread, module, covariance(features[module].detach()))
                add(slope, module, second_moment(gradient))
    net.zero_grad()
    for trunk in trunks(net):
        modules = [module for module, owner in points if owner == trunk]
        total = torch.stack([spread[module] for module in modules]).mean(0)
        share = [spread[module].trace() / total.trace() for module in modules]
        harm = sum_of(part * slope[module] for part, module in zip(share, modules, strict=True))
        change_basis(net, trunk, best_basis(total.double(), harm.double()))


def add(sums: dict[nn.Module, Tensor], module: nn.Module, value: Tensor) -> None:
    sums[module] = sums[module] + value if module in sums else value


def sum_of(tensors: Iterable[Tensor]) -> Tensor:
    return torch.stack(list(tensors)).sum(0)


def covariance(x: Tensor) -> Tensor:
    """(B, C, H, W) to (C, C)."""
    return torch.cov(x.transpose(0, 1).flatten(1))


def second_moment(x: Tensor) -> Tensor:
    """(B, C, H, W) to (C, C)."""
    rows = x.transpose(0, 1).flatten(1)
    return rows @ rows.T / rows.shape[1]


def best_basis(spread: Tensor, harm: Tensor) -> Tensor:
    """Return M of `rotate`, its rows scaled to features of variance 1; (C, C)."""
    size = len(spread)
    spread, harm = (
        x + RIDGE * x.trace() / size * torch.eye(size, dtype=x.dtype) for x in (spread, harm)
    )
    values, vectors = torch.linalg.eigh(harm)
    root = vectors @ torch.diag(values.sqrt()) @ vectors.T
    values, vectors = torch.linalg.eigh(root @ spread @ root)
    basis = hartley(size) @ torch.diag(values.pow(-0.25)) @ vectors.T @ root
    deviations = (basis @ spread @ basis.T).diagonal().sqrt()
    scaled: Tensor = basis / deviations[:, None]
    return scaled


def hartley(size: int) -> Tensor:
    """Return the orthogonal matrix of the discrete Hartley transform, (size, size)."""
    steps = torch.arange(size, dtype=torch.float64)
    angles = 2 * math.pi * steps[:, None] * steps / size
    return (angles.cos() + angles.sin()) / math.sqrt(size)


@torch.no_grad()
def change_basis(net: Autoencoder, trunk: Trunk, basis: Tensor) -> None:
    inverse = torch.linalg.inv(basis)
    for conv in convolutions(net, trunk.writers):
        assert conv.bias is not None
        conv.weight.copy_(torch.einsum("po,oihw->pihw", basis, conv.weight.double()))
        conv.bias.copy_(basis @ conv.bias.double())
    for conv in convolutions(net, trunk.readers):
        conv.weight.copy_(torch.einsum("oihw,ip->ophw", conv.weight.double(), inverse))


def convolutions(net: nn.Module, names: Iterable[str]) -> Iterator[nn.Conv2d]:
    for name in names:
        conv = net.get_submodule(name)
        assert isinstance(conv, nn.Conv2d)
        yield conv
