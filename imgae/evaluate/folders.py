"""Pictures and pairs of pictures, read from folders for an evaluation.

A file that cannot be read is left out, with an ImgaeWarning. So is one of floats that 8 bits would
spoil: NaN, infinity, or many values outside [0, 1].
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from imgae.errors import ImageError, warn
from imgae.io import files
from imgae.io.formats.table import listed, looks_like_picture
from imgae.picture.arrays import check_for_8_bits
from imgae.picture.image import Image
from imgae.picture.pixels import to_uint8, to_uint8_rgb

Pictures = Sequence[tuple[str, NDArray[np.uint8]]]
"""Names and 8-bit pixels (H, W, C)."""
NOISY: Final = ("_real", "_noisy")
CLEAN: Final = ("_mean", "_clean")


def clean_pictures(folder: Path, limit: int | None = None, *, spread: bool = False) -> Pictures:
    """Read the pictures of a folder, sorted by name.

    A name is the file's without extension; with it where two files would have one name.
    limit: only the first so many, or, with spread, so many from all over the folder.
    Raises ImageError if there is no such folder, or no picture in it can be read.
    """
    paths = pictures_in(folder)
    if spread and limit:
        paths = paths[:: max(1, len(paths) // limit)]
    stems = Counter(path.stem for path in paths)
    found: list[tuple[str, NDArray[np.uint8]]] = []
    failed: list[ImageError] = []
    for path in paths:
        if len(found) == limit:
            break
        try:
            pixels = to_uint8(usable(path).pixels)
        except ImageError as error:
            failed.append(error)
            continue
        found.append((path.stem if stems[path.stem] == 1 else path.name, pixels))
    check_some(found, failed, f"{folder}: no picture in it can be read")
    return found


def rgb_pictures(folder: Path, limit: int | None = None, *, spread: bool = False) -> Pictures:
    """Read pictures as `clean_pictures` does, gray ones as RGB too."""
    found = clean_pictures(folder, limit, spread=spread)
    return [(name, to_uint8_rgb(pixels)) for name, pixels in found]


def pairs(
    noisy_folder: Path, clean_folder: Path, limit: int | None = None
) -> list[tuple[str, Image, NDArray[np.uint8]]]:
    """Match noisy pictures and their references by name; return name, noisy and 8-bit reference.

    The endings _real and _noisy, _mean and _clean do not count. In one folder they tell what is
    what; in two folders they may be missing.
    Raises ImageError if no names match, two pictures of a pair differ in size or colours, or no
    pair can be read.
    """
    one = noisy_folder.resolve() == clean_folder.resolve()
    noisy_paths, clean_paths = pictures_in(noisy_folder), pictures_in(clean_folder)
    noisy = {stem_of(p): p for p in noisy_paths if is_of(p, NOISY, CLEAN, strict=one)}
    clean = {stem_of(p): p for p in clean_paths if is_of(p, CLEAN, NOISY, strict=one)}
    common = sorted(noisy.keys() & clean.keys())
    if not common:
        where = f"{noisy_folder}: no two pictures" if one else (
            f"{noisy_folder} and {clean_folder}: no picture of one and none of the other"
        )  # fmt: skip
        raise ImageError(
            f"{where} make a pair; name them alike, as in NAME_real.png and NAME_mean.png"
        )
    found: list[tuple[str, Image, NDArray[np.uint8]]] = []
    failed: list[ImageError] = []
    for stem in common:
        if len(found) == limit:
            break
        try:
            a, b = usable(noisy[stem]), usable(clean[stem])
        except ImageError as error:
            failed.append(error)
            continue
        check_alike(noisy[stem], a, clean[stem], b)
        found.append((stem, a, to_uint8(b.pixels)))
    check_some(found, failed, f"{noisy_folder}: no pair in it can be read")
    return found


def usable(path: Path) -> Image:
    """Read a picture. Raises ImageError, which names it, also where 8 bits would spoil it."""
    image = files.read_image(path)
    try:
        check_for_8_bits(image)
    except ImageError as error:
        raise ImageError(f"{path}: {error}") from error
    return image


def pictures_in(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise ImageError(f"{folder}: not a folder")
    found = sorted(p for p in folder.iterdir() if looks_like_picture(p.name))
    if not found:
        raise ImageError(f"{folder}: holds no {listed('or')} file")
    return found


def check_some(found: Sequence[Any], failed: Iterable[ImageError], sentence: str) -> None:
    """Warn of files that could not be read; raise ImageError if nothing was."""
    errors = list(failed)
    if not found:
        raise ImageError(f"{sentence}; the first of {len(errors)} errors: {errors[0]}")
    for error in errors:
        warn(f"{error}; left out")


def check_alike(noisy: Path, a: Image, clean: Path, b: Image) -> None:
    if a.pixels.shape != b.pixels.shape:
        what, other = (f"{image.width}x{image.height} {colours(image)}" for image in (a, b))
        raise ImageError(
            f"{noisy} is {what}, but {clean} is {other}; the pictures of a pair must be alike"
        )


def colours(image: Image) -> str:
    return "gray" if image.pixels.shape[2] == 1 else "RGB"


def is_of(path: Path, own: tuple[str, ...], others: tuple[str, ...], *, strict: bool) -> bool:
    return path.stem.endswith(own) if strict else not path.stem.endswith(others)


def stem_of(path: Path) -> str:
    for ending in (*NOISY, *CLEAN):
        if path.stem.endswith(ending):
            return path.stem.removesuffix(ending)
    return path.stem
