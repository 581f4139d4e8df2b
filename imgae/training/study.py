"""The small cases that the theory of autoencoders is about: trained, measured and drawn.

Every case is a function of gray patches, or of a curve in the plane, and a seed. It returns its
figures, which go to a JSON file, and a drawing. `imgae study` runs them all; weights/FAMILY.md
explains what they show.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor, nn

from imgae.errors import TrainingError
from imgae.synthetic import drawings
from imgae.training.objectives import regularisers

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SIDE: Final = 8  # of a patch
TRAINING, HELD_OUT = 120_000, 8_000  # patches
HELD_OUT_EVERY: Final = 6  # pictures
CODE_SIZES: Final = (1, 2, 4, 8, 16, 32)
RATES: Final = (0.05, 0.1, 0.2)
CONTRACTIONS: Final = (0.0, 0.01, 0.03, 0.1)
NOISE: Final = 0.06  # of the plane, where the curve is about 2 across
BATCH: Final = 256

Result = dict[str, Any]
Loss = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Patches:
    """Gray patches as rows, (N, SIDE^2), each without its mean: to train on, and held out."""

    training: Tensor
    held_out: Tensor


def patches_from(pictures: Sequence[NDArray[np.uint8]], seed: int) -> Patches:
    """Cut patches from pictures (H, W, 3), evenly; those of every HELD_OUT_EVERY-th are held out.

    Raises TrainingError if there are fewer than two pictures.
    """
    if len(pictures) < 2:
        raise TrainingError(f"{len(pictures)} picture; the study needs two, one to hold out")
    draw = np.random.default_rng(seed)
    held_out = pictures[::HELD_OUT_EVERY]
    training = [picture for n, picture in enumerate(pictures) if n % HELD_OUT_EVERY]
    return Patches(cut(training, TRAINING, draw), cut(held_out, HELD_OUT, draw))


def cut(pictures: Sequence[NDArray[np.uint8]], count: int, draw: np.random.Generator) -> Tensor:
    """Cut so many patches at random places, gray and without their means: (count, SIDE^2)."""
    each = -(-count // len(pictures))
    rows = []
    for picture in pictures:
        gray = picture.astype(np.float32).mean(2) / 255
        windows = np.lib.stride_tricks.sliding_window_view(gray, (SIDE, SIDE))
        tops, lefts = (draw.integers(0, size, each) for size in windows.shape[:2])
        rows.append(windows[tops, lefts].reshape(each, -1))
    patches = torch.tensor(np.concatenate(rows)[draw.permutation(each * len(pictures))[:count]])
    return patches - patches.mean(1, keepdim=True)


def drawn_pictures(seed: int, count: int = 24, side: int = 384) -> list[NDArray[np.uint8]]:
    """Draw pictures to cut patches from, where there are no others."""
    draw = np.random.default_rng(seed)
    return [drawings.draw("drawing", side, draw) for _ in range(count)]


def fit(
    parameters: Iterable[Tensor],
    loss: Loss,
    data: Tensor,
    seed: int,
    steps: int = 3000,
    rate: float = 2e-3,
    after: Callable[[], None] = lambda: None,
) -> None:
    """Minimise a loss of batches of rows by Adam, its rate falling to zero.

    after: called after each step, as to normalise filters.
    """
    generator = Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(list(parameters), lr=rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        batch = data[torch.randint(len(data), (BATCH,), generator=generator)]
        optimizer.zero_grad()
        loss(batch).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
        after()


def decibels(mse: float) -> float:
    return -10 * math.log10(max(mse, 1e-12))


def mlp(*widths: int) -> nn.Sequential:
    """Linear layers with smooth rectifiers between them."""
    layers: list[nn.Module] = []
    for narrow, wide in pairwise(widths):
        layers += [nn.Linear(narrow, wide), nn.SiLU()]
    return nn.Sequential(*layers[:-1])


def principal_components(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Return the eigenvalues of the covariance, largest first, and the directions as rows."""
    values, vectors = torch.linalg.eigh(torch.cov(rows.T.double()))
    return values.flip(0), vectors.flip(1).T


