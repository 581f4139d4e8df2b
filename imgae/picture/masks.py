"""Masks from files, arrays, transparency, shapes and colours. All are bool (H, W); True fills."""

from collections.abc import Sequence
from typing import Any, Final

import cv2
import numpy as np
import PIL.Image
from numpy.typing import NDArray

from imgae.errors import MaskError
from imgae.picture.image import Image
from imgae.picture.orientation import turn
from imgae.picture.pixels import to_float, to_uint8, to_uint8_rgb

Mask = NDArray[np.bool_]

WHITE_FROM: Final = 128
"""The darkest 8-bit gray that counts as white in a mask."""
PIL_MODES: Final = ("1", "L")


def from_array(mask: NDArray[Any] | PIL.Image.Image, height: int, width: int) -> Mask:
    """Check a mask that a program gives, and return it as bool (H, W), True fills.

    mask: an array (height, width), or a PIL image of mode 1 or L. bool, or uint8 that holds only 0
    and 1, or uint8 that is black and white: what is 128 or more is white, and fills.
    Returns an array that is bool already as it is, not copied.
    Raises MaskError if the type, the shape or the size is another, or values are neither 0 and 1
    nor black and white.
    """
    if isinstance(mask, PIL.Image.Image):
        if mask.mode not in PIL_MODES:
            raise MaskError(
                f"the mask is a PIL image of mode {mask.mode}; expected 1 or L, as from "
                'mask.convert("L")'
            )
        mask = np.asarray(mask)
    if not isinstance(mask, np.ndarray):
        raise MaskError(
            "a mask is an array, bool or uint8 (H, W), or a PIL image of mode 1 or L, not "
            f"{type(mask).__name__}"
        )
    if mask.dtype not in (np.bool_, np.uint8) or mask.ndim != 2:
        raise MaskError(f"the mask is {mask.dtype} {mask.shape}; expected bool or uint8 (H, W)")
    if mask.shape != (height, width):
        raise MaskError(
            f"the mask is {mask.shape[1]}x{mask.shape[0]}, the picture {width}x{height}; "
            "they must be of one size"
        )
    if mask.dtype == np.bool_:
        return mask
    largest = int(mask.max(initial=0))
    only_0_and_1 = largest <= 1
    if not only_0_and_1 and largest < WHITE_FROM:
        raise MaskError(
            f"the mask's largest value is {largest}, so nothing in it is white; expected bool, or "
            "uint8 of 0 and 1, or of 0 and 255"
        )
    marked: Mask = mask >= (1 if only_0_and_1 else WHITE_FROM)
    return marked


def from_picture(mask: Image, image: Image) -> Mask:
    """Read a mask that was drawn for a picture: white fills; values from one half up are white.

    A mask with no orientation of its own lies on the picture as its file stores it, and is turned
    upright with it, unless it only fits the picture upright.
    Raises MaskError if it is of another size.
    """
    marked = white_of(mask)
    if image.turned != 1 and mask.turned == 1:
        turned = turn(Image(mask.pixels, mask.alpha), image.turned)
        if turned.pixels.shape[:2] == image.pixels.shape[:2]:
            marked = white_of(turned)
    if marked.shape != image.pixels.shape[:2]:
        raise MaskError(
            f"the mask is {mask.width}x{mask.height}, the picture {image.width}x{image.height}; "
            "they must be of one size"
        )
    return marked


def white_of(mask: Image) -> Mask:
    """Mark what is white, from one half up; what is transparent counts as black."""
    gray = to_uint8(mask.pixels).mean(2, dtype=np.float32)
    if mask.alpha is not None:
        gray *= to_float(mask.alpha)
    marked: Mask = gray >= 127.5
    return marked


def from_alpha(image: Image) -> Mask:
    """Mark what is not fully opaque. Raises MaskError if the picture has no transparency."""
    if image.alpha is None:
        raise MaskError("the picture has no transparency to take a mask from")
    marked: Mask = to_float(image.alpha) < 1
    return marked


def box(image: Image, left: int, top: int, width: int, height: int) -> Mask:
    """Mark a rectangle, all in pixels. Raises MaskError if none of it is in the picture."""
    marked = np.zeros((image.height, image.width), bool)
    marked[max(top, 0) : max(top + height, 0), max(left, 0) : max(left + width, 0)] = True
    if not marked.any():
        raise MaskError(
            f"the box {left},{top},{width},{height} lies outside the picture of "
            f"{image.width}x{image.height}"
        )
    return marked


def polygon(image: Image, points: Sequence[tuple[int, int]]) -> Mask:
    """Mark the inside and the outline of a polygon of corners (x, y).

    Raises MaskError if there are fewer than three, or none of it is in the picture.
    """
    if len(points) < 3:
        raise MaskError(f"a polygon has three corners or more, not {len(points)}")
    marked = np.zeros((image.height, image.width), np.uint8)
    cv2.fillPoly(marked, [np.array(points, np.int32)], 255)
    if not marked.any():
        raise MaskError(f"the polygon lies outside the picture of {image.width}x{image.height}")
    return marked > 0


def color(image: Image, rgb: tuple[int, int, int], tolerance: int) -> Mask:
    """Mark pixels whose channels are all within `tolerance`, in 8-bit levels, of a colour."""
    distance = np.abs(to_uint8_rgb(image.pixels).astype(np.int16) - rgb).max(2)
    marked: Mask = distance <= tolerance
    return marked


def dilate(mask: Mask, pixels: int) -> Mask:
    """Grow a mask by a disk of a radius in pixels."""
    if pixels == 0 or not mask.any():
        return mask
    distance = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    grown: Mask = np.asarray(distance) <= pixels
    return grown


def drawn_over(image: Image, mask: Mask) -> NDArray[Any]:
    """Return the picture with the mask in half-transparent red, (H, W, 3) uint8."""
    picture = to_uint8_rgb(image.pixels).copy()
    red = np.array([255, 0, 0], np.uint16)
    picture[mask] = ((picture[mask].astype(np.uint16) + red) // 2).astype(np.uint8)
    return picture
