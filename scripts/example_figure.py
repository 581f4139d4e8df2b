#!/usr/bin/env python3
"""Make examples/before_after.png: crops of examples/noisy.png, and the same denoised."""

from pathlib import Path

import numpy as np

import imgae

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
CROPS = ((150, 90), (310, 250))  # the house against the sky; the grass
SIDE = 192


def main():
    noisy = imgae.read_image(EXAMPLES / "noisy.png").pixels
    denoised = imgae.Denoiser()(noisy)
    parts = []
    for top, left in CROPS:
        for picture in (noisy, denoised):
            parts.append(picture[top : top + SIDE, left : left + SIDE])
            parts.append(np.full((SIDE, 4, 3), 255, np.uint8))
    figure = np.concatenate(parts[:-1], 1)
    imgae.write_image(imgae.Image(figure), EXAMPLES / "before_after.png", overwrite=True)


if __name__ == "__main__":
    main()
