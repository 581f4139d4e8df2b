"""Masks from files, arrays, transparency, shapes and colours. All are bool (H, W); True fills."""

from collections.abc import Sequence
from typing import Any, Final

import cv2
import numpy as np
import PIL.Image
from numpy.typing import NDArray

from imgae.errors import MaskError, warn
from imgae.picture.arrays import PIL_MODES
from imgae.picture.arrays import from_picture as from_picture_of_any_kind
from imgae.picture.image import Image
from imgae.picture.mask_values import white_of
from imgae.picture.orientation import turn
from imgae.picture.pixels import to_float, to_uint8_rgb

Mask = NDArray[np.bool_]

WHITE_FROM: Final = 128
"""The darkest 8-bit gray that counts as white in a mask."""


def from_array(mask: NDArray[Any] | PIL.Image.Image, height: int, width: int) -> Mask:
    """Check a mask that a program gives, and return it as bool (H, W), True fills.

    mask: an array (height, width): bool, or uint8 that holds only 0 and 1, or uint8 that is black
    and white: what is 128 or more is white, and fills. Or a PIL image of mode 1, L, LA, P, RGB,
    RGBA or I;16, which is read as a mask's file is (mask_values.white_of).
    Returns an array that is bool already as it is, not copied.
    Raises MaskError if the type, the shape or the size is another, or values are neither 0 and 1
    nor black and white.
    """
    if isinstance(mask, PIL.Image.Image):
        drawn, remark = white_of(picture_of(mask))
        check_size(drawn.shape, height, width)
        if remark:
            warn(f"the mask: {remark}")
        return drawn
    if not isinstance(mask, np.ndarray):
        raise MaskError(
            "a mask is an array, bool or uint8 (H, W), an imgae.Image or a PIL image, not "
            f"{type(mask).__name__}"
        )
    if mask.dtype not in (np.bool_, np.uint8) or mask.ndim != 2:
        raise MaskError(
            f"the mask is {mask.dtype} {mask.shape}; expected bool or uint8 (H, W){way_to(mask)}"
        )
    check_size(mask.shape, height, width)
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


def check_size(shape: tuple[int, ...], height: int, width: int) -> None:
    """Raise MaskError if a mask's shape is not that of the picture."""
    if shape != (height, width):
        raise MaskError(
            f"the mask is {shape[1]}x{shape[0]}, the picture {width}x{height}; they must be of one "
            "size"
        )


def way_to(mask: NDArray[Any]) -> str:
    """Return how to make a mask of an array that is none, for the end of a sentence."""
    if mask.ndim != 2:
        return "; take one channel, as in mask[:, :, 0]" if mask.ndim == 3 else ""
    return f"; compare its values, as in mask > {0.5 if mask.dtype.kind == 'f' else 0}"


def picture_of(mask: PIL.Image.Image) -> Image:
    """Convert a PIL image that is a mask. Raises MaskError if its mode is another."""
    if mask.mode == "1":
        mask = mask.convert("L")
    elif mask.mode in ("P", "PA"):
        mask = mask.convert("RGBA" if mask.has_transparency_data else "RGB")
    if mask.mode not in PIL_MODES:
        raise MaskError(
            f"the mask is a PIL image of mode {mask.mode}; expected 1, {', '.join(PIL_MODES)} or P"
        )
    return from_picture_of_any_kind(mask)


def from_picture(mask: Image, image: Image, name: str = "the mask") -> Mask:
    """Read a mask that was drawn for a picture: what is white fills (mask_values.white_of).

    name: what a warning calls the mask. Warns with ImgaeWarning as `lying_on` does, and where the
    values were not plain.
    Raises MaskError if it is of another size, or has something in it but nothing white.
    """
    marked, remark = white_of(mask)
    if remark:
        warn(f"{name}: {remark}")
    return lying_on(image, marked, mask.turned, name)


def lying_on(image: Image, marked: Mask, turned: int = 1, name: str = "the mask") -> Mask:
    """Lay what a mask marks on a picture.

    A mask lies on the upright picture, as viewers show it. One with no orientation of its own that
    only fits the pixels as the picture's file stores them is turned upright with these.
    turned: the orientation that the mask's file had. name: what a warning calls the mask. Warns
    with ImgaeWarning where it would fit both ways. Raises MaskError if it is of another size.
    """
    size = (image.height, image.width)
    if image.turned != 1 and turned == 1:
        stored = turn(Image(marked[:, :, None].astype(np.uint8)), image.turned).pixels[:, :, 0] > 0
        if marked.shape != size == stored.shape:
            marked = stored
        elif stored.shape == size and not np.array_equal(stored, marked):
            warn(
                f"{name}: taken as drawn on the upright picture, as viewers show it; if it was "
                "drawn on the pixels as the picture's file stores them, turn it by the picture's "
                f"EXIF orientation, {image.turned}"
            )
    check_size(marked.shape, *size)
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
    marked: Mask = distance_to(image, rgb) <= tolerance
    return marked


def distance_to(image: Image, rgb: tuple[int, int, int]) -> NDArray[np.int16]:
    """Return how far the farthest channel of each pixel is from a colour's, in 8-bit levels."""
    apart: NDArray[np.int16] = np.abs(to_uint8_rgb(image.pixels).astype(np.int16) - rgb).max(2)
    return apart


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
