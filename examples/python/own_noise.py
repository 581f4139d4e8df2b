"""Remove noise with a model that `imgae train denoise --noisy` or `--pairs` made.

Needs numpy, onnxruntime and tifffile: python own_noise.py MODEL.onnx NOISY.tif CLEAN.tif
"""

import json
import sys

import numpy as np
import onnxruntime
import tifffile

model, source, target = sys.argv[1:]
session = onnxruntime.InferenceSession(model)
card = json.loads(session.get_modelmeta().custom_metadata_map["imgae"])
low, span = card["noise"]["low"], card["noise"]["span"]
values = tifffile.imread(source)  # (H, W) or (H, W, 3)
if values.dtype != card["noise"]["pixels"]:
    raise SystemExit(f"the model knows the noise of {card['noise']['pixels']} files")
white = np.iinfo(values.dtype).max if values.dtype.kind == "u" else 1
planes = np.atleast_3d(values).transpose(2, 0, 1) / np.float32(white)
image = (np.broadcast_to(planes, (3, *planes.shape[1:])) - low) / span
(restored,) = session.run(["restored"], {"image": image[None].astype(np.float32)})
clean = restored[0].transpose(1, 2, 0) * span + low
clean = clean.mean(2) if values.ndim == 2 else clean
if values.dtype.kind == "u":
    clean = np.rint(clean.clip(0, 1) * white)
tifffile.imwrite(target, clean.astype(values.dtype))
