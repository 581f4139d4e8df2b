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
from imgae.model import machine, registry, session
from imgae.model.session import OnnxModel
from imgae.model.stitch import Progress, check_settings, plan_for, run_tiles
from imgae.picture.arrays import Picture, check_finite, from_picture, like_picture
from imgae.picture.image import Image
from imgae.picture.noise import estimate_noise
from imgae.picture.pixels import to_float
from imgae.restore.controls import Controls
from imgae.restore.levels import (
    Given,
    Level,
    checked_level,
    for_tile,
    highest,
    mean_of,
)

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
    if machine.has_vnni():
        return FAST_INTEGER, f"with this processor's VNNI as fast as {FAST} in float, and better"
    return FAST, "the fastest in float; this processor has no VNNI, or does not tell"


@dataclass(frozen=True)
class Denoised:
    """A denoised picture and how it came about.

    image: the picture without its noise.
    sigma: the noise level, on [0, 1]; of a map, the mean. sigma_source: where it comes from:
    "given" by the caller, "estimated" from the picture before the work, or "removed": the model
    takes no level, and this is the standard deviation of what it removed.
    caution: a reason to doubt the level, or None.
    tiles: how many the picture was cut into. model: its name. device: "cpu" or "cuda".
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
    """A model, and the level that it is told; None if it takes none."""

    model: OnnxModel
    level: Level
    source: str
    caution: str | None = None


class Denoiser:
    """Remove noise from pictures. Load once; then call as often as you like, from any thread.

    model: the name of a shipped model (`imgae models` lists them), the path of an .onnx file, or
        None. With None, imgae chooses for every picture: if you give the level, or if it finds
        white noise, it uses the model for white noise that suits this machine; otherwise it uses
        the model for the noise of cameras and JPEG, which leaves clean pictures as they are.
    device: "cpu", "cuda", or "auto", which uses CUDA if the installed onnxruntime has it.
    threads: how many CPU threads to use, from 1; None uses every CPU that this process may use.
    tile: how to cut a large picture so that it fits into memory. "auto" uses at most half of the
        free memory; a whole number from 1 is the side in pixels of the part that each tile keeps,
        rounded up to a multiple that the model needs; 0 takes the whole picture at once. The
        result is the same.
    Raises WeightsError if there is no such model, ModelError if it cannot be used or the device is
    not there, and OptionError for other values of threads and tile.

    A Denoiser can be pickled, for use in other processes, which load the model from its file.

    Example:
        denoise = imgae.Denoiser()
        clean = denoise(imgae.read_image("photo.png"))

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
        self.path = registry.find(default_model(device)[0] if model is None else model)
        self.camera_path = registry.find(CAMERA) if model is None else None
        if model is not None:
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
        sigma: Given = None,
        strength: float = 1.0,
        *,
        luma: float = 1.0,
        chroma: float = 1.0,
        detail: float = 0.0,
        grain: float = 0.0,
    ) -> Picture:
        """Return the picture without its noise, in the type, shape and dtype it came in.

        image: an imgae.Image, a PIL image, or an RGB array (H, W), (H, W, 1), (H, W, 3) or
            (H, W, 4), uint8, uint16, float32 or float64; floats are on [0, 1]. Alpha is kept as it
            is.
        sigma: the standard deviation of the noise on [0, 1], so 25/255 for level 25 of 8 bits;
            None or "auto" finds it; a float array (H, W) gives each pixel its own.
        strength: how much of the effect, from 0, which returns the input, to 1.
        luma, chroma: the same for noise in brightness and in colour alone, from 0 to 1.
        detail: how much of the fine texture to give back where there is some, from 0 to 1.
        grain: how much new grain to add, from 0 to 1; 1 is as strong as noise of level 8.
        Raises ImageError for another kind of array, and for NaN or infinity; OptionError for values
        out of range, a map of another size, or a level for a model that takes none.
        """
        picture = from_picture(image)
        controls = Controls(strength, luma, chroma, detail, grain)
        if controls.keeps_all:
            checked_level(sigma, picture)
            check_finite(picture)
            return copy.deepcopy(image)
        restored: Picture = like_picture(image, self.run(picture, sigma, controls).image)
        return restored

    def run(
        self,
        image: Image,
        sigma: Given = None,
        controls: Controls | None = None,
        progress: Progress | None = None,
    ) -> Denoised:
        """Denoise, and also return the model and level used and the number of tiles.

        image, sigma and errors: as for calling the object. controls: strength and the others in
        one. progress: called with the tiles done and the tiles in all.
        """
        level = checked_level(sigma, image)
        check_finite(image)
        controls = controls or Controls()
        choice = self.choose(image, level)
        model, caution = choice.model, choice.caution
        most = model.card.sigma_range[1]
        if choice.level is not None and highest(choice.level) > most + 1e-6:  # float32 of the same
            caution = f"the model was trained up to level {most * 255:.0f}"
        plan = plan_for(model.card, image.height, image.width, self.tile)
        told, tiles = told_by(image, model), iter(plan)

        def restore(planes: NDArray[np.float32]) -> NDArray[np.float32]:
            tile = next(tiles)  # run_tiles takes them in the plan's order
            if choice.level is not None:
                told["sigma"] = for_tile(choice.level, tile)
            return model(image=planes, **told)

        pixels = image.pixels
        if not controls.keeps_all:
            pixels = run_tiles(restore, image.pixels, plan, controls.blend, progress)
        level = choice.level
        found = removed(image.pixels, pixels) if level is None else mean_of(level)
        done = image.with_pixels(controls.finish(image.pixels, pixels))
        return Denoised(
            done, found, choice.source, caution, len(plan), model.card.name, model.device
        )

    def choose(self, image: Image, level: Level) -> Choice:
        """Choose the model for a picture, and the level. Raises OptionError if it takes none."""
        if level is None and self.camera_path is not None:
            estimate = estimate_noise(image.pixels)
            if estimate.caution or estimate.sigma < LEAST_WHITE:
                return Choice(self.camera_model, None, "removed")
            return Choice(self.model, estimate.sigma, "estimated")
        takes_level = "sigma" in self.model.card.inputs
        if level is None and takes_level:
            estimate = estimate_noise(image.pixels)
            return Choice(self.model, estimate.sigma, "estimated", estimate.caution)
        if level is None:
            return Choice(self.model, None, "removed")
        if not takes_level:
            raise OptionError(
                f"{self.model.card.name} takes no noise level, because it judges the noise from "
                "the picture; leave sigma out"
            )
        return Choice(self.model, level, "given")


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
