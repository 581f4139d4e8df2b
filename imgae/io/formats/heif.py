"""HEIC, with pillow-heif. Its openers stay unregistered and its options as they are."""

import io
import math
from dataclasses import replace
from typing import Any, Final

import numpy as np
import pillow_heif
from numpy.typing import NDArray

from imgae.errors import ImageError, warn
from imgae.io.bmff import boxes
from imgae.io.bmff.boxes import boxes_until_damage
from imgae.io.format import BELONGINGS, Encoding, File, Format, Limits, details_of
from imgae.io.metadata.exif import checked
from imgae.io.metadata.resolution import resolution_of, with_resolution
from imgae.io.metadata.upright import upright
from imgae.io.samples.associated import associated, unassociated
from imgae.io.samples.depth import fits, narrowed, spread
from imgae.picture.arrays import channels_of
from imgae.picture.image import Frames, Image, Stored
from imgae.picture.pixels import scale_of

QUALITY: Final = 95
EXACT: Final = 100
"""The quality from which on every sample is kept."""
LARGEST: Final = 8192, 1 << 22
"""Pixels a side, and in all, of what is encoded in one piece; larger pictures become a grid.

Encoders end there, and libde265 reads no piece of more than 16 MiB.
"""
TILE: Final = 1024
BLOCK: Final = 64
MOST_TILES: Final = 250
"""Of a grid, in a row or column."""
UNSAID: Final = 2
"""The code point of a colour description that says nothing."""
SRGB: Final = (1, 13)
HDR: Final = (16, 18)
"""Transfer functions of high dynamic range: PQ and HLG."""
LIGHT: Final = "mastering display and light levels"
ASPECT: Final = "shape of a pixel"
LIGHT_KEYS: Final = (
    "content_light_level",
    "mastering_display_colour_volume",
    "ambient_viewing_environment",
    "nominal_diffuse_white_luminance",
)
NCLX_KEYS: Final = (
    "color_primaries",
    "transfer_characteristics",
    "matrix_coefficients",
    "full_range_flag",
)
RGB_MATRIX: Final = 0
USUAL_MATRIX: Final = 6
LUMA_MATRICES: Final = (1, 5, 6, 9)
"""Ways to make YCbCr of RGB that a file may ask for."""
MOVING_BOXES: Final = {b"moov": "moving picture", b"mpvd": "video of a motion photo"}
APPENDED_VIDEO: Final = b"MotionPhoto_Data"
"""What Samsung's cameras put before the video that they append."""
CHROMAS: Final = (420, 422, 444)


def read(file: File) -> Frames:
    heif = opened(file)
    pixels = sum(picture.size[0] * picture.size[1] for picture in heif)
    for picture in heif:
        file.check_size(*picture.size)
    if pixels > file.most_pixels:
        file.check_size(pixels, 1)
    warn_of_the_rest(file, heif)
    images = []
    for index, picture in enumerate(heif):
        image = read_picture(file, picture, primary=index == heif.primary_index)
        images.append(upright(image, 1))  # libheif has turned it, and EXIF does not count
    return Frames(tuple(images), "pages" if len(images) > 1 else "picture")


def opened(file: File) -> pillow_heif.HeifFile:
    """Return what the file says of its pictures; none is decoded yet."""
    found, reason = None, ""
    try:
        found = pillow_heif.open_heif(file.data, convert_hdr_to_8bit=False, hdr_to_16bit=False)
    except (ValueError, SyntaxError, EOFError) as error:
        reason = str(error).strip().split("\n")[0]
    if found and len(found):
        return found
    if moving(file.data):
        raise ImageError(f"{file.name}: a moving picture; imgae reads the still pictures of HEIC")
    if reason:
        raise ImageError(f"{file.name}: damaged, or of a kind that cannot be read ({reason})")
    raise ImageError(f"{file.name}: damaged: it holds no picture")


def moving(data: bytes) -> bool:
    return any(box.kind == b"moov" for box in boxes_until_damage(data))


def warn_of_the_rest(file: File, heif: pillow_heif.HeifFile) -> None:
    """Warn of what the file holds besides its pictures, by name, once each."""
    lost: dict[str, None] = {}
    for picture in heif:
        info: dict[str, Any] = picture.info
        if info["depth_images"]:
            lost["depth map"] = None
        lost.update(dict.fromkeys(auxiliary(kind) for kind in info.get("aux", ())))
        if info.get("heif"):
            lost["camera matrix"] = None
        lost.update(dict.fromkeys(f"metadata of type {one['type']}" for one in info["metadata"]))
        groups = {group["type"] for group in info.get("entity_groups", ())} - {"altr"}
        lost.update(dict.fromkeys(f"grouping of pictures ({kind})" for kind in sorted(groups)))
    for box in boxes_until_damage(file.data):
        if box.kind in MOVING_BOXES:
            lost[MOVING_BOXES[box.kind]] = None
        elif box.kind == b"meta":
            kinds = {item.kind for item in boxes.items(file.data, box).items.values()}
            if b"tmap" in kinds:
                lost["HDR gain map"] = None
    if APPENDED_VIDEO in file.data:
        lost[MOVING_BOXES[b"mpvd"]] = None
    for thing in lost:
        warn(f"{file.name}: its {thing} is not carried over")


