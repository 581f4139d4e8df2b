"""Sharpen a blurred picture with a denoiser as the prior, by onnxruntime and NumPy alone.

plug_and_play.py MODEL.onnx BLURRED OUTPUT [--width PX] [--level L] [--steps N] [--clean FILE]
plug_and_play.py MODEL.onnx SHARP OUTPUT --try    blurs SHARP, writes that to OUTPUT.blurred.png,
                                                  and sharpens it again

Each step goes down the slope of how far the blurred estimate is from the given picture, and then
denoises (proximal gradient descent; Venkatakrishnan et al. 2013). A denoiser that enlarges changes
drifts away after some hundred steps; weights/denoise-contractive.onnx hardly does.
Pillow only reads and writes the files: pictures of 8 bits.
"""

import argparse
import sys

import numpy as np
import onnxruntime
from PIL import Image


def blur(x, width):
    """Blur (1, 3, H, W) by a Gaussian of `width` pixels; mirrored at borders, so self-adjoint."""
    reach = int(4 * width + 1)
    kernel = np.exp(-(np.arange(-reach, reach + 1) ** 2) / (2 * width**2)).astype(np.float32)
    kernel /= kernel.sum()
    for axis in (2, 3):
        room = [(reach, reach) if place == axis else (0, 0) for place in range(4)]
        padded = np.pad(x, room, mode="symmetric")
        x = sum(
            weight * padded.take(range(shift, shift + x.shape[axis]), axis)
            for shift, weight in enumerate(kernel)
        )
    return x


def psnr(x, clean):
    return -10 * np.log10(np.mean((x.clip(0, 1) - clean) ** 2))


def read(path):
    try:
        picture = Image.open(path)
        if picture.mode not in ("1", "L", "P", "RGB", "RGBA", "LA"):
            sys.exit(f"{path}: has {picture.mode} pixels; this program takes those of 8 bits")
        return np.asarray(picture.convert("RGB")).transpose(2, 0, 1)[None] * np.float32(1 / 255)
    except OSError as error:
        sys.exit(f"{path}: cannot be read ({error})")


def write(x, path):
    pixels = np.rint(x[0].clip(0, 1).transpose(1, 2, 0) * 255).astype(np.uint8)
    Image.fromarray(pixels).save(path)


def restore(session, given, width, level, steps, seen):
    """Return the estimate after `steps`; `seen` is called with each step's number and estimate."""
    sigma = np.full((1, 1, 1, 1), level / 255, np.float32)
    x = given
    for step in range(1, steps + 1):
        slope = blur(blur(x, width) - given, width)
        (x,) = session.run(["restored"], {"image": (x - slope).clip(-0.2, 1.2), "sigma": sigma})
        seen(step, x)
    return x


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", metavar="MODEL.onnx")
    parser.add_argument("picture", metavar="BLURRED")
    parser.add_argument("output", metavar="OUTPUT")
    parser.add_argument("--width", type=float, default=1.6, help="of the blur, in pixels (1.6)")
    parser.add_argument("--level", type=float, default=4, help="that the denoiser is told (4)")
    parser.add_argument("--steps", type=int, default=100, help="how many to take (100)")
    parser.add_argument("--try", dest="tried", action="store_true", help="blur the picture first")
    parser.add_argument("--clean", metavar="FILE", help="what to compare with")
    options = parser.parse_args()
    session = onnxruntime.InferenceSession(options.model)
    given = read(options.picture)
    clean = given if options.tried else read(options.clean) if options.clean else None
    if options.tried:
        noise = np.random.default_rng(0).normal(0, 2.55 / 255, given.shape)
        given = (blur(clean, options.width) + noise).astype(np.float32)
        write(given, f"{options.output}.blurred.png")

    def seen(step, x):
        if step in (1, 5, 10, 20, 50) or step % 100 == 0 or step == options.steps:
            quality = "" if clean is None else f": {psnr(x, clean):.2f} dB"
            print(f"step {step} of {options.steps}{quality}", flush=True)

    if clean is not None:
        print(f"blurred: {psnr(given, clean):.2f} dB")
    write(
        restore(session, given, options.width, options.level, options.steps, seen), options.output
    )


if __name__ == "__main__":
    main()
