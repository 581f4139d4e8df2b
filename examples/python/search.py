"""Order pictures by how much they look like one, with onnxruntime, numpy and Pillow alone.

python search.py MODEL.onnx QUERY PICTURE...: prints SCORE<TAB>PATH, the best first, as `imgae index
search` does. MODEL is weights/search.onnx. To search many, keep the vectors in a file.
"""

import sys

import numpy as np
import onnxruntime
from PIL import Image, ImageOps

LONG, SHORT = 256, 32
"""Pixels on the long side of what the model sees, and on the short side at least."""


def vector_of(session, path):
    """Return the description of a picture, float32 (128,), of length 1."""
    with Image.open(path) as file:
        picture = ImageOps.exif_transpose(file).convert("RGBA")
    ground = Image.new("RGBA", picture.size, (128, 128, 128, 255))
    picture = Image.alpha_composite(ground, picture).convert("RGB")
    size = tuple(max(SHORT, round(side * LONG / max(picture.size))) for side in picture.size)
    shrinks = max(picture.size) > LONG
    way = Image.Resampling.BOX if shrinks else Image.Resampling.BICUBIC
    pixels = np.asarray(picture.resize(size, way))
    image = pixels.transpose(2, 0, 1)[None] * np.float32(1 / 255)
    both = np.concatenate([image, image[:, :, :, ::-1]])  # and its mirror image
    mean = session.run(None, {"image": both})[0].mean((0, 2, 3))
    return mean / np.linalg.norm(mean)


def main(model, query, *paths):
    session = onnxruntime.InferenceSession(model)
    vectors = np.stack([vector_of(session, path) for path in paths])
    scores = vectors @ vector_of(session, query)
    for number in np.argsort(-scores, kind="stable"):
        print(f"{scores[number]:.4f}\t{paths[number]}")


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
