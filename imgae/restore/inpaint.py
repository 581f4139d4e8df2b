"""Filling what a mask marks."""

import copy
import math
import os
from dataclasses import replace
from functools import partial
from numbers import Integral
from typing import Any, Final

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from imgae.errors import MaskError, OptionError
from imgae.model import registry, session
from imgae.model.card import ModelCard
from imgae.model.contract import GUESS
from imgae.model.stitch import Patient, Progress, check_settings, kept, most_pixels, plan_for
from imgae.picture import masks
from imgae.picture.arrays import Picture, check_finite, from_picture, like_picture
from imgae.picture.image import Image
from imgae.picture.pixels import from_float, to_float, to_nchw
from imgae.picture.tiling import Box, Tile, TilePlan
from imgae.restore.grain.fills import continue_grain
from imgae.restore.holes import around, deep_parts, depth_of, grown, parts_of
from imgae.restore.scaling import tone_of
from imgae.restore.synthesis.holes import Rules, add_texture, whole_parts, wide_parts
from imgae.restore.synthesis.scales import double, halve
from imgae.restore.toned import other_colours, tint_of
from imgae.restore.unseen import extended, hidden_by_alpha

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]

INTEGER: Final = "inpaint-int8"

DEEPEST: Final = 24
"""Holes with a point farther than this from known pixels are filled at half the size first."""
GUESS_HALO: Final = 96
"""How far around a deep part a guess is made from, in pixels of the scale where it is made."""
SIDES: Final = (128, 256, 512, 1024)
"""Tiles tried for holes that are few."""


def default_model(device: str = "auto") -> tuple[str, str]:
    """Return the name of the model that suits this machine, and why.

    device: as for Inpainter. Raises ModelError if it is not there.
    """
    if session.choose_device(device) != "cpu":
        return registry.DEFAULT_INPAINTER, "int8 was not measured on a GPU"
    return INTEGER, "as good as in float to 0.02 dB, and faster"


