"""Classical denoisers and fills to compare with, each from the library that keeps it.

Denoisers take noisy (H, W, C) float64 with white at 1 and sigma on the same scale, and return the
same shape. Fills take uint8 (H, W, 3) and a bool mask (H, W), True is unknown, and return uint8
(H, W, 3). They need `pip install 'imgae[bench]'`.
"""

import importlib
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import PIL.Image
from numpy.typing import NDArray

from imgae.errors import ImageError, MissingExtraError, OptionError, needs_extra, warn
from imgae.picture.pixels import from_float, to_float

Floats = NDArray[np.floating[Any]]
Eight = NDArray[np.uint8]
Mask = NDArray[np.bool_]
RADIUS: Final = 3
CONTRIB: Final = "opencv-contrib-python-headless"
"""The OpenCV with xphoto; its files replace those of opencv-python-headless, where both are."""
GMIC: Final = "gmic"


def nlm(noisy: Floats, sigma: float) -> Floats:
    """Non-local means, OpenCV, in 8 bits, with h = 0.9 sigma as its best setting."""
    eight, h = from_float(noisy, np.uint8), 0.9 * sigma * 255
    if noisy.shape[2] == 1:
        return cv2.fastNlMeansDenoising(eight[:, :, 0], None, h)[:, :, None] / 255
    return cv2.fastNlMeansDenoisingColored(eight, None, h, h) / 255


def wavelet(noisy: Floats, sigma: float) -> Floats:
    """Wavelet shrinkage, BayesShrink in YCbCr, scikit-image."""
    from skimage.restoration import denoise_wavelet

    colour = noisy.shape[2] == 3
    picture = noisy if colour else noisy[:, :, 0]
    out = denoise_wavelet(
        picture, sigma=sigma, convert2ycbcr=colour, channel_axis=-1 if colour else None
    )
    return np.asarray(out).reshape(noisy.shape)


def tv(noisy: Floats, sigma: float) -> Floats:
    """Total variation, Chambolle, scikit-image, with weight 0.8 sigma: the best at 25 of five."""
    from skimage.restoration import denoise_tv_chambolle

    out = denoise_tv_chambolle(  # type: ignore[no-untyped-call,unused-ignore]
        noisy, weight=0.8 * sigma, channel_axis=-1
    )
    return np.asarray(out)


def bm3d(noisy: Floats, sigma: float) -> Floats:
    """BM3D, in colour CBM3D, by its authors' package (free for non-commercial use only)."""
    import bm3d as package

    if noisy.shape[2] == 3:
        return np.asarray(package.bm3d_rgb(noisy, sigma))
    return np.asarray(package.bm3d(noisy[:, :, 0], sigma)).reshape(noisy.shape)


DENOISERS: Final[dict[str, Callable[[Floats, float], Floats]]] = {
    "nlm": nlm,
    "wavelet": wavelet,
    "tv": tv,
    "bm3d": bm3d,
}


def denoise(name: str, noisy: Floats, sigma: float) -> Floats:
    """Denoise by the baseline of a name. At level 0 the picture comes back as it is."""
    return DENOISERS[name](noisy, sigma) if sigma > 0 else noisy


def telea(pixels: Eight, mask: Mask) -> Eight:
    """Fast marching (Telea 2004), OpenCV, radius 3."""
    filled = cv2.inpaint(pixels, mask.astype(np.uint8), RADIUS, cv2.INPAINT_TELEA)
    return np.asarray(filled, np.uint8)


def ns(pixels: Eight, mask: Mask) -> Eight:
    """Navier-Stokes (Bertalmio et al. 2001), OpenCV, radius 3."""
    filled = cv2.inpaint(pixels, mask.astype(np.uint8), RADIUS, cv2.INPAINT_NS)
    return np.asarray(filled, np.uint8)


def biharmonic(pixels: Eight, mask: Mask) -> Eight:
    """The biharmonic equation, scikit-image, solved for each hole."""
    from skimage.restoration import inpaint_biharmonic

    filled = inpaint_biharmonic(pixels, mask, channel_axis=-1, split_into_regions=True)
    eight: Eight = from_float(np.asarray(filled), np.uint8)
    return eight


def harmonic(pixels: Eight, mask: Mask) -> Eight:
    """Laplace's equation with mirrored borders, solved exactly by SciPy."""
    from scipy import sparse
    from scipy.sparse.linalg import splu

    rows, columns = np.nonzero(mask)
    count = len(rows)
    number = np.full(mask.shape, -1)
    number[mask] = np.arange(count)
    known = to_float(pixels).astype(np.float64)
    right = np.zeros((count, 3))
    entries = [(np.arange(count), np.arange(count), np.full(count, 4.0))]
    for down, across in ((0, 1), (1, 0), (0, -1), (-1, 0)):
        row = (rows + down).clip(0, mask.shape[0] - 1)
        column = (columns + across).clip(0, mask.shape[1] - 1)
        other = number[row, column]
        inside = other >= 0
        entries.append((np.flatnonzero(inside), other[inside], np.full(inside.sum(), -1.0)))
        right[~inside] += known[row[~inside], column[~inside]]
    i, j, values = (np.concatenate(part) for part in zip(*entries, strict=True))
    matrix = sparse.coo_matrix((values, (i, j)), shape=(count, count)).tocsc()
    filled = known.copy()
    filled[mask] = splu(matrix).solve(right)
    out = pixels.copy()
    out[mask] = from_float(filled[mask], np.uint8)
    return out


