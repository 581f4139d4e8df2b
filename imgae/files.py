"""Reading and writing pictures: PNG, JPEG, TIFF and WebP, 8 and 16 bit, with what travels in them.

8-bit pixels go through Pillow, which would reduce 16-bit colour to 8 bits without a word; those
go through OpenCV (PNG) and tifffile (TIFF). What a format cannot keep is said as an
ImgaeWarning. A file appears under its name only when it is whole.
"""

import io
import os
import re
import struct
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import PIL.Image
import PIL.PngImagePlugin
from numpy.typing import NDArray

from imgae.errors import ImageError, ImgaeWarning
from imgae.image import Image
from imgae.pixels import from_float, to_float

FORMATS: Final = {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".webp": "WEBP",
}
EXTENSIONS: Final = frozenset(FORMATS)
JPEG_QUALITY: Final = 95
WEBP_MAX_SIDE: Final = 16383
JPEG_MAX_SIDE: Final = 65535

ORIENTATION_TAG: Final = 0x0112
XMP_TAG: Final = 700
TIFF_TEXT_TAGS: Final = (270, 271, 272, 305, 306, 315, 33432)  # description, maker, dates, rights
ROTATIONS: Final[dict[int, Callable[[NDArray[Any]], NDArray[Any]]]] = {
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: a.swapaxes(0, 1)[:, ::-1],
    7: lambda a: a.swapaxes(0, 1)[::-1, ::-1],
    8: lambda a: a.swapaxes(0, 1)[::-1],
}


# Reading -------------------------------------------------------------------------------------


def read_image(path: str | os.PathLike[str]) -> Image:
    """Read a picture, upright, in its own type.

    Palettes become RGB, bilevel pictures gray. Raises ImageError, naming the file, if it cannot
    be read whole, is no PNG, JPEG, TIFF or WebP, holds several frames, or has colours other than
    gray and RGB.
    """
    path = Path(path)
    data = read_bytes(path)
    try:
        with PIL.Image.open(
            io.BytesIO(data), formats=("PNG", "JPEG", "TIFF", "WEBP", "MPO")
        ) as file:
            check_frames(file, path)
            pixels, alpha = decode(file, data, path)
            exif, xmp = read_exif(file), read_xmp(file)
            icc, dpi = file.info.get("icc_profile"), read_dpi(file)
            turn = ROTATIONS.get(file.getexif().get(ORIENTATION_TAG, 1))
    except ImageError:
        raise
    except PIL.UnidentifiedImageError as error:
        raise ImageError(
            f"{path}: not a picture that can be read; imgae reads PNG, JPEG, TIFF and WebP"
        ) from error
    except PIL.Image.DecompressionBombError as error:
        raise ImageError(f"{path}: too large to be opened safely: {error}") from error
    except MemoryError as error:
        raise ImageError(f"{path}: does not fit into memory") from error
    except Exception as error:  # decoders of damaged files raise anything
        raise ImageError(f"{path}: damaged or cut short ({one_line(error)})") from error
    if turn:
        pixels = np.ascontiguousarray(turn(pixels))
        alpha = None if alpha is None else np.ascontiguousarray(turn(alpha))
        exif = None if exif is None else with_upright_exif(exif)
        xmp = None if xmp is None else with_upright_xmp(xmp)
    return Image(pixels, alpha, icc=icc or None, exif=exif, xmp=xmp, dpi=dpi)


def read_bytes(path: Path) -> bytes:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise ImageError(f"{path}: no such file") from None
    except IsADirectoryError:
        raise ImageError(f"{path}: a folder, not a picture; name the files in it") from None
    except OSError as error:
        raise ImageError(f"{path}: cannot be read: {error.strerror}") from error
    if not data:
        raise ImageError(f"{path}: empty, 0 bytes")
    return data


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
    if file.format == "TIFF":
        deep = decode_deep_tiff(file, data, path)
        if deep is not None:
            return deep
    if file.format == "PNG" and data[24] == 16:  # the bit depth in IHDR
        file.load()  # finds damage that OpenCV passes over
        return decode_png16(data, colour_type=data[25])
    if file.mode in ("CMYK", "LAB", "HSV", "YCbCr", "I", "F"):
        raise ImageError(f"{path}: its colours are {file.mode}; convert it to gray or RGB first")
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


