"""Parts of a picture without noise, as the whole picture has them there: to look at, and to try.

What takes long is to look at the picture, since that takes all of it. It is done once; then a part
takes as long as its own pixels do, and one whose controls alone change next to nothing.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from imgae.errors import ImageError
from imgae.model.session import OnnxModel
from imgae.picture.arrays import check_finite
from imgae.picture.bands import one_if_gray
from imgae.picture.image import Image
from imgae.picture.tiling import Box, Tile, TilePlan, round_up
from imgae.restore.controls import Controls
from imgae.restore.denoise import Common, Denoiser
from imgae.restore.levels import Given, checked_level
from imgae.restore.routes import InTurn, Route, Told
from imgae.restore.scaling import View
from imgae.restore.unseen import without_hidden
from imgae.restore.work import Course, Denoised, Placed

Floats: TypeAlias = NDArray[np.float32]
MOST_KEPT: Final = 4
"""Of strengths above 1, for which a model runs again, as many parts are kept."""
NEAR: Final = 64
"""Pixels around a box that are looked at for a draft of it."""


@dataclass(frozen=True)
class Part:
    """A part of a denoised picture. course: how the whole is denoised."""

    image: Image
    course: Course


class Kept(NamedTuple):
    """What came out for a part, by its view and the factor of the level. key: for what part.

    camera: what the model for cameras made of what it was given.
    """

    key: tuple[Any, ...] | None
    restored: dict[tuple[int, float], Floats]
    camera: dict[bytes, Floats]


@dataclass(frozen=True)
class Remembering(OnnxModel):
    """A model that remembers what it made of what it was given, for strengths that differ."""

    made: dict[bytes, Floats]

    def __call__(self, **inputs: NDArray[Any]) -> Floats:
        digest = blake2b(digest_size=20)
        for name, array in inputs.items():
            digest.update(f"{name} {array.shape}".encode())
            digest.update(np.ascontiguousarray(array).data)
        key = digest.digest()
        if key not in self.made:
            self.made[key] = super().__call__(**inputs)
        return self.made[key].copy()  # who gets it may change it


class Looked:
    """A picture that is looked at once, for parts of it. Threads may share it, and wait.

    common: what holds for all frames that the picture belongs to, as Denoiser.common_to finds it.
    """

    def __init__(self, image: Image, common: Common | None = None) -> None:
        self.image, self.common = image, common
        self.shown, self.hidden = without_hidden(image)
        check_finite(self.shown)
        original = one_if_gray(self.shown.pixels)
        assert isinstance(original, np.ndarray)
        self.original: NDArray[Any] = original
        self.found: Course | None = None
        self.plain: Course | None = None
        self.kept = Kept(None, {}, {})
        self.lock = threading.RLock()

    @property
    def nbytes(self) -> int:
        """About how many bytes it holds beside the picture."""
        looked = self.found or self.plain
        copies = 0 if looked is None or looked.source is self.original else self.original.nbytes
        kept = [*self.kept.restored.values(), *self.kept.camera.values()]
        return copies + sum(each.nbytes for each in kept)

    def part(
        self, denoiser: Denoiser, box: Box, sigma: Given = None, controls: Controls | None = None
    ) -> Part:
        """Return what a box holds once the whole picture is denoised.

        sigma, controls and errors: as for Denoiser.run, but sigma is no map. Raises ImageError for
        a box that reaches beyond the picture.
        """
        whole = Box(0, 0, *self.original.shape[:2])
        if not (whole.top <= box.top < box.bottom <= whole.bottom) or not (
            whole.left <= box.left < box.right <= whole.right
        ):
            raise ImageError(
                f"the part {box.left},{box.top},{box.right - box.left},{box.bottom - box.top} "
                f"reaches beyond the picture of {whole.right}x{whole.bottom} pixels"
            )
        controls = controls or Controls()
        with self.lock:
            course = self.course(denoiser, sigma, controls)
            return Part(self.image_of(self.finished(denoiser, course, box), box), course)

    def draft(
        self, denoiser: Denoiser, box: Box, sigma: Given = None, controls: Controls | None = None
    ) -> Denoised:
        """Return about what `part` does, by a look at what is near the box alone."""
        height, width = self.original.shape[:2]
        near = Box(
            max(box.top - NEAR, 0),
            max(box.left - NEAR, 0),
            min(box.bottom + NEAR, height),
            min(box.right + NEAR, width),
        )
        done = denoiser.run(cut(self.image, near), sigma, controls)
        return replace(done, image=cut(done.image, box.within(near)))

    def look(self, denoiser: Denoiser) -> None:
        """Look at the picture, if it was not yet, with a denoiser that is told a level."""
        with self.lock:
            self.course(denoiser, None, Controls())

    def course(self, denoiser: Denoiser, sigma: Given, controls: Controls) -> Course:
        """Return how to denoise the picture, by what is known of it already."""
        level = checked_level(sigma, self.image)
        known = self.found if level is None and denoiser.takes_level else self.plain
        if known is None:
            known = denoiser.course(
                self.shown, self.original, level, Controls(), self.hidden, self.common
            )
            if level is None and denoiser.takes_level:
                self.found = known
            else:
                self.plain = known
        if level is None and denoiser.takes_level:
            chosen = [with_model(route, lambda: denoiser.model) for route in known.chosen]
        else:
            chosen = [
                denoiser.choose(self.shown, view, level, self.hidden, self.common)
                for view in known.views
            ]
        factors = controls.factors(self.original.shape[2])
        ways = [denoiser.strengthened(route, factors) for route in chosen]
        course = replace(known, level=level, controls=controls, chosen=chosen, ways=ways)
        if any(controls.shares(self.original.shape[2])):
            return course
        views = [View(known.first, self.original)]  # as it came
        return replace(course, source=self.original, views=views, chosen=chosen[:1], ways=ways[:1])

    def finished(self, denoiser: Denoiser, course: Course, box: Box) -> NDArray[Any]:
        """Return the pixels of a box."""
        height, width, channels = self.original.shape
        read = course.controls.around(box, height, width)
        if any(course.controls.shares(channels)):
            after = self.restored(denoiser, course, read)
        else:
            after = self.original[read.slices]
        before = course.source[read.slices]
        return course.controls.part(before, after, read, box, width, course.scale, course.limits)

    def restored(self, denoiser: Denoiser, course: Course, box: Box) -> NDArray[Any]:
        """Return the pixels of a box without noise, before texture and grain."""
        out = self.original[box.slices].copy()
        factors = course.controls.factors(self.original.shape[2])
        key = denoiser.path, course.level, box
        if self.kept.key != key:
            same_box = self.kept.key is not None and self.kept.key[-1] == box
            self.kept = Kept(key, {}, self.kept.camera if same_box else {})
        if len(self.kept.restored) > MOST_KEPT:
            self.kept.restored.clear()
        for number, (view, routes) in enumerate(zip(course.views, course.ways, strict=True)):
            tile = self.tile_for(box, routes[0])
            inner = box.within(tile.keep).slices
            if view.own is not None and not view.own[box.slices].any():
                continue
            values = []
            for factor, route in zip(factors, routes, strict=True):
                if (number, factor) not in self.kept.restored:
                    remembering = with_memory(route, self.kept.camera)
                    (came,) = course.work.restored(view, [remembering], tile)
                    self.kept.restored[number, factor] = came[inner]
                values.append(self.kept.restored[number, factor])
            course.work.mix(view, values, Placed(out, box.top, box.left), box)
        return out

    def tile_for(self, box: Box, route: Route) -> Tile:
        """Return the tile that holds a box, and begins where a model's strides do."""
        height, width = self.original.shape[:2]
        stride = route.card.stride
        keep = Box(
            box.top // stride * stride,
            box.left // stride * stride,
            min(round_up(box.bottom, stride), height),
            min(round_up(box.right, stride), width),
        )
        plan = TilePlan(height, width, 0, 0, route.card.halo, stride)
        return Tile(plan.around(keep), keep)

    def image_of(self, pixels: NDArray[Any], box: Box) -> Image:
        """Return a part with its transparency, and the colours that this hides as they were."""
        before = self.image.pixels[box.slices]
        pixels = pixels.repeat(before.shape[2] // pixels.shape[2], 2)
        if self.hidden is not None:
            pixels = np.where(self.hidden[box.slices][:, :, None], before, pixels)
        return cut(self.image, box).with_pixels(pixels)


def cut(image: Image, box: Box) -> Image:
    """Return a part of a picture, with what its file tells."""
    alpha, extra = (
        None if part is None else part[box.slices] for part in (image.alpha, image.extra)
    )
    return replace(image, pixels=image.pixels[box.slices], alpha=alpha, extra=extra)


def with_model(route: Route, model: Callable[[], OnnxModel]) -> Route:
    """Return a route by another model for noise that is told its level, if it has one."""
    if isinstance(route, Told):
        return Told(model(), route.level)
    if isinstance(route, InTurn) and route.model is not None:
        return replace(route, model=model())
    return route


def with_memory(route: Route, made: dict[bytes, Floats]) -> Route:
    """Return a route whose model for cameras, which comes first, remembers what it made."""
    if not isinstance(route, InTurn) or route.camera is None:
        return route
    model = route.camera
    camera = Remembering(model.card, model.path, model.device, model.threads, model.session, made)
    return replace(route, camera=camera)
