"""Small codes: PCA, a linear and a deep autoencoder."""

from typing import TYPE_CHECKING, Final

import torch
from torch import Tensor, nn

from imgae.training.study import fitting
from imgae.training.study.fitting import (
    Result,
    decibels,
    label,
    mlp,
    mse_of,
    panels,
    principal_components,
)
from imgae.training.study.patches import SIDE, Patches

if TYPE_CHECKING:
    from matplotlib.figure import Figure


CODE_SIZES: Final = (1, 2, 4, 8, 16, 32)


class LinearAutoencoder(nn.Module):
    """A linear bottleneck: at its best it spans the principal components."""

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
        fitting.fit(
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
