"""What a training step minimises.

An objective is called with the network, clean patches and a generator; it draws the corruption,
runs the network and returns the loss with its named terms. The loop knows neither corruption nor
weighting.
"""

from dataclasses import dataclass, field
from functools import partial
from typing import Final

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from imgae.training.camera import CameraNoise
from imgae.training.corruptions import Defects, GaussianNoise, Holes
from imgae.training.networks import GATE_SIGMA, STRIDE, pad_to_stride
from imgae.training.regularisers import contraction, hinge, spectral_norm

FLOOR: Final = 1e-4
"""Of squared errors whose ratio is logged: 40 dB."""
MEAN_SIDE: Final = 16
EPSILON: Final = 1e-6
"""Under a root, so that its slope stays finite; a thousandth of white, squared."""


@dataclass(frozen=True)
class Denoising:
    """The mean squared error, divided by a power of the level of each pixel.

    PSNR is a relative measure, so low levels must weigh more than their error. What published
    networks leave grows about as sigma to the 1.14 (FFDNet on CBSD68: 33.87, 31.21 and 27.96 dB
    at 15, 25 and 50), which would weigh all levels alike; but then level 50 came out weakest, so
    the exponent is less than half of that. The scale makes FFDNet's error at level 25 a loss of 1.
    At equal time this was ahead of a weighted L1 and of the logarithm of each patch's error
    (weights/EXPERIMENTS.md).
    """

    corruption: GaussianNoise = field(default_factory=GaussianNoise)
    exponent: float = 0.5
    scale: float = 0.0024

    def __call__(
        self, net: nn.Module, clean: Tensor, generator: Generator
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """clean: (B, 3, H, W) in [0, 1]. Returns the scalar loss and terms for the log."""
        noisy, sigma, clean = self.corruption(clean, generator)
        return self.of(net(noisy, sigma), clean, sigma)

    def of(
        self, restored: Tensor, clean: Tensor, sigma: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the loss of what came out, and its terms."""
        error = (restored.float() - clean).square()
        expected = self.scale * (sigma + 1 / 255).pow(self.exponent)
        return (error / expected).mean(), {"mse": error.mean()}


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


@dataclass(frozen=True)
class CameraDenoising:
    """Each picture's mean squared error, over a power of the root of its input's.

    So a decibel counts about the same at every strength of noise: what is left of noise grows
    about so. Pictures that are clean already weigh the most, since the network is to leave them
    alone.

    Errors of the mean over blocks of MEAN_SIDE pixels count `mean_weight` times more: of what a
    network does to flat places, a shift is seen first.

    Beside it, the error of the level map against the root mean square around each pixel of what is
    to be removed, relative to that. Without it the map stood still, the same for every picture,
    and the denoiser found its way alone.
    """

    corruption: CameraNoise = field(default_factory=CameraNoise)
    exponent: float = 1.5
    scale: float = 0.03
    level_weight: float = 1.0
    mean_weight: float = 2.0
    around: int = 16  # pixels

    def __call__(
        self, net: nn.Module, clean: Tensor, generator: Generator
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """clean: (B, 3, H, W) in [0, 1]. Returns the scalar loss and terms for the log."""
        with torch.autocast(clean.device.type, enabled=False):
            made = self.corruption(clean, generator)
        restored, levels = net.with_levels(  # type: ignore[operator]
            made.noisy, made.quantisation, made.iso
        )
        restored, levels = restored.float(), levels.float()
        before = (made.noisy - made.clean).square().mean((1, 2, 3))
        after = (restored - made.clean).square().mean((1, 2, 3))
        expected = self.scale * (before.sqrt() + 1 / 255).pow(self.exponent)
        shifts = F.avg_pool2d(restored - made.clean, MEAN_SIDE).square().mean((1, 2, 3))
        loss = ((after + self.mean_weight * shifts) / expected).mean()
        wanted = self.levels_of(made.noisy - made.clean)
        level_error = ((levels - wanted).abs() / (wanted + GATE_SIGMA)).mean()
        gain = 10 * ((before + FLOOR) / (after + FLOOR)).log10().mean()
        terms = {"mse": after.mean(), "gain": gain, "level_error": level_error}
        return loss + self.level_weight * level_error, terms

    def levels_of(self, noise: Tensor) -> Tensor:
        """Return what a level map should say of noise (B, 3, H, W): (B, 2, H/8, W/8)."""
        noise = pad_to_stride(noise)
        luma = noise.mean(1, keepdim=True)
        squares = torch.cat([luma.square(), (noise - luma).square().mean(1, keepdim=True)], 1)
        margin = (self.around - STRIDE) // 2
        means = F.avg_pool2d(squares, self.around, STRIDE, margin, count_include_pad=False)
        return means.sqrt()


@dataclass(frozen=True)
class Inpainting:
    """The root of each patch's mean squared error in its holes, averaged over the patches.

    The root, since patches differ by a factor of a hundred in what can be known of them, and the
    worst would otherwise be all that counts. Patches with holes in less than `full_share` of them
    count in proportion to it: from a few pixels there is little to learn, and much chance.
    """

    corruption: Holes
    full_share: float = 0.05

    def __call__(
        self, net: nn.Module, clean: Tensor, generator: Generator
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """clean: (B, 3, H, W) in [0, 1]. Returns the scalar loss and terms for the log."""
        given, mask = self.corruption(clean, generator)
        hole = (mask > 0).float()
        error = (net(given, mask).float() - clean).square() * hole
        share = hole.mean((1, 2, 3))
        mse = error.mean((1, 2, 3)) / share.clamp(min=EPSILON)
        weight = (share / self.full_share).clamp(max=1)
        return ((mse + EPSILON).sqrt() * weight).mean(), {"mse": mse.mean()}


@dataclass(frozen=True)
class Detecting:
    """Cross entropy, and one minus the Dice coefficient (which F1 is) of each kind of defect.

    The cross entropy alone is content with marking nothing, since defects are few.
    Source: Milletari et al. 2016 (V-Net), for the Dice loss.
    """

    corruption: Defects

    def __call__(
        self, net: nn.Module, clean: Tensor, generator: Generator
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """clean: (B, 3, H, W) in [0, 1]. Returns the scalar loss and terms for the log."""
        damaged, target = self.corruption(clean, generator)
        logits = net.logits(damaged).float()  # type: ignore[operator]
        entropy = F.binary_cross_entropy_with_logits(logits, target)
        marked = logits.sigmoid()
        both = (marked * target).sum((0, 2, 3))
        dice = 2 * both / (marked.sum((0, 2, 3)) + target.sum((0, 2, 3)) + 1)
        return 10 * entropy + 1 - dice.mean(), {"entropy": entropy, "dice": dice.mean()}
