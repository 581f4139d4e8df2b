#!/usr/bin/env python3
"""Measure how sensitive denoisers are, beside how well they denoise; needs the train extra.

Prints a table, a row a model: the columns are FIGURES of imgae/evaluate/contraction.py. Pictures
are every N-th of the folder (--every). The int8 file is NAME-int8.onnx beside the model, if it is
there. --plot draws PSNR by step of deblurring with the denoiser as the prior.
"""

import argparse
import json
from pathlib import Path

import torch

from imgae.evaluate import contraction
from imgae.evaluate.folders import clean_pictures
from imgae.model import session
from imgae.training import warmstart
from imgae.training.corruptions.camera_noise import blurred
from imgae.training.objectives.regularisers import spectral_norm


def norm(denoise, picture):
    draw = torch.Generator().manual_seed(0)
    return float(spectral_norm(denoise, picture, draw, steps=25).detach())


def network(path):
    card, weights = warmstart.load_weights(path)
    net = warmstart.network_of(card)
    net.load_state_dict(weights)
    return net.eval()


def int8_of(path):
    """Return the int8 file beside a model as a function on tensors, or None."""
    small = path.with_name(f"{path.stem}-int8.onnx")
    if not small.exists():
        return None
    model = session.load(small, task="denoise")
    return lambda image, sigma: torch.tensor(model(image=image.numpy(), sigma=sigma.numpy()))


def plot(found, path):
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.2), layout="constrained")
    axes = figure.add_subplot()
    for name, row in found.items():
        axes.plot(contraction.PRIOR_STEPS, row["curve"], label=name)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.set_xlabel("steps of deblurring with the denoiser as the prior")
    axes.set_ylabel("PSNR, dB")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    figure.savefig(path, dpi=120)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("models", type=Path, nargs="+", metavar="FILE.onnx")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--plot", type=Path, help="of PSNR by step as a prior, as PNG")
    parser.add_argument("--every", type=int, default=4, metavar="N")
    options = parser.parse_args()
    pictures = [
        torch.tensor(pixels).permute(2, 0, 1)[None].float() / 255
        for _, pixels in clean_pictures(options.folder)[:: options.every]
    ]
    tools = contraction.Tools(norm, blurred)
    columns = list(contraction.FIGURES)
    print("| model | " + " | ".join(columns) + " |\n" + "|---" * (len(columns) + 1) + "|")
    found = {}
    for path in options.models:
        row, curve = contraction.run(network(path), pictures, tools, int8_of(path))
        known = {name: value for name, value in row.items() if value is not None}
        found[path.stem] = known | {"curve": curve}
        cells = [
            format(known[name], ".3g" if name in ("norm", "last step") else ".2f")
            if name in known
            else ""
            for name in columns
        ]
        print(f"| {path.stem} | " + " | ".join(cells) + " |", flush=True)
        if options.json:
            options.json.write_text(json.dumps(found, indent=2) + "\n")
    if options.plot:
        plot(found, options.plot)


if __name__ == "__main__":
    main()
