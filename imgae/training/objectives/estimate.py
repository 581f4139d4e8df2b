"""What an estimator is trained for: what frozen denoisers make of what it says."""

import itertools
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from imgae.training.corruptions.mixture import Mixture, Sample
from imgae.training.networks.estimate import REST_STEP, Seen, weighted_mean
from imgae.training.networks.parts import STRIDE, pad_to_stride

RESTS: Final = (0.0, 2 / 255, 4 / 255, 8 / 255, 14 / 255)
"""Levels that the denoiser is tried with, after the camera model."""

Camera = Callable[[Tensor], Tensor]
Denoise = Callable[[Tensor, float], Tensor]


@dataclass(frozen=True)
class Tried:
    """A sample, and the error of each cell for each effort that was tried.

    none, half: mean squared errors, (B, 1, h, w), with nothing and half of the camera model's
    change. further: (B, len(RESTS), h, w), after it, and the denoiser told each of RESTS.
    """

    sample: Sample
    none: Tensor
    half: Tensor
    further: Tensor

    def error(self, effort: Tensor) -> Tensor:
        """Return the error for an effort (B, 1, h, w).

        A parabola up to 1, which is exact, since the error is one in the share of the camera
        model's change; straight lines between the levels tried beyond, and on beyond the last.
        """
        share = effort.clamp(max=1)
        none, half, whole = self.none, self.half, self.further[:, :1]
        slope, bend = 4 * half - 3 * none - whole, 2 * (none + whole - 2 * half)
        total: Tensor = none + slope * share + bend * share.square()
        rest = REST_STEP * (effort - 1).clamp(min=0)
        for place, (low, high) in enumerate(itertools.pairwise(RESTS)):
            last = place == len(RESTS) - 2
            part = (rest - low).clamp(min=0) if last else (rest - low).clamp(0, high - low)
            step = self.further[:, place + 1 : place + 2] - self.further[:, place : place + 1]
            total = total + step * part / (high - low)
        return total


@dataclass
class Estimating:
    """The logarithm of each sample's error over that of its input, so that decibels count alike.

    Both have a floor, so that clean samples count, but not for ever; harm counts `harm` times
    more. White noise has its level and its kind regressed beside. `camera` and `denoise` stay as
    they are, and cost far more than the network: so samples are prepared once, and come again.
    """

    camera: Camera
    denoise: Denoise
    mixture: Mixture = field(default_factory=Mixture)
    floor: float = 1e-5
    harm: float = 0.3
    white_share: float = 0.3
    """How much samples of white noise count here: they are to go the other way."""
    level_weight: float = 2.0
    kind_weight: float = 0.3
    prepared: list[Tried] = field(default_factory=list)

    def prepare(self, batches: Iterable[tuple[Tensor, Generator]]) -> None:
        """Corrupt batches of clean crops (B, 3, H, W), and run the denoisers on them."""
        with torch.no_grad():
            for clean, generator in batches:
                self.prepared.append(self.tried(self.mixture(clean, generator)))

    def __call__(
        self, net: nn.Module, clean: Tensor, generator: Generator
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Draw one of the prepared batches; of `clean` only the device counts.

        Returns the scalar loss and terms for the log.
        """
        place = torch.randint(len(self.prepared), (), generator=generator, device=clean.device)
        tried = self.prepared[int(place)]
        return self.loss(net.see(tried.sample.noisy), tried)  # type: ignore[operator]

    def tried(self, sample: Sample) -> Tried:
        """Run the denoisers on a sample."""

        def error(restored: Tensor) -> Tensor:
            squares = (restored.clamp(0, 1) - sample.clean).square().mean(1, keepdim=True)
            return F.avg_pool2d(pad_to_stride(squares), STRIDE)

        seen = self.camera(sample.noisy).clamp(0, 1)
        further = [seen if rest == 0 else self.denoise(seen, rest) for rest in RESTS]
        return Tried(
            sample,
            error(sample.noisy),
            error((sample.noisy.clamp(0, 1) + seen) / 2),
            torch.cat([error(restored) for restored in further], 1),
        )

    def loss(self, seen: Seen, tried: Tried) -> tuple[Tensor, dict[str, Tensor]]:
        sample = tried.sample
        before = tried.none.mean((1, 2, 3)) + self.floor
        after = tried.error(seen.effort).mean((1, 2, 3)).clamp(min=0) + self.floor
        ratio = (after / before).log()
        counts = torch.where(sample.kind == 0, self.white_share, 1.0)
        restoring = (counts * (ratio + self.harm * F.relu(ratio))).sum() / counts.sum()

        known = sample.level > 0
        wanted = torch.where(known, sample.level, 1.0)
        said = weighted_mean(seen.level.log(), seen.trust)
        apart = torch.where(known, said - wanted.log(), 0.0)
        cells = torch.where(
            known.view(-1, 1, 1, 1), seen.level.log() - wanted.log().view(-1, 1, 1, 1), 0.0
        ).abs()
        number = known.sum().clamp(min=1)
        level = (robust(apart).sum() + 0.1 * cells.mean((1, 2, 3)).sum()) / number

        odds = weighted_mean(seen.white, seen.trust)
        told = (sample.white != 0.5).float()
        entropy = F.binary_cross_entropy_with_logits(odds, sample.white, reduction="none")
        kind = (told * entropy).sum() / told.sum().clamp(min=1)
        missed = ((odds > 0) != (sample.white > 0.5)).float()
        wrong = (told * missed).sum() / told.sum().clamp(min=1)

        loss = restoring + self.level_weight * level + self.kind_weight * kind
        gain = (-10 / math.log(10) * ratio.detach()).mean()
        off = (apart.detach().abs().sum() / number).exp() - 1
        return loss, {"gain": gain, "level_off": off, "kind_wrong": wrong}


def robust(x: Tensor, width: float = 0.05) -> Tensor:
    """Return |x|, rounded off below `width`."""
    return F.smooth_l1_loss(x, torch.zeros_like(x), reduction="none", beta=width)