def auxiliary(kind: str) -> str:
    """Return what to call an auxiliary picture of a kind, which is a URN."""
    last = kind.rsplit(":", 1)[-1]
    if "gainmap" in last.lower():
        return "HDR gain map"
    if last in ("2", "depth") or "depth" in last.lower() or "disparity" in last.lower():
        return "depth map"
    return f"auxiliary picture ({last})"


def read_picture(file: File, picture: pillow_heif.HeifImage, *, primary: bool) -> Image:
    """Decode one picture, with what belongs to it."""
    info: dict[str, Any] = picture.info
    bits = int(info["bit_depth"])
    pixels, alpha = decode(file, picture, bits)
    premultiplied = alpha is not None and picture.premultiplied_alpha
    if alpha is not None and premultiplied:
        pixels = unassociated(pixels, alpha)
    exif = checked(info["exif"], file.name) if info["exif"] else None
    codes = colour_codes(file, picture, primary=primary)
    private: dict[str, Any] = {key: info[key] for key in LIGHT_KEYS if info.get(key) is not None}
    private = {LIGHT: private} if private else {}
    if info.get("pixel_aspect_ratio", (1, 1)) != (1, 1):
        private[ASPECT] = info["pixel_aspect_ratio"]
    details = {
        "chroma": info.get("chroma"),
        "matrix": codes[2] if codes else None,
        "premultiplied": premultiplied,
        "primary": primary,
    }
    return Image(
        pixels,
        alpha,
        icc=info.get("icc_profile") or None,
        exif=exif,
        xmp=read_xmp(file, info),
        dpi=resolution_of(exif),
        cicp=described(codes),
        private=private,
        stored=Stored("HEIC", f"{bits} bits" if bits > 8 else "", bits, details),
    )


