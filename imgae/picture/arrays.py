"""Conversion of PIL images and arrays to an Image and back."""

from typing import Any, Final, TypeVar

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from imgae.errors import ImageError
from imgae.picture.image import Image

Picture = TypeVar("Picture", Image, PIL.Image.Image, NDArray[Any])
"""An imgae.Image, a PIL image or an array."""

PIL_MODES: Final = ("L", "LA", "RGB", "RGBA", "I;16")
OVEREXPOSED: Final = 4
"""Floats above it are two stops over white; few pictures on [0, 1] hold many."""
DARK: Final = 16
"""Few pictures on 0 to 255 are so dark that nothing is above it."""
STEP_OF_8: Final = 1 / 255
MOST_OUTSIDE: Final = 0.01
"""The largest share of values that are clipped, of a picture that is still good to learn from."""
NOISY_WHITE: Final = 512
"""What floats on 0 to 255 hardly pass, noise included."""


def from_picture(picture: Image | PIL.Image.Image | NDArray[Any]) -> Image:
    """Convert to an Image; arrays are viewed, not copied, where possible.

    picture: an Image; a PIL image of mode L, LA, RGB, RGBA or I;16; or an RGB array (H, W),
    (H, W, 1), (H, W, 3) or, with alpha, (H, W, 4), uint8, uint16, float16, float32 or float64.
    Floats are on [0, 1]; finite values outside are taken as they are, but for arrays that are
    clearly on 0 to 255 (check_range). Raises ImageError for others, for float64 values that float32
    cannot hold, and if alpha holds NaN or infinity.
    """
    if isinstance(picture, Image):
        image = picture
    elif isinstance(picture, PIL.Image.Image):
        if picture.mode not in PIL_MODES:
            raise ImageError(
                f"the PIL image has mode {picture.mode}; expected {', '.join(PIL_MODES)}"
            )
        image = from_array(np.asarray(picture), alpha=picture.mode in ("LA", "RGBA"))
    elif isinstance(picture, np.ndarray):
        image = from_array(picture, alpha=picture.ndim == 3 and picture.shape[2] == 4)
    else:
        raise ImageError(
            f"a picture is an imgae.Image, a PIL image or an array, not {type(picture).__name__}"
        )
    alpha = image.alpha
    if alpha is not None and alpha.dtype == np.float32 and not np.isfinite(alpha).all():
        raise ImageError("the picture's alpha holds NaN or infinity; expected values on [0, 1]")
    return image


def from_array(array: NDArray[Any], alpha: bool) -> Image:
    shape = array.shape
    if array.ndim not in (2, 3) or 0 in shape or (array.ndim == 3 and shape[2] not in (1, 2, 3, 4)):
        raise ImageError(f"the array has shape {shape}; expected (H, W) or (H, W, 1, 3 or 4)")
    if array.ndim == 3 and shape[2] == 2 and not alpha:
        raise ImageError(f"the array has shape {shape}; expected (H, W) or (H, W, 1, 3 or 4)")
    array = array.astype(array.dtype.newbyteorder("="), copy=False)
    if array.dtype in (np.float16, np.float64):
        array = narrowed(array)
    if array.dtype not in (np.uint8, np.uint16, np.float32):
        raise ImageError(
            f"the array is {array.dtype}; expected uint8, uint16, float16, float32 or float64"
        )
    if array.dtype == np.float32:
        check_range(array[:, :, :3] if alpha else array)
    if array.ndim == 2:
        return Image(array[:, :, None])
    return Image(array[:, :, :-1], array[:, :, -1]) if alpha else Image(array)


def narrowed(array: NDArray[Any]) -> NDArray[np.float32]:
    """Convert floats to float32. Raises ImageError if finite ones would become infinite."""
    with np.errstate(over="ignore"):
        floats: NDArray[np.float32] = array.astype(np.float32)
    if np.isinf(floats).any() and not np.isinf(array).any():
        least, most = np.nanmin(array), np.nanmax(array)
        raise ImageError(
            f"the array's values reach from {least:.4g} to {most:.4g}, which 32-bit floats cannot "
            "hold; divide them"
        )
    return floats