class Inpainter:
    """Fill holes in pictures. Load once; then call as often as you like, from any thread.

    model: the name of a shipped model (`imgae models` lists them), the path of an .onnx file, or
        None for the shipped model `inpaint` on a GPU, and `inpaint-int8` elsewhere.
    device: "cpu", "cuda", or "auto", which uses CUDA if the installed onnxruntime has it.
    threads: how many CPU threads to use, from 1; None uses every CPU that this process may use.
    tile: how to cut a large picture so that it fits into memory. "auto" uses at most half of the
        free memory, and reads only what is near the holes; a whole number from 1 is the side in
        pixels of the part that each tile keeps, rounded up to a multiple that the model needs; 0
        takes the whole picture at once. The result is the same.
    Raises WeightsError if there is no such model, ModelError if it cannot be used or the device is
    not there, and OptionError for other values of threads and tile.

    An Inpainter can be pickled, for use in other processes, which load the model from its file.

    Example:
        fill = imgae.Inpainter()
        filled = fill(imgae.read_image("photo.png"), imgae.read_image("mask.png"))

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
        path = registry.find(model or default_model(device)[0])
        self.model = session.load(path, task="inpaint", device=device, threads=threads)
        self.tile = tile

    def __call__(
        self,
        image: Picture,
        mask: NDArray[Any] | PIL.Image.Image | Image,
        feather: int = 0,
        *,
        texture: bool = True,
        grain: bool = True,
        source: Mask | None = None,
        avoid: Mask | None = None,
        seed: int = 0,
    ) -> Picture:
        """Return the picture with its holes filled, in the type, shape and dtype it came in.

        image: an imgae.Image, a PIL image, or an RGB array (H, W), (H, W, 1), (H, W, 3) or
            (H, W, 4), uint8, uint16, float32 or float64; floats are on [0, 1], or in a
            range of their own, as for Denoiser, and may be NaN inside the mask. Alpha is kept as
            it is, and what it hides is no source of colour or texture.
        mask: what to fill, of the picture's height and width: a bool array (H, W), True fills; a
            uint8 array (H, W) of 0 and 1, or of 0 and 255, where 128 and more fill; or a PIL image,
            or an imgae.Image as read_image returns it, in which white fills.
        feather: over how many pixels, inside a hole, the filling blends with what was there.
        texture: whether holes wider than about a dozen pixels get the texture of what is around
            them. Without it they stay smooth, which is nearer to the truth pixel by pixel.
        grain: whether the noise and the film grain of what is around continues in the filling.
        source: bool (H, W), True where texture may be taken from; None for everywhere.
        avoid: bool (H, W), True where it may not.
        seed: other whole numbers from 0 give other fills of wide holes.
        Pixels outside the mask come back unchanged, to the bit.
        Raises MaskError for a mask of another kind or size, one that marks all that is visible, or
        if source and avoid leave too little to take texture from;
        ImageError for another kind of array, and for NaN or infinity outside the mask; OptionError
        for a feather that is not a whole number from 0.
        """
        picture = from_picture(image)
        hole = as_hole(mask, picture)
        if not hole.any():
            return copy.deepcopy(image)
        filled: Picture = like_picture(
            image,
            self.run(
                picture, hole, feather, texture, grain=grain, source=source, avoid=avoid, seed=seed
            ),
        )
        if isinstance(filled, np.ndarray):
            filled[~hole] = np.asarray(image)[~hole]  # float64 went through float32
        return filled

    def run(
        self,
        image: Image,
        hole: Mask,
        feather: int = 0,
        texture: bool = True,
        progress: Progress | None = None,
        before: Image | None = None,
        *,
        grain: bool = True,
        source: Mask | None = None,
        avoid: Mask | None = None,
        seed: int = 0,
    ) -> Image:
        """Fill where hole, bool (H, W), is true; see __call__.

        before: the picture to feather from, if that is another.
        """
        if not isinstance(feather, Integral) or feather < 0:
            raise OptionError(f"feather is {feather!r}; expected whole pixels from 0")
        if not isinstance(seed, Integral) or seed < 0:
            raise OptionError(f"seed is {seed!r}; expected a whole number from 0")
        for name, marked in (("source", source), ("avoid", avoid)):
            check_marked(name, marked, image)
        rules = Rules(source, avoid, int(seed))
        image = without_holes(image, hole)
        hidden = hidden_by_alpha(image)
        unknown, visible = hole, image.pixels
        if hidden is not None and not hidden.all():
            unknown = hole | hidden
            if unknown.all():
                raise MaskError(
                    "the mask marks all that is visible; nothing is left to fill it from"
                )
            visible = extended(visible, unknown)
        check_finite(image.with_pixels(visible))
        tone = tone_of(visible, ~hole)
        values = tone.seen(to_float(visible))
        values = values.copy() if np.shares_memory(values, image.pixels) else values
        tint = tint_of(values, unknown) if values.shape[2] == 3 else None
        fill_in = partial(
            self.fill_in,
            unknown=unknown,
            rules=rules,
            texture=texture,
            grain=grain,
            progress=progress,
            limits=tone.limits,
        )
        if tint is None:
            fill_in(values, hole)
        else:
            coloured = other_colours(values, hole, unknown, tint)
            brightness = values.mean(2, keepdims=True)
            fill_in(brightness, hole)
            values[hole] = tint.coloured(brightness[hole][:, 0])
            if coloured.any():
                fill_in(values, coloured)
        filled = tone.back(values[hole])
        if feather:
            share = np.minimum(depth_of(hole)[hole] / (feather + 1), 1)[:, None]
            old = to_float(without_holes(before or image, hole).pixels[hole])
            filled = old + share * (filled - old)
        pixels = image.pixels.copy()
        pixels[hole] = from_float(filled, pixels.dtype)
        return image.with_pixels(pixels)

    def fill_in(
        self,
        values: Floats,
        hole: Mask,
        *,
        unknown: Mask,
        rules: Rules,
        texture: bool,
        grain: bool,
        progress: Progress | None,
        limits: tuple[float, float],
    ) -> None:
        """Fill the hole (H, W) of a picture (H, W, C) in place, with texture and grain if wanted.

        unknown: (H, W), the hole and what else may not be copied.
        """
        textured = np.zeros_like(hole)
        if texture:
            textured = self.fill_with_texture(values, hole, unknown, rules, progress, limits)
        else:
            self.fill(values, hole, progress, limits)
        if grain:
            continue_grain(values, unknown, hole, textured, rules.seed, limits)

    def fill_with_texture(
        self,
        values: Floats,
        hole: Mask,
        unknown: Mask,
        rules: Rules,
        progress: Progress | None = None,
        limits: tuple[float, float] = (0.0, 1.0),
    ) -> Mask:
        """Fill the hole (H, W) of a picture (H, W, C) in place; return what of it has texture.

        unknown: (H, W), the hole and what else may not be copied.
        """
        depth = depth_of(hole)
        wide = wide_parts(hole, depth)
        whole = whole_parts(wide, depth)
        self.fill(values, hole, progress, limits, whole)
        if not wide.any():
            return wide
        done = add_texture(values, unknown, wide, whole, rules, progress, limits)
        vague = whole & ~done
        if vague.any():
            better = values.copy()
            self.fill(better, hole, progress, limits)
            values[vague] = better[vague]
        return done

    def fill(
        self,
        values: Floats,
        hole: Mask,
        progress: Progress | None = None,
        limits: tuple[float, float] = (0.0, 1.0),
        vague: Mask | None = None,
    ) -> None:
        """Fill the hole (H, W) of a picture (H, W, C) in place.

        limits: the least and the largest value of what is filled in. vague: (H, W), connected parts
        with points deeper than DEEPEST that a guess is enough for.

        Deep parts are filled at half the size first, by this same function, and what comes out is
        the guess that they start from here.
        """
        card = self.model.card
        mask = hole.astype(np.float32)
        depth = depth_of(hole)
        deep = deep_parts(depth, hole, DEEPEST)
        halo = card.halo
        if vague is not None and vague.any():
            deep |= vague
            halo = min(halo, GUESS_HALO)
        guesses = []
        for box in boxes_of(deep, depth, halo):
            area = box.slices
            coarse, coarse_hole = halve(values[area], hole[area])
            still = None if vague is None else still_deep(vague[area], coarse_hole)
            self.fill(coarse, coarse_hole, limits=limits, vague=still)
            own = deep[area]
            guesses.append((area, own, double(coarse, *own.shape)[own]))
            mask[area][own] = GUESS
        put(guesses, values)
        rest = hole if vague is None else hole & ~vague
        halo = halo_for(mask == 1, card)
        tiles = cheapest_tiles(rest, halo, card, self.tile)
        patient = Patient(
            TilePlan(rest.shape[0], rest.shape[1], 0, 0, halo, card.stride), [self.model]
        )
        found = []  # put in place at the end: until then the other tiles see the guesses

        def look(tile: Tile) -> None:
            read, keep = tile.read.slices, tile.keep.slices
            own = rest[keep]
            if not own.any():
                return
            planes = to_nchw(values[read])
            restored = self.model(image=planes, mask=mask[read][None, None])
            colours = kept(restored, planes, tile, values.shape[2])[own]
            found.append((keep, own, colours.clip(*limits)))

        for done, tile in enumerate(tiles, 1):
            patient(tile, look)
            if progress:
                progress(done, len(tiles))
        put(found, values)


def check_marked(name: str, marked: Mask | None, image: Image) -> None:
    """Raise MaskError unless it is None, or bool of the picture's height and width."""
    if marked is None:
        return
    shape = (image.height, image.width)
    if not isinstance(marked, np.ndarray) or marked.dtype != bool or marked.shape != shape:
        raise MaskError(f"{name} is no bool array of the picture's height and width, {shape}")


