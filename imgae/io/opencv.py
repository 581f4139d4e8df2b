"""What several formats share: reading above 8 bits with OpenCV."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def decode(data: bytes) -> NDArray[Any] | None:
    """Return pixels as stored, (H, W) or (H, W, C) in the order RGBA, or None if it cannot."""
    import cv2  # imported here: most pictures do without it

    array = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if array is None or array.ndim == 2:
        return array
    return array[:, :, [2, 1, 0, 3][: array.shape[2]]]