class LinearAutoencoder(nn.Module):
    """A bottleneck without rectifiers: at its best it spans the principal components."""

    def __init__(self, width: int, code: int) -> None:
        super().__init__()
        self.encoder = nn.Linear(width, code, bias=False)
        self.decoder = nn.Linear(code, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Rows (N, width) to the same."""
        y: Tensor = self.decoder(self.encoder(x))
        return y


class DeepAutoencoder(nn.Module):
    """A bottleneck between two small networks, each beside a linear map; starts as PCA.

    spread: of the rows' values, which the small networks see scaled to 1.
    """

    def __init__(self, directions: Tensor, spread: float) -> None:
        super().__init__()
        code, width = directions.shape
        self.gain = 1 / spread
        self.encoder, self.decoder = nn.Linear(width, code), nn.Linear(code, width)
        self.bend, self.unbend = mlp(width, 192, code), mlp(code, 192, width)
        with torch.no_grad():
            self.encoder.weight.copy_(directions)
            self.decoder.weight.copy_(directions.T)
            for end in (self.encoder, self.decoder, self.bend[-1], self.unbend[-1]):
                assert isinstance(end, nn.Linear)
                end.bias.zero_()
            for end in (self.bend[-1], self.unbend[-1]):
                end.weight.zero_()  # type: ignore[operator]

    def forward(self, x: Tensor) -> Tensor:
        """Rows (N, width) to the same."""
        code = self.encoder(x) + self.bend(self.gain * x)
        y: Tensor = self.decoder(code) + self.unbend(self.gain * code)
        return y


def mse_of(net: nn.Module, rows: Tensor) -> float:
    with torch.no_grad():
        return float((net(rows) - rows).square().mean())


def fit_linear(net: LinearAutoencoder, rows: Tensor, rounds: int = 300) -> None:
    """Minimise the squared error over all rows, which depends on their second moments alone."""
    moments = rows.T @ rows / len(rows)
    unit = torch.eye(len(moments), dtype=rows.dtype)
    optimizer = torch.optim.LBFGS(
        net.parameters(), max_iter=rounds, tolerance_grad=1e-12, tolerance_change=1e-16,
        line_search_fn="strong_wolfe",
    )  # fmt: skip

    def closure() -> Tensor:
        optimizer.zero_grad()
        left = unit - net.decoder.weight @ net.encoder.weight
        loss: Tensor = (left @ moments * left).sum() / len(moments)
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimizer.step(closure)  # type: ignore[no-untyped-call]


def undercomplete(patches: Patches, seed: int) -> tuple[Result, "Figure"]:
    """Compare PCA, a linear and a deep autoencoder by the size of their codes."""
    torch.manual_seed(seed)
    _, directions = principal_components(patches.training)
    held_out = patches.held_out
    found: dict[str, list[float]] = {"PCA": [], "linear": [], "deep": []}
    for size in CODE_SIZES:
        kept = directions[:size].float()
        left = held_out - held_out @ kept.T @ kept
        found["PCA"].append(decibels(float(left.square().mean())))
        linear = LinearAutoencoder(SIDE**2, size).double()
        fit_linear(linear, patches.training.double())
        found["linear"].append(decibels(mse_of(linear.float(), held_out)))
        deep = DeepAutoencoder(kept, float(patches.training.std()))
        fit(
            deep.parameters(),
            lambda x, net=deep: (net(x) - x).square().mean(),  # type: ignore[misc]
            patches.training,
            seed,
            steps=8000,
            rate=1e-3,
        )
        found["deep"].append(decibels(mse_of(deep, held_out)))
    figure, (axes,) = panels(1)
    for name, line in (("PCA", "o-"), ("linear", "x"), ("deep", "s-")):
        axes.plot(CODE_SIZES, found[name], line, label=name, markersize=8 if line == "x" else 5)
    axes.set_xscale("log", base=2)
    axes.set_xticks(CODE_SIZES, [str(size) for size in CODE_SIZES])
    label(axes, "undercomplete: what a code keeps", f"code, of {SIDE**2} values", "PSNR, dB")
    return {"code_sizes": CODE_SIZES, "psnr": found}, figure


class SparseAutoencoder(nn.Module):
    """An overcomplete rectified code with a linear decoder whose filters have norm 1."""

    def __init__(self, width: int, code: int) -> None:
        super().__init__()
        self.encoder = nn.Linear(width, code)
        self.decoder = nn.Linear(code, width)
        with torch.no_grad():
            self.encoder.bias.zero_()
            self.normalise()
            self.encoder.weight.copy_(self.decoder.weight.T)

    def code(self, x: Tensor) -> Tensor:
        code: Tensor = self.encoder(x).relu()
        return code

    def forward(self, x: Tensor) -> Tensor:
        """Rows (N, width) to the same."""
        y: Tensor = self.decoder(self.code(x))
        return y

    @torch.no_grad()
    def normalise(self) -> None:
        self.decoder.weight.div_(self.decoder.weight.norm(dim=0, keepdim=True).clamp(min=1e-12))


def sparse(patches: Patches, seed: int, weight: float = 0.6) -> tuple[Result, "Figure"]:
    """Learn an overcomplete code with an L1 penalty, on whitened patches; draw its filters."""
    torch.manual_seed(seed)
    values, directions = principal_components(patches.training)
    kept = SIDE**2 * 5 // 8  # the finest detail is mostly noise
    scale = values[:kept].rsqrt()
    white = (directions[:kept].T * scale @ directions[:kept]).float()
    training, held_out = patches.training @ white, patches.held_out @ white
    found: Result = {"components": kept, "weight": weight}
    nets = {}
    for name, penalty in (("without", 0.0), ("with", weight)):
        net = nets[name] = SparseAutoencoder(SIDE**2, 2 * SIDE**2)
        fit(
            net.parameters(),
            lambda x, net=net, penalty=penalty: (  # type: ignore[misc]
                (net(x) - x).square().mean() + penalty * regularisers.l1(net.code(x))
            ),
            training,
            seed,
            steps=12_000,
            after=net.normalise,
        )
        with torch.no_grad():
            code = net.code(held_out)
        found[name] = {
            "mse": mse_of(net, held_out),
            "active": float((code > 1e-3).float().mean()),
            "dead": float((code.amax(0) < 1e-3).float().mean()),
            "mean": float(code.mean()),
        }
    figure, (first, second, third) = panels(3)
    filters = nets["with"].decoder.weight.detach().T
    order = nets["with"].code(held_out).detach().mean(0).argsort(descending=True)
    for axes, rows, title in (
        (first, directions[:64].float(), "principal components"),
        (second, filters[order[:64]], "decoder's filters, L1"),
    ):
        axes.imshow(mosaic(rows), cmap="gray")
        axes.set_axis_off()
        axes.set_title(title)
    with torch.no_grad():
        for name, net in nets.items():
            values = net.code(held_out).flatten()[:100_000]
            third.hist(values.numpy(), 60, range=(0, 3), alpha=0.6, label=f"{name} L1")
    third.set_yscale("log")
    label(third, "activations", "activation", "how many")
    return found, figure


def mosaic(rows: Tensor, columns: int = 8) -> NDArray[np.float32]:
    """Lay filters out in a square, each scaled to its largest value."""
    tiles = (rows / rows.abs().amax(1, keepdim=True).clamp(min=1e-12)).view(-1, SIDE, SIDE)
    tiles = torch.nn.functional.pad(tiles, (0, 1, 0, 1), value=1.0)
    picture: NDArray[np.float32] = (
        tiles.view(-1, columns, SIDE + 1, SIDE + 1).transpose(1, 2).flatten(2).flatten(0, 1).numpy()
    )
    return picture


def rates(patches: Patches, seed: int, code: int = 32) -> tuple[Result, "Figure"]:
    """Draw the KL term, and where training with it takes the channels' mean activations."""
    found: Result = {}
    figure, (first, second) = panels(2)
    steps = torch.linspace(0.005, 0.6, 240)
    for colour, rate in enumerate(RATES):
        curve = [float(regularisers.kl(step.view(1, 1, 1, 1), rate)) for step in steps]
        first.plot(steps, curve, f"C{colour}", label=f"target {rate}")
        net = fit_rate(patches, rate, code, seed)
        with torch.no_grad():
            activations = net[:2](patches.held_out)
        means = activations.mean(0)
        found[f"{rate}"] = {
            "mean": float(means.mean()),
            "least": float(means.min()),
            "most": float(means.max()),
            "dead": regularisers.dead_share(activations[:, :, None, None]),
            "psnr": decibels(mse_of(net, patches.held_out)),
        }
        second.plot(means.sort().values, f"C{colour}.", label=f"target {rate}")
        second.axhline(rate, color=f"C{colour}", linewidth=0.8)
    free = fit_rate(patches, None, code, seed)
    found["without"] = {"psnr": decibels(mse_of(free, patches.held_out))}
    first.set_ylim(0, 1)
    label(first, "KL divergence", "mean activation", "penalty of a channel")
    label(second, "after training", "channels, in order", "mean activation")
    return found, figure


def fit_rate(
    patches: Patches, rate: float | None, code: int, seed: int, steps: int = 3000
) -> nn.Sequential:
    """Train a sigmoid layer and a linear one, with the KL term if there is a target rate."""
    torch.manual_seed(seed)
    net = nn.Sequential(nn.Linear(SIDE**2, code), nn.Sigmoid(), nn.Linear(code, SIDE**2))

    def loss(x: Tensor) -> Tensor:
        activations = net[:2](x)
        error: Tensor = (net[2](activations) - x).square().mean()
        if rate is None:
            return error
        return error + 0.1 * regularisers.kl(activations[:, :, None, None], rate)

    fit(net.parameters(), loss, patches.training, seed, steps, rate=1e-2)
    return net


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

    fit(field.parameters(), loss, points, seed, steps)
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


def plane(count: int, reach: float = 1.5) -> Tensor:
    steps = torch.linspace(-reach, reach, count)
    return torch.cartesian_prod(steps, steps)


class TiedAutoencoder(nn.Module):
    """A sigmoid layer and its transpose: the contractive autoencoder of Rifai et al. 2011."""

    def __init__(self, width: int, code: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, code, int(math.sqrt(width)))
        self.bias = nn.Parameter(torch.zeros(width))

    def code(self, x: Tensor) -> Tensor:
        side = self.conv.kernel_size[0]
        code: Tensor = self.conv(x.view(-1, 1, side, side)).sigmoid().flatten(1)
        return code

    def forward(self, x: Tensor) -> Tensor:
        """Rows (N, width) to the same."""
        return self.code(x) @ self.conv.weight.flatten(1) + self.bias

    def penalty(self, x: Tensor) -> Tensor:
        side = self.conv.kernel_size[0]
        return regularisers.layer_contraction(self.conv, x.view(-1, 1, side, side))

    @torch.no_grad()
    def singular_values(self, x: Tensor) -> Tensor:
        """Return those of the Jacobian at each row, (N, code), largest first."""
        code = self.code(x)
        slopes = (code * (1 - code))[:, :, None] * self.conv.weight.flatten(1)
        values: Tensor = torch.linalg.svdvals(slopes)
        return values


def fit_contractive(
    patches: Patches, weight: float, seed: int, steps: int = 3000
) -> TiedAutoencoder:
    torch.manual_seed(seed)
    net = TiedAutoencoder(SIDE**2, SIDE**2)
    fit(
        net.parameters(),
        lambda x: (net(x) - x).square().mean() + weight * net.penalty(x),
        patches.training,
        seed,
        steps,
    )
    return net


def flatness(values: Tensor) -> dict[str, float]:
    """Return the mean squared Frobenius norm of Jacobians of singular values (N, code), and the
    exponential of the entropy of the squares' mean shares: in how many directions they slope.
    """
    squares = values.double().square().mean(0)
    rank = regularisers.effective_count(squares)
    return {"squared_norm": float(squares.sum()), "effective_rank": rank}


def contractive(patches: Patches, seed: int) -> tuple[Result, "Figure"]:
    """Draw the singular values of the Jacobian, for some multiples of the penalty."""
    found: Result = {}
    figure, (axes,) = panels(1)
    for weight in CONTRACTIONS:
        net = fit_contractive(patches, weight, seed)
        values = net.singular_values(patches.held_out[:500])
        found[f"{weight:g}"] = {
            **flatness(values),
            "largest": float(values[:, 0].mean()),
            "psnr": decibels(mse_of(net, patches.held_out)),
        }
        axes.semilogy(range(1, SIDE**2 + 1), values.mean(0), label=f"lambda {weight:g}")
    label(axes, "contractive: singular values of dh/dx", "in order", "singular value")
    axes.set_ylim(bottom=1e-3)
    return found, figure


def manifold(_: Patches, seed: int) -> tuple[Result, "Figure"]:
    """Draw the error of an undercomplete autoencoder near to and far from what it has seen."""
    torch.manual_seed(seed)
    draw = Generator().manual_seed(seed)
    points = spiral(torch.rand(20_000, generator=draw))
    points = points + 0.01 * torch.randn(points.shape, generator=draw)
    net = nn.Sequential(mlp(2, 96, 96, 1), mlp(1, 96, 96, 2))
    fit(net.parameters(), lambda x: (net(x) - x).square().sum(1).mean(), points, seed, 6000)
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


CASES: Final[dict[str, Callable[[Patches, int], tuple[Result, "Figure"]]]] = {
    "undercomplete": undercomplete,
    "sparse": sparse,
    "rates": rates,
    "field": field,
    "contractive": contractive,
    "manifold": manifold,
}


def panels(count: int, tall: bool = False) -> tuple["Figure", list[Any]]:
    from matplotlib.figure import Figure  # no pyplot: it would look for a display

    figure = Figure(figsize=(4.4 * count + 0.6, 4.6 if tall else 3.8), layout="constrained")
    return figure, list(np.atleast_1d(figure.subplots(1, count)))


def label(axes: Any, title: str, x: str, y: str) -> None:
    axes.set_title(title)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.grid(alpha=0.3)
    if axes.get_legend_handles_labels()[0]:
        axes.legend()
