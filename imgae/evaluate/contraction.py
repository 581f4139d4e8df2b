"""How sensitive a denoiser is to changes of its input, beside how well it denoises. Needs torch.

Pictures are (1, 3, H, W), white at 1, as torch has them; noise is neither clipped nor rounded, and
the level is told unless a figure says otherwise. `FIGURES` says what is measured.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from torch import Tensor

from imgae.evaluate.protocol import Figures, mean_of

Denoise = Callable[[Tensor, Tensor], Tensor]
"""From noisy pictures and a level (1, 1, 1, 1) to restored pictures."""

FIGURES: Final = {
    "5": "PSNR in dB at level 5, whole pictures",
    "15": "the same at level 15",
    "25": "the same at level 25",
    "50": "the same at level 50",
    "norm": "spectral norm of the Jacobian at level 15, crops of 128x128",
    "random": "dB lost at level 15 to Gaussian noise of 5/255, not told, crops of 160x160",
    "attack": "dB lost to the worst change of 5/255 that projected gradient ascent finds, same",
    "poisson": "dB gained on Poisson noise of 40 photons at white; told its root mean square",
    "salt": "dB gained on salt and pepper in 5 % of the pixels; told its root mean square",
    "75": "PSNR in dB at level 75, told 75: above what networks are trained on",
    "int8": "dB lost at level 15 by the int8 file",
    "prior 50": "PSNR in dB after 50 steps as a prior (see as_prior), of every 4th picture, "
    "crops of 128x128",
    "prior 500": "the same after 500 steps",
    "last step": "the length of the last step as a prior, over that of the fifth",
    "fall": "dB from the best of the steps as a prior to the last, the mean over pictures",
    "20 times": "dB lost from the 1st to the 20th time that noise of level 5 is removed, told 5 "
    "each time, of every 4th picture, crops of 128x128",
}
CHANGE: Final = 5 / 255
PHOTONS: Final = 40
SALTED: Final = 0.05
ASCENTS: Final = 20
BLUR: Final = 1.6
"""Pixels: the standard deviation of the blur that a prior takes away."""
PRIOR_STEPS: Final = (1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100, 150, 200, 300, 500)
PRIOR_EVERY: Final = 4
TIMES: Final = 20
"""That a picture is denoised again."""


@dataclass(frozen=True)
class Tools:
    """What the measurement takes from training.

    norm: from what a denoiser does at one level, and a picture, to the spectral norm of its
    Jacobian there. blurred: pictures, blurred by a Gaussian of so many pixels.
    """

    norm: Callable[[Callable[[Tensor], Tensor], Tensor], float]
    blurred: Callable[[Tensor, float], Tensor]


def run(
    net: Denoise,
    pictures: Sequence[Tensor],
    tools: Tools,
    rounded: Denoise | None = None,
    steps: Sequence[int] = PRIOR_STEPS,
) -> tuple[Figures, list[float]]:
    """Return the means of FIGURES, and the mean PSNR after each of `steps` as a prior.

    rounded: the int8 file, if there is one. steps: the last ones of the figures "prior 50" and
    "prior 500" must be among them.
    """
    rows: dict[str, list[float]] = {name: [] for name in FIGURES}
    curves = []
    for number, clean in enumerate(pictures):
        for sigma in (5, 15, 25, 50, 75):
            rows[str(sigma)].append(quality(net, clean, sigma / 255, 4 * number))
        if rounded:
            lost = rows["15"][-1] - quality(rounded, clean, 15 / 255, 4 * number)
            rows["int8"].append(lost)
        draw = torch.Generator().manual_seed(number)
        rows["poisson"].append(gained(net, with_photons(clean, draw), clean))
        rows["salt"].append(gained(net, with_salt(clean, draw), clean))
        part, sigma_15 = middle(clean, 160), level(15 / 255)
        given = noisy(part, 15 / 255, 4 * number)
        jitter = scaled(torch.randn(given.shape, generator=torch.Generator().manual_seed(1)))
        rows["random"].append(lost_to(jitter, net, given, part, sigma_15))
        found = attack(net, given, part, sigma_15)
        rows["attack"].append(lost_to(found, net, given, part, sigma_15))
        rows["norm"].append(tools.norm(lambda x: net(x, level(15 / 255)), middle(given, 128)))
        if number % PRIOR_EVERY == 0:
            curve, last = as_prior(net, middle(clean, 128), number, tools.blurred, steps)
            curves.append(curve)
            rows["last step"].append(last)
            rows["fall"].append(max(curve) - curve[-1])
            rows["20 times"].append(lost_by_repeating(net, middle(clean, 128), number))
            for step in (50, 500):
                if step in steps:
                    rows[f"prior {step}"].append(curve[list(steps).index(step)])
    figures = {name: mean_of(values) for name, values in rows.items()}
    return figures, [float(value) for value in np.mean(curves, 0)]


def db(a: Tensor, b: Tensor) -> float:
    """Return the PSNR in dB of a, clipped, to b."""
    error = float((a.clamp(0, 1) - b).square().mean())
    return math.inf if error == 0 else -10 * math.log10(error)


def level(value: float) -> Tensor:
    return torch.full((1, 1, 1, 1), value)


def noisy(clean: Tensor, sigma: float, seed: int) -> Tensor:
    shape = (*clean.shape[2:], 3)
    noise = np.random.default_rng(seed).normal(0, sigma, shape)
    return clean + torch.tensor(noise, dtype=torch.float32).permute(2, 0, 1)[None]


def middle(clean: Tensor, side: int) -> Tensor:
    """Return the middle of pictures, at most `side` pixels a side."""
    height, width = (min(side, size) for size in clean.shape[2:])
    top, left = (clean.shape[2] - height) // 2, (clean.shape[3] - width) // 2
    return clean[:, :, top : top + height, left : left + width]


@torch.no_grad()
def quality(net: Denoise, clean: Tensor, sigma: float, seed: int) -> float:
    return db(net(noisy(clean, sigma, seed), level(sigma)), clean)


def with_photons(clean: Tensor, draw: torch.Generator) -> Tensor:
    return torch.poisson(clean * PHOTONS, generator=draw) / PHOTONS


def with_salt(clean: Tensor, draw: torch.Generator) -> Tensor:
    """Set SALTED of the pixels to black or white, all channels of a pixel alike."""
    salted = clean.clone()
    unit = torch.rand(1, 1, *clean.shape[2:], generator=draw).expand_as(clean)
    salted[unit < SALTED / 2], salted[unit > 1 - SALTED / 2] = 0.0, 1.0
    return salted


@torch.no_grad()
def gained(net: Denoise, given: Tensor, clean: Tensor) -> float:
    """Return the dB gained where the level told is the root mean square of the noise."""
    sigma = float((given - clean).square().mean().sqrt())
    return db(net(given, level(sigma)), clean) - db(given, clean)


def scaled(change: Tensor) -> Tensor:
    """Scale a change to a root mean square of CHANGE."""
    return change * CHANGE / change.square().mean().sqrt().clamp(min=1e-12)


@torch.no_grad()
def lost_to(change: Tensor, net: Denoise, given: Tensor, clean: Tensor, sigma: Tensor) -> float:
    """Return the dB that a change of the input costs."""
    return db(net(given, sigma), clean) - db(net(given + change, sigma), clean)


def attack(
    net: Denoise, given: Tensor, clean: Tensor, sigma: Tensor, ascents: int = ASCENTS
) -> Tensor:
    """Return the change of CHANGE rms with the largest error that gradient ascent finds."""
    change = scaled(torch.randn(given.shape, generator=torch.Generator().manual_seed(0)))
    best, worst = change, -1.0
    for _ in range(ascents):
        change.requires_grad_()
        error = (net(given + change, sigma) - clean).square().mean()
        (slope,) = torch.autograd.grad(error, change)
        if float(error.detach()) > worst:
            best, worst = change.detach(), float(error.detach())
        change = scaled(change.detach() + 0.5 * scaled(slope))
    return best


@torch.no_grad()
def lost_by_repeating(net: Denoise, clean: Tensor, seed: int) -> float:
    """Return the dB lost from the first to the last of TIMES, told level 5 each time."""
    sigma = level(5 / 255)
    first = last = net(noisy(clean, 5 / 255, seed), sigma)
    for _ in range(TIMES - 1):
        last = net(last, sigma)
    return db(first, clean) - db(last, clean)


@torch.no_grad()
def as_prior(
    net: Denoise,
    clean: Tensor,
    seed: int,
    blurred: Callable[[Tensor, float], Tensor],
    steps: Sequence[int] = PRIOR_STEPS,
) -> tuple[list[float], float]:
    """Deblur with a denoiser as a plug-and-play prior: proximal gradient steps.

    The picture is blurred by BLUR and gets noise of level 2.55. Returns the PSNR after each of
    `steps`, and the last step's length over the fifth's.
    """
    given = noisy(blurred(clean, BLUR), 0.01, seed)
    x, sizes, found = given, [], []
    for step in range(1, steps[-1] + 1):
        gradient = blurred(blurred(x, BLUR) - given, BLUR)
        after = net((x - gradient).clamp(-0.2, 1.2), level(4 / 255))
        sizes.append(float((after - x).norm()))
        x = after
        if step in steps:
            found.append(db(x, clean))
    return found, sizes[-1] / sizes[4]
