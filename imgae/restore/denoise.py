"""Removing noise from pictures."""

import copy
import math
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from imgae.errors import OptionError
from imgae.io.metadata import iso_of
from imgae.model import registry, session
from imgae.model.session import OnnxModel
from imgae.model.stitch import Progress, check_settings, plan_for, run_tiles
from imgae.picture.arrays import Picture, check_finite, from_picture, like_picture
from imgae.picture.image import Image
from imgae.picture.noise import estimate_noise
from imgae.picture.pixels import to_float
from imgae.restore.controls import Controls

FAST: Final = "denoise-fast"
FAST_INTEGER: Final = "denoise-balanced-int8"
CAMERA: Final = "denoise-camera"
CAMERA_BECAUSE: Final = "where no white noise is found"
LEAST_WHITE: Final = 4 / 255
"""White noise of this level, and no less, is left to the model that is told the level."""


def default_model(device: str = "auto") -> tuple[str, str]:
    """Return the name of the model for white noise that suits this machine, and why.

    device: as for Denoiser. Raises ModelError if it is not there.
    """
    if session.choose_device(device) != "cpu":
        return FAST, "int8 was not measured on a GPU"
    if session.has_vnni():
        return FAST_INTEGER, f"with this processor's VNNI as fast as {FAST} in float, and better"
    return FAST, "the fastest in float; this processor has no VNNI, or does not tell"


@dataclass(frozen=True)
class Denoised:
    """A denoised picture and how it came about.

    sigma: the level used, on [0, 1], or what a model that sees the level for itself took away, as
    a standard deviation. sigma_source: "given", "estimated" or "removed". caution: what speaks
    against the level, or None. model: its name. device: what it ran on.
    """

    image: Image
    sigma: float
    sigma_source: str
    caution: str | None
    tiles: int
    model: str
    device: str


@dataclass(frozen=True)
class Choice:
    """A model, and the level that it is told; None if it sees that for itself."""

    model: OnnxModel
    sigma: float | None
    source: str
    caution: str | None = None


class Denoiser:
    """Remove noise with a model; load once, call often, from any thread.

    model: a shipped name, a file, or None for two: where the level is given, or white noise is
    found, the one for white noise that suits the machine (`default_model`); elsewhere the one for
    noise of cameras and JPEG, which leaves clean pictures as they are.
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
        self.device, self.threads, self.tile = device, threads, tile
        self.path = registry.find(model or default_model(device)[0])
        self.camera_path = None if model else registry.find(CAMERA)
        if model:
            self.model  # noqa: B018 - fails here rather than at the first picture

    @cached_property
    def model(self) -> OnnxModel:
        """The model that was named, or the one for white noise."""
        return self._load(self.path)

    @cached_property
    def camera_model(self) -> OnnxModel:
        """The model for noise of cameras and JPEG, of a denoiser without a named model."""
        assert self.camera_path is not None
        return self._load(self.camera_path)

    def _load(self, path: Path) -> OnnxModel:
        return session.load(path, task="denoise", device=self.device, threads=self.threads)

    def __call__(
        self,
        image: Picture,
        sigma: float | None = None,
        strength: float = 1.0,
        *,
        luma: float = 1.0,
        chroma: float = 1.0,
        detail: float = 0.0,
        grain: float = 0.0,
    ) -> Picture:
        """Return the picture without its noise, in the type, shape and dtype it came in.

        image: an imgae.Image, a PIL image, or an RGB array (H, W), (H, W, 1), (H, W, 3) or
        (H, W, 4), uint8, uint16 or float on [0, 1]; alpha is kept as it is.
        sigma: the noise's standard deviation on [0, 1]; None finds it.
        strength: 0 returns the input, 1 the full result. luma, chroma, detail, grain: see
        `Controls`.
        Raises ImageError for other arrays, NaN or infinity; OptionError for levels or strengths
        out of range, or a level for a model that takes none.
        """
        picture = from_picture(image)
        controls = Controls(strength, luma, chroma, detail, grain)
        if controls.keeps_all:
            check(picture, sigma)
            return copy.deepcopy(image)
        restored: Picture = like_picture(image, self.run(picture, sigma, controls).image)
        return restored

    def run(
        self,
        image: Image,
        sigma: float | None = None,
        controls: Controls | None = None,
        progress: Progress | None = None,
    ) -> Denoised:
        """Denoise, and tell the model and level used and the tiles it took; see __call__."""
        check(image, sigma)
        controls = controls or Controls()
        choice = self.choose(image, sigma)
        model, caution = choice.model, choice.caution
        inputs = told_by(image, model)
        if choice.sigma is not None:
            inputs["sigma"] = np.full((1, 1, 1, 1), choice.sigma, np.float32)
            most = model.card.sigma_range[1]
            if choice.sigma > most:
                caution = f"the model was trained up to level {most * 255:.0f}"
        plan = plan_for(model.card, image.height, image.width, self.tile)

        def restore(planes: NDArray[np.float32]) -> NDArray[np.float32]:
            return model(image=planes, **inputs)

        pixels = image.pixels
        if not controls.keeps_all:
            pixels = run_tiles(restore, image.pixels, plan, controls.blend, progress)
        level = removed(image.pixels, pixels) if choice.sigma is None else choice.sigma
        done = image.with_pixels(controls.finish(image.pixels, pixels))
        return Denoised(
            done, level, choice.source, caution, len(plan), model.card.name, model.device
        )

    def choose(self, image: Image, sigma: float | None) -> Choice:
        """Choose the model for a picture, and the level. Raises OptionError if it takes none."""
        if sigma is None and self.camera_path is not None:
            estimate = estimate_noise(image.pixels)
            if estimate.caution or estimate.sigma < LEAST_WHITE:
                return Choice(self.camera_model, None, "removed")
            return Choice(self.model, estimate.sigma, "estimated")
        takes_level = "sigma" in self.model.card.inputs
        if sigma is None and takes_level:
            estimate = estimate_noise(image.pixels)
            return Choice(self.model, estimate.sigma, "estimated", estimate.caution)
        if sigma is None:
            return Choice(self.model, None, "removed")
        if not takes_level:
            raise OptionError(f"{self.model.card.name} sees the level for itself; leave sigma out")
        return Choice(self.model, sigma, "given")


def told_by(image: Image, model: OnnxModel) -> dict[str, NDArray[np.float32]]:
    """Return those of a model's optional inputs that the picture's file tells."""
    told = {}
    if image.quantisation and "quantisation" in model.card.optional:
        told["quantisation"] = np.array(image.quantisation, np.float32).reshape(1, 2, 1, 1)
    if image.exif and "iso" in model.card.optional and (iso := iso_of(image.exif)):
        told["iso"] = np.full((1, 1, 1, 1), iso, np.float32)
    return told


def removed(before: NDArray[Any], after: NDArray[Any]) -> float:
    """Return the root mean square of the change, on [0, 1], by every fourth row."""
    change = to_float(after[::4]) - to_float(before[::4])
    return math.sqrt(float(np.square(change).mean()))


def check(image: Image, sigma: float | None) -> None:
    if sigma is not None and not (math.isfinite(sigma) and 0 <= sigma <= 1):
        raise OptionError(f"sigma is {sigma}; expected a level from 0 to 1 (25/255 is level 25)")
    check_finite(image)
