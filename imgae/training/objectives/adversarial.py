"""Denoising by a network that is to withstand changes of its input, and not to enlarge them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from imgae.training.corruptions.camera_noise import blurred
from imgae.training.objectives.denoise import Denoising
from imgae.training.objectives.regularisers import hinge

SIDE: Final = 64
"""Pixels. A denoiser amplifies most at single places, so corners of many pictures tell more than
few whole ones, for the same work."""
SHARE: Final = 0.36
"""The largest change beside the noise: both are root mean squares."""
LEAST: Final = 0.2 / 255
"""The same where there is no noise, on [0, 1]."""
ASCENTS: Final = 3
PROBE: Final = 1 / 255
"""Root mean square of the changes whose growth is measured."""
PROBE_ASCENTS: Final = 4
PROBE_STRIDE: Final = 3.0
HIGHEST: Final = 30 / 255
"""Of the low levels that pictures which hold little noise are told."""
LOWEST: Final = 1.5 / 255
AGAIN: Final = 4
"""Times, at most, that a picture is restored before a change of it is tried."""
FLAT: Final = 0.12
"""The share of pictures that are of one colour: what withstands changes tends to shift those."""
MEAN_SIDE: Final = 16
MEAN_WEIGHT: Final = 10.0
"""Of the error of the mean over blocks of MEAN_SIDE pixels."""
PROBED: Final = 0.34
"""The share of the batch whose pictures growth is measured near."""
ITERATES: Final = 8
"""Pictures that are being restored, with the network as their prior."""
ADVANCES: Final = 5
"""Of each of them, a step of training."""
LATE: Final = 40
"""From this advance on, what still moves is no longer what is to be restored."""
LATE_LIMIT: Final = 0.95
LATE_WEIGHT: Final = 4.0
"""Of the hinge on that beside the other one."""
LASTING: Final = 120.0
"""Steps of training after which such a picture gives way to another one, on average."""
RESTING: Final = (0.85, 150, 5.0)
"""What shrinks faster than the first, from the second advance on, lasts for the third instead."""


@dataclass
class Iterates:
    """Pictures on their way: blurred ones that are being restored, with the network as the prior.

    given: what they began as, (P, 3, H, W). now: what they are. widths: of the blur, in pixels,
    (P, 1, 1, 1). told: levels; ages: advances since they began, (P, 1, 1, 1) both.
    """

    given: Tensor
    now: Tensor
    widths: Tensor
    told: Tensor
    ages: Tensor

    @classmethod
    def begun(cls, clean: Tensor, generator: Generator) -> "Iterates":
        """Begin ITERATES of them from clean pictures (B, 3, H, W), again and again if B is less."""
        rounds = -(-ITERATES // len(clean))
        clean = clean.repeat(rounds, 1, 1, 1)[:ITERATES]

        def unit() -> Tensor:
            return torch.rand(len(clean), 1, 1, 1, generator=generator, device=clean.device)

        widths, told = 0.8 + 1.4 * unit(), (2 + 8 * unit().square()) / 255
        noise = torch.randn(clean.shape, generator=generator, device=clean.device)
        given = blurred(clean, widths) + 4 / 255 * unit() * noise
        return cls(given, given, widths, told, torch.zeros_like(told))

    def advanced(self, net: nn.Module, clean: Tensor, generator: Generator) -> Tensor:
        """Take ADVANCES steps, and begin some anew from clean pictures (B, 3, H, W).

        Returns how much the change that the last step made grows in the next, (P,), 0 before LATE:
        iterations turn towards the direction that grows most.
        """
        seen = self.now
        with torch.no_grad():
            for _ in range(ADVANCES):
                before = seen
                slope = blurred(blurred(self.now, self.widths) - self.given, self.widths)
                seen = (self.now - slope).clamp(-0.2, 1.2)
                self.now = net(seen, self.told)
        move = seen - before
        move = PROBE / 2 * move / rms(move)
        late = (self.ages >= LATE).flatten()
        apart = net(seen + move, self.told) - net(seen, self.told)
        found = late * (rms(apart) / rms(move)).flatten()
        unit = torch.rand(ITERATES, 1, 1, 1, generator=generator, device=clean.device)
        astray = (self.now - self.given).abs().amax((1, 2, 3), keepdim=True) > 1
        slow, age, steps = RESTING
        resting = (found.detach().view(-1, 1, 1, 1) < slow) & (self.ages >= age)
        anew = (unit < torch.where(resting, 1 / steps, 1 / LASTING)) | astray
        fresh = Iterates.begun(clean, generator)
        self.ages = self.ages + ADVANCES
        for name in vars(fresh):
            setattr(self, name, torch.where(anew, getattr(fresh, name), getattr(self, name)))
        return found


@dataclass
class AdversarialDenoising:
    """The error of pictures that were changed to do harm, beside that of others; and a hinge.

    `weight` is the share of the changed ones in the error. Their changes, of a root mean square of
    up to SHARE of the noise's, are found by projected gradient ascent on the error. The hinge is on
    how much a small change grows, where that is more than `limit` times, along the direction in
    which it grows most that gradient ascent finds. It is measured on pictures between the noisy
    and the restored ones, and on some that were restored again and again, as they are met where a
    denoiser is a plug-and-play prior: a network that enlarges changes there drifts. For the same
    reason it is measured on pictures that are restored from blur meanwhile, some hundred steps
    long: what drifts is only seen late. What still changes there is no part of the picture, so it
    is to shrink.

    Sources: Madry et al. 2018 (training against projected gradient ascent); Pesquet et al. 2021
    (a Jacobian's norm between noisy and restored pictures, for plug-and-play).
    """

    weight: float
    hinge_weight: float = 4.0
    limit: float = 1.0
    plain: Denoising = field(default_factory=Denoising)
    iterates: Iterates | None = None

    def __call__(
        self, net: nn.Module, clean: Tensor, generator: Generator
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """clean: (B, 3, H, W) in [0, 1]. Returns the scalar loss and terms for the log."""
        structured = len(clean) - round(FLAT * len(clean))
        colours = clean[structured:].mean((2, 3), True).expand_as(clean[structured:])
        clean = torch.cat([clean[:structured], colours])
        noisy, sigma, clean = self.plain.corruption(clean, generator)
        restored = net(noisy, sigma)
        loss, terms = self.plain.of(restored, clean, sigma)
        shifts = F.avg_pool2d(restored.float() - clean, min(MEAN_SIDE, clean.shape[-1]))
        shift, _ = self.plain.of(shifts, torch.zeros_like(shifts), sigma.mean((2, 3), True))
        seen, levels, wanted = (x[:, :, :SIDE, :SIDE] for x in (noisy, sigma, clean))
        harmed = self.attacked(net, seen, levels, wanted, generator)
        attacked, _ = self.plain.of(harmed, wanted, levels)
        with torch.autocast(clean.device.type, enabled=False):
            part = max(1, round(PROBED * len(clean)))
            once = restored.detach().float()[:part, :, :SIDE, :SIDE]
            points, told = between(net, seen[:part], levels[:part], once, generator)
            norms = growth(net, points, told, generator)
            if self.iterates is None:
                self.iterates = Iterates.begun(wanted, generator)
            late = self.iterates.advanced(net, wanted, generator)
            penalty = hinge(norms, self.limit) + LATE_WEIGHT * hinge(late, LATE_LIMIT)
        terms |= {
            "attacked": attacked.detach(),
            "growth": norms.detach().mean(),
            "growth_late": late.detach().amax(),
            "penalty": penalty.detach(),
        }
        total = (1 - self.weight) * loss + self.weight * attacked + self.hinge_weight * penalty
        return total + MEAN_WEIGHT * shift, terms

    def state_dict(self) -> dict[str, Tensor]:
        return {} if self.iterates is None else vars(self.iterates)

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        self.iterates = Iterates(**state) if state else None

    def attacked(
        self, net: nn.Module, noisy: Tensor, sigma: Tensor, clean: Tensor, generator: Generator
    ) -> Tensor:
        """Return what the network makes of pictures that were changed to do harm."""
        sizes = sigma.mean((1, 2, 3), keepdim=True) * SHARE + LEAST
        unit = torch.rand(len(noisy), 1, 1, 1, generator=generator, device=noisy.device)
        change = torch.randn(noisy.shape, generator=generator, device=noisy.device)

        def error(change: Tensor) -> Tensor:
            restored: Tensor = net(noisy + change, sigma)
            return (restored.float() - clean).square().mean((1, 2, 3))

        worst = ascended(error, change, sizes * (1 + unit) / 2, ASCENTS, 1.0)
        restored: Tensor = net(noisy + worst, sigma)
        return restored


def between(
    net: nn.Module, noisy: Tensor, sigma: Tensor, restored: Tensor, generator: Generator
) -> tuple[Tensor, Tensor]:
    """Draw pictures that iterations of a denoiser meet, and the levels that they are told."""

    def unit() -> Tensor:
        return torch.rand(len(noisy), 1, 1, 1, generator=generator, device=noisy.device)

    share = unit() * (unit() < 0.6)
    points = share * noisy + (1 - share) * restored
    low = LOWEST + (HIGHEST - LOWEST) * unit().square()
    told = torch.where(unit() < 0.4, sigma, low.expand_as(sigma))
    times = (unit() * 2 * AGAIN - AGAIN).floor()  # half of them never
    with torch.no_grad():
        for time in range(int(times.max()) + 1 if times.max() >= 0 else 0):
            points = torch.where(times >= time, net(points, told), points)
    return points.detach(), told


def growth(net: nn.Module, points: Tensor, told: Tensor, generator: Generator) -> Tensor:
    """Return how much a small change grows at most, as far as gradient ascent finds, (B,)."""
    with torch.no_grad():
        still = net(points, told)
    change = torch.randn(points.shape, generator=generator, device=points.device)

    def moved(change: Tensor) -> Tensor:
        return rms(net(points + change, told) - still).flatten()

    worst = ascended(moved, change, torch.full_like(told[:, :1, :1, :1], PROBE), PROBE_ASCENTS,
                     PROBE_STRIDE)  # fmt: skip
    apart = net(points + worst, told) - net(points, told)
    return (rms(apart) / rms(worst)).flatten()


def ascended(
    objective: Callable[[Tensor], Tensor],
    change: Tensor,
    sizes: Tensor,
    times: int,
    stride: float,
) -> Tensor:
    """Raise an objective (B,) of a change by gradient ascent, its root mean square kept at `sizes`.

    stride: the length of a step beside that of the change.
    """
    change = sizes * change / rms(change)
    for _ in range(times):
        change.requires_grad_()
        (slope,) = torch.autograd.grad(objective(change).sum(), change)
        change = change.detach() + stride * sizes * slope / rms(slope)
        change = sizes * change / rms(change)
    return change


def rms(x: Tensor) -> Tensor:
    """Return each picture's root mean square, (B, 1, 1, 1)."""
    return x.float().square().mean((1, 2, 3), keepdim=True).clamp(min=1e-24).sqrt()
