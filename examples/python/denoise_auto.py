"""Denoise a picture without a level: estimate, and what follows, with onnxruntime and numpy alone.

python denoise_auto.py WEIGHTS/ PICTURE OUTPUT: what `imgae denoise PICTURE --model denoise-fast`
does with a colour picture of 8 bits on a processor without VNNI, whole, and without a search for
impulses. WEIGHTS/ holds estimate.onnx, denoise-camera.onnx and denoise-fast.onnx.
"""

import sys
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image


def ramp(value, low, high):
    return min(max((value - low) / (high - low), 0), 1)


def enlarged(cells, height, width):
    """Enlarge (h, w) 8 times, bilinearly, with half-pixel centres and the edges repeated."""
    for axis, size in enumerate((height, width)):
        places = ((np.arange(size) + 0.5) / 8 - 0.5).clip(0, cells.shape[axis] - 1)
        low = np.floor(places).astype(int)
        high = np.minimum(low + 1, cells.shape[axis] - 1)
        part = (places - low).reshape((-1, 1) if axis == 0 else (1, -1))
        cells = cells.take(low, axis) * (1 - part) + cells.take(high, axis) * part
    return cells[None, None].astype(np.float32)


if len(sys.argv) != 4:
    sys.exit(__doc__)
weights, picture, output = map(Path, sys.argv[1:])
estimate, camera, denoise = (
    onnxruntime.InferenceSession(weights / f"{name}.onnx")
    for name in ("estimate", "denoise-camera", "denoise-fast")
)
pixels = np.asarray(Image.open(picture).convert("RGB"), np.float32) * np.float32(1 / 255)
image = np.ascontiguousarray(pixels.transpose(2, 0, 1)[None])
height, width = image.shape[2:]

share, rest, white, weight, level = estimate.run(None, {"image": image})[0][0]
if (weight * white).sum() > 0:
    sigma = np.exp((weight * np.log(level)).sum() / weight.sum())
    levels = np.full((1, 1, 1, 1), sigma, np.float32)
else:
    mean = share.mean()
    share = share + ramp(mean, 0.6, 0.8) * (1 - share)
    rest = np.maximum(rest, 5 / 255 * ramp(mean, 0.96, 0.985))
    change = camera.run(None, {"image": image})[0] - image
    image = (image + enlarged(share, height, width) * change).clip(0, 1)
    levels = enlarged(rest, height, width)
restored = denoise.run(None, {"image": image, "sigma": levels})[0][0].clip(0, 1)
Image.fromarray(np.rint(restored.transpose(1, 2, 0) * 255).astype(np.uint8)).save(output)