def decode_png16(data: bytes, colour_type: int) -> tuple[NDArray[Any], NDArray[Any] | None]:
    import cv2  # imported here: most pictures do without it

    array = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if array is None or array.dtype != np.uint16:
        raise ValueError("OpenCV could not decode its 16-bit pixels")
    if array.ndim == 2:
        return array[:, :, None], None
    array = array[:, :, [2, 1, 0, 3][: array.shape[2]]]
    if colour_type == 4:  # gray with alpha, which OpenCV hands over as BGRA
        return np.ascontiguousarray(array[:, :, :1]), np.ascontiguousarray(array[:, :, 3])
    return split_alpha(array, array.shape[2] == 4)


def decode_deep_tiff(
    file: PIL.Image.Image, data: bytes, path: Path
) -> tuple[NDArray[Any], NDArray[Any] | None] | None:
    """Decode a TIFF of more than 8 bits; None if it has 8 or fewer, which Pillow reads."""
    import tifffile  # imported here: only deep TIFFs need it

    with tifffile.TiffFile(io.BytesIO(data)) as tiff:
        page = tiff.pages[0]
        assert isinstance(page, tifffile.TiffPage)
        dtype, photometric = page.dtype, page.photometric
        if dtype is None or dtype.itemsize == 1:
            return None
        if dtype not in (np.uint16, np.float32):
            raise ImageError(f"{path}: its pixels are {dtype}; expected uint8, uint16 or float32")
        if photometric not in (0, 1, 2):  # white is zero, black is zero, RGB
            raise ImageError(
                f"{path}: its colours are {photometric.name}; convert it to gray or RGB first"
            )
        extra = len(page.extrasamples)
        try:
            array = page.asarray()
            planar = page.planarconfig == 2 and array.ndim == 3
        except (ValueError, KeyError):  # a compression that tifffile needs another package for
            array, planar = decode_with_libtiff(data), False
    if planar:
        array = array.transpose(1, 2, 0)
    if array.ndim == 2:
        array = array[:, :, None]
    if photometric == 0:
        colours = array[:, :, : array.shape[2] - extra]
        colours[...] = (65535 if dtype == np.uint16 else 1) - colours
    if array.shape[2] - extra not in (1, 3) or extra > 1:
        raise ImageError(
            f"{path}: {array.shape[2]} channels; expected gray or RGB, with or without alpha"
        )
    return split_alpha(array, extra == 1)


def decode_with_libtiff(data: bytes) -> NDArray[Any]:
    import cv2

    array = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if array is None:
        raise ValueError("its compression is not supported")
    if array.ndim == 3:
        array = array[:, :, [2, 1, 0, 3][: array.shape[2]]]
    return array


def split_alpha(array: NDArray[Any], has_alpha: bool) -> tuple[NDArray[Any], NDArray[Any] | None]:
    if not has_alpha:
        return np.ascontiguousarray(array), None
    return np.ascontiguousarray(array[:, :, :-1]), np.ascontiguousarray(array[:, :, -1])


# Metadata ------------------------------------------------------------------------------------


def read_exif(file: PIL.Image.Image) -> bytes | None:
    """Return EXIF as a TIFF structure, without JPEG's prefix."""
    raw = file.info.get("exif")
    if not isinstance(raw, bytes) or not raw:
        exif = file.getexif()
        if file.format == "TIFF":
            text = {tag: exif[tag] for tag in TIFF_TEXT_TAGS if tag in exif}
            details = {tag: exif.get_ifd(tag) for tag in (0x8769, 0x8825)}
            exif = PIL.Image.Exif()
            exif.update(text)
            for tag, entries in details.items():
                if entries:
                    exif.get_ifd(tag).update(entries)
        if not len(exif) and not any(exif.get_ifd(tag) for tag in (0x8769, 0x8825)):
            return None
        raw = exif.tobytes()
    return raw.removeprefix(b"Exif\0\0") or None


def read_xmp(file: PIL.Image.Image) -> bytes | None:
    raw = file.info.get("xmp") or file.info.get("XML:com.adobe.xmp")
    if raw is None and file.format == "TIFF":
        raw = file.getexif().get(XMP_TAG)
    if isinstance(raw, str):
        raw = raw.encode()
    return raw if isinstance(raw, bytes) and raw else None


