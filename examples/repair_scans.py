"""Repair old scans with imgae: python repair_scans.py FOLDER/ OUTPUT/.

Finds scratches and dust in every picture of a folder, fills them, and removes the noise. The result
of scan.jpg is OUTPUT/scan.jpg.png, and what was filled is scan.jpg.mask.png. Nothing is written
over a file that is there, and a picture whose result is there is passed over.
"""

import sys
from pathlib import Path

import cv2
import numpy as np

import imgae

MARGIN = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
"""Defects have a soft rim, which is filled with them: 1 pixel."""

if len(sys.argv) != 3:
    sys.exit(__doc__)
source, output = map(Path, sys.argv[1:])
output.mkdir(parents=True, exist_ok=True)
if output.samefile(source):
    sys.exit(f"{output}: holds the scans themselves; name another folder for the results")
detect, fill, denoise = imgae.Detector(), imgae.Inpainter(), imgae.Denoiser()
for path in sorted(source.iterdir()):
    result, mask = (output / f"{path.name}{ending}" for ending in (".png", ".mask.png"))
    if result.exists() or mask.exists():
        print(f"{path}: has a result already, {result}", file=sys.stderr)
        continue
    try:
        scan = imgae.read_image(path)
    except imgae.ImageError as error:  # another kind of file
        print(error, file=sys.stderr)
        continue
    found = detect(scan, ["scratches", "dust"]).astype(np.uint8)
    defects = cv2.dilate(found, MARGIN) > 0
    clean = denoise(fill(scan, defects))
    repaired = fill(clean, defects)  # again, from what has no noise
    imgae.write_image(repaired, result)
    white = np.where(defects[:, :, None], 255, 0).astype(np.uint8)
    imgae.write_image(imgae.Image(white), mask)
    print(f"{path}: {defects.mean():.2%} filled")
