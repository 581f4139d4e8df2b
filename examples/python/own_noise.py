"""Remove noise with a model that `imgae train denoise --noisy` or `--pairs` made.

python own_noise.py MODEL.onnx NOISY.tif CLEAN.tif
Needs: pip install numpy onnxruntime tifffile imagecodecs (the last for compressed files)
"""

import json
import sys

import numpy as np
import onnxruntime
import tifffile

if len(sys.argv) != 4:
    raise SystemExit("usage: python own_noise.py MODEL.onnx NOISY.tif CLEAN.tif")
model, source, target = sys.argv[1:]
pages = []
try:
    session = onnxruntime.InferenceSession(model)
    noise = json.loads(session.get_modelmeta().custom_metadata_map.get("imgae", "{}")).get("noise")
    if noise is None:
        raise ValueError("the model was not trained on noisy pictures or pairs")
    low, span = noise["low"], noise["span"]
    with tifffile.TiffFile(source) as file:
        if sum(series.size for series in file.series) > sum(page.size for page in file.pages):
            raise ValueError("not all of the file's pages can be found")
        for page in file.pages:
            kind = (page.photometric.name, page.axes, page.samplesperpixel)
            if page.dtype != noise["pixels"] or page.bitspersample != page.dtype.itemsize * 8:
                raise ValueError(f"the model knows the noise of {noise['pixels']} files")
            if kind not in (("MINISBLACK", "YX", 1), ("RGB", "YXS", 3)):
                raise ValueError("only pages of gray, and of RGB that is not planar, are denoised")
            pages.append(page.asarray())
except Exception as error:
    raise SystemExit(f"{model}, {source}: {error}") from None
with tifffile.TiffWriter(target) as file:
    for page in pages:
        white = np.iinfo(page.dtype).max if page.dtype.kind == "u" else 1
        planes = np.atleast_3d(page).transpose(2, 0, 1) / np.float32(white)
        image = (np.broadcast_to(planes, (3, *planes.shape[1:])) - low) / span
        (restored,) = session.run(["restored"], {"image": image[None].astype(np.float32)})
        clean = restored[0].transpose(1, 2, 0) * span + low
        clean = clean.mean(2) if page.ndim == 2 else clean
        if page.dtype.kind == "u":
            clean = np.rint(clean.clip(0, 1) * white)
        colour = "minisblack" if page.ndim == 2 else "rgb"
        file.write(clean.astype(page.dtype), photometric=colour, metadata=None)
