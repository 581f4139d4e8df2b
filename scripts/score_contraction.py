#!/usr/bin/env python
"""Measure how sensitive denoisers are, beside how well they denoise.

    scripts/score_contraction.py CBSD68_FOLDER MODEL.onnx [MODEL.onnx ...] [--json F] [--plot F]

Columns, of every N-th picture (--every), float noise, the level given unless it says otherwise:

    15, 25, 50      PSNR, dB, whole pictures
    norm            spectral norm of the Jacobian at 15, crops of 128x128
    random, attack  dB lost at 15 to a change of 5/255 rms: Gaussian; and the worst that projected
                    gradient ascent finds among 20 places; crops of 160x160
    poisson, salt   dB gained over the noisy picture: Poisson noise of 40 photons at white, and salt
                    and pepper in 5 % of the pixels; told the root mean square of the noise
    75              PSNR at level 75, told 75: above what networks are trained on
    int8            dB lost at 15 by NAME-int8.onnx, where it lies beside the model
    prior           (of every 4th of these pictures, crops of 128x128)
                    as a plug-and-play prior for deblurring (Gaussian, 1.6 pixels; noise of level
                    2.55), 500 steps of proximal gradient: PSNR after 50 and after 500 steps, and
                    the last step's size relative to the fifth's; --plot draws all of them
"""

import argparse
import json
import math
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from imgae.evaluate.denoise import clean_pictures
from imgae.model import session
from imgae.training import export
from imgae.training.corruptions.camera_noise import blurred
from imgae.training.objectives.contractive import told
from imgae.training.objectives.regularisers import spectral_norm

CHANGE = 5 / 255
PRIOR_STEPS = (1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100, 150, 200, 300, 500)
COLUMNS = ("15", "25", "50", "norm", "random", "attack", "poisson", "salt", "75", "int8",
           "prior 50", "prior 500", "last step")  # fmt: skip


def db(a: Tensor, b: Tensor) -> float:
    return -10 * math.log10(float((a.clamp(0, 1) - b).square().mean()))


def level(value: float) -> Tensor:
    return torch.full((1, 1, 1, 1), value)


def noisy(clean: Tensor, sigma: float, seed: int) -> Tensor:
    shape = (*clean.shape[2:], 3)
    noise = np.random.default_rng(seed).normal(0, sigma, shape)
    return clean + torch.tensor(noise, dtype=torch.float32).permute(2, 0, 1)[None]


