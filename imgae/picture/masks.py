"""Masks from files, arrays, transparency, shapes and colours. All are bool (H, W); True fills."""

from collections.abc import Sequence
from typing import Any, Final

import cv2
import numpy as np
import PIL.Image
from numpy.typing import NDArray

from imgae.errors import MaskError, warn
from imgae.picture.image import Image
from imgae.picture.orientation import turn
from imgae.picture.pixels import scale_of, to_float, to_uint8_rgb

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


def from_picture(mask: Image, image: Image, name: str = "the mask") -> Mask:
    """Read a mask that was drawn for a picture: what is white fills (white_of).

    A mask lies on the upright picture, as viewers show it. One with no orientation of its own that
    only fits the pixels as the picture's file stores them is turned upright with these.
    name: what a warning calls the mask. Warns with ImgaeWarning where it would fit both ways.
    Raises MaskError if it is of another size, or has something in it but nothing white.
    """
    marked = white_of(mask)
    size = (image.height, image.width)
    if image.turned != 1 and mask.turned == 1:
        turned = turn(Image(marked[:, :, None].astype(np.uint8)), image.turned)
        stored = turned.pixels[:, :, 0] > 0
        if marked.shape != size:
            marked = stored
        elif stored.shape == size and not np.array_equal(stored, marked):
            warn(
                f"{name}: taken as drawn on the upright picture, as viewers show it; if it was "
                "drawn on the pixels as the picture's file stores them, turn it by the picture's "
                f"EXIF orientation, {image.turned}"
            )
    if marked.shape != size:
        raise MaskError(
            f"the mask is {mask.width}x{mask.height}, the picture {image.width}x{image.height}; "
            "they must be of one size"
        )
    return marked


def white_of(mask: Image) -> Mask:
    """Mark what is white, from one half up; what is transparent counts as black.

    Floats may also be on 0 to 255, and 16 bits may hold values of 8 bits. Where nothing is white,
    but all is black except for one other colour, such as 1 of 255, that colour fills; and where all
    colours are black, what is opaque.
    Raises MaskError if there are other colours, but no white.
    """
    values = eight_bits(mask.pixels)
    opaque = np.ones(values.shape[:2], np.float32) if mask.alpha is None else to_float(mask.alpha)
    marked: Mask = values.mean(2) * opaque >= 127.5
    if marked.any():
        return marked
    shown: Mask = opaque >= 0.5
    coloured: Mask = values.any(2) & shown
    if not coloured.any() and not shown.all():
        return shown
    colours = values[coloured]
    if coloured.any() and not coloured.all() and (colours == colours[0]).all():
        return coloured
    if coloured.any():
        raise MaskError(
            f"nothing in the mask is white, and white is what is filled; its brightest gray is "
            f"{colours.mean(1).max():.3g} of 255; draw what to fill in white, and the rest in black"
        )
    return marked


def eight_bits(pixels: NDArray[Any]) -> NDArray[np.float32]:
    """Return a mask's values as floats (H, W, C) from 0 to 255; NaN counts as 0."""
    values: NDArray[np.float32] = np.nan_to_num(pixels.astype(np.float32))
    if pixels.dtype == np.uint8 or 1 < values.max() <= 255:
        return values
    return values * np.float32(255 / scale_of(pixels.dtype))


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