def decode(
    file: File, picture: pillow_heif.HeifImage, bits: int
) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Return pixels (H, W, 1 or 3) and alpha, spread over 8 or 16 bits."""
    width, height = picture.size
    array = np.asarray(picture)
    has_alpha = picture.has_alpha
    channels = 4 if has_alpha else 3 if picture.mode.startswith("RGB") else 1
    file.check_decoded(array, width, height, channels)
    array = array.reshape(height, width, channels)
    if array.dtype != np.uint8:
        most = (1 << bits) - 1
        if array.max() > most:
            raise ImageError(f"{file.name}: damaged: it has samples of more than {bits} bits")
        array = spread(array, most)
    alpha = np.ascontiguousarray(array[:, :, 3]) if has_alpha else None
    pixels = array[:, :, :3] if has_alpha else array
    if has_alpha and "chroma" not in picture.info and is_gray(pixels):
        pixels = pixels[:, :, :1]
    return np.ascontiguousarray(pixels), alpha


def is_gray(pixels: NDArray[Any]) -> bool:
    return bool((pixels[:, :, 1:] == pixels[:, :, :1]).all())


def read_xmp(file: File, info: dict[str, Any]) -> bytes | None:
    xmp = info.get("xmp")
    if not xmp:
        return None
    if b"<" not in xmp[:16]:
        warn(f"{file.name}: its metadata of type mime is not carried over")
        return None
    return bytes(xmp)


def colour_codes(
    file: File, picture: pillow_heif.HeifImage, *, primary: bool
) -> tuple[int, int, int, int] | None:
    """Return primaries, transfer, matrix and range as the file says them, or None.

    Beside a colour profile, pillow-heif does not tell them, and the boxes are asked.
    """
    info: dict[str, Any] = picture.info
    nclx = info.get("nclx_profile")
    if nclx:
        first, second, third, fourth = (int(nclx[key]) for key in NCLX_KEYS)
        return first, second, third, fourth
    meta = next((box for box in boxes_until_damage(file.data) if box.kind == b"meta"), None)
    if meta is None or not primary:
        return None
    items = boxes.items(file.data, meta)
    item = items.items.get(items.primary)
    return boxes.colours_of(file.data, item.properties)[1] if item else None


def described(codes: tuple[int, int, int, int] | None) -> tuple[int, int, int, int] | None:
    """Return what codes say of RGB pixels; None if that is sRGB, or nothing."""
    if codes is None or codes[:2] == SRGB or UNSAID in codes[:2]:
        return None
    return codes[0], codes[1], RGB_MATRIX, 1


def encode(frames: Frames, name: str, encoding: Encoding) -> bytes:
    heif = pillow_heif.HeifFile()  # type: ignore[no-untyped-call]
    quality = encoding.quality or QUALITY
    exact = quality >= EXACT
    chroma = 444 if exact else stored_detail(frames[0], "chroma")
    primary = 0
    for index, image in enumerate(frames):
        add(heif, image, name, exact=exact)
        if stored_detail(image, "primary"):
            primary = index
    out = io.BytesIO()
    heif.save(
        out,
        quality=-1 if exact else quality,
        chroma=chroma if chroma in CHROMAS else 444,
        primary_index=primary,
        tile_size=max(tile_size(image) for image in frames),
        enc_params={"preset": "ultrafast"},  # a quarter of the time of "fast", 13 % more bytes
    )
    data = out.getvalue()
    check_written(frames, data, name)
    return data


def tile_size(image: Image) -> int:
    """Return the side of the tiles that a picture is cut into, or 0 if it stays whole."""
    short, long = sorted((image.height, image.width))
    if long <= LARGEST[0] and long * short <= LARGEST[1]:
        return 0
    enough = max(min(TILE, short), long / MOST_TILES)
    return math.ceil(enough / BLOCK) * BLOCK


def check_written(frames: Frames, data: bytes, name: str) -> None:
    """Raise ImageError if what was written cannot be decoded, which happens to pure noise."""
    try:
        written = pillow_heif.open_heif(data, convert_hdr_to_8bit=False, hdr_to_16bit=False)
        sizes = []
        for picture in written:
            picture.load()
            sizes.append(picture.size)
    except (ValueError, SyntaxError, EOFError, RuntimeError) as error:
        raise ImageError(f"{name}: HEIC cannot hold this picture; write PNG or TIFF") from error
    if sizes != [(image.width, image.height) for image in frames]:
        raise ImageError(f"{name}: HEIC cannot hold this picture; write PNG or TIFF")


def stored_detail(image: Image, key: str) -> Any:
    """Return what the HEIC file that a picture came from said, or None."""
    return details_of(image, "HEIC").get(key)


def add(heif: pillow_heif.HeifFile, image: Image, name: str, *, exact: bool) -> None:
    """Add a picture, with what belongs to it, to a file to be written."""
    if image.alpha is not None and stored_detail(image, "premultiplied"):
        image = replace(image, pixels=associated(image.pixels, image.alpha))
    array = channels_of(image)
    bits = bits_for(image, array, name)
    mode = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}[array.shape[2]]
    if stored_detail(image, "premultiplied") and image.alpha is not None:
        mode = mode[:-1] + "a"
    if bits > 8:
        array = narrowed(array, bits).astype("<u2")
        mode = f"{mode};{bits}"
    added = heif.add_frombytes(mode, (image.width, image.height), array.tobytes())
    info: dict[str, Any] = added.info
    matrix = stored_detail(image, "matrix")
    if matrix not in LUMA_MATRICES or image.pixels.shape[2] == 1:
        matrix = USUAL_MATRIX
    image = of_one_colour(image, name)
    primaries, transfer = image.cicp[:2] if image.cicp else SRGB
    values = (primaries, transfer, RGB_MATRIX if exact else matrix, 1)
    info.update(zip(NCLX_KEYS, values, strict=True))
    info.update(image.private.get(LIGHT, {}))
    if ASPECT in image.private:
        info["pixel_aspect_ratio"] = image.private[ASPECT]
    exif = with_resolution(image.exif, image.dpi)
    belongings = {"icc_profile": image.icc, "exif": exif, "xmp": image.xmp}
    info.update({key: value for key, value in belongings.items() if value})


def of_one_colour(image: Image, name: str) -> Image:
    """Leave out, with a warning, the colour profile or the description if a picture has both.

    libheif writes one. High dynamic range is what a profile cannot say.
    """
    if not image.icc or not image.cicp:
        return image
    field = "icc" if image.cicp[1] in HDR else "cicp"
    warn(
        f"{name}: HEIC is written with one of two colour descriptions; {BELONGINGS[field]} is "
        "left out"
    )
    return replace(image, icc=None) if field == "icc" else replace(image, cicp=None)


def bits_for(image: Image, array: NDArray[Any], name: str) -> int:
    """Return 8, 10 or 12, the fewest bits of a file that hold a picture's samples."""
    if image.bits == 8:
        return 8
    asked = image.stored.bits if image.stored else 0
    if 8 < asked <= 12:
        return 10 if asked <= 10 else 12
    for bits in (10, 12):
        if fits(array, bits):
            return bits
    warn(f"{name}: HEIC holds 12 bits; reduced from {scale_of(array.dtype).bit_length()}")
    return 12


FORMAT: Final = Format(
    read,
    encode,
    Limits(
        lossy=True,
        bits=16,
        side=65535,
        holds=frozenset({"icc", "exif", "xmp", "dpi", "cicp"}),
        private=frozenset({LIGHT, ASPECT}),
        frames=frozenset({"pages"}),
    ),
)
