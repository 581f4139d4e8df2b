"""Filling what a mask marks."""

import copy
import math
import os
from dataclasses import replace
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from imgae.errors import MaskError, OptionError
from imgae.model import registry, session
from imgae.model.card import ModelCard
from imgae.model.stitch import Progress, check_settings, kept, most_pixels, plan_for
from imgae.picture.arrays import Picture, check_finite, from_picture, like_picture
from imgae.picture.image import Image
from imgae.picture.pixels import from_float, to_float, to_nchw
from imgae.picture.tiling import Box, Tile, TilePlan
from imgae.restore.texture import add_texture

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]

DEEPEST: Final = 24
"""Holes with a point farther than this from known pixels are filled at half the size first."""
GUESS: Final = 0.5
"""What a mask says where the picture holds a guess."""
SIDES: Final = (128, 256, 512, 1024)
"""Tiles tried for holes that are few."""


class Inpainter:
    """Fill holes with a model; load once, call often, from any thread.

    model: a shipped name, a file, or None for the default. device: "auto", "cpu" or "cuda".
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
        path = registry.find(model or registry.DEFAULT_INPAINTER)
        self.model = session.load(path, task="inpaint", device=device, threads=threads)
        self.tile = tile

    def __call__(
        self, image: Picture, mask: NDArray[Any], feather: int = 0, *, texture: bool = True
    ) -> Picture:
        """Return the picture with its holes filled, in the type, shape and dtype it came in.

        image: as for Denoiser; floats may be NaN inside the mask. mask: bool or uint8 (H, W), True
        or 255 fills.
        feather: whole pixels inside a hole over which it blends with what was there.
        texture: give holes wider than about 48 pixels the texture of what is around them; without,
        they are smooth, and nearer to the truth pixel by pixel.
        Pixels outside the mask come back unchanged. Raises ImageError, MaskError or OptionError.
        """
        picture = from_picture(image)
        hole = as_hole(mask, picture)
        if not hole.any():
            return copy.deepcopy(image)
        filled: Picture = like_picture(image, self.run(picture, hole, feather, texture))
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
    ) -> Image:
        """Fill where hole (H, W) is true; see __call__.

        before: the picture to feather from, if that is another.
        """
        if not isinstance(feather, int) or feather < 0:
            raise OptionError(f"feather is {feather!r}; expected whole pixels from 0")
        image = without_holes(image, hole)
        check_finite(image)
        filled, deep = self.fill(image.pixels, hole, progress)
        if texture and deep.any():
            add_texture(filled, hole, deep, progress)
        if feather:
            share = np.minimum(depth_of(hole)[hole] / (feather + 1), 1)[:, None]
            old = to_float(without_holes(before or image, hole).pixels[hole])
            filled[hole] = from_float(old + share * (to_float(filled[hole]) - old), filled.dtype)
        return image.with_pixels(filled)

    def fill(
        self, pixels: NDArray[Any], hole: Mask, progress: Progress | None = None
    ) -> tuple[NDArray[Any], Mask]:
        """Return a copy of pixels (H, W, C) with the hole (H, W) filled, and its deep parts.

        Deep parts are filled at half the size first, by this same function, and what comes out is
        the guess that they start from here.
        """
        card = self.model.card
        out = pixels.copy()
        mask = hole.astype(np.float32)
        depth = depth_of(hole)
        deep = deep_parts(depth, hole)
        for box in boxes_of(deep, depth, card.halo):
            area = box.slices
            coarse, coarse_hole = halve(to_float(pixels[area]), hole[area])
            guess = double(self.fill(coarse, coarse_hole)[0], *hole[area].shape)
            own = deep[area]
            out[area][own] = from_float(guess[own], out.dtype)
            mask[area][own] = GUESS
        given = out.copy() if deep.any() else pixels
        tiles = cheapest_tiles(hole, halo_for(mask == 1, card), card, self.tile)
        for done, tile in enumerate(tiles, 1):
            read, keep = tile.read.slices, tile.keep.slices
            planes = to_nchw(given[read])
            restored = self.model(image=planes, mask=mask[read][None, None])
            own = hole[keep]
            out[keep][own] = from_float(kept(restored, planes, tile, out.shape[2])[own], out.dtype)
            if progress:
                progress(done, len(tiles))
        return out, deep


def without_holes(image: Image, hole: Mask) -> Image:
    """Set what is no number inside a hole of a float picture to black."""
    if image.pixels.dtype != np.float32 or np.isfinite(image.pixels[hole]).all():
        return image
    pixels = image.pixels.copy()
    pixels[hole] = np.nan_to_num(pixels[hole], nan=0, posinf=0, neginf=0)
    return image.with_pixels(pixels)


def depth_of(hole: Mask) -> Floats:
    """Return how far every pixel of a hole is from known ones, in pixels; 0 outside it."""
    depth = np.zeros(hole.shape, np.float32)
    if hole.any():
        area = around(hole, 2).slices
        depth[area] = distance_to_zero(hole[area])
    return depth


def distance_to_zero(marked: Mask) -> Floats:
    return np.asarray(cv2.distanceTransform(marked.astype(np.uint8), cv2.DIST_L2, 5))


def as_hole(mask: NDArray[Any], image: Image) -> Mask:
    """Check a mask, and return it as bool.

    Raises MaskError if it is of another size or type than the picture needs, or marks all of it.
    """
    if not isinstance(mask, np.ndarray):
        raise MaskError(f"a mask is an array, bool or uint8 (H, W), not {type(mask).__name__}")
    if mask.dtype not in (np.bool_, np.uint8) or mask.ndim != 2:
        raise MaskError(f"the mask is {mask.dtype} {mask.shape}; expected bool or uint8 (H, W)")
    if mask.shape != (image.height, image.width):
        height, width = mask.shape
        raise MaskError(
            f"the mask is {width}x{height}, the picture {image.width}x{image.height}; "
            "they must be of one size"
        )
    if mask.dtype == np.uint8 and mask.max() == 1:
        raise MaskError("the uint8 mask holds 0 and 1; 255 fills, or make it bool")
    hole: Mask = mask > 127 if mask.dtype == np.uint8 else mask
    if hole.all():
        raise MaskError("the mask marks the whole picture; nothing is left to fill it from")
    return hole


def deep_parts(depth: Floats, hole: Mask) -> Mask:
    """Return the parts of `hole` about points deeper than DEEPEST, out to their corners.

    Thin parts that touch a deep one are not among them.
    """
    deep: Mask = depth > DEEPEST
    if deep.any():
        reach = math.ceil(1.5 * DEEPEST)
        area = around(deep, reach).slices
        deep[area] = (distance_to_zero(~deep[area]) <= reach) & hole[area]
    return deep


def boxes_of(deep: Mask, depth: Floats, halo: int) -> list[Box]:
    """Return boxes that hold the deep parts and what is to be seen around them.

    One for each part, or one for all, whichever has fewer pixels.
    """
    if not deep.any():
        return []
    count, labels, spots, _ = cv2.connectedComponentsWithStats(deep.astype(np.uint8))
    single = []
    for label in range(1, count):
        left, top, width, height = spots[label, :4].tolist()
        spot = (slice(top, top + height), slice(left, left + width))
        deepest = depth[spot][labels[spot] == label].max()
        margin = halo * math.ceil(deepest / DEEPEST)
        single.append(grown(Box(top, left, top + height, left + width), margin, deep.shape))
    whole = around(deep, halo * math.ceil(depth.max() / DEEPEST))
    return single if sum(box.area for box in single) < whole.area else [whole]


def around(marked: Mask, margin: int) -> Box:
    """Return the box of the marked pixels with a margin, from even coordinates."""
    rows, columns = np.flatnonzero(marked.any(1)), np.flatnonzero(marked.any(0))
    box = Box(int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1)
    return grown(box, margin, marked.shape)


def grown(box: Box, margin: int, shape: tuple[int, ...]) -> Box:
    """Return a box with a margin, from even coordinates, inside a picture of a shape."""
    return Box(
        max(box.top - margin, 0) // 2 * 2,
        max(box.left - margin, 0) // 2 * 2,
        min(box.bottom + margin, shape[0]),
        min(box.right + margin, shape[1]),
    )


def halve(pixels: Floats, hole: Mask) -> tuple[Floats, Mask]:
    """Return the means of the known pixels of every 2x2, and where there are none."""
    pad = ((0, hole.shape[0] % 2), (0, hole.shape[1] % 2))
    known = np.pad(~hole, pad).astype(np.float32)[:, :, None]
    values = np.pad(pixels, (*pad, (0, 0))) * known
    count = sum_of_blocks(known)
    mean = sum_of_blocks(values) / np.maximum(count, np.float32(1))
    return mean.astype(np.float32), count[:, :, 0] == 0


def sum_of_blocks(x: Floats) -> Floats:
    rows = x[::2] + x[1::2]
    return rows[:, ::2] + rows[:, 1::2]


def double(pixels: Floats, height: int, width: int) -> Floats:
    """Enlarge twofold, linearly, and cut to a size that is odd where the original was."""
    size = (2 * pixels.shape[1], 2 * pixels.shape[0])
    large = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_LINEAR), np.float32)
    return large.reshape(size[1], size[0], pixels.shape[2])[:height, :width]


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
