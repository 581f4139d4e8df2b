"""The work that removes noise, once it is known how: tile by tile, of arrays or of rows."""

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from imgae.model.stitch import Patient, Progress, finite, plan_for
from imgae.picture.bands import bands_of, extremes, rolling, row_bytes
from imgae.picture.image import Image
from imgae.picture.pixels import from_float, from_nchw, to_float
from imgae.picture.rows import Rows
from imgae.picture.tiling import Box, Tile, TilePlan
from imgae.restore.controls import Controls
from imgae.restore.levels import Level, mean_of
from imgae.restore.routes import Route, Told
from imgae.restore.scaling import MOST, Scale, View

EVERY: Final = 4
"""One in so many rows tells how much was removed."""
ROWS: Final = 128
"""Converted at once."""
DEPTHS: Final = {"uint8": "8-bit", "uint16": "16-bit", "float32": "float"}
Band = tuple[slice, NDArray[Any], NDArray[Any], NDArray[Any]]
"""Which rows, and their pixels as they came, without impulses, and without noise."""


@dataclass(frozen=True)
class Denoised:
    """A denoised picture and how it came about.

    image: the picture without its noise.
    sigma: the noise level, on [0, 1]; of a map, the mean. sigma_source: where it comes from:
    "given" by the caller, "estimated" from the picture before the work, or "removed": there is no
    one level, and this is the standard deviation of what was removed.
    caution: a reason to doubt the level, or None.
    tiles: how many the picture was cut into. model: the name of the model that changed the picture;
    of two, both, as in "denoise-camera + denoise-fast". device: "cpu" or "cuda".
    notes: what else was done to the picture, a sentence each.
    """

    image: Image
    sigma: float
    sigma_source: str
    caution: str | None
    tiles: int
    model: str
    device: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Work:
    """Pixels (H, W, C) to be restored tile by tile.

    original: as they came. source: without impulses. limits: the least and the largest value that
    may come out.
    """

    original: Rows
    source: Rows
    controls: Controls
    limits: tuple[float, float]

    def through(
        self,
        view: View,
        routes: Sequence[Route],
        plan: TilePlan,
        out: NDArray[Any],
        step: Callable[[], None],
    ) -> None:
        """Restore a view on each route, and put the mix of them where the view's own pixels are.

        out: of the type that the pixels came in. step: called after each tile.
        """
        patient = self.patient(routes, plan)
        for tile in plan:
            patient(tile, partial(self.one, view, routes, out))
            step()

    def patient(self, routes: Sequence[Route], plan: TilePlan) -> Patient:
        """Return what restores tile by tile, smaller ones where memory runs out."""
        return Patient(plan, [model for route in routes for model in route.models])

    def one(
        self, view: View, routes: Sequence[Route], out: "NDArray[Any] | Placed", tile: Tile
    ) -> None:
        """Restore one tile of a view, as `through` does."""
        if view.own is None or view.own[tile.keep.slices].any():
            self.mix(view, self.restored(view, routes, tile), out, tile.keep)

    def restored(
        self, view: View, routes: Sequence[Route], tile: Tile
    ) -> list[NDArray[np.float32]]:
        """Return what comes out for a tile of a view on each route."""
        planes = view.scale.planes(view.pixels[tile.read.slices])
        before = view.pixels[tile.keep.slices]
        return [self.kept(route(planes, tile), view, before) for route in routes]

    def mix(
        self,
        view: View,
        restored: Sequence[NDArray[np.float32]],
        out: "NDArray[Any] | Placed",
        box: Box,
    ) -> None:
        """Put a mix of what came out for a box where the view's own pixels are."""
        keep = box.slices
        own = ... if view.own is None else view.own[keep]
        values = self.controls.blend(self.original[keep], *restored)
        if self.limits != (0.0, 1.0) or out.dtype.kind == "f":  # from_float clips to these
            values = values.clip(*self.limits)
        out[keep][own] = from_float(values, out.dtype)[own]

    def kept(
        self, planes: NDArray[np.float32], view: View, before: NDArray[Any]
    ) -> NDArray[np.float32]:
        """Return what came out for a tile as pixels. Raises ModelError for NaN or infinity."""
        values = finite(from_nchw(planes, self.source.shape[2]))
        return view.scale.back(values, before)