def fsr(pixels: Eight, mask: Mask) -> Eight:
    """Frequency selective reconstruction (Genser et al. 2018), OpenCV's xphoto, its fast mode.

    It extends each block of 16 pixels with a hole in it by itself, so it takes as long as many
    blocks have holes.
    """
    xphoto = cv2.xphoto  # type: ignore[attr-defined,unused-ignore]
    known = np.where(mask, np.uint8(0), np.uint8(255))
    filled = np.zeros_like(pixels)
    xphoto.inpaint(pixels, known, filled, xphoto.INPAINT_FSR_FAST)
    return np.where(mask[:, :, None], filled, pixels)


def gmic(pixels: Eight, mask: Mask) -> Eight:
    """Multi-scale matching of patches, by the program G'MIC, with its own settings, seeded.

    It also changes known pixels next to holes, which stay so, as its users get them. Values are
    rounded, where the program alone cuts them off, a level darker than they were.
    """
    with tempfile.TemporaryDirectory() as folder:
        names = [str(Path(folder, name)) for name in ("picture.png", "mask.png", "filled.png")]
        PIL.Image.fromarray(pixels).save(names[0])
        PIL.Image.fromarray(mask.astype(np.uint8) * np.uint8(255)).save(names[1])
        words = ["srand", "1", "inpaint_matchpatch[0]", "[1]", "round[0]", "-o[0]", names[2]]
        done = subprocess.run(  # noqa: S603
            [GMIC, *names[:2], *words], capture_output=True, text=True, check=False
        )
        if done.returncode != 0 or not Path(names[2]).exists():
            last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
            raise ImageError(f"{GMIC} made no fill: {last}")
        with PIL.Image.open(names[2]) as filled:
            return np.asarray(filled.convert("RGB"), np.uint8)


FILLS: Final[dict[str, Callable[[Eight, Mask], Eight]]] = {
    "telea": telea,
    "ns": ns,
    "harmonic": harmonic,
    "biharmonic": biharmonic,
    "fsr": fsr,
    "gmic": gmic,
}
"""By the names that --against takes."""
PROGRAMS: Final = (GMIC,)
"""Baselines that are programs, by their own names."""
PACKAGES: Final = {
    "wavelet": ("skimage.restoration", "pywt"),
    "tv": ("skimage.restoration",),
    "bm3d": ("bm3d",),
    "harmonic": ("scipy.sparse.linalg",),
    "biharmonic": ("skimage.restoration",),
}
"""What a baseline needs besides what imgae needs."""
ALONE: Final = ("bm3d",)
"""Packages that no extra of imgae brings, since their licence is another."""


def check(names: Sequence[str], known: Sequence[str]) -> None:
    """Raise OptionError if a baseline is unknown, MissingExtraError if a package is not there."""
    for name in names:
        if name not in known:
            raise OptionError(f"no baseline is called {name!r}; there are: {', '.join(known)}")
        if name in PROGRAMS and not is_there(name):
            raise MissingExtraError(
                f"the baseline {name} needs the program {name}, which is not there; install it, "
                f"for example with: apt install {name}"
            )
        if name == "fsr" and not has_xphoto():
            raise MissingExtraError(
                f"the baseline fsr needs OpenCV's xphoto; install it last, with: pip install "
                f"--force-reinstall --no-deps {CONTRIB}=={version('opencv-python-headless')}"
            )
        for package in PACKAGES.get(name, ()):
            if package in ALONE:
                need_package(name, package)
            else:
                with needs_extra("bench", f"the baseline {name}"):
                    importlib.import_module(package)


def is_there(program: str) -> bool:
    """Return whether a program can be run."""
    return shutil.which(program) is not None


def those_there(names: Sequence[str], optional: Sequence[str]) -> list[str]:
    """Leave out, with an ImgaeWarning, optional baselines whose packages or programs are missing.

    names: of fills. Raises what `check` raises for the others.
    """
    found = []
    for name in names:
        try:
            check([name], list(FILLS))
        except MissingExtraError as error:
            if name not in optional:
                raise
            warn(f"{name} is left out: {error}")
            continue
        found.append(name)
    return found


def has_xphoto() -> bool:
    """Return whether this OpenCV has xphoto. A folder of types alone may be left of it."""
    return hasattr(getattr(cv2, "xphoto", None), "inpaint")


def need_package(name: str, package: str) -> None:
    try:
        importlib.import_module(package)
    except ImportError as error:
        raise MissingExtraError(
            f"the baseline {name} needs the package {package}, which no extra of imgae brings; "
            f"install it with: pip install {package}"
        ) from error
