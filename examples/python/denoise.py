"""Denoise a picture in exact tiles: denoise.py MODEL.onnx PICTURE LEVEL OUTPUT [REFERENCE]."""

import json
import sys
import time

import numpy as np
import onnxruntime
from PIL import Image

words = sys.argv[1:] if len(sys.argv) in (5, 6) else sys.exit(__doc__)
model, picture, level, output, *reference = words
session = onnxruntime.InferenceSession(model)
card = json.loads(session.get_modelmeta().custom_metadata_map["imgae"])
tile, halo = 512 // card["stride"] * card["stride"], card["halo"]
pixels = np.asarray(Image.open(picture).convert("RGB"))
image, clean = pixels.transpose(2, 0, 1)[None] * np.float32(1 / 255), np.empty_like(pixels)
sigma, start = np.full((1, 1, 1, 1), float(level) / 255, np.float32), time.perf_counter()
for y in range(0, pixels.shape[0], tile):  # tiles start at multiples of the stride
    for x in range(0, pixels.shape[1], tile):
        top, left = max(y - halo, 0), max(x - halo, 0)  # and are read with a halo, not kept
        read = image[:, :, top : y + tile + halo, left : x + tile + halo]
        out = session.run(None, {"image": read, "sigma": sigma})[0][0, :, y - top :, x - left :]
        kept = out[:, :tile, :tile].clip(0, 1).transpose(1, 2, 0)
        clean[y : y + tile, x : x + tile] = np.rint(kept * 255)
print(f"inference: {time.perf_counter() - start:.3f} s")
Image.fromarray(clean).save(output)
if reference:
    print("largest difference:", np.abs(np.int16(Image.open(reference[0])) - clean).max())
