#!/usr/bin/env python3
"""Time denoisers by tile size and threads, with the share of the time outside the network.

A picture is repeated up to a JPEG of 12 megapixels, with noise of level 10 added. It is
read, its level is estimated, it is denoised and written as `imgae denoise` does; starting up does
not count. All in turn, in one process.
"""

import argparse
import itertools
import tempfile
import time
from pathlib import Path

import numpy as np

import imgae
from imgae.model import session
from imgae.model.machine import usable_cpus
from imgae.restore.denoise import Denoiser

HEIGHT, WIDTH = 3000, 4000


def noisy_jpeg(picture, path):
    pixels = imgae.read_image(picture).pixels
    repeats = (-(-HEIGHT // pixels.shape[0]), -(-WIDTH // pixels.shape[1]), 1)
    large = np.tile(pixels, repeats)[:HEIGHT, :WIDTH]
    noise = np.random.default_rng(0).normal(0, 10, large.shape)
    noisy = np.rint(np.clip(large + noise, 0, 255)).astype(np.uint8)
    imgae.write_image(imgae.Image(noisy), path, overwrite=True)


def timed(denoiser, source, target):
    """Return the seconds a file takes, and those of them that the network ran."""
    inside = 0.0
    call = session.OnnxModel.__call__

    def watched(model, **inputs):
        nonlocal inside
        started = time.perf_counter()
        out = call(model, **inputs)
        inside += time.perf_counter() - started
        return out

    session.OnnxModel.__call__ = watched
    started = time.perf_counter()
    try:
        image = imgae.read_image(source)
        done = denoiser.run(image)
        imgae.write_image(done.image, target, overwrite=True)
        return time.perf_counter() - started, inside, done.tiles
    finally:
        session.OnnxModel.__call__ = call


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("picture", type=Path, help="repeated up to 12 megapixels")
    parser.add_argument("--models", nargs="+", required=True, help="names or files")
    parser.add_argument("--tiles", nargs="+", default=["auto", "512", "1024", "0"])
    parser.add_argument("--threads", nargs="+", type=int, default=[1, usable_cpus()])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "noisy.jpg"), Path(folder, "clean.jpg")
        noisy_jpeg(options.picture, source)
        print("| model | precision | tile | threads | tiles | MP/s | outside the network |")
        print("|---|---|---|---|---|---|---|")
        for model, tile, threads in itertools.product(
            options.models, options.tiles, sorted(set(options.threads))
        ):
            size = tile if tile == "auto" else int(tile)
            denoiser = Denoiser(model, device="cpu", threads=threads, tile=size)
            seconds, inside, tiles = timed(denoiser, source, target)
            card = denoiser.model.card
            print(
                f"| {card.name} | {card.precision} | {tile} | {threads} | {tiles} "
                f"| {HEIGHT * WIDTH / 1e6 / seconds:.2f} | {100 * (1 - inside / seconds):.1f} % |",
                flush=True,
            )


if __name__ == "__main__":
    main()
