"""Texture for deep holes: the fine band of matching patches nearby.

A network that minimises errors leaves deep holes right in colour and structure, and blurred. What
it left stays as the coarse band; the fine band of known patches around the hole is laid over it,
from the rim inwards, each time that of the place that fits best what is there already. So a wrong
match costs grain, not structure.
Sources: synthesis patch by patch, Efros and Freeman 2001 (Image Quilting); from the rim inwards,
out of the known part, Criminisi, Perez and Toyama 2004.
"""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from imgae.model.stitch import Progress

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]

SIDE: Final = 25
"""Of a patch, in pixels; they overlap by half."""
STEP: Final = 12
BAND: Final = 6.0
"""The Gaussian, in pixels, whose blur is the coarse band. With 3 and patches of 17, textures
looked embossed."""
REACH: Final = 96
"""How far from a hole patches are taken."""
WINDOW: Final = 96
"""How far from the nearest known patch they are looked for: twice that took five times as long,
and patches from farther away fitted less well (detail 0.40 instead of 0.47 of the ring's)."""
RIM: Final = 12
"""Pixels from the rim inwards over which texture comes in: there the network knows better."""
COARSE_WEIGHT: Final = 0.5
"""Of a difference in the coarse band, beside the same in the fine band."""
TOLERANCE: Final = 1.1
"""One is drawn of the places as good as the best within this factor, against repetition."""
FEWEST: Final = 256
"""Known patches without which a hole stays as it is."""


def add_texture(
    pixels: Floats,
    hole: Mask,
    deep: Mask,
    progress: Progress | None = None,
    limits: tuple[float, float] = (0.0, 1.0),
) -> None:
    """Give `deep` the fine band of its known surroundings, in place.

    pixels: (H, W, C), the hole filled; what is changed stays within limits. hole: (H, W), what was
    unknown; no patch is taken from there. deep: (H, W), the parts of it that get texture.
    The same input gives the same output.
    """
    count, labels, boxes, _ = cv2.connectedComponentsWithStats(deep.astype(np.uint8))
    for label in range(1, count):
        left, top, width, height = boxes[label, :4].tolist()
        around = (
            slice(max(top - REACH, 0), top + height + REACH),
            slice(max(left - REACH, 0), left + width + REACH),
        )
        part = labels[around] == label
        textured = with_texture(pixels[around], hole[around], part, progress)
        pixels[around][part] = textured[part].clip(*limits)


def with_texture(
    pixels: Floats, hole: Mask, part: Mask, progress: Progress | None = None
) -> Floats:
    """Return pixels with one part of the hole textured; all arrays are cut around it."""
    if min(hole.shape) < SIDE:
        return pixels
    known = whole_patches(~hole)
    if known.sum() < FEWEST:
        return pixels
    coarse: Floats = np.asarray(cv2.GaussianBlur(pixels, (0, 0), BAND), np.float32)
    coarse = coarse.reshape(pixels.shape)
    fine = pixels - coarse
    made = np.where(hole[:, :, None], 0, fine)  # the fine band, as far as it is known or made
    done = ~hole
    depth: Floats = np.asarray(cv2.distanceTransform(part.astype(np.uint8), cv2.DIST_L2, 5), "f4")
    nearest = nearest_patches(known)
    rng = np.random.default_rng(0)
    spots = places(depth)
    for number, (top, left) in enumerate(spots, 1):
        if progress:
            progress(number, len(spots))
        spot = (slice(top, top + SIDE), slice(left, left + SIDE))
        if done[spot].all():
            continue
        rows, columns = (
            slice(max(int(place) - WINDOW, 0), int(place) + WINDOW)
            for place in nearest[top + SIDE // 2, left + SIDE // 2]
        )
        usable = known[rows, columns]
        area = (
            slice(rows.start, rows.start + usable.shape[0] + SIDE - 1),
            slice(columns.start, columns.start + usable.shape[1] + SIDE - 1),
        )
        cost = COARSE_WEIGHT * differences(coarse[area], coarse[spot], None)
        cost += differences(fine[area], made[spot], done[spot])
        cost[~usable] = np.inf
        good = np.flatnonzero(cost <= float(cost.min()) * TOLERANCE)
        row, column = np.divmod(int(rng.choice(good)), cost.shape[1])
        row, column = row + rows.start, column + columns.start
        patch = fine[row : row + SIDE, column : column + SIDE]
        share = np.where(done[spot], FADE, 1)[:, :, None]
        mixed = made[spot] + share * (patch - made[spot])
        made[spot] = np.where(part[spot][:, :, None], mixed, made[spot])
        done[spot] |= part[spot]
    share = np.minimum(depth / RIM, 1)[:, :, None]
    added: Floats = share * np.where(part[:, :, None], made - fine, 0)
    return pixels + added


def whole_patches(known: Mask) -> Mask:
    """Return, by corner, where all of a patch is known; smaller by SIDE - 1."""
    square = np.ones((SIDE, SIDE), np.uint8)
    eroded: Mask = np.asarray(cv2.erode(known.astype(np.uint8), square)) > 0  # by centre
    inner = slice(SIDE // 2, -(SIDE // 2))
    return eroded[inner, inner]


def differences(picture: Floats, patch: Floats, counted: Mask | None) -> Floats:
    """Return the summed squared differences to a patch at every place in a picture."""
    weights = None
    if counted is not None:
        weights = np.repeat(counted[:, :, None], patch.shape[2], 2).astype(np.float32)
    found = np.asarray(cv2.matchTemplate(picture, patch, cv2.TM_SQDIFF, mask=weights), np.float32)
    return found.clip(0)  # rounding leaves a little less


def nearest_patches(known: Mask) -> NDArray[np.intp]:
    """Return for every pixel the corner (row, column) of the nearest known patch, (H, W, 2).

    known: by corner; smaller than the picture by SIDE - 1.
    """
    half = SIDE // 2
    centres = np.pad(known, half)
    far = (~centres).astype(np.uint8)
    labels = np.asarray(
        cv2.distanceTransformWithLabels(far, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)[1]
    )
    corners = np.zeros((int(labels.max()) + 1, 2), np.intp)
    corners[labels[centres]] = np.argwhere(centres) - half
    found: NDArray[np.intp] = corners[labels]
    return found


def places(depth: Floats) -> list[tuple[int, int]]:
    """Return corners of overlapping patches that cover where depth is above 0, shallow first."""
    found = []
    for top in range(0, depth.shape[0], STEP):
        for left in range(0, depth.shape[1], STEP):
            block = depth[top : top + STEP, left : left + STEP]
            if block.any():
                corner = (
                    min(max(start - (SIDE - STEP) // 2, 0), size - SIDE)
                    for start, size in zip((top, left), depth.shape, strict=True)
                )
                found.append((float(block.mean()), *corner))
    return [(top, left) for _, top, left in sorted(found)]


def fade() -> Floats:
    """Return weights (SIDE, SIDE) that rise from 0 at the border of a patch to 1, in 5 pixels."""
    rim = np.minimum(np.arange(SIDE), np.arange(SIDE)[::-1])
    ramp = np.clip((rim - 1) / 4, 0, 1).astype(np.float32)
    return np.minimum(ramp[:, None], ramp)


FADE: Final = fade()
