"""Inks (CMYK) to RGB and back, by their colour profile."""

import io
from typing import Any

import numpy as np
import PIL.Image
import PIL.ImageCms
from numpy.typing import NDArray

from imgae.errors import warn


def is_profile_of_inks(icc: bytes | None) -> bool:
    return icc is not None and len(icc) >= 128 and icc[16:20] == b"CMYK"


def to_rgb(inks: NDArray[np.uint8], icc: bytes | None, name: str) -> NDArray[np.uint8]:
    """Convert inks (H, W, 4), 0 for none and 255 for all, to sRGB, and say how.

    With a profile it is relative colorimetric with black point compensation. Without one, light is
    what each ink and then black let through, as viewers have it that know no inks.
    """
    if is_profile_of_inks(icc):
        try:
            rgb: NDArray[np.uint8] = converted(inks, icc, None, "CMYK", "RGB")
        except (PIL.ImageCms.PyCMSError, OSError):
            warn(f"{name}: the colour profile of its inks (CMYK) is damaged")
        else:
            warn(
                f"{name}: its inks (CMYK) became RGB by its colour profile, as sRGB; --cmyk writes "
                "inks again"
            )
            return rgb
    warn(
        f"{name}: its inks (CMYK) have no colour profile; they became RGB as if each ink let "
        "through what it does not cover, which is a guess; --cmyk writes inks again"
    )
    light = 255 - inks[:, :, :3].astype(np.uint16)
    black = 255 - inks[:, :, 3:].astype(np.uint16)
    return ((light * black + 127) // 255).astype(np.uint8)


def from_rgb(rgb: NDArray[np.uint8], icc: bytes | None, name: str) -> NDArray[np.uint8]:
    """Convert sRGB to inks (H, W, 4), the reverse of to_rgb."""
    if is_profile_of_inks(icc):
        try:
            made: NDArray[np.uint8] = converted(rgb, None, icc, "RGB", "CMYK")
        except (PIL.ImageCms.PyCMSError, OSError):
            warn(f"{name}: its colour profile does not lead from RGB to inks; they are a guess")
        else:
            return made
    light = rgb.astype(np.float32)
    most = light.max(2, keepdims=True)
    through = np.divide(light, most, out=np.zeros_like(light), where=most > 0)
    inks = np.concatenate([255 * (1 - through), 255 - most], 2)
    inks[:, :, :3][np.broadcast_to(most == 0, rgb.shape)] = 0
    return np.rint(inks).astype(np.uint8)


def converted(
    array: NDArray[np.uint8],
    source: bytes | None,
    target: bytes | None,
    mode: str,
    target_mode: str,
) -> Any:
    """Convert between profiles; None is sRGB."""
    profiles = [
        PIL.ImageCms.createProfile("sRGB")
        if icc is None
        else PIL.ImageCms.ImageCmsProfile(io.BytesIO(icc))
        for icc in (source, target)
    ]
    transform = PIL.ImageCms.buildTransform(
        profiles[0],
        profiles[1],
        mode,
        target_mode,
        PIL.ImageCms.Intent.RELATIVE_COLORIMETRIC,
        PIL.ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )
    picture = PIL.ImageCms.applyTransform(
        PIL.Image.frombytes(mode, array.shape[1::-1], array), transform
    )
    if picture is None:
        raise OSError("no conversion")
    return np.asarray(picture)
