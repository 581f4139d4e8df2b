"""Camera raw files, developed by LibRaw as the camera was set; their previews are never read.

The result is sRGB of 16 bits: the white balance of the shot, the sensor's full scale at white and
not brightened by what the picture shows, highlights clipped, no noise reduction. DNG says how much
brighter its camera means a picture; that is done. Corrections of a lens are not.
"""

import io
import math
from dataclasses import replace
from typing import Any, Final

import rawpy

from imgae.errors import ImageError, warn
from imgae.io.colour.cms import srgb_profile
from imgae.io.format import File, Format
from imgae.io.formats.raw import camera
from imgae.io.libraries import overheard
from imgae.io.metadata.directories import Directory, directories
from imgae.io.metadata.upright import upright
from imgae.picture.image import Frames, Image, Stored

COMPLAINT: Final = b"unknown file: "
"""What LibRaw's lines on damaged samples begin with, for a file that it knows no name of."""
SRGB_TONES: Final = (2.4, 12.92)
ORIENTATIONS: Final = (1, 2, 4, 3, 5, 8, 6, 7)
"""Of EXIF, by LibRaw's numbers for them."""
SIDEWAYS: Final = 4
CFA_PATTERN: Final = 33422
PREDICTOR: Final = 317
DEFLATE: Final = 8
FLOAT_PREDICTORS: Final = (3, 34894, 34895)
"""LibRaw undoes one of these in all that is deflated, even where there is none."""
BASELINE: Final = (50730, 51109)
"""How many stops brighter a DNG means its picture: of the camera and of its profile."""
MOST_STOPS: Final = 4.0
SMALL: Final = 1 << 22
MOST_SHRUNK: Final = 64
"""Samples in a byte of a file; more is a lie."""
OPCODES: Final = (51008, 51009, 51022)
"""Lists of what a DNG wants done to its pixels."""


def read(file: File) -> Frames:
    found = list(directories(file.data)) if camera.LIKE_TIFF.match(file.data) else []
    is_dng = bool(found) and camera.DNG_VERSION in found[0].entries
    if is_dng:
        check_dng(file, found)
    with overheard(COMPLAINT) as complaints:
        image, orientation = developed(file, found, is_dng)
    if complaints:
        warn(f"{file.name}: damaged; part of the picture may be wrong")
    told = camera.photo_data(file.data)
    if told.notes:
        warn(f"{file.name}: the maker's own notes in its camera data are left out")
    elif told.exif is None:
        warn(f"{file.name}: its camera data is not found, and left out")
    image = replace(image, exif=told.exif, xmp=told.xmp, iptc=told.iptc)
    image = replace(upright(image, 1), turned=orientation)
    return Frames((image,))


def check_dng(file: File, found: list[Directory]) -> None:
    """Raise ImageError for a DNG without what tells the sensor's samples from others."""
    name = file.name
    sensors = [
        one
        for one in found
        if one.number(camera.PHOTOMETRIC) in camera.SENSOR and not one.number(camera.SUBFILE) & 1
    ]
    if not sensors:
        raise ImageError(f"{name}: a camera raw file (DNG) that holds only previews, or is damaged")
    for one in sensors:
        if one.number(camera.PHOTOMETRIC) == camera.CFA and not one.numbers(CFA_PATTERN):
            raise ImageError(
                f"{name}: a camera raw file (DNG) that does not say which colours its sensor "
                "has where; it cannot be developed"
            )
        if (
            one.number(camera.COMPRESSION) == DEFLATE
            and one.number(PREDICTOR) not in FLOAT_PREDICTORS
        ):
            raise ImageError(
                f"{name}: a camera raw file (DNG) compressed in a way that LibRaw does not develop"
            )
    if any(tag in one.entries for one in sensors for tag in OPCODES):
        warn(f"{name}: the corrections that the camera wants for its lens are not applied")


