"""Conversion of pixels between a file's types and the float32 [0, 1] that networks see."""

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray


def scale_of(dtype: DTypeLike) -> int:
    """Return the value that stands for white: 255, 65535, or 1 for floats."""
    dtype = np.dtype(dtype)
    return int(np.iinfo(dtype).max) if dtype.kind == "u" else 1


def to_float(pixels: NDArray[Any]) -> NDArray[np.float32]:
    """Convert pixels of any type and shape to float32 with white at 1; floats are not clipped."""
    if pixels.dtype.kind == "f":
        floats: NDArray[np.float32] = pixels.astype(np.float32, copy=False)
        return floats
    scaled: NDArray[np.float32] = np.multiply(
        pixels, np.float32(1 / scale_of(pixels.dtype)), dtype=np.float32
    )
    return scaled


def from_float(values: NDArray[np.floating[Any]], dtype: DTypeLike) -> NDArray[Any]:
    """Convert to `dtype`: floats as they are, integers clipped to [0, 1] and rounded to nearest."""
    dtype = np.dtype(dtype)
    if dtype.kind == "f":
        return np.asarray(values, dtype)
    scaled = np.asarray(np.clip(values, 0, 1))
    scaled *= scale_of(dtype)  # in place: fresh memory costs more than the arithmetic
    return np.asarray(np.rint(scaled, out=scaled), dtype)


def to_nchw(pixels: NDArray[Any]) -> NDArray[np.float32]:
    """Convert (H, W, 1) or (H, W, 3) to (1, 3, H, W) float32 on [0, 1]; gray is repeated."""
    planes = to_float(pixels).transpose(2, 0, 1)
    return np.ascontiguousarray(np.broadcast_to(planes, (3, *planes.shape[1:]))[None])


def from_nchw(planes: NDArray[np.float32], channels: int) -> NDArray[np.float32]:
    """Convert (1, 3, H, W) to (H, W, channels); one channel is the mean of the three."""
    pixels: NDArray[np.float32] = planes[0].transpose(1, 2, 0)
    if channels == 1:
        first = pixels[:, :, :1]  # so that three equal channels give just their value
        pixels = first + (pixels - first).mean(2, keepdims=True)
    return pixels


def to_uint8(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    """Convert pixels of any type and shape to uint8, rounding to nearest."""
    return pixels if pixels.dtype == np.uint8 else from_float(to_float(pixels), np.uint8)


def to_uint8_rgb(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    """Convert pixels of any type, gray or RGB, to (H, W, 3) uint8."""
    eight = to_uint8(pixels)
    return np.ascontiguousarray(np.broadcast_to(eight, (*eight.shape[:2], 3)))
