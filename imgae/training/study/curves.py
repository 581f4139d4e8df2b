"""Points of the plane: the field of a denoiser, and the error far from what was seen."""

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import torch
from torch import Generator, Tensor, nn

from imgae.training.study import fitting
from imgae.training.study.fitting import (
    Result,
    label,
    mlp,
    panels,
)
from imgae.training.study.patches import Patches

if TYPE_CHECKING:
    from matplotlib.figure import Figure


NOISE: Final = 0.06  # of the plane, where the curve is about 2 across


def spiral(turns: Tensor) -> Tensor:
    """Return points of a curve in the plane for turns in [0, 1]: (N,) to (N, 2)."""
    angle = 2.6 * math.pi * turns + 2
    return torch.stack([angle * angle.cos(), angle * angle.sin()], 1) / 8


def circle(turns: Tensor) -> Tensor:
    """The same of a circle of radius 1."""
    angle = 2 * math.pi * turns
    return torch.stack([angle.cos(), angle.sin()], 1)


class Field(nn.Module):
    """x to r(x) - x of a denoising autoencoder, in units of the noise that it was trained with."""

    def __init__(self, width: int, noise: float) -> None:
        super().__init__()
        self.noise, self.net = noise, mlp(width, 128, 128, 128, width)

    def forward(self, x: Tensor) -> Tensor:
        """Points (N, width) to the same."""
        y: Tensor = self.noise * self.net(3 * x)
        return y


def fit_field(points: Tensor, noise: float, seed: int, steps: int = 5000) -> Field:
    """Train a denoising autoencoder on points (N, width)."""
    torch.manual_seed(seed)
    field = Field(points.shape[1], noise)
    draw = Generator().manual_seed(seed + 1)

    def loss(x: Tensor) -> Tensor:
        given = x + noise * torch.randn(x.shape, generator=draw)
        error: Tensor = (given + field(given) - x).square().sum(1).mean()
        return error / noise**2

    fitting.fit(field.parameters(), loss, points, seed, steps)
    return field


def nearest(points: Tensor, curve: Tensor) -> Tensor:
    """Return the point of a finely sampled curve that is nearest to each point."""
    return curve[torch.cdist(points, curve).argmin(1)]


def towards(field: nn.Module, points: Tensor, curve: Tensor) -> Tensor:
    """Return the cosine between the field and the way to the curve, at each point."""
    way = nearest(points, curve) - points
    with torch.no_grad():
        return torch.cosine_similarity(field(points), way, 1)


def field(_: Patches, seed: int) -> tuple[Result, "Figure"]:
    """Draw the vector field of a denoising autoencoder on a curve in the plane."""
    draw = Generator().manual_seed(seed)
    points = spiral(torch.rand(20_000, generator=draw))
    arrows = fit_field(points, NOISE, seed)
    curve = spiral(torch.linspace(0, 1, 4000))
    grid = plane(24)
    off = (nearest(grid, curve) - grid).norm(dim=1)
    near = grid[(off > 0.3 * NOISE) & (off < 2 * NOISE)]
    cosines = towards(arrows, near, curve)
    figure, (axes,) = panels(1, tall=True)
    axes.plot(*spiral(torch.rand(700, generator=draw)).T, ".", color="C1", markersize=3,
              label="data")  # fmt: skip
    with torch.no_grad():
        steps = arrows(grid)
    axes.quiver(*grid.T, *steps.T, angles="xy", scale_units="xy", scale=1, width=0.003,
                color="C0")  # fmt: skip
    axes.set(aspect="equal", xlim=(-1.5, 1.5), ylim=(-1.5, 1.5))
    label(axes, "denoising: r(x) - x points to the data", "", "")
    return {
        "noise": NOISE,
        "cosine_to_the_curve": float(cosines.mean()),
        "least_cosine": float(cosines.min()),
        "places": len(near),
    }, figure


def plane(count: int, extent: float = 1.5) -> Tensor:
    steps = torch.linspace(-extent, extent, count)
    return torch.cartesian_prod(steps, steps)


def manifold(_: Patches, seed: int) -> tuple[Result, "Figure"]:
    """Draw the error of an undercomplete autoencoder near to and far from what it has seen."""
    torch.manual_seed(seed)
    draw = Generator().manual_seed(seed)
    points = spiral(torch.rand(20_000, generator=draw))
    points = points + 0.01 * torch.randn(points.shape, generator=draw)
    net = nn.Sequential(mlp(2, 96, 96, 1), mlp(1, 96, 96, 2))
    fitting.fit(net.parameters(), lambda x: (net(x) - x).square().sum(1).mean(), points, seed, 6000)
    curve = spiral(torch.linspace(0, 1, 4000))
    grid = plane(120)
    with torch.no_grad():
        error = (net(grid) - grid).norm(dim=1)
        seen = (net(curve) - curve).norm(dim=1)
    distance = (nearest(grid, curve) - grid).norm(dim=1)
    edges = [0, 0.05, 0.1, 0.2, 0.4, 0.8]
    bands = [
        float(error[(distance >= low) & (distance < high)].mean()) for low, high in pairwise(edges)
    ]
    figure, (first, second) = panels(2)
    image = first.imshow(
        error.view(120, 120).T.numpy(), origin="lower", extent=(-1.5, 1.5, -1.5, 1.5)
    )
    figure.colorbar(image, ax=first)
    first.plot(*curve.T.numpy(), color="white", linewidth=0.8)
    first.set_title("error |r(x) - x|, and the data")
    second.plot(distance[::7].numpy(), error[::7].numpy(), ".", markersize=2)
    label(second, "a code of one value", "distance from the curve", "error")
    return {"on_the_curve": float(seen.mean()), "distance": edges, "error": bands}, figure
