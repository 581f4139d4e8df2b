"""Samples of a picture that are taken by rows, wherever they lie."""

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray


class Rows(Protocol):
    """Samples (H, W) or (H, W, C) of which rows are read when they are asked for.

    A numpy array is one. rows[top:bottom] and rows[top:bottom, left:right] return arrays; slices
    may have positive steps.
    """

    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def dtype(self) -> np.dtype[Any]: ...
    def __getitem__(self, key: slice | tuple[slice, slice], /) -> NDArray[Any]: ...
