"""Filling what a mask marks."""

import copy
import math
import os
from dataclasses import replace
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from imgae import session, weights
from imgae.arrays import Picture, check_finite, from_picture, like_picture
from imgae.card import ModelCard
from imgae.errors import MaskError
from imgae.image import Image
from imgae.pixels import from_float, from_nchw, to_float, to_nchw
from imgae.stitch import Progress, check_settings, plan_for
from imgae.texture import add_texture
from imgae.tiling import Box, Tile, TilePlan

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
        path = weights.find(model or weights.DEFAULT_INPAINTER)
        self.model = session.load(path, task="inpaint", device=device, threads=threads)
        self.tile = tile

    def __call__(
        self, image: Picture, mask: NDArray[Any], feather: int = 0, *, texture: bool = True
    ) -> Picture:
        """Return the picture with its holes filled, in the type, shape and dtype it came in.

        image: as for Denoiser. mask: bool or uint8 (H, W), True or 255 fills.
        feather: pixels inside a hole over which it blends with what was there.
        texture: give holes wider than about 48 pixels the texture of what is around them; without,
        they are smooth, and nearer to the truth pixel by pixel.
        Pixels outside the mask come back unchanged. Raises ImageError or MaskError.
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
    ) -> Image:
        """Fill where hole (H, W) is true; see __call__."""
        check_finite(image)
        filled = self.fill(image.pixels, hole, progress)
        depth = depth_of(hole)
        deep = components_with(depth > DEEPEST, hole)
        if texture and deep.any():
            add_texture(filled, hole, deep)
        if feather:
            share = np.minimum(depth[hole] / (feather + 1), 1)[:, None]
            before, after = to_float(image.pixels[hole]), to_float(filled[hole])
            filled[hole] = from_float(before + share * (after - before), filled.dtype)
        return image.with_pixels(filled)

    def fill(
        self, pixels: NDArray[Any], hole: Mask, progress: Progress | None = None
    ) -> NDArray[Any]:
        """Return a copy of pixels (H, W, C) with the hole (H, W) filled.

        Deep holes are filled at half the size first, by this same function, and what comes out is
        the guess that they start from here.
        """
        card = self.model.card
        out = pixels.copy()
        mask = hole.astype(np.float32)
        depth = depth_of(hole)
        deep = components_with(depth > DEEPEST, hole)
        if deep.any():
            margin = card.halo * math.ceil(depth.max() / DEEPEST)
            box = around(deep, margin).slices
            coarse, coarse_hole = halve(to_float(pixels[box]), hole[box])
            guess = double(self.fill(coarse, coarse_hole), *deep[box].shape)
            out[deep] = from_float(guess[deep[box]], out.dtype)
            mask[deep] = GUESS
        given = out.copy() if deep.any() else pixels
        tiles = cheapest_tiles(hole, halo_for(mask == 1, card), card, self.tile)
        for done, tile in enumerate(tiles, 1):
            read, keep = tile.read.slices, tile.keep.slices
            planes = self.model(image=to_nchw(given[read]), mask=mask[read][None, None])
            restored = from_nchw(planes[:, :, *tile.keep.within(tile.read).slices], out.shape[2])
            own = hole[keep]
            out[keep][own] = from_float(restored[own], out.dtype)
            if progress:
                progress(done, len(tiles))
        return out


def depth_of(hole: Mask) -> Floats:
    """Return how far every pixel of a hole is from known ones, in pixels; 0 outside it."""
    return np.asarray(cv2.distanceTransform(hole.astype(np.uint8), cv2.DIST_L2, 5))


def as_hole(mask: NDArray[Any], image: Image) -> Mask:
    """Check a mask, and return it as bool.

    Raises MaskError if it is of another size or type than the picture needs, or marks all of it.
    """
    if mask.dtype not in (np.bool_, np.uint8) or mask.ndim != 2:
        raise MaskError(f"the mask is {mask.dtype} {mask.shape}; expected bool or uint8 (H, W)")
    if mask.shape != (image.height, image.width):
        height, width = mask.shape
        raise MaskError(
            f"the mask is {width}x{height}, the picture {image.width}x{image.height}; "
            "they must be of one size"
        )
    hole: Mask = mask > 127 if mask.dtype == np.uint8 else mask
    if hole.all():
        raise MaskError("the mask marks the whole picture; nothing is left to fill it from")
    return hole


def components_with(marked: Mask, hole: Mask) -> Mask:
    """Return the connected parts of `hole` that hold a marked pixel."""
    if not marked.any():
        return marked
    _, labels = cv2.connectedComponents(hole.astype(np.uint8), connectivity=8)
    return np.isin(labels, np.unique(labels[marked]))


def around(marked: Mask, margin: int) -> Box:
    """Return the box of the marked pixels with a margin, from even coordinates."""
    rows, columns = np.flatnonzero(marked.any(1)), np.flatnonzero(marked.any(0))
    return Box(
        max(int(rows[0]) - margin, 0) // 2 * 2,
        max(int(columns[0]) - margin, 0) // 2 * 2,
        min(int(rows[-1]) + 1 + margin, marked.shape[0]),
        min(int(columns[-1]) + 1 + margin, marked.shape[1]),
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
        plans += [TilePlan(height, width, s, s, halo, card.stride) for s in SIDES]
    needed = [[tile for tile in plan if hole[tile.keep.slices].any()] for plan in plans]
    return min(needed, key=lambda tiles: sum(tile.read.area for tile in tiles))
