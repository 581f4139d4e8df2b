#!/usr/bin/env python3
"""Score a detector of defects on pictures damaged by seed, and on the same pictures undamaged.

Twenty pictures, spread over the name-sorted folder; picture i gets scratches, dust and dead pixels
drawn by numpy.random.default_rng((7, i)), and is rounded to 8 bits. F1 of each kind is over the
pixels of all pictures; for the undamaged ones the share of pixels that any kind marks is given.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np

import imgae
from imgae.io.files import write_image
from imgae.model.card import Score
from imgae.model.registry import find
from imgae.picture.pixels import from_float, to_float
from imgae.restore.detect import DEFECTS, Detector
from imgae.synthetic.masks import COVERED, draw_dust, draw_film_scratches

COUNT = 20
SOFTNESS = 0.5  # pixels; the edge of what lies on film is not sharp in a scan
DEAD_SHARES = (1e-4, 5e-3)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", default="detect", help="a shipped name, or an .onnx file")
    parser.add_argument("--name", help="what the folder is called (default: its name)")
    parser.add_argument("--write", action="store_true", help="put the scores into the card")
    parser.add_argument("--save", type=Path, metavar="DIR", help="write the damaged pictures")
    options = parser.parse_args()
    detector = Detector(options.model)
    paths = sorted(options.folder.glob("*.png"))
    paths = paths[:: max(1, len(paths) // COUNT)][:COUNT]
    hits, marks, truths = np.zeros((3, len(DEFECTS)))
    marked_clean = []
    for number, path in enumerate(paths):
        clean = imgae.read_image(path)
        damaged, masks = damage(clean.pixels, np.random.default_rng((7, number)))
        if options.save:
            write_image(imgae.Image(damaged), options.save / path.name, overwrite=True)
        for kind, (defect, mask) in enumerate(zip(DEFECTS, masks, strict=True)):
            found = detector(imgae.Image(damaged), [defect])
            hits[kind] += (found & mask).sum()
            marks[kind] += found.sum()
            truths[kind] += mask.sum()
        marked_clean.append(detector(clean).mean())
    name, scores = options.name or options.folder.name, []
    for defect, hit, marked, truth in zip(DEFECTS, hits, marks, truths, strict=True):
        f1 = 2 * hit / (marked + truth)
        command = f"scripts/score_detector.py {name}"
        scores.append(Score(f"{name}, 20 pictures, {defect}", round(f1, 2), "F1", command))
        print(f"{defect}: F1 {f1:.3f}, precision {hit / marked:.3f}, "
              f"recall {hit / truth:.3f}, {truth:.0f} pixels")  # fmt: skip
    print(f"undamaged: {np.mean(marked_clean):.4%} of pixels marked on average, "
          f"{np.max(marked_clean):.4%} in the worst of {len(paths)}")  # fmt: skip
    if options.write:
        from imgae.training.export import add_scores

        add_scores(find(options.model), scores)


def damage(clean, rng):
    """Return clean (H, W, 3) uint8 with defects on it, and a mask (H, W) for each kind."""
    pixels = to_float(clean)
    masks = []
    for draw in (draw_film_scratches, draw_dust):
        mask = np.zeros(clean.shape[:2], np.uint8)
        draw(mask, rng)
        light = rng.random() < 0.6
        shade = rng.uniform(0, 0.15)
        colour = (1 - shade if light else shade) + rng.uniform(-0.02, 0.02, 3)
        cover = cv2.GaussianBlur(mask / 255, (0, 0), SOFTNESS) * rng.uniform(0.6, 1)
        pixels = pixels + cover[:, :, None] * (colour - pixels)
        masks.append(mask > COVERED * 255)
    dead = rng.random(clean.shape[:2]) < np.exp(rng.uniform(*np.log(DEAD_SHARES)))
    extreme, end = rng.random((2, *dead.shape, 1))
    stuck = np.where(extreme < 0.7, end.round(), rng.random(clean.shape))
    pixels = np.where(dead[:, :, None], stuck, pixels)
    masks.append(dead)
    return from_float(pixels.astype(np.float32), np.uint8), masks


if __name__ == "__main__":
    main()
