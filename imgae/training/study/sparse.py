"""Sparse codes: the L1 penalty and its filters, the KL term and its rates."""

from typing import TYPE_CHECKING, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from imgae.training.objectives import regularisers
from imgae.training.study import fitting
from imgae.training.study.fitting import (
    Result,
    decibels,
    label,
    mse_of,
    panels,
    principal_components,
)
from imgae.training.study.patches import SIDE, Patches

if TYPE_CHECKING:
    from matplotlib.figure import Figure


RATES: Final = (0.05, 0.1, 0.2)


class SparseAutoencoder(nn.Module):
    """An overcomplete code after a ReLU, with a linear decoder whose filters have norm 1."""

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
        fitting.fit(
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

    fitting.fit(net.parameters(), loss, patches.training, seed, steps, rate=1e-2)
    return net