def check_range(colours: NDArray[np.float32]) -> None:
    """Raise ImageError if floats are clearly on 0 to 255 rather than on [0, 1].

    They are if the largest is above 16 and either more than half are above 4, two stops over
    white, and none is far above 255, or all are whole numbers from 0 to 255. Others are taken as
    they are: the lamps and reflections of a picture of high dynamic range are the smaller part of
    it. NaN, which a hole may hold, does not count.
    """
    most = np.fmax.reduce(colours, axis=None)
    if not DARK < most <= NOISY_WHITE:
        return
    mostly_above = np.count_nonzero(colours > OVEREXPOSED) * 2 > np.count_nonzero(
        ~np.isnan(colours)
    )
    if mostly_above or (most <= 255 and all(is_whole(row) for row in colours)):
        raise ImageError(
            f"floats are on [0, 1], and the array's reach {most:.4g}, as if they were on 0 to 255; "
            "divide the array by 255"
        )


def is_whole(values: NDArray[np.float32]) -> bool:
    """Return whether all are whole numbers from 0 up, or NaN."""
    return bool(((values >= 0) & (values == np.rint(values)) | np.isnan(values)).all())


def like_picture(original: Image | PIL.Image.Image | NDArray[Any], restored: Image) -> Any:
    """Convert an Image to the type, shape and dtype of the picture that it came from."""
    if isinstance(original, Image):
        return restored
    pixels = restored.pixels
    if restored.alpha is not None:
        pixels = np.concatenate([pixels, restored.alpha[:, :, None]], 2)
    if isinstance(original, PIL.Image.Image):
        flat = pixels[:, :, 0] if pixels.shape[2] == 1 else pixels
        picture = PIL.Image.fromarray(flat)
        picture.info = dict(original.info)
        return picture
    array = pixels.reshape(original.shape).astype(original.dtype, copy=False)
    if original.dtype == np.float64:  # went through float32
        np.copyto(array, original, where=array == original.astype(np.float32))
    return array


def check_finite(image: Image) -> None:
    """Raise ImageError if the pixels hold NaN or infinity."""
    if image.pixels.dtype == np.float32 and not np.isfinite(image.pixels).all():
        raise ImageError("the picture holds NaN or infinity; expected finite values on [0, 1]")


def check_for_8_bits(image: Image) -> None:
    """Raise ImageError if 8 bits would spoil floats: NaN, infinity, or many outside [0, 1]."""
    pixels = image.pixels
    if pixels.dtype != np.float32:
        return
    if unusable := np.count_nonzero(~np.isfinite(pixels)):
        raise ImageError(f"{unusable / pixels.size:.1%} of its values are NaN or infinity")
    outside = np.count_nonzero((pixels < -STEP_OF_8) | (pixels > 1 + STEP_OF_8))
    if outside > MOST_OUTSIDE * pixels.size:
        raise ImageError(
            f"its values reach from {pixels.min():.4g} to {pixels.max():.4g}, and "
            f"{outside / pixels.size:.1%} of them lie outside 0 to 1"
        )


def split_alpha(array: NDArray[Any], has_alpha: bool) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Return pixels (H, W, C) and alpha (H, W), the last channel of an array, or None."""
    if not has_alpha:
        return np.ascontiguousarray(array), None
    return np.ascontiguousarray(array[:, :, :-1]), np.ascontiguousarray(array[:, :, -1])


def channels_of(image: Image) -> NDArray[Any]:
    """Return pixels and alpha in one (H, W, C) array."""
    if image.alpha is None:
        return image.pixels
    return np.concatenate([image.pixels, image.alpha[:, :, None]], 2)