def middle(clean: Tensor, side: int) -> Tensor:
    top, left = ((size - side) // 2 for size in clean.shape[2:])
    return clean[:, :, top : top + side, left : left + side]


def scaled(change: Tensor) -> Tensor:
    return change * CHANGE / change.square().mean().sqrt().clamp(min=1e-12)


def attacked(
    net: nn.Module, given: Tensor, clean: Tensor, sigma: Tensor, steps: int = 20
) -> Tensor:
    """Return the change of CHANGE rms after which the network errs most, as far as it is found."""
    change = scaled(torch.randn(given.shape, generator=torch.Generator().manual_seed(0)))
    best, worst = change, -1.0
    for _ in range(steps):
        change.requires_grad_()
        error = (net(given + change, sigma) - clean).square().mean()
        (slope,) = torch.autograd.grad(error, change)
        if float(error.detach()) > worst:
            best, worst = change.detach(), float(error.detach())
        change = scaled(change.detach() + 0.5 * scaled(slope))
    return best


def as_prior(net: nn.Module, clean: Tensor, seed: int) -> tuple[list[float], float]:
    """Return PSNR after each of PRIOR_STEPS, and the last step's size over the fifth's."""
    given = noisy(blurred(clean, 1.6), 0.01, seed)
    x, sizes, found = given, [], []
    with torch.no_grad():
        for step in range(1, PRIOR_STEPS[-1] + 1):
            gradient = blurred(blurred(x, 1.6) - given, 1.6)
            after = net((x - gradient).clamp(-0.2, 1.2), level(4 / 255))
            sizes.append(float((after - x).norm()))
            x = after
            if step in PRIOR_STEPS:
                found.append(db(x, clean))
    return found, sizes[-1] / sizes[4]


def measure(path: Path, pictures: list[Tensor]) -> dict[str, Any]:
    card, weights = export.load_weights(path)
    net = export.network_of(card)
    net.load_state_dict(weights)
    net.eval()
    small = path.with_name(f"{path.stem}-int8.onnx")
    rounded = session.load(small, task="denoise") if small.exists() else None
    rows: dict[str, list[float]] = {column: [] for column in COLUMNS}
    curves = []
    for number, clean in enumerate(pictures):
        with torch.no_grad():
            for sigma in (15, 25, 50, 75):
                given = noisy(clean, sigma / 255, 4 * number)
                restored = net(given, level(sigma / 255))
                rows[str(sigma)].append(db(restored, clean))
                if sigma == 15 and rounded:
                    inputs = {"image": given.numpy(), "sigma": level(15 / 255).numpy()}
                    out = torch.tensor(rounded(**inputs))
                    rows["int8"].append(rows["15"][-1] - db(out, clean))
            draw = torch.Generator().manual_seed(number)
            photons = torch.poisson(clean * 40, generator=draw) / 40
            salted = clean.clone()
            unit = torch.rand(1, 1, *clean.shape[2:], generator=draw).expand_as(clean)
            salted[unit < 0.025], salted[unit > 0.975] = 0.0, 1.0
            for name, given in (("poisson", photons), ("salt", salted)):
                sigma_of = float((given - clean).square().mean().sqrt())
                gained = db(net(given, level(sigma_of)), clean) - db(given, clean)
                rows[name].append(gained)
        part, sigma_15 = middle(clean, 160), level(15 / 255)
        given = noisy(part, 15 / 255, 4 * number)
        with torch.no_grad():
            plain = db(net(given, sigma_15), part)
        jitter = scaled(torch.randn(given.shape, generator=torch.Generator().manual_seed(1)))
        for name, change in (("random", jitter), ("attack", attacked(net, given, part, sigma_15))):
            with torch.no_grad():
                rows[name].append(plain - db(net(given + change, sigma_15), part))
        restored, draw = partial(told, net, sigma_15), torch.Generator().manual_seed(0)
        norms = spectral_norm(restored, middle(given, 128), draw, steps=25)
        rows["norm"].append(float(norms.detach()))
        if number % 4 == 0:
            curve, last = as_prior(net, middle(clean, 128), number)
            curves.append(curve)
            for name, value in (("prior 50", curve[PRIOR_STEPS.index(50)]),
                                ("prior 500", curve[-1]), ("last step", last)):  # fmt: skip
                rows[name].append(value)
    means = {name: float(np.mean(values)) for name, values in rows.items() if values}
    return means | {"curve": [float(value) for value in np.mean(curves, 0)]}


def plot(found: dict[str, dict[str, Any]], path: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.2), layout="constrained")
    axes = figure.add_subplot()
    for name, row in found.items():
        axes.plot(PRIOR_STEPS, row["curve"], label=name)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.set_xlabel("steps of deblurring with the denoiser as the prior")
    axes.set_ylabel("PSNR, dB")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    figure.savefig(path, dpi=120)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("models", type=Path, nargs="+")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--plot", type=Path, help="of PSNR by step as a prior, as PNG")
    parser.add_argument("--every", type=int, default=4, metavar="N")
    options = parser.parse_args()
    pictures = [
        torch.tensor(pixels).permute(2, 0, 1)[None].float() / 255
        for _, pixels in clean_pictures(options.folder)[:: options.every]
    ]
    print("| model | " + " | ".join(COLUMNS) + " |\n" + "|---" * (len(COLUMNS) + 1) + "|")
    found = {}
    for path in options.models:
        row = found[path.stem] = measure(path, pictures)
        cells = [f"{row[name]:.3g}" if name in ("norm", "last step") else f"{row[name]:.2f}"
                 if name in row else "" for name in COLUMNS]  # fmt: skip
        print(f"| {path.stem} | " + " | ".join(cells) + " |", flush=True)
        if options.json:
            options.json.write_text(json.dumps(found, indent=2) + "\n")
    if options.plot:
        plot(found, options.plot)


if __name__ == "__main__":
    main()