def read_dpi(file: PIL.Image.Image) -> tuple[float, float] | None:
    dpi = file.info.get("dpi")
    if not dpi or len(dpi) != 2:
        return None
    across, down = float(dpi[0]), float(dpi[1])
    return (across, down) if across > 0 and down > 0 else None


def with_upright_exif(exif: bytes) -> bytes:
    """Set the orientation to 1 in place, leaving every other byte, maker notes included."""
    order = "<" if exif[:2] == b"II" else ">"
    try:
        (start,) = struct.unpack_from(order + "I", exif, 4)
        (count,) = struct.unpack_from(order + "H", exif, start)
        for entry in range(start + 2, start + 2 + 12 * count, 12):
            if struct.unpack_from(order + "H", exif, entry)[0] == ORIENTATION_TAG:
                upright = bytearray(exif)
                struct.pack_into(order + "H", upright, entry + 8, 1)
                return bytes(upright)
    except struct.error:
        pass
    return exif


def with_upright_xmp(xmp: bytes) -> bytes:
    return re.sub(rb'(tiff:Orientation(?:="|>))[2-8]', rb"\g<1>1", xmp)


# Writing -------------------------------------------------------------------------------------


def write_image(image: Image, path: str | os.PathLike[str], overwrite: bool = False) -> None:
    """Write a picture; the extension sets the format, the picture its bit depth and mode.

    PNG, TIFF and WebP are written without loss, JPEG at quality 95 without chroma subsampling.
    What the format cannot hold is left out with an ImgaeWarning: depth over 8 bits and alpha in
    JPEG, depth in WebP, camera data in a deep TIFF.
    Raises ImageError if the extension is unknown, the file exists and `overwrite` is false, or
    writing fails; then nothing is left behind, and what was there before is unharmed.
    """
    path = Path(path)
    check_writable(path, overwrite)
    data = encode(image, path)
    write_whole(path, data, overwrite)


def check_writable(path: Path, overwrite: bool) -> None:
    """Raise ImageError if a picture could not be written there, as far as can be told before."""
    if path.suffix.lower() not in FORMATS:
        known = ", ".join(FORMATS)
        raise ImageError(f"{path}: cannot tell the format to write; end the name in {known}")
    if not path.parent.is_dir():
        raise ImageError(f"{path}: there is no folder {path.parent}")
    if os.path.lexists(path):
        if not path.is_file():
            raise ImageError(f"{path}: exists and is not an ordinary file")
        if not overwrite:
            raise ImageError(f"{path}: exists already; add --overwrite, or name another with -o")
    elif not os.access(path.parent, os.W_OK | os.X_OK):
        raise ImageError(f"{path}: the folder {path.parent} cannot be written to")


def encode(image: Image, path: Path) -> bytes:
    kind = FORMATS[path.suffix.lower()]
    if kind in ("JPEG", "WEBP"):
        image = fit_to_8_bits(image, kind, path)
    try:
        if kind == "TIFF":
            return encode_tiff(image, path)
        if kind == "PNG" and image.bits != 8:
            return encode_png16(image, path)
        return encode_with_pillow(image, kind)
    except ImageError:
        raise
    except Exception as error:
        raise ImageError(f"{path}: cannot be written as {kind} ({one_line(error)})") from error


def fit_to_8_bits(image: Image, kind: str, path: Path) -> Image:
    most = WEBP_MAX_SIDE if kind == "WEBP" else JPEG_MAX_SIDE
    if max(image.height, image.width) > most:
        raise ImageError(
            f"{path}: {image.width}x{image.height} is too large for {kind}, which ends at {most} "
            "pixels a side; write PNG or TIFF"
        )
    alpha = image.alpha
    if image.bits != 8:
        warn(f"{path}: {kind} holds 8 bits; reduced from {image.bits}")
        alpha = None if alpha is None else from_float(to_float(alpha), np.uint8)
        pixels = from_float(to_float(image.pixels), np.uint8)
        image = Image(pixels, alpha, image.icc, image.exif, image.xmp, image.dpi)
    if kind == "JPEG" and alpha is not None:
        if (alpha != 255).any():
            warn(f"{path}: JPEG holds no transparency; it is left out")
        image = Image(image.pixels, None, image.icc, image.exif, image.xmp, image.dpi)
    return image


