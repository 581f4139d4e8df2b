"""Denoise a picture by OpenCV alone: denoise.py MODEL.onnx PICTURE LEVEL OUTPUT [REFERENCE]."""

import sys
import time

import cv2
import numpy as np

model, picture, level, output, *reference = sys.argv[1:]
net = cv2.dnn.readNetFromONNX(model)
image = cv2.dnn.blobFromImage(
    cv2.imread(picture), np.float32(1 / 255), swapRB=True
)  # BGR to RGB planes
start = time.perf_counter()
net.setInput(image, "image")
net.setInput(np.full((1, 1, 1, 1), float(level) / 255, np.float32), "sigma")
restored = net.forward("restored")
print(f"inference: {time.perf_counter() - start:.3f} s")
clean = np.rint(restored[0, ::-1].clip(0, 1).transpose(1, 2, 0) * 255).astype(np.uint8)
cv2.imwrite(output, clean)
if reference:
    print("largest difference:", cv2.absdiff(clean, cv2.imread(reference[0])).max())