@dataclass(frozen=True)
class Course:
    """How to denoise a picture, once it was looked at.

    original: its pixels (H, W, C) as they came. source: without impulses. level: as given; None if
    it was to be found. hidden: (H, W), what transparency hides; None for nothing.
    views: what is restored, one after the other. chosen: the route of each. ways: the same for each
    factor of the level. tile: as for Denoiser. first: the scale that the picture was found to have.
    replaced: tells how many impulses were replaced.
    """

    original: Rows
    source: Rows
    replaced: Callable[[], int]
    level: Level
    controls: Controls
    hidden: NDArray[np.bool_] | None
    views: Sequence[View]
    chosen: Sequence[Route]
    ways: Sequence[Sequence[Route]]
    tile: str | int
    first: Scale

    @property
    def scale(self) -> Scale:
        """What the first view shows as black and white."""
        return self.views[0].scale

    @cached_property
    def plans(self) -> list[TilePlan]:
        """The tiles of each view."""
        height, width, _ = self.original.shape
        return [
            plan_for(route.card, height, width, self.tile, self.row_bytes) for route in self.chosen
        ]

    @property
    def row_bytes(self) -> int:
        """What a row of a band takes, as often as it lies in memory; 0 for arrays."""
        cleaned = 1 if self.source is not self.original else 0
        extended = 2 if self.views[0].own is not None else 0
        finished = 3 if self.controls.detail or self.controls.grain else 0
        return row_bytes(self.original, 2 + cleaned + extended + finished)

    @cached_property
    def work(self) -> Work:
        """The work on a tile."""
        return Work(self.original, self.source, self.controls, self.limits)

    @cached_property
    def limits(self) -> tuple[float, float]:
        """The least and the largest value that may come out."""
        return limits_of(self.original, self.first)

    def restored(self, progress: Progress | None) -> NDArray[Any]:
        """Return the array of pixels without noise, before texture and grain."""
        assert isinstance(self.original, np.ndarray)
        if self.controls.keeps_all:
            return self.original
        if not isinstance(self.views[0].pixels, np.ndarray):
            pixels = np.empty_like(self.original)
            for rows, _, _, restored in self.bands(progress):
                pixels[rows] = restored
            return pixels
        whole = self.views[0].own is None
        pixels = np.empty_like(self.original) if whole else self.original.copy()
        step = counted(progress, sum(len(plan) for plan in self.plans))
        for view, routes, plan in zip(self.views, self.ways, self.plans, strict=True):
            self.work.through(view, routes, plan, pixels, step)
        return pixels

    def bands(self, progress: Progress | None) -> Iterator[Band]:
        """Return the same band by band, for rows that have one view."""
        (view,), (routes,), (plan,) = self.views, self.ways, self.plans
        original = rolling(self.original)
        source = original if self.source is self.original else rolling(self.source)
        work = replace(self.work, original=original, source=source)
        parts = [original, source]
        if view.own is None:
            view = replace(view, pixels=source)
        else:
            pixels, own = rolling(view.pixels), rolling(view.own)
            view, parts = replace(view, pixels=pixels, own=own), [*parts, pixels, own]
        patient, step = work.patient(routes, plan), counted(progress, len(plan))
        for tiles in plan.bands():
            kept, read = tiles[0].keep.slices[0], tiles[0].read.slices[0]
            for part in parts:
                part[read]  # so that tiles find it there
            if self.controls.keeps_all:
                yield kept, original[kept], source[kept], original[kept]
                continue
            out = original[kept].copy()
            for tile in tiles:
                patient(tile, partial(work.one, view, routes, Placed(out, kept.start)))
                step()
            yield kept, original[kept], source[kept], out

    def finished(self, pixels: NDArray[Any]) -> NDArray[Any]:
        """Return an array of pixels without noise with its texture and grain."""
        assert isinstance(self.source, np.ndarray)
        return self.controls.finish(self.source, pixels, self.scale, self.limits)

    @property
    def measures_change(self) -> bool:
        """Whether the level is told from what was removed."""
        return not isinstance(self.chosen[0], Told)

    def change(self, pixels: NDArray[Any]) -> float:
        """Return the mean of squares of the change, on [0, 1], by some rows."""
        if not self.measures_change:
            return 0.0
        before, after = self.original[::EVERY], pixels[::EVERY]
        tops = range(0, len(before), ROWS)
        rows = [slice(top, top + ROWS) for top in tops]
        return sum(change_between(before[part], after[part]) for part in rows) / before.size

    def denoised(self, image: Image, change: float) -> Denoised:
        """Return what came of it. image: without noise. change: as above."""
        route, level = self.chosen[0], self.level
        if isinstance(route, Told):
            found = self.scale.own(mean_of(route.level)) if level is None else mean_of(level)
            source = "estimated" if level is None else "given"
        else:
            found, source = math.sqrt(change) / self.scale.unit, "removed"
        return Denoised(
            image,
            found,
            source,
            caution_of(self.ways[0], self.scale, self.original.dtype.name),
            len(self.plans[0]),
            self.model,
            route.models[0].device,
            () if self.controls.keeps_all else self.notes,
        )

    @property
    def model(self) -> str:
        """The names of the models that change the picture, as Denoised has them."""
        return " + ".join(model.card.name for model in self.chosen[0].models)

    @property
    def notes(self) -> tuple[str, ...]:
        """What else was done to the picture, a sentence each."""
        own = knows(self.chosen[0], self.original.dtype.name)
        return notes_of(self.original, self.views, self.replaced(), self.hidden, own)


