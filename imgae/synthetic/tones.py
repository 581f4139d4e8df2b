"""Pictures in few colours and repeated patterns: screentone, halftone, dithering, pixel art."""

from typing import Any, Final

import cv2
import numpy as np
import PIL.Image
import PIL.ImageDraw
from numpy.typing import NDArray

from imgae.synthetic.kit import Kit, Pixels, picture_of

BAYER: Final = np.array([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]]) / 16
PERIODS: Final = (2, 12)
"""Pixels from dot to dot, or from line to line."""
PRINTED: Final = (15.0, 75.0, 45.0)
"""Degrees by which the dots of each colour are turned."""


def dots(side: int, period: float, angle: float, *, lines: bool = False) -> NDArray[np.float32]:
    """Return waves on -1 to 1 that, cut at a level, are dots, or lines; angle: in radians."""
    y, x = np.mgrid[:side, :side].astype(np.float32) * np.float32(2 * np.pi / period)
    across = np.cos(x * np.cos(angle) + y * np.sin(angle))
    if lines:
        return np.asarray(across, np.float32)
    return np.asarray((across + np.cos(y * np.cos(angle) - x * np.sin(angle))) / 2, np.float32)


def cut(waves: NDArray[Any], soft: float) -> NDArray[np.float32]:
    """Return the share of each pixel where waves are above zero. soft: of the edge; 0 is hard."""
    return np.asarray(waves > 0 if soft == 0 else (0.5 + waves / soft).clip(0, 1), np.float32)


