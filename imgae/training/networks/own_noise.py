"""The denoiser that holds what noise its pictures have, so that it need not be told."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any, Final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from imgae.training.networks.body import Variant
from imgae.training.networks.denoise import (
    DenoisingAutoencoder,
    FlipEnsembleDenoisingAutoencoder,
)
from imgae.training.networks.parts import pad_to_stride

HALF: Final = 2
AROUND: Final = 3
"""The signal is the mean of so many times so many means of 2x2 pixels."""
LEVEL: Final = 25 / 255
"""Of the noise before any was measured."""


class OwnNoiseAutoencoder(DenoisingAutoencoder):
    """Remove noise of one source, whose strength follows from the brightness of each place.

    The level that DenoisingAutoencoder is told comes from a curve of variance against signal,
    measured on the pictures of a run and kept in the graph. The signal is a mean over 6x6 pixels;
    the level is one for the three channels, the root of their mean variance. `told` is what it is
    multiplied by: noise whose neighbours are alike is removed best by a network that is told more.
    """

    inputs = ("image",)
    alone = ("told",)
    base: Tensor
    fill_radius = 2

    def __init__(self, variant: Variant) -> None:
        super().__init__(variant)
        self.told = nn.Parameter(torch.ones(1))
        self.set_curve((0.0, 1.0), ((LEVEL**2, LEVEL**2),) * 3)

    def set_curve(self, knots: Sequence[float], variance: Sequence[Sequence[float]]) -> None:
        """Set what noise there is; the curve is in the graph, but not among the weights.

        knots: signals, rising; beyond them the curve is flat. variance: of each of the three
        channels at each knot, as many as before or other ones.
        """
        self.knots = tuple(map(float, knots))
        values = torch.tensor(variance, dtype=torch.float64).T  # (K, 3)
        places = torch.tensor(self.knots, dtype=torch.float64)[:, None]
        slopes = values.diff(dim=0) / places.diff(dim=0)
        base = values[0] - (slopes * places[:-1]).sum(0)
        for name, row in {"base": base, **slope_names(slopes)}.items():
            self.register_buffer(name, row.float().view(3, 1, 1), persistent=False)

    def level(self, image: Tensor) -> Tensor:
        """Return the level of noise of image (B, 3, H, W) at each place, (B, 1, H, W), >= 0.

        It follows the picture without gradients: how a pixel changes the level is not trained.
        """
        height, width = image.shape[2:]
        half = F.avg_pool2d(pad_to_stride(image.detach()), HALF)
        margin = AROUND // 2
        signal = F.avg_pool2d(F.pad(half, [margin] * 4, mode="replicate"), AROUND, stride=1)
        variance = self.base
        for (low, high), name in zip(pairwise(self.knots), slope_names(self.knots), strict=False):
            variance = variance + getattr(self, name) * signal.clamp(low, high)
        level = variance.mean(1, keepdim=True).clamp(min=0).sqrt() * self.told
        return F.interpolate(level, scale_factor=HALF, mode="nearest")[:, :, :height, :width]

    def forward(self, image: Tensor) -> Tensor:  # type: ignore[override]
        """Denoise image (B, 3, H, W) on the scale that its curve was measured on."""
        return super().forward(image, self.level(image))


class FlipEnsembleOwnNoiseAutoencoder(  # type: ignore[misc]
    OwnNoiseAutoencoder, FlipEnsembleDenoisingAutoencoder
):
    """The mean over a picture and its three flips, for export only."""


def slope_names(items: Iterable[Any]) -> dict[str, Any]:
    """Return the names of the buffers that hold a curve's slopes, each with one of some items."""
    return {f"slope{number}": item for number, item in enumerate(items)}
