"""Denoising by a network that is to be no more sensitive than it must."""

from dataclasses import dataclass, field
from functools import partial
from typing import Final

import torch
from torch import Generator, Tensor, nn

from imgae.training.objectives.denoise import Denoising
from imgae.training.objectives.regularisers import contraction, hinge, spectral_norm

SPECTRAL_SIDE: Final = 64
"""Pixels. A denoiser amplifies most at single places, so small corners of many pictures tell more
than few whole ones, for the same work."""


@dataclass
class ContractiveDenoising:
    """Denoising, by a network that is to be no more sensitive than it must.

    contractive: beside the error, the squared Frobenius norm of the Jacobian of the restored
    picture by the noisy one, by output value, times `weight`. It shrinks every direction, those of
    the signal too.
    spectral: in its place, how far the Jacobian's largest singular value exceeds `limit`, squared.
    jittered: no penalty; the control, which sees Gaussian noise of the standard deviation `weight`
    (in 8-bit levels) that it is not told of.

    The Frobenius norm is that of the first `share` of each batch, the largest singular value that
    of a corner of SPECTRAL_SIDE pixels of every picture; both are computed without autocast.
    """

    objective: str
    weight: float
    limit: float = 1.0
    share: float = 0.34
    plain: Denoising = field(default_factory=Denoising)

    def __call__(
        self, net: nn.Module, clean: Tensor, generator: Generator
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """clean: (B, 3, H, W) in [0, 1]. Returns the scalar loss and terms for the log."""
        noisy, sigma, clean = self.plain.corruption(clean, generator)
        if self.objective == "jittered":
            jitter = torch.randn(noisy.shape, generator=generator, device=noisy.device)
            noisy = noisy + self.weight / 255 * jitter
        loss, terms = self.plain.of(net(noisy, sigma), clean, sigma)
        if self.objective == "jittered":
            return loss, terms
        with torch.autocast(noisy.device.type, enabled=False):
            if self.objective == "contractive":
                part = max(1, round(self.share * len(noisy)))
                penalty = contraction(partial(told, net, sigma[:part]), noisy[:part], generator)
                terms["jacobian"] = penalty.detach()
            else:
                corners, levels = (x[:, :, :SPECTRAL_SIDE, :SPECTRAL_SIDE] for x in (noisy, sigma))
                norms = spectral_norm(partial(told, net, levels), corners, generator)
                penalty = hinge(norms, self.limit)
                terms |= {"penalty": penalty.detach(), "spectral_norm": norms.detach().mean()}
        return loss + self.weight * penalty, terms


def told(net: nn.Module, sigma: Tensor, noisy: Tensor) -> Tensor:
    restored: Tensor = net(noisy, sigma)
    return restored