def still_deep(vague: Mask, coarse_hole: Mask) -> Mask:
    """Return the parts of a hole at half the size that are vague, and as deep as that there."""
    pad = [(0, size % 2) for size in vague.shape]
    wide = np.pad(vague, pad)
    rows = wide[::2] | wide[1::2]
    return whole_parts((rows[:, ::2] | rows[:, 1::2]) & coarse_hole, depth_of(coarse_hole))


def put(pieces: list[tuple[tuple[slice, slice], Mask, Floats]], values: Floats) -> None:
    """Put colours (N, C) into the pixels of an area that are its own, piece by piece."""
    for area, own, colours in pieces:
        values[area][own] = colours


def without_holes(image: Image, hole: Mask) -> Image:
    """Set what is no number inside a hole of a float picture to black."""
    if image.pixels.dtype != np.float32 or np.isfinite(image.pixels[hole]).all():
        return image
    pixels = image.pixels.copy()
    pixels[hole] = np.nan_to_num(pixels[hole], nan=0, posinf=0, neginf=0)
    return image.with_pixels(pixels)


def as_hole(mask: NDArray[Any] | PIL.Image.Image | Image, image: Image) -> Mask:
    """Check a mask, and return it as bool (H, W).

    Raises MaskError if it is of another kind or size than Inpainter takes, or marks all of the
    picture.
    """
    hole: Mask
    if isinstance(mask, Image):
        hole = masks.from_picture(mask, image)
    else:
        hole = masks.from_array(mask, image.height, image.width)
    if hole.all():
        raise MaskError("the mask marks the whole picture; nothing is left to fill it from")
    return hole


def boxes_of(deep: Mask, depth: Floats, halo: int) -> list[Box]:
    """Return boxes that hold the deep parts and what is to be seen around them.

    One for each part, or one for all, whichever has fewer pixels.
    """
    if not deep.any():
        return []
    single = []
    for spot, own in parts_of(deep):
        deepest = depth[spot.slices][own].max()
        single.append(grown(spot, halo * math.ceil(deepest / DEEPEST), deep.shape))
    whole = around(deep, halo * math.ceil(depth.max() / DEEPEST))
    return single if sum(box.area for box in single) < whole.area else [whole]


def halo_for(unknown: Mask, card: ModelCard) -> int:
    """Return how far around a tile the model must see: less where what is unknown is thin."""
    pad = [(0, -size % card.stride) for size in unknown.shape]
    padded = np.pad(unknown, pad, mode="edge")  # as the model pads
    rows, columns = (size // card.stride for size in padded.shape)
    blocks = padded.reshape(rows, card.stride, columns, card.stride)
    thin = card.thin_halo > 0 and not blocks.all((1, 3)).any()
    return card.thin_halo if thin else card.halo


def cheapest_tiles(hole: Mask, halo: int, card: ModelCard, tile: str | int) -> list[Tile]:
    """Return the tiles that hold any of the hole, of a plan that reads the fewest pixels."""
    height, width = hole.shape
    plans = [plan_for(replace(card, halo=halo), height, width, tile)]
    if tile == "auto":
        most = most_pixels(card)
        sides = [side for side in SIDES if (side + 2 * halo) ** 2 <= most]
        plans += [TilePlan(height, width, side, side, halo, card.stride) for side in sides]
    needed = [[tile for tile in plan if hole[tile.keep.slices].any()] for plan in plans]
    return min(needed, key=lambda tiles: sum(tile.read.area for tile in tiles))
