"""Classical denoisers to compare with, each from the library that keeps it.

Every function takes noisy (H, W, C) float64 with white at 1 and sigma on the same scale, and
returns the same shape. They need `pip install 'imgae[bench]'`.
"""

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from imgae.errors import ImgaeError
from imgae.picture.pixels import from_float

Floats = NDArray[np.floating[Any]]


def nlm(noisy: Floats, sigma: float) -> Floats:
    """Non-local means, OpenCV, in 8 bits, with h = 0.9 sigma as its best setting."""
    import cv2

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
    try:
        import bm3d as package
    except ImportError as error:
        raise ImgaeError("bm3d is a package of its own: pip install bm3d") from error
    if noisy.shape[2] == 3:
        return np.asarray(package.bm3d_rgb(noisy, sigma))
    return np.asarray(package.bm3d(noisy[:, :, 0], sigma)).reshape(noisy.shape)


PEERS: Final[dict[str, Callable[[Floats, float], Floats]]] = {
    "nlm": nlm,
    "wavelet": wavelet,
    "tv": tv,
    "bm3d": bm3d,
}
