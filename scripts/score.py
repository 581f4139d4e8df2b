#!/usr/bin/env python3
"""Score a denoiser on a folder of clean pictures, by the protocol of weights/README.md.

Picture i of the name-sorted folder gets the noise numpy.random.default_rng(i).normal(0, sigma/255),
neither clipped nor rounded ("float"), or clipped and rounded to 8 bits, as a file holds it. The
output is clipped and rounded to 8 bits; PSNR is over all RGB pixels, the mean over the pictures.
With --write, the scores go into the model's card, in place of those there.
"""

import argparse
from pathlib import Path

import numpy as np

import imgae
from imgae.model.card import Score
from imgae.picture.metrics import psnr

LEVELS = (5, 15, 25, 50)
KINDS = {
    "float": "float noise",
    "8bit": "8-bit noise",
    "estimated": "8-bit noise, level estimated",
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="a shipped name, or an .onnx file")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--name", help="what the folder is called (default: its name)")
    parser.add_argument("--levels", nargs="+", type=float, default=LEVELS, metavar="LEVEL")
    parser.add_argument("--kinds", nargs="+", choices=[*KINDS, "clean"],
                        default=[*KINDS, "clean"], help="of noise; default: all")  # fmt: skip
    parser.add_argument("--nlm", action="store_true", help="also OpenCV's non-local means, 8-bit")
    parser.add_argument("--write", action="store_true", help="put the scores into the card")
    options = parser.parse_args()
    name = options.name or options.folder.name
    denoiser = imgae.Denoiser(options.model)
    clean = [imgae.read_image(path).pixels for path in sorted(options.folder.glob("*.png"))]
    clean = [picture for picture in clean if picture.shape[2] == 3]
    command = f"scripts/score.py {denoiser.model.card.name} {name}"
    scores = []
    for kind in (KINDS[kind] for kind in options.kinds if kind in KINDS):
        for level in options.levels:
            value = np.mean([
                psnr(restore(denoiser, noisy, level, kind), picture, peak=255)
                for picture, noisy in noisy_pictures(clean, level, kind)
            ])  # fmt: skip
            what = f"{name}, sigma {level:g}, {kind}"
            print(f"{value:6.2f} dB  {what}", flush=True)
            scores.append(Score(what, round(float(value), 2), "dB PSNR", command))
    if "clean" in options.kinds:
        score_clean(denoiser, clean, name)
    if options.nlm:
        score_nlm(clean, name)
    if options.write:
        from imgae.training.export import add_scores

        add_scores(denoiser.model.path, scores)


def score_clean(denoiser, clean, name):
    values = [min(psnr(denoiser(picture), picture, peak=255), 99) for picture in clean]
    print(f"{np.mean(values):6.2f} dB  {name}, clean, level estimated (worst {min(values):.2f})")


def noisy_pictures(clean, level, kind):
    for i, picture in enumerate(clean):
        noise = np.random.default_rng(i).normal(0, level / 255, picture.shape)
        noisy = picture / 255 + noise
        if kind != "float noise":
            noisy = np.rint(np.clip(noisy, 0, 1) * 255).astype(np.uint8)
        yield picture, noisy


def restore(denoiser, noisy, level, kind):
    out = denoiser(noisy, sigma=None if "estimated" in kind else level / 255)
    return out if out.dtype == np.uint8 else np.rint(out * 255)


def score_nlm(clean, name):
    import cv2

    for level in LEVELS:
        values = []
        for picture, noisy in noisy_pictures(clean, level, "8-bit noise"):
            h = 0.9 * level
            values.append(psnr(cv2.fastNlMeansDenoisingColored(noisy, None, h, h), picture, 255))
        print(f"{np.mean(values):6.2f} dB  {name}, sigma {level}, 8-bit noise, OpenCV NLM")


if __name__ == "__main__":
    main()