def developed(file: File, found: list[Directory], is_dng: bool) -> tuple[Image, int]:
    """Return the developed picture, upright, and the orientation that it had."""
    name = file.name
    with rawpy.RawPy() as raw:
        try:
            raw.open_buffer(io.BytesIO(file.data))
            sizes = raw.sizes
            file.check_size(sizes.raw_width, sizes.raw_height)
            check_length(file, sizes.raw_width * sizes.raw_height)
            check_sensor(file, found, (sizes.raw_width, sizes.raw_height), is_dng)
            raw.unpack()
            warn_of_colours(raw, name)
            options = options_of(raw, found, is_dng)
            array = raw.postprocess(
                output_bps=16, use_camera_wb=True, no_auto_bright=True, **options
            )
        except rawpy.LibRawFileUnsupportedError as error:
            raise ImageError(
                f"{name}: a camera raw file that LibRaw "
                f"{'.'.join(map(str, rawpy.libraw_version))} does not know"
            ) from error
        except rawpy.LibRawError as error:
            raise ImageError(
                f"{name}: a camera raw file that is damaged or cut short ({said(error)})"
            ) from error
        sizes = raw.sizes
        wide, high = sizes.width, sizes.height
        if sizes.flip & SIDEWAYS:
            wide, high = high, wide
        gray = array.ndim == 2 or array.shape[2] == 1
        file.check_decoded(array, wide, high, 1 if gray else 3)
        orientation = ORIENTATIONS[sizes.flip & 7]
    pixels = array if array.ndim == 3 else array[:, :, None]
    stored = Stored("camera raw", "raw", details={"bits": 16})
    return Image(pixels, icc=srgb_profile(gray), stored=stored), orientation


def check_length(file: File, samples: int) -> None:
    """Raise ImageError for more of a sensor's samples than can be packed into a file."""
    if samples > max(SMALL, MOST_SHRUNK * len(file.data)):
        raise ImageError(
            f"{file.name}: a camera raw file that is damaged: too short for the pixels that it "
            "says it holds"
        )


def check_sensor(file: File, found: list[Directory], size: tuple[int, int], is_dng: bool) -> None:
    """Raise ImageError if LibRaw takes something else for the sensor's samples than the file."""
    sensors, previews = set[tuple[int, int]](), set[tuple[int, int]]()
    for one in found:
        of_one = one.number(camera.WIDTH), one.number(camera.HEIGHT)
        if one.number(camera.SUBFILE) & 1:
            previews.add(of_one)
        elif one.number(camera.PHOTOMETRIC) in camera.SENSOR:
            sensors.add(of_one)
    if (is_dng and size not in sensors) or size in previews - sensors:
        wide, high = max(sensors, key=math.prod, default=size)
        raise ImageError(
            f"{file.name}: a camera raw file whose sensor's picture of {wide}x{high} pixels LibRaw "
            f"does not find; it finds one of {size[0]}x{size[1]}"
        )


def warn_of_colours(raw: Any, name: str) -> None:
    """Warn if neither a file nor LibRaw says what was white, or what colours the sensor sees."""
    if raw.num_colors == 1:
        return
    if not all(value > 0 for value in raw.camera_whitebalance[:3]):
        warn(f"{name}: does not say what was white; developed as in daylight")
    if not raw.color_matrix.any() and not raw.rgb_xyz_matrix.any():
        warn(f"{name}: LibRaw does not know its camera; its sensor's colours are taken for sRGB's")


def options_of(raw: Any, found: list[Directory], is_dng: bool) -> dict[str, Any]:
    """Return what LibRaw is told of a file's levels."""
    options: dict[str, Any] = {"gamma": SRGB_TONES}
    if not is_dng:
        return options
    options["adjust_maximum_thr"] = 0.0  # its white level is exact, and not to be guessed
    stops = sum(found[0].ratio(tag) or 0.0 for tag in BASELINE)
    options["bright"] = 2.0 ** min(max(stops, 0.0), MOST_STOPS)
    black = raw.black_level_per_channel
    if raw.raw_type == rawpy.RawType.Stack and len(black) == 4 and min(black[:3]) > black[3]:
        # LibRaw subtracts such black, but does not take it from the white level.
        options["user_sat"] = int(raw.white_level - min(black[:3]))
    return options


def said(error: Exception) -> str:
    """Return what LibRaw says in words, which rawpy hands on as bytes."""
    first = error.args[0] if error.args else ""
    return first.decode("utf-8", "replace") if isinstance(first, bytes) else str(first)


FORMAT: Final = Format(read, None)
