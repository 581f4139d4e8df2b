"""What several formats share: reading and writing 8 bits with Pillow."""

import io
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import PIL.Image
import PIL.JpegImagePlugin
import PIL.PngImagePlugin
import PIL.TiffImagePlugin
import PIL.WebPImagePlugin
from numpy.typing import NDArray

from imgae.errors import ImageError, warn
from imgae.io.formats.png import decode_png16
from imgae.io.metadata import (
    EXIF_PREFIX,
    read_dpi,
    read_exif,
    read_orientation,
    read_quantisation,
    read_xmp,
)
from imgae.picture.arrays import channels_of, split_alpha
from imgae.picture.image import Image

PLUGINS: Final = ["JPEG", "PNG", "TIFF", "WEBP"]
JPEG_QUALITY: Final = 95


def read_with_pillow(data: bytes, path: Path) -> tuple[Image, int]:
    """Return the picture as stored, and its EXIF orientation, 1 to 8."""
    with PIL.Image.open(io.BytesIO(data), formats=PLUGINS) as file:
        check_frames(file, path)
        # Pillow turns a TIFF itself while decoding, and then forgets the tag.
        by_pillow = read_orientation(file) if file.format == "TIFF" else 1
        pixels, alpha = decode(file, data, path)
        image = Image(
            pixels,
            alpha,
            icc=file.info.get("icc_profile") or None,
            exif=read_exif(file),
            xmp=read_xmp(file),
            dpi=read_dpi(file),
            quantisation=read_quantisation(file),
        )
        left = read_orientation(file)
        return (replace(image, turned=by_pillow), 1) if left == 1 else (image, left)


def check_frames(file: PIL.Image.Image, path: Path) -> None:
    frames = getattr(file, "n_frames", 1)
    if frames == 1:
        return
    if file.format == "MPO":  # phones append a depth or gain map to an ordinary JPEG
        warn(f"{path}: {frames} pictures in one JPEG; only the first is used")
        return
    raise ImageError(f"{path}: holds {frames} frames or pages; imgae works on single pictures")


def decode(
    file: PIL.Image.Image, data: bytes, path: Path
) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Return pixels (H, W, C) and alpha (H, W) or None."""
    if file.format == "PNG" and data[24] == 16:  # the bit depth in IHDR
        file.load()  # finds damage that OpenCV passes over
        return decode_png16(data, data[25], file.info.get("transparency"))
    if file.mode in ("CMYK", "LAB", "HSV", "YCbCr", "I", "F"):
        raise ImageError(f"{path}: its colours are {file.mode}; convert it to gray or RGB first")
    bands = getattr(file, "tag_v2", {}).get(277, len(file.getbands()))  # samples of a TIFF's pixel
    if file.mode == "RGBX" or bands > len(file.getbands()):
        raise ImageError(f"{path}: {bands} channels; expected gray or RGB, with or without alpha")
    if file.mode == "I;16B" or file.mode.startswith("I;16"):
        return np.asarray(file).astype(np.uint16)[:, :, None], None
    has_alpha = "A" in file.mode or "a" in file.mode or "transparency" in file.info
    gray = file.mode in ("1", "L", "LA", "La")
    mode = ("LA" if has_alpha else "L") if gray else ("RGBA" if has_alpha else "RGB")
    if file.mode in ("P", "PA"):
        warn(f"{path}: a palette of colours; continued as {mode}")
    array = np.asarray(file.convert(mode))
    if array.ndim == 2:
        array = array[:, :, None]
    return split_alpha(array, has_alpha)


def encode_with_pillow(image: Image, kind: str) -> bytes:
    array = channels_of(image)
    picture = PIL.Image.fromarray(array[:, :, 0] if array.shape[2] == 1 else array)
    options: dict[str, Any] = {}
    if image.icc:
        options["icc_profile"] = image.icc
    if image.exif:
        options["exif"] = EXIF_PREFIX + image.exif
    if image.dpi and kind != "WEBP":
        options["dpi"] = image.dpi
    if kind == "PNG":
        options["compress_level"] = 4  # 2 % larger than at Pillow's 6, in 40 % of the time
    if kind == "JPEG":
        options |= {"quality": JPEG_QUALITY, "subsampling": 0}
    if kind == "WEBP":
        options |= {"lossless": True, "exact": True, "method": 2}
    if image.xmp and kind == "PNG":
        text = PIL.PngImagePlugin.PngInfo()
        text.add_itxt("XML:com.adobe.xmp", image.xmp.decode("utf-8", "replace"))
        options["pnginfo"] = text
    elif image.xmp:
        options["xmp"] = image.xmp
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()
