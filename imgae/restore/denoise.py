"""Removing noise from pictures."""

import copy
import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from imgae.errors import OptionError
from imgae.io.metadata.exif import iso_of
from imgae.model import machine, registry, session
from imgae.model.session import OnnxModel
from imgae.model.stitch import Progress, check_settings, release
from imgae.picture.arrays import Picture, check_finite, from_picture, like_picture
from imgae.picture.bands import one_if_gray
from imgae.picture.image import Image
from imgae.picture.rows import Rows
from imgae.restore.controls import Controls
from imgae.restore.estimate import estimate
from imgae.restore.levels import Given, Level, checked_level
from imgae.restore.routes import Alone, InTurn, Route, Told
from imgae.restore.scaling import Scale, View, in_8_bits, scale_for, views_of
from imgae.restore.unseen import without_hidden
from imgae.restore.work import Course, Denoised, none_replaced

__all__ = [
    "Common",
    "Denoised",
    "Denoiser",
    "camera_model",
    "default_model",
]

FAST: Final = "denoise-fast"
FAST_INTEGER: Final = "denoise-fast-int8"
CAMERA: Final = "denoise-camera"
CAMERA_INTEGER: Final = "denoise-camera-int8"
CAMERA_BECAUSE: Final = "where the noise is not white"
ESTIMATE: Final = "estimate"
ESTIMATE_BECAUSE: Final = "to find out what noise there is"
LOOKED_AT: Final = 9
"""Of frames that belong together, how many tell what they have in common."""


LOADING: Final = threading.RLock()


class loaded_once(cached_property[OnnxModel]):  # noqa: N801 - as cached_property
    """A model that is loaded when it is first needed, by one of the threads that need it."""

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        with LOADING:
            return super().__get__(instance, owner)


def default_model(device: str = "auto") -> tuple[str, str]:
    """Return the name of the model for white noise that suits this machine, and why.

    device: as for Denoiser. Raises ModelError if it is not there.
    """
    if session.choose_device(device) != "cpu":
        return FAST, "int8 was not measured on a GPU"
    if machine.has_vnni():
        return FAST_INTEGER, f"with this processor's VNNI twice as fast as {FAST}"
    return FAST, "the fastest in float; this processor has no VNNI, or does not tell"


def camera_model(device: str = "auto") -> str:
    """Return the name of the model for other noise that suits this machine. device: as above."""
    integers = default_model(device)[0] == FAST_INTEGER
    return CAMERA_INTEGER if integers and CAMERA_INTEGER in registry.available() else CAMERA


@dataclass(frozen=True)
class Common:
    """What frames that belong together have in common, so that none is treated unlike the others.

    white: whether their noise is white. level: if it is, its level, on [0, 1].
    """

    white: bool
    level: float