def encode_with_pillow(image: Image, kind: str) -> bytes:
    array = channels_of(image)
    picture = PIL.Image.fromarray(array[:, :, 0] if array.shape[2] == 1 else array)
    options: dict[str, Any] = {}
    if image.icc:
        options["icc_profile"] = image.icc
    if image.exif:
        options["exif"] = b"Exif\0\0" + image.exif
    if image.dpi and kind != "WEBP":
        options["dpi"] = image.dpi
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


def encode_png16(image: Image, path: Path) -> bytes:
    import cv2

    if image.bits == 32:
        warn(f"{path}: PNG holds 16 bits; reduced from 32")
    array = (
        from_float(to_float(channels_of(image)), np.uint16)
        if image.bits == 32
        else (channels_of(image))
    )
    if array.shape[2] == 2:  # OpenCV writes no gray with alpha
        array = array[:, :, [0, 0, 0, 1]]
    elif array.shape[2] > 2:
        array = array[:, :, [2, 1, 0, 3][: array.shape[2]]]
    parts = {
        cv2.IMAGE_METADATA_EXIF: image.exif,
        cv2.IMAGE_METADATA_XMP: image.xmp,
        cv2.IMAGE_METADATA_ICCP: image.icc,
    }
    kept = {key: np.frombuffer(part, np.uint8) for key, part in parts.items() if part}
    done, data = cv2.imencodeWithMetadata(
        ".png", np.ascontiguousarray(array), list(kept), list(kept.values())
    )
    if not done:
        raise ValueError("OpenCV could not encode it")
    return data.tobytes()


def encode_tiff(image: Image, path: Path) -> bytes:
    import tifffile  # imported here: only TIFFs need it

    tags: list[tuple[int, int, int, Any, bool]] = []
    if image.exif:
        exif = PIL.Image.Exif()
        exif.load(b"Exif\0\0" + image.exif)
        tags += [
            (tag, 2, 0, str(exif[tag]), True)
            for tag in TIFF_TEXT_TAGS
            if exif.get(tag) and str(exif[tag]).isascii()
        ]
        if exif.get_ifd(0x8769) or exif.get_ifd(0x8825):
            warn(f"{path}: camera and place data (EXIF) cannot be kept in this TIFF")
    if image.xmp:
        tags.append((XMP_TAG, 1, len(image.xmp), image.xmp, True))
    array = channels_of(image)
    gray = image.pixels.shape[2] == 1
    out = io.BytesIO()
    tifffile.imwrite(
        out,
        array[:, :, 0] if array.shape[2] == 1 else array,
        photometric="minisblack" if gray else "rgb",
        extrasamples=None if image.alpha is None else ["unassalpha"],
        planarconfig="contig",
        compression="zlib",
        predictor=image.bits != 32,
        iccprofile=image.icc,
        resolution=image.dpi,
        resolutionunit=None if image.dpi is None else "inch",
        metadata=None,
        software=False,
        extratags=tags,
    )
    return out.getvalue()


def channels_of(image: Image) -> NDArray[Any]:
    """Return pixels and alpha in one (H, W, C) array."""
    if image.alpha is None:
        return image.pixels
    return np.concatenate([image.pixels, image.alpha[:, :, None]], 2)


def write_whole(path: Path, data: bytes, overwrite: bool) -> None:
    """Write beside the place, then move into it; leave nothing behind on failure."""
    path = Path(os.path.realpath(path))  # through a link, to the file that it names
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("xb") as file:
            file.write(data)
        if overwrite:
            temporary.replace(path)
        else:
            place_new(temporary, path)
    except OSError as error:
        raise ImageError(f"{path}: cannot be written: {error.strerror}") from error
    finally:
        temporary.unlink(missing_ok=True)


def place_new(temporary: Path, path: Path) -> None:
    """Give a file its name unless another took it meanwhile."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise ImageError(
            f"{path}: exists already; add --overwrite, or name another with -o"
        ) from None
    except OSError:  # a file system without hard links
        temporary.replace(path)


def one_line(error: BaseException) -> str:
    return str(error).strip().split("\n")[0] or type(error).__name__


def warn(message: str) -> None:
    warnings.warn(message, ImgaeWarning, stacklevel=3)
