"""Repair old scans with imgae: python repair_scans.py FOLDER/ OUTPUT/.

Finds scratches and dust in every picture of a folder, fills them, and removes the noise. What was
found is written beside each result, as NAME.mask.png.
"""

import sys
from pathlib import Path

import numpy as np

import imgae

if len(sys.argv) != 3:
    sys.exit(__doc__)
source, output = map(Path, sys.argv[1:])
output.mkdir(parents=True, exist_ok=True)
detect, fill, denoise = imgae.Detector(), imgae.Inpainter(), imgae.Denoiser()
for path in sorted(source.iterdir()):
    try:
        scan = imgae.read_image(path)
    except imgae.ImageError as error:  # another kind of file
        print(error, file=sys.stderr)
        continue
    defects = detect(scan, ["scratches", "dust"])
    clean = denoise(fill(scan, defects))
    repaired = fill(clean, defects)  # again, from what has no noise
    imgae.write_image(repaired, output / f"{path.stem}.png", overwrite=True)
    white = np.where(defects[:, :, None], 255, 0).astype(np.uint8)
    imgae.write_image(imgae.Image(white), output / f"{path.stem}.mask.png", overwrite=True)
    print(f"{path}: {defects.mean():.2%} filled")