class Denoiser:
    """Remove noise from pictures. Load once; then call as often as you like, from any thread.

    model: the name of a shipped model (`imgae models` lists them), the path of an .onnx file, or
        None for the one that suits this machine.
    device: "cpu", "cuda", or "auto", which uses CUDA if the installed onnxruntime has it.
    threads: how many CPU threads to use, from 1; None uses every CPU that this process may use.
    tile: how to cut a large picture so that it fits into memory. "auto" uses at most half of the
        free memory; a whole number from 1 is the side in pixels of the part that each tile keeps,
        rounded up to a multiple that the model needs; 0 takes the whole picture at once. The
        result is the same.
    Raises WeightsError if there is no such model, ModelError if it cannot be used or the device is
    not there, and OptionError for other values of threads and tile.

    If no level is given, and the model takes one, another model looks at the picture first. Where
    it finds white noise, the model is told its level. Otherwise a model for the noise of cameras
    and JPEG works first, as much as is good in each place, and the model is told what is left
    there; clean pictures stay as they are. A level that is given is obeyed, whatever the noise.

    A Denoiser can be pickled, for use in other processes, which load the model from its file.
    beside: another whose models for cameras and for looking this one uses too, or None.

    Example:
        denoise = imgae.Denoiser()
        clean = denoise(imgae.read_image("photo.png"))

    """

    beside: "Denoiser | None" = None

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
        self.named = model is not None
        self.path = registry.find(default_model(device)[0] if model is None else model)
        if self.named:
            self.model  # noqa: B018 - fails here rather than at the first picture

    @loaded_once
    def model(self) -> OnnxModel:
        """The model that was named, or the one that suits this machine."""
        return self._load(self.path)

    @loaded_once
    def camera(self) -> OnnxModel:
        """The model for noise of cameras and JPEG."""
        other = self.beside.camera if self.beside else None
        return other or self._load(registry.find(camera_model(self.device)))

    @loaded_once
    def looking(self) -> OnnxModel:
        """The model that looks at pictures first."""
        other = self.beside.looking if self.beside else None
        return other or self._load(registry.find(ESTIMATE), "estimate")

    def _load(self, path: Path, task: str = "denoise") -> OnnxModel:
        return session.load(path, task=task, device=self.device, threads=self.threads)

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
            (H, W, 4), uint8, uint16, float32 or float64. Alpha is kept as it is, and so is
            the colour that it hides. Floats are on [0, 1], where some may lie outside, such as
            lamps of 100, or in a range of their own: from -1 to 1; from 0 to a power of two; or
            from their lowest to their highest values. They stay in that range, and none is clipped.
        sigma: the standard deviation of the noise on [0, 1], so 25/255 for level 25 of 8 bits;
            None or "auto" finds it; a float array (H, W) gives each pixel its own. For floats in a
            range of their own, it is a share of that range, which `run` names in its notes.
        strength: how much of the effect, from 0, which returns the input, to 2. 1 is what the model
            does by itself; above, it is told this many times the level, and removes more.
        luma, chroma: the same for noise in brightness and in colour alone, from 0 to 2.
        detail: how much of the fine texture to give back where there is some, from 0 to 1.
        grain: how much new grain to add, from 0 to 1; 1 is as strong as noise of level 8.
        Raises ImageError for another kind of array, and for NaN or infinity; OptionError for values
        out of range, a map of another size, or a level or more than the full effect for a model
        that takes no level.
        """
        picture = from_picture(image)
        controls = Controls(strength, luma, chroma, detail, grain)
        if controls.keeps_all:
            checked_level(sigma, picture)
            check_finite(without_hidden(picture)[0])
            return copy.deepcopy(image)
        restored: Picture = like_picture(image, self.run(picture, sigma, controls).image)
        return restored

    def run(
        self,
        image: Image,
        sigma: Given = None,
        controls: Controls | None = None,
        progress: Progress | None = None,
        common: Common | None = None,
    ) -> Denoised:
        """Denoise, and also return the models and level used and the number of tiles.

        image, sigma and errors: as for calling the object. controls: strength and the others in
        one. progress: called with the tiles done and the tiles in all. common: what holds for all
        frames that the picture belongs to, as common_to finds it.
        """
        level = checked_level(sigma, image)
        controls = controls or Controls()
        shown, hidden = without_hidden(image)
        check_finite(shown)
        course = self.course(shown, one_if_gray(shown.pixels), level, controls, hidden, common)
        pixels = course.restored(progress)
        finished = course.finished(pixels)
        if finished.shape[2] < image.pixels.shape[2]:
            finished = finished.repeat(3, 2)
        if hidden is not None:
            finished = np.where(hidden[:, :, None], image.pixels, finished)
        return course.denoised(image.with_pixels(finished), course.change(pixels))

    def course(
        self,
        image: Image,
        original: Rows,
        level: Level,
        controls: Controls,
        hidden: NDArray[np.bool_] | None = None,
        common: Common | None = None,
        progress: Progress | None = None,
    ) -> Course:
        """Look at a picture, and return how to denoise it. The work comes afterwards.

        image: what the file tells. original: its pixels, one channel if it is gray. level: as
        checked. hidden: (H, W), pixels that tell nothing. common: as for run. progress: called
        with the tiles looked at and the tiles in all.
        """
        scale = self.scale_of(original)
        source, replaced = original, none_replaced
        works = any(controls.shares(original.shape[2]))
        if level is None and self.takes_level and works:
            source, replaced = without_impulses(original, scale)
        alone = self.named and self.model.card.noise is not None
        views = views_of(source, scale, alone) if works else [View(scale, source)]
        chosen = [self.choose(image, view, level, hidden, common, progress) for view in views]
        factors = controls.factors(original.shape[2])
        ways = [self.strengthened(route, factors) for route in chosen]
        if not isinstance(original, np.ndarray):
            release([self.looking] if "looking" in vars(self) else [])
        return Course(
            original,
            source,
            replaced,
            level,
            controls,
            hidden,
            views,
            chosen,
            ways,
            self.tile,
            scale,
        )

    def scale_of(self, pixels: Rows) -> Scale:
        """Return the scale of a picture: that of a model for one source's noise, or its own.

        The noise of a source follows from its values, so what such a model sees as white does not
        change with what a picture shows. Files of another type than it knows get their own scale.
        """
        noise = self.model.card.noise if self.named else None
        if noise is None or noise.pixels != pixels.dtype.name:
            return scale_for(pixels)
        return Scale(noise.low, noise.span, 1.0 if noise.low == 0 else noise.span)

    @property
    def takes_level(self) -> bool:
        """Whether the model is told a level; the models for white noise that ship are."""
        return not self.named or "sigma" in self.model.card.inputs

    def common_to(self, images: Sequence[Image]) -> Common | None:
        """Find what the frames of an animation or a stack have in common, from some of them.

        Returns None if each is to be looked at alone: the model takes no level, or there is one.
        """
        if not self.takes_level or len(images) < 2:
            return None
        evidence, levels = 0.0, []
        for image in images[:: -(-len(images) // LOOKED_AT)]:
            shown, hidden = without_hidden(image)
            check_finite(shown)
            pixels = one_if_gray(shown.pixels)
            scale = scale_for(pixels)
            view = views_of(without_impulses(pixels, scale)[0], scale)[0]
            unseen = either(view.unseen, hidden)
            noise = estimate(self.looking, view.pixels, self.tile, view.scale, unseen)
            evidence += noise.evidence
            levels.append(view.scale.own(noise.level))
        return Common(evidence > 0, float(np.median(levels)))

    def choose(
        self,
        image: Image,
        view: View,
        level: Level,
        hidden: NDArray[np.bool_] | None,
        common: Common | None = None,
        progress: Progress | None = None,
    ) -> Route:
        """Choose the way for a view of a picture. Raises OptionError if the model takes no level.

        level: as checked. hidden: (H, W), the pixels that no view shows, or None. common: as for
        run. progress: as for course.
        """
        if not self.takes_level:
            if level is not None:
                own = self.model.card.noise is not None
                how = "holds the noise of its source" if own else "judges the noise by the picture"
                raise OptionError(
                    f"{self.model.card.name} takes no noise level, because it {how}; leave sigma "
                    "(--sigma) out"
                )
            return Alone(self.model, told_by(image, self.model))
        if level is not None:
            return Told(self.model, view.scale.told(level))
        if common and common.white:
            return Told(self.model, view.scale.told(common.level))
        unseen = either(view.unseen, hidden)
        noise = estimate(self.looking, view.pixels, self.tile, view.scale, unseen, progress)
        if noise.white and not common:
            return Told(self.model, noise.level)
        share, rest = noise.map_of("share").copy(), noise.map_of("rest").copy()
        camera = self.camera if share.any() else None
        model = self.model if rest.any() else None
        told = told_by(image, camera) if camera else {}
        return InTurn(self.looking, camera, model, share, rest, told)

    def strengthened(self, route: Route, factors: tuple[float, ...]) -> list[Route]:
        """Return a way once for each factor of the level. Raises OptionError if it has none."""
        if max(factors) > 1 and not self.takes_level:
            raise OptionError(
                f"{self.model.card.name} takes no noise level, so it cannot remove more than all "
                "it finds; give at most 1 for strength, and for its products with luma and chroma"
            )
        return [route.times(factor) for factor in factors]


def either(one: Rows | None, other: NDArray[np.bool_] | None) -> Rows | None:
    """Return where either of two masks is true; None stands for nowhere."""
    return (other if one is None else one) if one is None or other is None else other | one[:]


def without_impulses(pixels: Rows, scale: Scale) -> tuple[Rows, Callable[[], int]]:
    """Replace values that stand out from all around, such as salt and pepper and hot pixels.

    pixels: (H, W, C) of any type. scale: what models see as 0 and 1.
    Returns the pixels, others if any is replaced, and what tells how many were; of rows, when all
    were read.
    """
    from imgae.restore import impulses  # loads OpenCV, and only where it is used

    if not isinstance(pixels, np.ndarray):
        kind = impulses.kind_of(pixels, scale)
        if kind is None:
            return pixels, none_replaced
        cleaned = impulses.Cleaned(pixels, scale, kind)
        return cleaned, lambda: cleaned.count
    found = impulses.find_impulses(in_8_bits(pixels, scale))
    if found is None:
        return pixels, none_replaced
    count = int(found.any(2).sum())
    return impulses.replaced(pixels, found), lambda: count


def told_by(image: Image, model: OnnxModel) -> dict[str, NDArray[np.float32]]:
    """Return those of a model's optional inputs that the picture's file tells."""
    told = {}
    if image.quantisation and "quantisation" in model.card.optional:
        told["quantisation"] = np.array(image.quantisation, np.float32).reshape(1, 2, 1, 1)
    if image.exif and "iso" in model.card.optional and (iso := iso_of(image.exif)):
        told["iso"] = np.full((1, 1, 1, 1), iso, np.float32)
    return told
