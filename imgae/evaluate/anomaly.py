"""Finding of flaws measured: what each member of the family, and what simpler means, find.

A kind is a folder of pictures, or a drawn material (`synthetic.textures`). Of each kind, some good
pictures are learnt from. Others stay good or get a flaw (`synthetic.flaws`), and every method says
of each of their places how unusual it is. Figures of a method, a kind and a flaw:

    picture  the area under the ROC curve of finding the flawed pictures, by their largest value
    pixel    the same for pixels, good and flawed pictures together

A method describes the cells of a picture, and has a rule by which descriptions are compared with
those of good pictures: the distance from their mean over their covariance (Mahalanobis), the
distance from the nearest of some that are remembered, or the size of the description itself.
"""

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

Eight = NDArray[np.uint8]
Floats = NDArray[np.float32]
Describe = Callable[[Eight], Floats]
"""From a picture (H, W, 3) to (C, h, w), any number of pixels a cell."""
Judge = Callable[[Floats], Floats]
"""From descriptions (N, C) to how unusual each is, (N,)."""

FITTED, GOOD, FLAWED = 30, 20, 25
"""Pictures of a kind that are learnt from, that stay good, and that get a flaw."""
SIDE: Final = 256
"""Pixels on a side of drawn materials, and at most of a folder's pictures."""
REMEMBERED: Final = 2000
SHRINK: Final = 0.01
EVERY: Final = 7
"""Of the pixels, one in so many is ranked."""
SMOOTH: Final = 0.7
"""Standard deviation, in cells, by which every method's maps are smoothed."""
