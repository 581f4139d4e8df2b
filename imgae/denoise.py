"""Removing noise from pictures."""

import copy
import math
import os
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from imgae import session, weights
from imgae.arrays import Picture, check_finite, from_picture, like_picture
from imgae.errors import OptionError
from imgae.image import Image
from imgae.noise import estimate_noise
from imgae.stitch import Progress, check_settings, plan_for, run_tiles

FAST: Final = "denoise-fast"
FAST_INTEGER: Final = "denoise-balanced-int8"


def default_model(device: str = "auto") -> tuple[str, str]:
    """Return the name of the model that suits this machine, and why.

    device: as for Denoiser. Raises ModelError if it is not there.
    """
    if session.choose_device(device) != "cpu":
        return FAST, "int8 gains nothing on a GPU"
    if session.has_vnni():
        return FAST_INTEGER, f"with this processor's VNNI as fast as {FAST} in float, and better"
    return FAST, "the fastest in float; this processor has no VNNI, or does not tell"


@dataclass(frozen=True)
class Denoised:
    """A denoised picture and how it came about.

    sigma: the level used, on [0, 1]. sigma_source: "given" or "estimated". caution: what speaks
    against the level, or None.
    """

    image: Image
    sigma: float
    sigma_source: str
    caution: str | None
    tiles: int


class Denoiser:
    """Remove Gaussian noise with a model; load once, call often, from any thread.

    model: a shipped name, a file, or None for what suits the machine (`default_model`).
    device: "auto", "cpu" or "cuda".
    threads: all usable CPUs by default. tile: see `imgae denoise --tile`.
    Raises ModelError or WeightsError if there is no such model or device.
    """

    def __init__(
        self,
        model: str | os.PathLike[str] | None = None,
        *,
        device: str = "auto",
        threads: int | None = None,
        tile: str | int = "auto",
    ) -> None:
        check_settings(tile, threads)
        path = weights.find(model or default_model(device)[0])
        self.model = session.load(path, task="denoise", device=device, threads=threads)
        self.tile = tile

    def __call__(
        self, image: Picture, sigma: float | None = None, strength: float = 1.0
    ) -> Picture:
        """Return the picture without its noise, in the type, shape and dtype it came in.

        image: an imgae.Image, a PIL image, or an RGB array (H, W), (H, W, 1), (H, W, 3) or
        (H, W, 4), uint8, uint16 or float on [0, 1]; alpha is kept as it is.
        sigma: the noise's standard deviation on [0, 1]; None estimates it, once for the picture.
        strength: 0 returns the input, 1 the full result.
        Raises ImageError for other arrays, NaN or infinity; OptionError for levels or strengths
        out of range.
        """
        picture = from_picture(image)
        if strength == 0:
            check(picture, sigma, strength)
            return copy.deepcopy(image)
        restored: Picture = like_picture(image, self.run(picture, sigma, strength).image)
        return restored

    def run(
        self,
        image: Image,
        sigma: float | None = None,
        strength: float = 1.0,
        progress: Progress | None = None,
    ) -> Denoised:
        """Denoise, and tell the level used and the tiles it took; see __call__."""
        check(image, sigma, strength)
        caution = None
        source = "given"
        if sigma is None:
            estimate = estimate_noise(image.pixels)
            sigma, caution, source = estimate.sigma, estimate.caution, "estimated"
        most = self.model.card.sigma_range[1]
        if sigma > most:
            caution = f"the model was trained up to level {most * 255:.0f}"
        plan = plan_for(self.model.card, image.height, image.width, self.tile)
        inputs = {}
        if "sigma" in self.model.card.inputs:
            inputs["sigma"] = np.full((1, 1, 1, 1), sigma, np.float32)

        def restore(planes: NDArray[np.float32]) -> NDArray[np.float32]:
            return self.model(image=planes, **inputs)

        pixels = image.pixels
        if strength != 0:
            pixels = run_tiles(restore, image.pixels, plan, strength, progress)
        return Denoised(image.with_pixels(pixels), sigma, source, caution, len(plan))


def check(image: Image, sigma: float | None, strength: float) -> None:
    if sigma is not None and not (math.isfinite(sigma) and 0 <= sigma <= 1):
        raise OptionError(f"sigma is {sigma}; expected a level from 0 to 1 (25/255 is level 25)")
    if not (math.isfinite(strength) and 0 <= strength <= 1):
        raise OptionError(f"strength is {strength}; expected 0 to 1")
    check_finite(image)
