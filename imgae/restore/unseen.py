"""Pixels that models must not see: what hides under transparency, and lamps far above white.

A model mixes what is near. So in its view each of these pixels has the colour of the nearest one
that may be seen, and afterwards it gets its own colour back.
"""

import math
from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from imgae.picture.image import Image
from imgae.picture.pixels import to_float

Mask = NDArray[np.bool_]

ROUGHLY: Final = 1.1
"""Distances that OpenCV measures in steps are off by less."""
OPAQUE_FROM: Final = 1 / 32
"""Pixels of less alpha are as good as invisible, and their colours as good as random."""


def extended(pixels: NDArray[Any], unseen: Mask) -> NDArray[Any]:
    """Return a copy in which unseen pixels have the colour of the nearest seen one.

    pixels: (H, W, C). unseen: (H, W), not all of it.
    """
    import cv2  # loads only where it is used

    labels = np.asarray(
        cv2.distanceTransformWithLabels(
            unseen.astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
        )[1]
    )
    places = np.zeros(int(labels.max()) + 1, np.intp)
    seen = np.flatnonzero(~unseen)
    places[labels.reshape(-1)[seen]] = seen
    result = pixels.copy()
    result[unseen] = pixels.reshape(-1, pixels.shape[2])[places[labels[unseen]]]
    return result


def farthest(unseen: Mask, rows: slice) -> float:
    """Return how far, at most, an unseen pixel of some rows is from a seen one; a bit more."""
    import cv2  # loads only where it is used

    if unseen.all():
        return math.inf
    away = cv2.distanceTransform(unseen.astype(np.uint8), cv2.DIST_L2, 5)
    return float(np.asarray(away)[rows].max()) * ROUGHLY + 1


def hidden_by_alpha(image: Image) -> Mask | None:
    """Return where alpha hides the colour, (H, W), or None if it hides none.

    Where no pixel is more opaque than that, only those of alpha 0 are hidden.
    """
    if image.alpha is None:
        return None
    opacity = to_float(image.alpha)
    hidden: Mask = opacity < OPAQUE_FROM
    if hidden.all():
        hidden = opacity <= 0
    return hidden if hidden.any() else None


def without_hidden(image: Image) -> tuple[Image, Mask | None]:
    """Return the picture with visible colours extended under its transparency, and where.

    Where all is hidden, all stays as it is.
    """
    hidden = hidden_by_alpha(image)
    if hidden is None or hidden.all():
        return image, hidden
    return replace(image, pixels=extended(image.pixels, hidden)), hidden
