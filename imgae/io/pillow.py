"""What several formats share: opening with Pillow, and reading and writing its 8 bits."""

import contextlib
import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from imgae.errors import ImageError, warn
from imgae.io.format import File
from imgae.io.metadata import EXIF_PREFIX, read_dpi, read_xmp
from imgae.picture.arrays import channels_of, split_alpha
from imgae.picture.image import Image


@contextlib.contextmanager
def opened(file: File, plugin: str, data: bytes | None = None) -> Iterator[PIL.Image.Image]:
    """Open a file with one of Pillow's plugins, which its caller has imported.

    data: what to open instead of the file's bytes. Pillow's own limit of pixels does not count;
    File.check_size does.
    """
    factory = PIL.Image.OPEN[plugin][0]
    try:
        with factory(io.BytesIO(file.data if data is None else data), file.name) as picture:
            file.check_size(*picture.size)
            yield picture
    except (SyntaxError, PIL.UnidentifiedImageError) as error:
        raise ImageError(f"{file.name}: damaged, or of a kind that cannot be read") from error


def decode(file: PIL.Image.Image, name: str) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Return pixels (H, W, C) and alpha (H, W) or None, as stored. Palettes become RGB."""
    if file.mode in ("CMYK", "LAB", "HSV", "YCbCr", "I", "F"):
        raise ImageError(f"{name}: its colours are {file.mode}; convert it to gray or RGB first")
    if file.mode.startswith("I;16"):
        return np.asarray(file).astype(np.uint16)[:, :, None], None
    has_alpha = "A" in file.mode or "a" in file.mode or "transparency" in file.info
    gray = file.mode in ("1", "L", "LA", "La")
    mode = ("LA" if has_alpha else "L") if gray else ("RGBA" if has_alpha else "RGB")
    if file.mode in ("P", "PA"):
        warn(f"{name}: a palette of colours; continued as {mode}")
    array = np.asarray(file.convert(mode))
    if array.ndim == 2:
        array = array[:, :, None]
    return split_alpha(array, has_alpha)


def with_metadata(
    file: PIL.Image.Image, pixels: NDArray[Any], alpha: NDArray[Any] | None, exif: bytes | None
) -> Image:
    """Return a picture with what its file holds besides pixels and EXIF."""
    return Image(
        pixels,
        alpha,
        icc=file.info.get("icc_profile") or None,
        exif=exif,
        xmp=read_xmp(file),
        dpi=read_dpi(file),
    )


def encode(image: Image, plugin: str, options: dict[str, Any]) -> bytes:
    """Encode 8 bits with their profile and camera data.

    options: the plugin's own, as Pillow names them; what else is to be kept is among them.
    """
    array = channels_of(image)
    picture = PIL.Image.fromarray(array[:, :, 0] if array.shape[2] == 1 else array)
    options = dict(options)
    if image.icc:
        options["icc_profile"] = image.icc
    if image.exif:
        options["exif"] = EXIF_PREFIX + image.exif
    out = io.BytesIO()
    picture.save(out, plugin, **options)
    return out.getvalue()
