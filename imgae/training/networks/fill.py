"""A smooth fill of unknown pixels, inside the graph."""

from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor

from imgae.training.networks.parts import STRIDE

FILL_LEVELS: Final = 4  # full resolution to 1/STRIDE
FILL_RINGS: Final = 8
FILL_STEPS: Final = 4
FILL_RADIUS: Final = STRIDE * (FILL_RINGS + 1) + (2**FILL_LEVELS - 1) * (FILL_STEPS + 1)
"""How far the fill sees: its rings, a block, and at each resolution relaxation and enlarging."""
THIN_FILL_RADIUS: Final = STRIDE + (2 ** (FILL_LEVELS - 1) - 1) * (FILL_STEPS + 1)
"""The same where every block of the coarsest resolution holds a known pixel."""


def smooth_fill(image: Tensor, unknown: Tensor) -> Tensor:
    """Fill unknown (B, 1, H, W) pixels of image (B, 3, H, W) nearly harmonically.

    Means of known pixels over 2x2 blocks, down to 1/STRIDE; there, rings of means over known
    neighbours; then up again, with a few steps of relaxation at every resolution (a cascadic
    multigrid, Bornemann and Deuflhard 1996). Pixels more than FILL_RINGS * STRIDE from any known
    one stay black.
    """
    levels = [(torch.where(unknown, 0.0, image), (~unknown).to(image.dtype))]
    while len(levels) < FILL_LEVELS:
        x, known = levels[-1]
        share = F.avg_pool2d(known, 2)
        x = F.avg_pool2d(x * known, 2) / share.clamp(min=0.25)
        levels.append((x, (share > 0).to(image.dtype)))
    x, known = levels.pop()
    reached = known
    for _ in range(FILL_RINGS):
        share = neighbourhood(reached)
        ring = neighbourhood(x * reached) / share.clamp(min=0.25)
        x = torch.where(reached > 0, x, ring)
        reached = (share > 0).to(image.dtype)
    x = relax(x, known)
    for fine, known in reversed(levels):
        coarse = F.interpolate(x, scale_factor=2, mode="bilinear")
        x = relax(torch.where(known > 0, fine, coarse), known)
    return x


def relax(x: Tensor, known: Tensor) -> Tensor:
    """Replace what is not known by the mean around it, FILL_STEPS times."""
    for _ in range(FILL_STEPS):
        x = torch.where(known > 0, x, neighbourhood(x))
    return x


def neighbourhood(x: Tensor) -> Tensor:
    """Return the means of the four neighbours; at the border, its own pixels stand in for them."""
    x = F.pad(x, (1, 1, 1, 1), mode="replicate")
    rows = x[:, :, :-2, 1:-1] + x[:, :, 2:, 1:-1]
    return (rows + x[:, :, 1:-1, :-2] + x[:, :, 1:-1, 2:]) / 4
