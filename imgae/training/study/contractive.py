"""Contractive autoencoders: the singular values of the encoder's Jacobian."""

import math
from typing import TYPE_CHECKING, Final

import torch
from torch import Tensor, nn

from imgae.training.objectives import regularisers
from imgae.training.study import fitting
from imgae.training.study.fitting import (
    Result,
    decibels,
    label,
    mse_of,
    panels,
)
from imgae.training.study.patches import SIDE, Patches

if TYPE_CHECKING:
    from matplotlib.figure import Figure


CONTRACTIONS: Final = (0.0, 0.01, 0.03, 0.1)


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
    fitting.fit(
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