@dataclass(frozen=True)
class Placed:
    """An array as the part of a larger one, from a row and a column on."""

    pixels: NDArray[Any]
    top: int
    left: int = 0

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.pixels.dtype

    def __getitem__(self, key: tuple[slice, slice]) -> NDArray[Any]:
        rows, columns = key
        return self.pixels[
            rows.start - self.top : rows.stop - self.top,
            columns.start - self.left : columns.stop - self.left,
        ]


def counted(progress: Progress | None, count: int) -> Callable[[], None]:
    """Return what tells a progress that one more of a number of tiles is done."""
    done = itertools.count(1)

    def step() -> None:
        if progress:
            progress(next(done), count)

    return step


def none_replaced() -> int:
    return 0


def limits_of(pixels: Rows, scale: Scale) -> tuple[float, float]:
    """Return the least and the largest value that may come out: what the picture reaches itself.

    One that is on [0, 1], and uses it, may come out anywhere on it.
    """
    if scale == Scale() and pixels.dtype.kind != "f":
        return 0.0, 1.0
    least, most = (float(to_float(end[None])[0]) for end in extremes(pixels))
    if not scale.usual:
        return least, most
    return min(least, 0.0), most if scale.span < 1 else max(most, 1.0)


def caution_of(routes: Sequence[Route], scale: Scale, pixels: str) -> str | None:
    """Return a caution if a model is told more than it was trained for, or knows other files.

    pixels: the type of the picture's values, by numpy's name.
    """
    noise = routes[0].models[-1].card.noise
    if noise is not None and noise.pixels != pixels:
        return f"the model learnt the noise of {DEPTHS.get(noise.pixels, noise.pixels)} files"
    most = routes[0].models[-1].card.sigma_range[1]
    if max(route.highest for route in routes) <= most + 1e-6:  # float32 of the same
        return None
    return f"the model was trained up to level {scale.own(most) * 255:.3g}"


def knows(route: Route, pixels: str) -> bool:
    """Whether a route's last model is for the noise of one source, whose files are of a type."""
    noise = route.models[-1].card.noise
    return noise is not None and noise.pixels == pixels


def notes_of(
    pixels: Rows,
    views: Sequence[View],
    replaced: int,
    hidden: NDArray[np.bool_] | None,
    own: bool = False,
) -> tuple[str, ...]:
    """Return what else was done to a picture, a sentence each.

    own: the scale is the model's, the same for all pictures, so there is nothing to tell of it.
    """
    scale = views[0].scale
    sentence = "" if own else scale_note(pixels, scale)
    notes = [sentence] if sentence else []
    if len(views) > 1:
        white = scale.low + views[1].scale.span
        notes.append(f"parts brighter than white were denoised as if {white:.4g} were white")
    owned = [view.own for view in views if view.own is not None]
    if len(owned) == len(views):
        done = sum(int(np.count_nonzero(band)) for own in owned for band in bands_of(own))
        if rest := pixels.shape[0] * pixels.shape[1] - done:
            what = "pixel" if rest == 1 else "pixels"
            where = "the range that the model knows" if own else "that range"
            notes.append(f"{rest:,} {what} far outside {where} stayed as they were")
    if replaced:
        what = "pixel was" if replaced == 1 else "pixels were"
        notes.append(f"{replaced:,} outlying {what} replaced")
    if hidden is not None and hidden.all():
        notes.append("the picture is transparent all over, so its colours stayed as they were")
    return tuple(notes)


def scale_note(pixels: Rows, scale: Scale) -> str:
    """Say on what scale a picture was denoised, where that is not the usual one."""
    if not scale.usual or scale.span > 1:
        return (
            f"{reach_of(pixels)}, so it was denoised as if {scale.low:.4g} were black and "
            f"{scale.low + scale.span:.4g} white, and a noise level is a share of {scale.unit:.4g}"
        )
    if scale.span < 1 / MOST:
        return f"{reach_of(pixels)}, so it was denoised as if {scale.span:.4g} were white"
    if scale.span < 1:
        factor = round(1 / scale.span)
        return (
            f"the picture uses at most 1/{factor} of its range, so it was denoised as if it were "
            f"{factor} times as bright"
        )
    if pixels.dtype.kind == "f" and not all(0 <= end <= 1 for end in extremes(pixels)):
        return f"{reach_of(pixels)}, and stay there; 0 counts as black and 1 as white"
    return ""


def reach_of(pixels: Rows) -> str:
    least, most = (float(end) + 0.0 for end in extremes(pixels))  # no -0
    return f"the picture's values reach from {least:.4g} to {most:.4g}"


def change_between(before: NDArray[Any], after: NDArray[Any]) -> float:
    """Return the sum of squares of the change, on [0, 1]."""
    change = to_float(after) - to_float(before)
    return float(np.square(change).sum(dtype=np.float64))
