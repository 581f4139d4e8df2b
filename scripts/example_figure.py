#!/usr/bin/env python3
"""Make the README's figures of examples/: crops before and after, side by side.

examples/noisy.png denoised; examples/clean.png photographed at ISO 3200 by the synthetic camera,
and denoised; and examples/clean.png scratched, stamped and with a box cut out, and filled.
"""

from pathlib import Path

import cv2
import numpy as np

import imgae
from imgae.evaluate.camera import photographed
from imgae.synthetic.masks import draw_film_scratches

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
NOISY_CROPS = ((150, 90), (310, 250))  # the house against the sky; the grass
HOLED_CROPS = ((150, 90), (300, 250))
SIDE = 192


def main():
    noisy = imgae.read_image(EXAMPLES / "noisy.png").pixels
    write_pairs(noisy, imgae.Denoiser("denoise-fast")(noisy), NOISY_CROPS, "before_after.png")
    clean = imgae.read_image(EXAMPLES / "clean.png").pixels
    (photo,) = photographed([("clean", clean)], 3200)
    denoised = imgae.Denoiser("denoise-camera")(photo.given)
    write_pairs(photo.given.pixels, denoised.pixels, NOISY_CROPS, "photo_before_after.png")
    mask = np.zeros(clean.shape[:2], np.uint8)
    draw_film_scratches(mask, np.random.default_rng(4))
    cv2.putText(mask, "12 07 98", (290, 480), cv2.FONT_HERSHEY_DUPLEX, 1, 255, 3)
    mask[330:426, 340:436] = 255
    hole = mask > 0
    holed = np.where(hole[:, :, None], np.uint8(255), clean)
    write_pairs(holed, imgae.Inpainter()(holed, hole), HOLED_CROPS, "holes_filled.png")


def write_pairs(before, after, crops, name):
    parts = []
    for top, left in crops:
        for picture in (before, after):
            parts.append(picture[top : top + SIDE, left : left + SIDE])
            parts.append(np.full((SIDE, 4, 3), 255, np.uint8))
    figure = np.concatenate(parts[:-1], 1)
    imgae.write_image(imgae.Image(figure), EXAMPLES / name, overwrite=True)


if __name__ == "__main__":
    main()