def screentone(kit: Kit, side: int) -> Pixels:
    """1 to 4 areas of dots or lines 2 to 12 pixels apart, of one size or following a shade."""
    paper, ink = kit.inks()
    sheet = np.broadcast_to(np.array(paper, np.float32), (side, side, 3))
    hard = kit.chance(0.5)
    for number in range(kit.integer(1, 4)):
        if kit.chance(0.5):  # as programs draw them
            period, angle = float(kit.integer(*PERIODS)), kit.integer(0, 1) * np.pi / 4
        else:
            period, angle = kit.log_between(*PERIODS), kit.between(0, np.pi / 2)
        level: Any = kit.between(-0.7, 0.7)
        if kit.chance(0.5):
            level = level + 0.5 * kit.field(side, side / kit.between(1.5, 6))
        waves = dots(side, period, angle, lines=kit.chance(0.15)) - level
        share = cut(waves, 0 if hard else kit.between(2, 5) / period)
        if number:
            share = share * kit.area(side, -0.5, 0.8)
        tone = np.array(ink if kit.chance(0.7) else kit.colour(), np.float32)
        sheet = sheet + (tone - sheet) * share[..., None]
    picture = PIL.Image.fromarray(picture_of(sheet))
    canvas = PIL.ImageDraw.Draw(picture)
    for _ in range(kit.integer(0, 12)):
        (x, y), (w, h) = kit.random.integers(0, side, 2), kit.random.integers(10, side // 2, 2)
        fill = paper if kit.chance(0.4) else None
        box = (int(x), int(y), int(x + w), int(y + h))
        canvas.ellipse(box, fill=fill, outline=ink, width=kit.integer(1, 5))
    return np.asarray(picture)


def halftone(kit: Kit, side: int) -> Pixels:
    """A photograph as printers' dots 2 to 12 pixels apart, black or of three colours."""
    light = kit.photograph(side) / np.float32(255)
    period, gray = kit.log_between(*PERIODS), kit.chance(0.5)
    soft = 0 if kit.chance(0.4) else kit.between(1, 3) / period
    if gray:
        waves = light.mean(2) - 0.5 - dots(side, period, np.pi / 4) / 2
        return picture_of(255 * cut(waves, soft))[..., None].repeat(3, 2)
    screens = [dots(side, period, angle) / 2 for angle in np.deg2rad(PRINTED)]
    return picture_of(255 * cut(light - 0.5 - np.stack(screens, 2), soft))


def dithered(kit: Kit, side: int) -> Pixels:
    """A photograph in 2 to 256 colours, by error diffusion or by a pattern of 4x4 pixels."""
    picture = kit.photograph(side)
    kind = kit.random.random()
    if kind < 0.3:
        return np.asarray(PIL.Image.fromarray(picture).convert("1").convert("RGB"))
    if kind < 0.6:
        colours = round(kit.log_between(4, 256))
        return np.asarray(PIL.Image.fromarray(picture).quantize(colours).convert("RGB"))
    steps = kit.integer(1, 6)
    if kit.chance(0.4):
        picture = picture.mean(2, keepdims=True).repeat(3, 2).astype(np.uint8)
    y, x = np.mgrid[:side, :side] % 4
    levels = np.floor(picture / 255 * steps + BAYER[y, x][..., None]).clip(0, steps)
    return picture_of(levels * 255 / steps)


def pixel_art(kit: Kit, side: int) -> Pixels:
    """4 to 32 colours, a third dithered, up to 40 sprites; each pixel 2 to 16 times enlarged."""
    times = round(kit.log_between(2, 16))
    small = -(-side // times)
    count = kit.integer(4, 32)
    kind = kit.random.random()
    if kind < 0.35:
        source = cv2.resize(kit.photograph(side), (small, small), interpolation=cv2.INTER_AREA)
        way = PIL.Image.Dither.NONE if kit.chance(0.6) else PIL.Image.Dither.FLOYDSTEINBERG
        reduced = PIL.Image.fromarray(source).convert("RGB").quantize(count, dither=way)
        sheet = np.array(reduced.convert("RGB"))
    else:
        top = round(count ** (1 / 3)) + 1
        shade = np.stack([kit.field(small, kit.between(2, small / 2)) for _ in range(3)], 2)
        shade = (0.5 + shade / 4) * top
        if kind < 0.65:
            y, x = np.mgrid[:small, :small] % 4
            shade = shade + (BAYER[y, x][..., None] - 0.5)
        sheet = picture_of(np.rint(shade).clip(0, top) * 255 / top)
    for _ in range(kit.integer(0, 40)):
        add_sprite(kit, sheet)
    return sheet.repeat(times, 0).repeat(times, 1)[:side, :side]


def add_sprite(kit: Kit, sheet: Pixels) -> None:
    """Draw a figure of four colours, 8 to 20 pixels high, its halves mirrored, if there is room."""
    size = kit.integer(4, 10)
    if len(sheet) <= 2 * size:
        return
    shade = kit.random.normal(0, 1, (2 * size, size)).astype(np.float32)
    shade = cv2.GaussianBlur(shade, (0, 0), kit.between(0.3, 1.5)).astype(np.float32)
    half = np.digitize(shade, np.quantile(shade, [0.4, 0.6, 0.8]))
    sprite = np.concatenate([half, half[:, ::-1]], 1)
    palette = kit.random.integers(0, 256, (4, 3)).astype(np.uint8)
    left, top = kit.place(len(sheet), 2 * size)
    part = sheet[top : top + 2 * size, left : left + 2 * size]
    part[sprite > 0] = palette[sprite[sprite > 0]]


def pattern(kit: Kit, side: int) -> Pixels:
    """1 to 6 areas, each filled with a tile of 1 to 8 cells a side, the cells 1 to 8 pixels.

    A third are checkerboards, a fifth stripes, the rest random; a third faint.
    """
    sheet = tiled(kit, side)
    for _ in range(kit.integer(0, 5)):
        area = kit.area(side, 0, 1)
        sheet[area] = tiled(kit, side)[area]
    return sheet


def tiled(kit: Kit, side: int) -> Pixels:
    palette = kit.random.integers(0, 256, (kit.integer(2, 3), 3)).astype(float)
    if kit.chance(0.3):
        palette = palette.mean(0) + (palette - palette.mean(0)) * kit.between(0.03, 0.3)
    kind = kit.random.random()
    if kind < 0.33:
        cells = np.array([[0, 1], [1, 0]])
    else:
        height, width = (int(v) for v in kit.random.integers(1, 9, 2))
        cells = kit.random.integers(0, len(palette), (1 if kind < 0.53 else height, width))
        cells = cells.T if kit.chance(0.5) else cells
    tile = palette[cells]
    high = round(kit.log_between(1, 8))
    wide = high if kit.chance(0.7) else round(kit.log_between(1, 8))
    tile = tile.repeat(high, 0).repeat(wide, 1)
    times = (-(-side // tile.shape[0]), -(-side // tile.shape[1]), 1)
    return picture_of(np.tile(tile, times)[:side, :side])


def gradient(kit: Kit, side: int) -> Pixels:
    """1 to 4 smooth fields, side by side: flat, linear or round."""
    random = kit.random
    y, x = np.mgrid[0:side, 0:side] / side
    picture = np.empty((side, side, 3))
    cuts = np.sort(random.integers(0, side, int(random.integers(0, 4))))
    for left, right in zip([0, *cuts], [*cuts, side], strict=True):
        a, b = random.uniform(0, 255, (2, 3))
        kind = random.integers(0, 3)
        if kind == 0:
            b = a
        slope = random.normal(0, 1, 2)
        field = slope[0] * x + slope[1] * y
        if kind == 2:
            field = np.hypot(x - random.random(), y - random.random())
        field = (field - field.min()) / max(np.ptp(field), 1e-6)
        picture[:, left:right] = (a + (b - a) * field[..., None])[:, left:right]
    return np.rint(picture).astype(np.uint8)
