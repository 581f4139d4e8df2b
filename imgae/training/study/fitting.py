"""What the cases share: how they are trained, measured and drawn."""

import math
from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch
from torch import Generator, Tensor, nn

if TYPE_CHECKING:
    from matplotlib.figure import Figure


BATCH: Final = 256


Result = dict[str, Any]


Loss = Callable[[Tensor], Tensor]


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
    """Linear layers with SiLU between them."""
    layers: list[nn.Module] = []
    for narrow, wide in pairwise(widths):
        layers += [nn.Linear(narrow, wide), nn.SiLU()]
    return nn.Sequential(*layers[:-1])


def principal_components(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Return the eigenvalues of the covariance, largest first, and the directions as rows."""
    values, vectors = torch.linalg.eigh(torch.cov(rows.T.double()))
    return values.flip(0), vectors.flip(1).T


def mse_of(net: nn.Module, rows: Tensor) -> float:
    with torch.no_grad():
        return float((net(rows) - rows).square().mean())


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
